//! One client connection from accept to close: idle without a buffer, then head, answer, and again.

use std::future::poll_fn;
use std::rc::Rc;

use propylon_snapshot::Reason;
use tokio::time::{Instant, timeout_at};

use super::client::Client;
use super::desk::Desk;
use super::respond;
use super::{exchange, linger};
use crate::buffers::Buffer;
use crate::guests::Leave;
use crate::http1::{Parsed, RequestHead, Version};
use crate::io::{Io, read, read_now};
use crate::limits::CHUNKED_BODY_ROOM_BYTES_MIN;

/// Serves a connection to its end.
#[expect(clippy::manual_async_fn, reason = "an `async fn` would keep its argument twice")]
pub(super) fn serve<I: Io>(client: Client<I>) -> impl Future<Output = ()> {
    async move {
        loop {
            client.guest.rest();
            if !poll_fn(|cx| client.poll_wanted(cx)).await {
                count_leave(&client);
                break;
            }
            client.guest.work();
            // Boxed, so that an idle connection costs only what it needs to wait.
            match Box::pin(work(&client)).await {
                Turn::Rest => {}
                Turn::End => break,
            }
        }
        client.io.farewell();
    }
}

/// What becomes of a connection after the requests at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It waits for another request.
    Rest,
    /// It closes.
    End,
}

fn count_leave<I>(client: &Client<I>) {
    match client.guest.leaving() {
        Some(Leave::Idle) => client.worker.counters.connections_idle.add(1),
        Some(Leave::Drain) => client.worker.counters.connections_drained.add(1),
        None => {}
    }
}

/// Answers requests until none is at hand.
async fn work<I: Io>(client: &Client<I>) -> Turn {
    let worker = Rc::clone(&client.worker);
    let mut buffer = worker.buffers.small();
    let mut desk = worker.desks.lend();
    let turn = answer_all(client, &mut buffer, &mut desk).await;
    worker.buffers.give_back(buffer);
    worker.desks.give_back(desk);
    turn
}

async fn answer_all<I: Io>(client: &Client<I>, buffer: &mut Buffer, desk: &mut Desk) -> Turn {
    loop {
        let head_len = match next_head(client, buffer, &mut desk.request).await {
            Next::Head(head_len) => head_len,
            Next::Nothing => return Turn::Rest,
            Next::Gone => return Turn::End,
            Next::Refused(reason) => return refuse(client, desk, reason).await,
        };
        let counters = &client.worker.counters;
        counters.requests.add(1);
        counters.requests_active.add(1);
        let _under_way = UnderWay(client);
        if desk.request.lines().is_chunked() {
            // Its end is unknown: what is read beyond it must find room behind the head.
            buffer.make_room_for(CHUNKED_BODY_ROOM_BYTES_MIN, &client.worker.buffers);
        }
        let (head, mut tail) = buffer.split(head_len);
        let kept = exchange::answer(client, desk, head, &mut tail).await;
        let (used, filled) = tail.extent();
        buffer.settle(head_len, used, filled);
        match kept {
            exchange::After::Keep => {}
            exchange::After::Close => return Turn::End,
            exchange::After::Linger => {
                linger::linger(client).await;
                return Turn::End;
            }
        }
    }
}

/// Counts a request as under way, whatever becomes of it.
struct UnderWay<'c, I>(&'c Client<I>);

impl<I> Drop for UnderWay<'_, I> {
    fn drop(&mut self) {
        self.0.worker.counters.requests_active.sub(1);
    }
}

/// What came of looking for another request.
enum Next {
    /// A head of so many bytes.
    Head(usize),
    /// Not a byte: the connection rests.
    Nothing,
    /// The client closed, or broke off.
    Gone,
    /// Something that is no request.
    Refused(Reason),
}

/// Reads until a head is whole. Its time runs from its first byte.
async fn next_head<I: Io>(
    client: &Client<I>,
    buffer: &mut Buffer,
    parsed: &mut RequestHead,
) -> Next {
    let mut deadline = None;
    loop {
        if !buffer.is_empty() {
            match parsed.parse(buffer.filled_mut()) {
                Ok(Parsed::Complete { head_len }) => return Next::Head(head_len),
                Ok(Parsed::NeedMore) => {}
                // Envoy looks at the version before it misses Host.
                Err(_) if parsed.version() == Version::Http10 && !accepts_http10(client) => {
                    return Next::Refused(Reason::LowVersion);
                }
                Err(refusal) => return Next::Refused(refusal.of_request()),
            }
        }
        buffer.make_room(&client.worker.buffers);
        let got = if buffer.is_empty() {
            match read_now(&client.io, buffer.free_mut()).await {
                Ok(Some(got)) => Ok(got),
                Ok(None) => return Next::Nothing,
                Err(error) => Err(error),
            }
        } else {
            let limit =
                *deadline.get_or_insert_with(|| Instant::now() + client.worker.patience.head);
            match timeout_at(limit, read(&client.io, buffer.free_mut())).await {
                Ok(got) => got,
                Err(_) => return Next::Refused(Reason::HeadTimeout),
            }
        };
        match got {
            Ok(got) if got > 0 => buffer.fill(got),
            _ => return Next::Gone,
        }
    }
}

fn accepts_http10<I>(client: &Client<I>) -> bool {
    client.door.generation().snapshot().http.accept_http10
}

async fn refuse<I: Io>(client: &Client<I>, desk: &mut Desk, reason: Reason) -> Turn {
    // Answered, so counted: the sum over the classes of statuses is the number of requests.
    client.worker.counters.requests.add(1);
    let generation = client.door.generation();
    let server = &generation.snapshot().http.server;
    if respond::refuse(client, server, reason, &mut desk.sheets.out.down).await.is_ok() {
        linger::linger(client).await;
    }
    Turn::End
}

#[cfg(test)]
mod tests;
