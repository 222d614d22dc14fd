//! One client connection from accept to close: idle without a buffer, then head, answer, and again.

use std::future::poll_fn;
use std::rc::Rc;

use bytes::Bytes;
use propylon_snapshot::Reason;
use tokio::time::{Instant, timeout_at};

use super::body::Body;
use super::client::{Client, Exchange};
use super::linger;
use crate::buffers::{Buffer, Tail};
use crate::guests::{Leave, Speaks};
use crate::http::desk::Desk;
use crate::http::downstream::http2::serve as serve_http2;
use crate::http::downstream::{After, UnderWay};
use crate::http::exchange;
use crate::http::incoming::TextHead;
use crate::http::respond;
use crate::http1::{Parsed, Refusal, RequestHead, Version};
use crate::http2::{self, Opening};
use crate::io::{Io, read, read_now};
use crate::limits::CHUNKED_BODY_ROOM_BYTES_MIN;

/// Serves a connection to its end.
#[expect(clippy::manual_async_fn, reason = "an `async fn` would keep its argument twice")]
pub(in crate::http) fn serve<I: Io>(client: Client<I>) -> impl Future<Output = ()> {
    async move {
        let ahead = loop {
            if client.caller.guest.speaks.get() == Speaks::Http2 {
                break Box::default();
            }
            client.caller.guest.rest();
            if !poll_fn(|cx| client.poll_wanted(cx)).await {
                count_leave(&client);
                return client.io.farewell();
            }
            client.caller.guest.work();
            // Boxed, so that an idle connection costs only what it needs to wait.
            match Box::pin(work(&client)).await {
                Turn::Rest => {}
                Turn::Http2(ahead) => break ahead,
                Turn::End => return client.io.farewell(),
            }
        };
        let Client { io, caller } = client;
        Box::pin(serve_http2(Rc::new(io), caller, *ahead)).await;
    }
}

/// What becomes of a connection after the requests at hand.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// It waits for another request.
    Rest,
    /// It turned out to speak HTTP/2, and this was read from it.
    Http2(Box<Bytes>),
    /// It closes.
    End,
}

fn count_leave<I>(client: &Client<I>) {
    match client.caller.guest.leaving() {
        Some(Leave::Idle) => client.caller.worker.counters.connections_idle.add(1),
        Some(Leave::Drain) => client.caller.worker.counters.connections_drained.add(1),
        None => {}
    }
}

/// Answers requests until none is at hand.
async fn work<I: Io>(client: &Client<I>) -> Turn {
    let worker = Rc::clone(&client.caller.worker);
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
            Next::Http2 => return Turn::Http2(Box::new(Bytes::copy_from_slice(buffer.filled()))),
            Next::Gone => return Turn::End,
            Next::Refused(reason) => return refuse(client, desk, reason).await,
        };
        let _under_way = UnderWay::begin(&client.caller.worker.counters);
        if desk.request.lines().is_chunked() {
            // Its end is unknown: what is read beyond it must find room behind the head.
            buffer.make_room_for(CHUNKED_BODY_ROOM_BYTES_MIN, &client.caller.worker.buffers);
        }
        let (head, mut tail) = buffer.split(head_len);
        let kept = answer(client, desk, head, &mut tail).await;
        let (used, filled) = tail.extent();
        buffer.settle(head_len, used, filled);
        match kept {
            After::Keep => {}
            After::Close => return Turn::End,
            After::Linger => {
                linger::linger(client).await;
                return Turn::End;
            }
        }
    }
}

/// Answers one request. `head` is what the desk's index was made from; `tail` is what lies behind.
async fn answer<I: Io>(
    client: &Client<I>,
    desk: &mut Desk,
    head: &[u8],
    tail: &mut Tail<'_>,
) -> After {
    let Desk { request: parsed, sheets } = desk;
    let start = parsed.framing();
    let mut framing = start.clone();
    let taken = framing.take(tail.filled());
    let first_len = taken.as_ref().map_or(0, |taken| taken.consumed);
    let refused = taken.err().map(Refusal::of_request);
    let (first, rest) = tail.split(first_len);
    let mut body = Body::new(first, rest, (start, framing));
    let down = Exchange::new(client, parsed.version());
    let head = TextHead { parsed, bytes: head };
    let after = exchange::answer(&down, &head, refused, &mut body, sheets).await;
    let (used, filled) = body.extent();
    tail.settle(first_len, used, filled);
    after
}

/// What came of looking for another request.
enum Next {
    /// A head of so many bytes.
    Head(usize),
    /// The preface of HTTP/2.
    Http2,
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
        let opening = match client.caller.guest.speaks.get() {
            Speaks::Either => http2::opening(buffer.filled()),
            Speaks::Http1 | Speaks::Http2 => Opening::Other,
        };
        if opening == Opening::Http2 {
            return Next::Http2;
        }
        if opening == Opening::Other && !buffer.is_empty() {
            match parsed.parse(buffer.filled_mut()) {
                Ok(Parsed::Complete { head_len }) => {
                    client.caller.guest.speaks.set(Speaks::Http1);
                    return Next::Head(head_len);
                }
                Ok(Parsed::NeedMore) => {}
                // Envoy looks at the version before it misses Host.
                Err(_) if parsed.version() == Version::Http10 && !accepts_http10(client) => {
                    return Next::Refused(Reason::LowVersion);
                }
                Err(refusal) => return Next::Refused(refusal.of_request()),
            }
        }
        buffer.make_room(&client.caller.worker.buffers);
        let got = if buffer.is_empty() {
            match read_now(&client.io, buffer.free_mut()).await {
                Ok(Some(got)) => Ok(got),
                Ok(None) => return Next::Nothing,
                Err(error) => Err(error),
            }
        } else {
            let limit = *deadline
                .get_or_insert_with(|| Instant::now() + client.caller.worker.patience.head);
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
    client.caller.guest.door().generation().snapshot().http.accept_http10
}

async fn refuse<I: Io>(client: &Client<I>, desk: &mut Desk, reason: Reason) -> Turn {
    // Answered, so counted: the sum over the classes of statuses is the number of requests.
    client.caller.worker.counters.requests.add(1);
    let down = Exchange::new(client, Version::Http11);
    if respond::refuse(&down, reason, &mut desk.sheets.out.down).await.is_ok() {
        linger::linger(client).await;
    }
    Turn::End
}

#[cfg(test)]
mod tests;
