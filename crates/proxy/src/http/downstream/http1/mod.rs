//! Clients that speak HTTP/1: one request after another on a connection.
//!
//! `serve` reads heads, `body` is what lies behind one, `answer` writes what comes down, `linger`
//! closes without losing it.

mod answer;
mod body;
mod linger;
mod serve;

use std::rc::Rc;
use std::task::{Context, Poll};

pub(in crate::http) use self::serve::serve;
use crate::captured::Aim;
use crate::guests::Speaks;
use crate::http::caller::{Caller, Routed, Secured};
use crate::http1::Version;
use crate::io::Io;
use crate::listener::Door;
use crate::runtime::Worker;
use crate::welcome::Ends;

/// A client connection.
pub(in crate::http) struct Client<I> {
    /// The bytes' way.
    io: I,
    /// Everything else.
    caller: Caller,
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
    fn poll_wanted(&self, cx: &mut Context<'_>) -> Poll<bool> {
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
struct Exchange<'c, I> {
    client: &'c Client<I>,
    /// The version that the client speaks.
    version: Version,
}

impl<'c, I> Exchange<'c, I> {
    fn new(client: &'c Client<I>, version: Version) -> Self {
        Self { client, version }
    }
}
