//! The I/O seam as the `h2` crate wants it: a connection that it reads from and writes to, with
//! every byte weighed on its way. Whoever drives the connection keeps the [`Watch`].

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::meter::{Flood, Meter, Role};
use crate::io::Io;
use crate::limits::{HTTP2_READ_BYTES_MAX, HTTP2_READ_BYTES_MIN, HTTP2_TURN_BYTES};

/// A connection with tokio's traits.
#[derive(Debug)]
pub(crate) struct Wire<I> {
    io: I,
    role: Role,
    /// What was read before it was known to be HTTP/2.
    ahead: Bytes,
    meter: RefCell<Meter>,
    watch: Rc<Watch>,
    /// Bytes that are read at once: more where more comes.
    room: usize,
    /// Bytes read since others had their turn.
    turn: usize,
}

/// What the driver of a connection must know of its bytes.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    flood: Cell<Option<Flood>>,
    stuck: Cell<bool>,
    heard: Cell<bool>,
    deaf: Cell<bool>,
}

impl Watch {
    /// What the peer sent too much of. Nothing more is read from it then.
    pub(crate) fn flood(&self) -> Option<Flood> {
        self.flood.get()
    }

    /// True if the peer has sent something since this was asked last.
    pub(crate) fn heard(&self) -> bool {
        self.heard.replace(false)
    }

    /// Lets nothing be read until it is told otherwise. Whoever lets it again polls again: nobody
    /// else wakes the codec.
    pub(crate) fn set_deaf(&self, deaf: bool) {
        self.deaf.set(deaf);
    }

    /// True while the peer takes none of the bytes that we have for it.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.get()
    }
}

impl<I: Io> Wire<I> {
    /// A connection of which `ahead` was read already.
    pub(crate) fn new(io: I, role: Role, ahead: Bytes) -> (Self, Rc<Watch>) {
        let watch = Rc::<Watch>::default();
        let meter = RefCell::new(Meter::new(role, Instant::now()));
        let room = HTTP2_READ_BYTES_MIN;
        (Self { io, role, ahead, meter, watch: Rc::clone(&watch), room, turn: 0 }, watch)
    }

    /// Weighs what was read. A server must say goodbye to who floods it, so its codec just gets
    /// nothing more; a client has nobody to say so to.
    fn weigh(&self, bytes: &[u8]) -> Poll<io::Result<()>> {
        let Err(flood) = self.meter.borrow_mut().read(bytes, Instant::now) else {
            return Poll::Ready(Ok(()));
        };
        self.watch.flood.set(Some(flood));
        match self.role {
            Role::Server => Poll::Pending,
            Role::Client => Poll::Ready(Err(io::Error::other(flood))),
        }
    }

    fn poll_write_slices(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.io.poll_write(cx, slices);
        self.watch.stuck.set(written.is_pending());
        let written = ready!(written)?;
        let mut meter = self.meter.borrow_mut();
        let mut left = written;
        for slice in slices {
            let len = slice.len().min(left);
            meter.wrote(&slice[..len]);
            left -= len;
        }
        Poll::Ready(Ok(written))
    }
}

impl<I: Io + Unpin> AsyncRead for Wire<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.watch.flood.get().is_some() || self.watch.deaf.get() {
            return Poll::Pending;
        }
        if !self.ahead.is_empty() {
            let len = self.ahead.len().min(buf.remaining());
            ready!(self.weigh(&self.ahead[..len]))?;
            buf.put_slice(&self.ahead[..len]);
            self.ahead.advance(len);
            return Poll::Ready(Ok(()));
        }
        if self.turn >= HTTP2_TURN_BYTES {
            self.turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        // Only as much as is read at once is made ready to be written to: an idle connection's
        // buffer takes up memory as far as it was.
        let room = buf.initialize_unfilled_to(buf.remaining().min(self.room));
        let Poll::Ready(read) = self.io.poll_read(cx, room)? else {
            self.turn = 0;
            return Poll::Pending;
        };
        ready!(self.weigh(&room[..read]))?;
        self.turn += read;
        self.room = match read {
            _ if read >= self.room => (self.room * 2).min(HTTP2_READ_BYTES_MAX),
            _ if read < self.room / 4 => (self.room / 2).max(HTTP2_READ_BYTES_MIN),
            _ => self.room,
        };
        buf.advance(read);
        self.watch.heard.set(true);
        Poll::Ready(Ok(()))
    }
}

impl<I: Io + Unpin> AsyncWrite for Wire<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_slices(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_slices(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.io.poll_flush(cx);
        self.watch.stuck.set(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.io.poll_flush(cx))?;
        Poll::Ready(self.io.shutdown_write())
    }
}
