//! What comes before a connection's first request or byte: a PROXY protocol header where one is
//! wanted, a ClientHello where a server name decides. Looked at where it lies in the kernel, so that
//! waiting connections hold no buffer and whoever follows finds every byte in its place.

use std::future::poll_fn;
use std::io;
use std::task::{Poll, ready};

use super::hello::{self, Hello, HelloReader};
use super::proxy_protocol::{self, Ends};
use crate::io::{Io, Stream};
use crate::limits::{HELLO_BYTES_MAX, PREFACE_TIMEOUT, PROXY_HEADER_BYTES_MAX};
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
    let (len, ends) = watch(stream, buffer, PROXY_HEADER_BYTES_MAX, look).await??;
    take(stream, buffer, len).await.map_err(|_| Unfit::Gone)?;
    Ok(ends)
}

/// Reads a connection's ClientHello and leaves it where it is.
pub(crate) async fn client_hello(stream: &Stream, buffer: &RelayBuffer) -> Result<Hello, Unfit> {
    let mut reader = HelloReader::default();
    let look = |bytes: &[u8]| match reader.read(bytes) {
        hello::Outcome::NeedMore => None,
        hello::Outcome::Hello(hello) => Some(Ok(hello)),
        hello::Outcome::NotTls | hello::Outcome::Bad => Some(Err(Unfit::Wrong)),
    };
    watch(stream, buffer, HELLO_BYTES_MAX, look).await?
}

/// Shows `look` ever more of a connection's first bytes until it has seen enough.
async fn watch<T>(
    stream: &Stream,
    buffer: &RelayBuffer,
    most: usize,
    mut look: impl FnMut(&[u8]) -> Option<T>,
) -> Result<T, Unfit> {
    let mut seen = 0;
    let watching = poll_fn(|cx| {
        buffer.with(|bytes| {
            loop {
                let peeked = ready!(stream.poll_peek(cx, &mut bytes[..most], seen));
                let Some(len) = peeked.ok().filter(|len| *len > seen) else {
                    return Poll::Ready(Err(Unfit::Gone));
                };
                if let Some(found) = look(&bytes[..len]) {
                    return Poll::Ready(Ok(found));
                }
                seen = len;
            }
        })
    });
    tokio::time::timeout(PREFACE_TIMEOUT, watching).await.unwrap_or(Err(Unfit::Gone))
}

/// Takes bytes that were looked at, and so are there.
async fn take(stream: &Stream, buffer: &RelayBuffer, len: usize) -> io::Result<()> {
    let mut left = len;
    poll_fn(|cx| {
        buffer.with(|bytes| {
            while left > 0 {
                match ready!(stream.poll_read(cx, &mut bytes[..left]))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                    got => left -= got,
                }
            }
            Poll::Ready(Ok(()))
        })
    })
    .await
}

#[cfg(test)]
mod tests;
