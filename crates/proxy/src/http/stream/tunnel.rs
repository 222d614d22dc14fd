//! A WebSocket to an HTTP/2 upstream: the stream that an extended CONNECT opened (RFC 8441), as a
//! way for bytes, and what the client is told that asked for it in HTTP/1.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::pin;
use std::task::{Context, Poll, ready};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::Response;
use propylon_snapshot::Line;

use super::lines;
use crate::http::arrived::{Arrived, Ending};
use crate::http::beside::Beside;
use crate::http::desk::Out;
use crate::http::downstream::{After, Downstream};
use crate::http::forwarding::Forwarding;
use crate::http::relay::{self, Answered};
use crate::http1::FramingLine;
use crate::io::Io;

/// Tells the client that its handshake was accepted and passes everything on that both sides say.
pub(super) async fn join<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    answered: Answered<'_>,
    mut beside: Beside<'_, '_, D>,
    (send, response): (SendStream<Bytes>, Response<RecvStream>),
    out: &mut Out,
) -> After {
    let (head, recv) = response.into_parts();
    let key = forwarding.lines.iter().find(|line| line.name == "sec-websocket-key");
    let accept = key.map(|key| accept(key.value)).unwrap_or_default();
    let accepts = (!accept.is_empty() && !head.headers.contains_key(ACCEPT))
        .then_some(Line { name: ACCEPT, value: accept.as_bytes() });
    let told = lines(&head.headers).chain(accepts);
    let answered = Answered { status: 101, ..answered };
    relay::begin(forwarding, &answered, told, (FramingLine::None, true), out.page().1);
    beside.timer().stop();
    if let Some(body) = beside.into_body() {
        let tunnel = Tunnel::new(send, recv);
        let joined = forwarding.asked.down.join(&out.down, b"", body, &tunnel);
        tunnel.meanwhile(joined).await;
    }
    After::Close
}

/// What a server answers to a key (RFC 6455 section 4.2.2). HTTP/2 upstreams leave it out, and
/// HTTP/1 clients insist on it.
fn accept(key: &[u8]) -> String {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    base64(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat()).as_ref())
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(*group.get(at).unwrap_or(&0)));
        for digit in 0..4 {
            let known = digit <= group.len();
            let index = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if known { char::from(DIGITS[index]) } else { '=' });
        }
    }
    text
}

const ACCEPT: &str = "sec-websocket-accept";

/// The two directions of a stream. What the upstream sends is given back to its flow control as it
/// is read.
struct Tunnel {
    send: RefCell<SendStream<Bytes>>,
    recv: RefCell<RecvStream>,
    /// What came and was not read, behind the piece that is being read.
    arrived: RefCell<Arrived>,
    ahead: RefCell<Bytes>,
}

impl Tunnel {
    fn new(send: SendStream<Bytes>, recv: RecvStream) -> Self {
        Self {
            send: RefCell::new(send),
            recv: RefCell::new(recv),
            arrived: RefCell::default(),
            ahead: RefCell::default(),
        }
    }

    /// Does `work`, and takes over what comes until it is done.
    async fn meanwhile(&self, work: impl Future<Output = ()>) {
        let mut work = pin!(work);
        poll_fn(|cx| {
            let done = work.as_mut().poll(cx);
            if done.is_pending() {
                self.fill(cx);
            }
            done
        })
        .await;
    }

    fn fill(&self, cx: &mut Context<'_>) {
        self.arrived.borrow_mut().fill(&mut self.recv.borrow_mut(), cx, usize::MAX);
    }
}

fn broken<E>(_: E) -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

impl Io for Tunnel {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ahead = self.ahead.borrow_mut();
        if ahead.is_empty() {
            self.fill(cx);
            let mut arrived = self.arrived.borrow_mut();
            match (arrived.pop(), arrived.ending()) {
                (Some(part), _) => *ahead = part,
                (None, None) => return Poll::Pending,
                (None, Some(Ending::Broken(_))) => return Poll::Ready(Err(broken(()))),
                (None, Some(Ending::Plain | Ending::Trailers(_))) => {}
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_readable(cx))?;
        let mut ahead = self.ahead.borrow_mut();
        let len = buf.len().min(ahead.len());
        let part = ahead.split_to(len);
        buf[..len].copy_from_slice(&part);
        // A stream that is gone has nothing to give back to.
        let _ = self.recv.borrow_mut().flow_control().release_capacity(len);
        Poll::Ready(Ok(len))
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Some(slice) = slices.iter().find(|slice| !slice.is_empty()) else {
            return Poll::Ready(Ok(0));
        };
        let mut send = self.send.borrow_mut();
        send.reserve_capacity(slice.len());
        while send.capacity() == 0 {
            match ready!(send.poll_capacity(cx)) {
                Some(room) => room.map_err(broken)?,
                None => return Poll::Ready(Err(broken(()))),
            };
        }
        let len = send.capacity().min(slice.len());
        send.send_data(Bytes::copy_from_slice(&slice[..len]), false).map_err(broken)?;
        Poll::Ready(Ok(len))
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.send.borrow_mut().send_data(Bytes::new(), true).map_err(broken)
    }

    fn abort(&self) {
        self.send.borrow_mut().send_reset(Reason::CANCEL);
    }
}

#[cfg(test)]
mod tests;
