//! Sending a request's body on an HTTP/2 stream: as much as the upstream takes, never more.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use h2::SendStream;

use super::beside::Interrupt;

/// What became of some content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is with the connection.
    All,
    /// The upstream takes no more.
    Refused,
}

/// Sends content as the upstream makes room for it. `ends` ends the stream behind it; `gone` ends
/// when the client is gone.
///
/// # Errors
/// The client went away meanwhile.
pub(super) async fn send(
    stream: &mut SendStream<Bytes>,
    content: Bytes,
    ends: bool,
    gone: impl Future<Output = ()>,
) -> Result<Sent, Interrupt> {
    // What fits at once needs nobody to be looked after.
    if content.is_empty() || stream.capacity() >= content.len() {
        return Ok(Sent::of(&stream.send_data(content, ends)));
    }
    let mut sending = pin!(send_in_parts(stream, content, ends));
    let mut gone = pin!(gone);
    poll_fn(|cx| {
        if let Poll::Ready(sent) = sending.as_mut().poll(cx) {
            return Poll::Ready(Ok(sent));
        }
        gone.as_mut().poll(cx).map(|()| Err(Interrupt::ClientGone))
    })
    .await
}

async fn send_in_parts(stream: &mut SendStream<Bytes>, mut content: Bytes, ends: bool) -> Sent {
    // Asked for only with bytes at hand: what an idle stream reserves, others miss.
    stream.reserve_capacity(content.len());
    while !content.is_empty() {
        if stream.capacity() == 0 {
            match poll_fn(|cx| stream.poll_capacity(cx)).await {
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Sent::Refused,
            }
        }
        let part = content.split_to(stream.capacity().min(content.len()));
        let last = ends && content.is_empty();
        if stream.send_data(part, last).is_err() {
            return Sent::Refused;
        }
    }
    Sent::All
}

impl Sent {
    /// What sending came to.
    pub(super) fn of(sent: &Result<(), h2::Error>) -> Self {
        if sent.is_ok() { Self::All } else { Self::Refused }
    }
}
