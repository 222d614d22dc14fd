//! A connection of the pool's making that one client has to itself, for bytes instead of requests.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use super::pool::Connection;
use crate::io::Io;

/// A connection that carries no requests but the bytes of one client.
impl Io for Connection {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_readable(cx)
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.io().poll_read(cx, buf)
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.io().poll_write(cx, slices)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(cx)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.io().shutdown_write()
    }

    fn is_left(&self) -> bool {
        self.io().is_left()
    }

    fn abort(&self) {
        self.io().abort();
    }

    fn farewell(&self) {
        self.io().farewell();
    }
}
