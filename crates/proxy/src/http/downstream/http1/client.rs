//! A client connection that speaks HTTP/1, and one request on it.

use std::rc::Rc;
use std::task::{Context, Poll};

use crate::aim::Aim;
use crate::arrival::Ends;
use crate::guests::Speaks;
use crate::http::caller::{Caller, Routed, Secured};
use crate::http1::Version;
use crate::io::Io;
use crate::listener::Door;
use crate::worker::Worker;

/// A client connection.
pub(in crate::http) struct Client<I> {
    /// The bytes' way.
    pub(super) io: I,
    /// Everything else.
    pub(super) caller: Caller,
}

impl<I: Io> Client<I> {
    /// Takes a connection in that is routed by `routed` until its listener says otherwise.
    pub(in crate::http) fn new(
        io: I,
        ends: Ends,
        way: (Rc<Door>, Routed),
        worker: Rc<Worker>,
    ) -> Self {
        Self { io, caller: Caller::new(ends, way, worker) }
    }

    /// The same connection, known to be meant for something else than its listener.
    pub(in crate::http) fn aimed(mut self, aim: Aim) -> Self {
        self.caller = self.caller.aimed(aim);
        self
    }

    /// The same connection, known to have come over TLS, and what was agreed upon there.
    pub(in crate::http) fn over_tls(mut self, secured: Secured, speaks: Speaks) -> Self {
        self.caller = self.caller.over_tls(secured);
        self.caller.guest.speaks.set(speaks);
        self
    }

    /// Ready once a request may be there, or the connection should end (`false`). Holds no buffer.
    pub(super) fn poll_wanted(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let guest = &self.caller.guest;
        if guest.leaving().is_some() {
            return Poll::Ready(false);
        }
        match self.io.poll_readable(cx) {
            Poll::Ready(readable) => Poll::Ready(readable.is_ok()),
            Poll::Pending => {
                guest.wake_with(cx.waker());
                Poll::Pending
            }
        }
    }
}

/// One request on a connection.
pub(super) struct Exchange<'c, I> {
    pub(super) client: &'c Client<I>,
    /// The version that the client speaks.
    pub(super) version: Version,
}

impl<'c, I> Exchange<'c, I> {
    pub(super) fn new(client: &'c Client<I>, version: Version) -> Self {
        Self { client, version }
    }
}
