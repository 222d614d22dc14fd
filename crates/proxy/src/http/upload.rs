//! Sending a request's body on an HTTP/2 stream: as much as the upstream takes, never more.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::SendStream;
use http::HeaderMap;
use tokio::time::timeout;

use super::downstream::Interrupt;

/// What became of some content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is with the connection.
    All,
    /// The upstream takes no more.
    Refused,
}

/// What follows some content.
#[derive(Debug)]
pub(super) enum Ends {
    /// More of it.
    Later,
    /// Nothing but trailers, if there are any.
    With(Option<HeaderMap>),
}

/// Sends content as the upstream makes room for it. For clients that show by themselves when they
/// go away; others need [`send_watched`].
pub(super) async fn send(stream: &mut SendStream<Bytes>, content: Bytes, ends: Ends) -> Sent {
    let (last, trailers) = match ends {
        Ends::Later => (false, None),
        Ends::With(None) => (true, None),
        Ends::With(trailers) => (false, trailers),
    };
    let sent = match content.is_empty() || stream.capacity() >= content.len() {
        true => Sent::of(&stream.send_data(content, last)),
        false => send_in_parts(stream, content, last).await,
    };
    match trailers {
        Some(trailers) if sent == Sent::All => Sent::of(&stream.send_trailers(trailers)),
        _ => sent,
    }
}

/// As [`send`].
///
/// # Errors
/// The client went away meanwhile: nobody reads from it while the upstream takes nothing, so it is
/// looked at every `patience`.
pub(super) async fn send_watched(
    stream: &mut SendStream<Bytes>,
    content: Bytes,
    ends: Ends,
    (patience, is_gone): (Duration, &impl Fn() -> bool),
) -> Result<Sent, Interrupt> {
    let mut sending = pin!(send(stream, content, ends));
    // What fits at once costs no timer.
    if let Poll::Ready(sent) = poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx))).await {
        return Ok(sent);
    }
    loop {
        match timeout(patience, &mut sending).await {
            Ok(sent) => return Ok(sent),
            Err(_) if is_gone() => return Err(Interrupt::ClientGone),
            Err(_) => {}
        }
    }
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
    fn of(sent: &Result<(), h2::Error>) -> Self {
        if sent.is_ok() { Self::All } else { Self::Refused }
    }
}
