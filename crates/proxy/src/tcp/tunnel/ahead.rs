//! A connection of which some bytes were read already, behind the head of an answer: they are read
//! again before those that follow.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use crate::io::Io;

/// The connection, and what was read of it.
pub(super) struct Ahead<I> {
    below: I,
    bytes: RefCell<Vec<u8>>,
    read: Cell<usize>,
}

impl<I> Ahead<I> {
    /// Gives bytes back to a connection.
    pub(super) fn new(below: I, bytes: Vec<u8>) -> Self {
        Self { below, bytes: RefCell::new(bytes), read: Cell::new(0) }
    }
}

impl<I: Io> Io for Ahead<I> {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.bytes.borrow().is_empty() {
            true => self.below.poll_readable(cx),
            false => Poll::Ready(Ok(())),
        }
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut bytes = self.bytes.borrow_mut();
        if bytes.is_empty() {
            return self.below.poll_read(cx, buf);
        }
        let rest = &bytes[self.read.get()..];
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        self.read.set(self.read.get() + len);
        if self.read.get() == bytes.len() {
            *bytes = Vec::new();
        }
        Poll::Ready(Ok(len))
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.below.poll_write(cx, slices)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.below.poll_flush(cx)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.below.shutdown_write()
    }

    fn is_left(&self) -> bool {
        self.below.is_left()
    }

    fn abort(&self) {
        self.below.abort();
    }

    fn farewell(&self) {
        self.below.farewell();
    }
}
