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
    Tls(Box<Sealed>),
}

/// TLS, and the host that the endpoint showed a certificate for or was asked for.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(super) stream: TlsStream<Stream>,
    /// `None`: it serves any.
    pub(super) host: Option<Box<str>>,
}

impl Conduit {
    /// True if requests for a host may be sent on it; `None` where the host does not matter.
    pub(super) fn serves(&self, host: Option<&str>) -> bool {
        let own = match self {
            Self::Plain(_) => None,
            Self::Tls(sealed) => sealed.host.as_deref(),
        };
        same_host(own, host)
    }

    /// The local address; `None` for Unix sockets.
    #[must_use]
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        match self {
            Self::Plain(stream) => stream.local(),
            Self::Tls(sealed) => sealed.stream.below().local(),
        }
    }
}

impl Io for Conduit {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => stream.poll_readable(cx),
            Self::Tls(sealed) => sealed.stream.poll_readable(cx),
        }
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_read(cx, buf),
            Self::Tls(sealed) => sealed.stream.poll_read(cx, buf),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_write(cx, slices),
            Self::Tls(sealed) => sealed.stream.poll_write(cx, slices),
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => stream.poll_flush(cx),
            Self::Tls(sealed) => sealed.stream.poll_flush(cx),
        }
    }

    fn shutdown_write(&self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.shutdown_write(),
            Self::Tls(sealed) => sealed.stream.shutdown_write(),
        }
    }

    fn is_left(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_left(),
            Self::Tls(sealed) => sealed.stream.is_left(),
        }
    }

    fn abort(&self) {
        match self {
            Self::Plain(stream) => stream.abort(),
            Self::Tls(sealed) => sealed.stream.abort(),
        }
    }

    fn farewell(&self) {
        match self {
            Self::Plain(stream) => stream.farewell(),
            Self::Tls(sealed) => sealed.stream.farewell(),
        }
    }
}

/// True if a connection made for `own` serves requests for `host`.
pub(super) fn same_host(own: Option<&str>, host: Option<&str>) -> bool {
    match (own, host) {
        (None, None) => true,
        (Some(own), Some(host)) => own.eq_ignore_ascii_case(host),
        (None, Some(_)) | (Some(_), None) => false,
    }
}
