//! An HTTP/2 stream as a way for bytes: what an answer to CONNECT opened, at either end of the I/O
//! seam. It knows frames by the `h2` crate only, and not what the bytes are.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};

use super::arrived::{Arrived, Ending, filling};
use crate::io::Io;

/// The two directions of a stream. What the peer sends is given back to its flow control as it is
/// read.
pub(crate) struct Tunnel {
    send: RefCell<SendStream<Bytes>>,
    recv: RefCell<RecvStream>,
    /// What came and was not read, behind the piece that is being read.
    arrived: RefCell<Arrived>,
    ahead: RefCell<Bytes>,
}

impl Tunnel {
    /// Joins them.
    pub(crate) fn new(send: SendStream<Bytes>, recv: RecvStream) -> Self {
        Self {
            send: RefCell::new(send),
            recv: RefCell::new(recv),
            arrived: RefCell::default(),
            ahead: RefCell::default(),
        }
    }

    /// Does `work`; what comes until it is done and is not read waits here.
    pub(crate) async fn meanwhile<F: Future>(&self, work: F) -> F::Output {
        filling(work, |cx| self.fill(cx)).await
    }

    fn fill(&self, cx: &mut Context<'_>) {
        self.arrived.borrow_mut().fill(&mut self.recv.borrow_mut(), cx, usize::MAX);
    }
}

fn broken<E>(_: E) -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

impl Io for Tunnel {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ahead = self.ahead.borrow_mut();
        if ahead.is_empty() {
            self.fill(cx);
            let mut arrived = self.arrived.borrow_mut();
            match (arrived.pop(), arrived.ending()) {
                (Some(part), _) => *ahead = part,
                (None, None) => return Poll::Pending,
                (None, Some(Ending::Broken(_))) => return Poll::Ready(Err(broken(()))),
                (None, Some(Ending::Plain | Ending::Trailers(_))) => {}
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_readable(cx))?;
        let mut ahead = self.ahead.borrow_mut();
        let len = buf.len().min(ahead.len());
        let part = ahead.split_to(len);
        buf[..len].copy_from_slice(&part);
        // A stream that is gone has nothing to give back to.
        let _ = self.recv.borrow_mut().flow_control().release_capacity(len);
        Poll::Ready(Ok(len))
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Some(slice) = slices.iter().find(|slice| !slice.is_empty()) else {
            return Poll::Ready(Ok(0));
        };
        let mut send = self.send.borrow_mut();
        send.reserve_capacity(slice.len());
        while send.capacity() == 0 {
            match ready!(send.poll_capacity(cx)) {
                Some(room) => room.map_err(broken)?,
                None => return Poll::Ready(Err(broken(()))),
            };
        }
        let len = send.capacity().min(slice.len());
        send.send_data(Bytes::copy_from_slice(&slice[..len]), false).map_err(broken)?;
        Poll::Ready(Ok(len))
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.send.borrow_mut().send_data(Bytes::new(), true).map_err(broken)
    }

    fn abort(&self) {
        self.send.borrow_mut().send_reset(Reason::CANCEL);
    }
}
