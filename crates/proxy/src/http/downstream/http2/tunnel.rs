//! A stream as a way for bytes: what an extended CONNECT opens (RFC 8441).

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;

use super::exchange::Exchange;
use crate::http::downstream::{Downstream, Stop};
use crate::io::Io;

/// The two directions of a stream. What the peer sends is given back to its flow control as it is
/// read.
pub(super) struct Tunnel<'t> {
    down: &'t Exchange,
    recv: &'t RefCell<RecvStream>,
    /// What came and was not read.
    ahead: RefCell<Bytes>,
    ended: Cell<bool>,
}

impl<'t> Tunnel<'t> {
    /// The tunnel of a stream whose answer's head has left.
    pub(super) fn new(down: &'t Exchange, recv: &'t RefCell<RecvStream>) -> Self {
        Self { down, recv, ahead: RefCell::default(), ended: Cell::new(false) }
    }
}

fn broken() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

impl Io for Tunnel<'_> {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.ahead.borrow().is_empty() && !self.ended.get() {
            match ready!(self.recv.borrow_mut().poll_data(cx)) {
                Some(Ok(data)) => *self.ahead.borrow_mut() = data,
                Some(Err(_)) => return Poll::Ready(Err(broken())),
                None => self.ended.set(true),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_readable(cx))?;
        let mut ahead = self.ahead.borrow_mut();
        let len = buf.len().min(ahead.len());
        let part = ahead.split_to(len);
        buf[..part.len()].copy_from_slice(&part);
        // A stream that is gone has nothing to give back to.
        let _ = self.recv.borrow_mut().flow_control().release_capacity(part.len());
        Poll::Ready(Ok(part.len()))
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Some(slice) = slices.iter().find(|slice| !slice.is_empty()) else {
            return Poll::Ready(Ok(0));
        };
        let room = ready!(self.down.poll_room(slice.len(), cx)).map_err(|_| broken())?;
        let part = Bytes::copy_from_slice(&slice[..room.min(slice.len())]);
        let written = part.len();
        self.down.say(|stream| stream.send_data(part, false)).map_err(|_| broken())?;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn shutdown_write(&self) -> io::Result<()> {
        let ended = self.down.say(|stream| stream.send_data(Bytes::new(), true));
        ended.map_err(|_: Stop| broken())
    }

    fn abort(&self) {
        self.down.abort();
    }
}
