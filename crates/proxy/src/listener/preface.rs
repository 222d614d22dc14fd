//! What comes before a connection's first request or byte: a PROXY protocol header where one is
//! wanted, a ClientHello where a server name decides. What is not taken is given back to the
//! connection, so that whoever follows finds every byte in its place.

use std::future::poll_fn;
use std::task::{Poll, ready};

use super::hello::{self, Hello, HelloReader};
use super::proxy_protocol::{self, Ends};
use crate::io::{Io, Stream};
use crate::limits::PREFACE_TIMEOUT;
use crate::tcp::RelayBuffer;

/// Why a connection gets no further. It is closed without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It closed, broke off, or took longer than [`PREFACE_TIMEOUT`].
    Gone,
    /// What it said is not what was wanted.
    Wrong,
}

/// Takes the PROXY protocol header off a connection. `None`: its own ends count.
pub(crate) async fn proxy_header(
    stream: &Stream,
    buffer: &RelayBuffer,
) -> Result<Option<Ends>, Unfit> {
    let look = |bytes: &[u8]| match proxy_protocol::read(bytes) {
        proxy_protocol::Outcome::NeedMore => None,
        proxy_protocol::Outcome::Header { len, ends } => Some(Ok((len, ends))),
        proxy_protocol::Outcome::Bad => Some(Err(Unfit::Wrong)),
    };
    let ((len, ends), bytes) = watch(stream, buffer, look).await?;
    stream.unread(&bytes[len..]);
    Ok(ends)
}

/// Reads a connection's ClientHello and gives it back for whoever answers it.
pub(crate) async fn client_hello(stream: &Stream, buffer: &RelayBuffer) -> Result<Hello, Unfit> {
    let mut reader = HelloReader::default();
    let look = |bytes: &[u8]| match reader.read(bytes) {
        hello::Outcome::NeedMore => None,
        hello::Outcome::Hello(hello) => Some(Ok(hello)),
        hello::Outcome::NotTls | hello::Outcome::Bad => Some(Err(Unfit::Wrong)),
    };
    let (hello, bytes) = watch(stream, buffer, look).await?;
    stream.unread(&bytes);
    Ok(hello)
}

/// Shows `look` ever more of a connection's first bytes until it has seen enough; gives what it
/// found and the bytes. `look` gives up on its own before they are too many.
async fn watch<T>(
    stream: &Stream,
    buffer: &RelayBuffer,
    mut look: impl FnMut(&[u8]) -> Option<Result<T, Unfit>>,
) -> Result<(T, Vec<u8>), Unfit> {
    let mut seen: Vec<u8> = Vec::new();
    let watching = poll_fn(|cx| {
        buffer.with(|bytes| {
            loop {
                let read = stream.poll_read(cx, &mut bytes[..PREFACE_READ_BYTES]);
                match ready!(read) {
                    Ok(got) if got > 0 => seen.extend_from_slice(&bytes[..got]),
                    Ok(_) | Err(_) => return Poll::Ready(Err(Unfit::Gone)),
                }
                if let Some(found) = look(&seen) {
                    return Poll::Ready(found);
                }
            }
        })
    });
    let found = tokio::time::timeout(PREFACE_TIMEOUT, watching).await;
    Ok((found.unwrap_or(Err(Unfit::Gone))?, seen))
}

/// Bytes read at once: an ordinary ClientHello or PROXY header is shorter, and what a client sent
/// behind it is better left in the kernel.
const PREFACE_READ_BYTES: usize = 4 * 1024;

#[cfg(test)]
mod tests;
