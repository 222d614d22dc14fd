//! A client connection and what every part of the HTTP side may ask of it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use propylon_snapshot::{Reason, RouteTableId, Serves};

use crate::guests::{Guest, Leave};
use crate::io::Io;
use crate::listener::Door;
use crate::runtime::Worker;
use crate::upstream::Generation;

/// A client connection.
pub(super) struct Client<I> {
    /// The bytes' way.
    pub(super) io: I,
    /// The other end; `None` for Unix sockets.
    pub(super) peer: Option<SocketAddr>,
    /// Our end.
    pub(super) local: Option<SocketAddr>,
    /// Where it came in.
    pub(super) door: Rc<Door>,
    /// The worker it lives in.
    pub(super) worker: Rc<Worker>,
    /// Its place among the worker's connections.
    pub(super) guest: Rc<Guest>,
    routed: RefCell<Routed>,
}

/// A generation and the routes that it has for a connection.
pub(crate) type Routed = (Rc<Generation>, RouteTableId);

impl<I> Client<I> {
    /// Takes a connection in that is routed by `routed` until its listener says otherwise.
    pub(super) fn new(
        io: I,
        (peer, local): (Option<SocketAddr>, Option<SocketAddr>),
        (door, routed): (Rc<Door>, Routed),
        worker: Rc<Worker>,
    ) -> Self {
        let guest = worker.guests.enter(&door);
        worker.counters.connections.add(1);
        worker.counters.connections_active.add(1);
        let routed = RefCell::new(routed);
        Self { io, peer, local, door, worker, guest, routed }
    }

    /// What a request that starts now is decided by, to its last byte. A connection whose listener
    /// has become something else in a newer generation keeps the last one that fits, and ends
    /// with its current request.
    pub(super) fn current(&self) -> Routed {
        let (generation, position) = self.door.current();
        let mut routed = self.routed.borrow_mut();
        if !Rc::ptr_eq(&generation, &routed.0) {
            match table(&generation, position) {
                Some(table) => *routed = (generation, table),
                None => self.guest.ask(Leave::Drain),
            }
        }
        routed.clone()
    }

    /// Counts that the client went away with a request unanswered.
    pub(super) fn count_gone(&self) {
        self.worker.counters.clients_gone.add(1);
        self.worker.counters.count_reason(Reason::ClientGone);
    }

    /// Whole milliseconds since `began`.
    pub(super) fn elapsed(&self, began: Instant) -> u64 {
        let elapsed = self.worker.clock.now().saturating_duration_since(began);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The routes of the listener at `position`, if it is plaintext HTTP.
pub(super) fn table(generation: &Generation, position: usize) -> Option<RouteTableId> {
    match &generation.snapshot().listeners.get(position)?.serves {
        Serves::Http(table) => Some(*table),
        Serves::Tcp(_) | Serves::Tls(_) => None,
    }
}

impl<I> Drop for Client<I> {
    fn drop(&mut self) {
        self.worker.counters.connections_active.sub(1);
        if std::thread::panicking() {
            self.worker.counters.panics.add(1);
        }
        self.worker.guests.exit(&self.guest);
        self.worker.connection_ended();
    }
}

impl<I: Io> Client<I> {
    /// Ready once a request may be there, or the connection should end (`false`). Holds no buffer.
    pub(super) fn poll_wanted(&self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.guest.leaving().is_some() {
            return Poll::Ready(false);
        }
        match self.io.poll_readable(cx) {
            Poll::Ready(readable) => Poll::Ready(readable.is_ok()),
            Poll::Pending => {
                self.guest.wake_with(cx.waker());
                Poll::Pending
            }
        }
    }
}
