//! The bytes' way to an endpoint: plaintext or TLS, one type to everyone who reads and writes.
//! Made by `connect`, held by `pool`; it does not know which protocol the bytes speak.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use crate::io::{Io, Stream};
use crate::tls::TlsStream;

/// A connection to an endpoint.
#[derive(Debug)]
pub(crate) enum Conduit {
    /// As the kernel carries it.
    Plain(Stream),
    /// Encrypted; boxed, so that plaintext connections do not pay for its size.
    #[expect(dead_code, reason = "no cluster is spoken to in TLS yet")]
    Tls(Box<TlsStream<Stream>>),
}

impl Conduit {
    /// The local address; `None` for Unix sockets.
    #[must_use]
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        match self {
            Self::Plain(stream) => stream.local(),
            Self::Tls(stream) => stream.below().local(),
        }
    }
}

impl Io for Conduit {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => stream.poll_readable(cx),
            Self::Tls(stream) => stream.poll_readable(cx),
        }
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_read(cx, buf),
            Self::Tls(stream) => stream.poll_read(cx, buf),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_write(cx, slices),
            Self::Tls(stream) => stream.poll_write(cx, slices),
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => stream.poll_flush(cx),
            Self::Tls(stream) => stream.poll_flush(cx),
        }
    }

    fn shutdown_write(&self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.shutdown_write(),
            Self::Tls(stream) => stream.shutdown_write(),
        }
    }

    fn is_left(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_left(),
            Self::Tls(stream) => stream.is_left(),
        }
    }

    fn abort(&self) {
        match self {
            Self::Plain(stream) => stream.abort(),
            Self::Tls(stream) => stream.abort(),
        }
    }

    fn farewell(&self) {
        match self {
            Self::Plain(stream) => stream.farewell(),
            Self::Tls(stream) => stream.farewell(),
        }
    }
}
