//! Connections kept open to one endpoint by one worker, and the one a request holds.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::conduit::Conduit;
use super::live::LiveEndpoint;
use crate::io::Io;

/// Unused connections kept per worker and endpoint; more are closed when released. Envoy has no
/// such bound, but a burst must not leave a worker's descriptors taken for an hour.
const IDLE_CONNECTIONS_MAX: usize = 1024;

/// How long a connection must stay quiet before it is used again after a response whose announced
/// body must not come: time enough for a faulty server's body to come all the same.
const DOUBT_TIME: Duration = Duration::from_millis(250);

/// Unused connections of one endpoint; the one used last is taken first.
#[derive(Debug, Default)]
pub(super) struct Pool(RefCell<Vec<Idle>>);

#[derive(Debug)]
struct Idle {
    open: Open,
    since: Instant,
    in_doubt: bool,
}

/// An open connection, counted as long as it lives.
#[derive(Debug)]
struct Open {
    conduit: Conduit,
    endpoint: Rc<LiveEndpoint>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.endpoint.counters().upstream_cx_active.sub(1);
    }
}

impl Pool {
    /// A connection that is alive as far as this worker knows.
    pub(super) fn take(&self, idle_timeout: Duration) -> Option<Connection> {
        let now = Instant::now();
        loop {
            let idle = self.pop(now)?;
            if now.duration_since(idle.since) < idle_timeout && idle.open.is_quiet() {
                return Some(Connection::hold(idle.open, true));
            }
        }
    }

    /// Closes connections that are unused for too long or closed by the peer.
    pub(super) fn sweep(&self, now: Instant, idle_timeout: Duration) {
        // Taken out first: dropping a connection must not happen under the borrow.
        let idle = std::mem::take(&mut *self.0.borrow_mut());
        let kept: Vec<Idle> = idle
            .into_iter()
            .filter(|idle| now.duration_since(idle.since) < idle_timeout && idle.open.is_quiet())
            .collect();
        *self.0.borrow_mut() = kept;
    }

    /// Closes all.
    pub(super) fn clear(&self) {
        let idle = std::mem::take(&mut *self.0.borrow_mut());
        drop(idle);
    }

    /// True if none is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// How many are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Takes out the connection used last that is not in doubt.
    fn pop(&self, now: Instant) -> Option<Idle> {
        let mut idle = self.0.borrow_mut();
        let settled = |idle: &Idle| !idle.in_doubt || now.duration_since(idle.since) >= DOUBT_TIME;
        let at = idle.iter().rposition(settled)?;
        Some(idle.remove(at))
    }

    fn put(&self, open: Open, in_doubt: bool) {
        let mut idle = self.0.borrow_mut();
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(Idle { open, since: Instant::now(), in_doubt });
        }
    }
}

impl Open {
    /// True if the peer neither closed nor sent anything. On the good path this is a look at the
    /// reactor's cached readiness; only when that is set is the socket asked.
    fn is_quiet(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        match self.conduit.poll_readable(&mut cx) {
            Poll::Pending => true,
            Poll::Ready(Err(_)) => false,
            Poll::Ready(Ok(())) => self.conduit.poll_read(&mut cx, &mut [0]).is_pending(),
        }
    }
}

/// A connection checked out for one request. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    open: Open,
    active: Active,
    reused: bool,
}

/// Counts a request as under way at its endpoint.
#[derive(Debug)]
pub(super) struct Active(Rc<LiveEndpoint>);

impl Active {
    pub(super) fn begin(endpoint: &Rc<LiveEndpoint>) -> Self {
        endpoint.active.set(endpoint.active.get() + 1);
        endpoint.counters().upstream_rq_active.add(1);
        endpoint.counters().upstream_rq_total.add(1);
        Self(Rc::clone(endpoint))
    }

    /// The endpoint.
    pub(super) fn endpoint(&self) -> &Rc<LiveEndpoint> {
        &self.0
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.set(self.0.active.get() - 1);
        self.0.counters().upstream_rq_active.sub(1);
    }
}

impl Connection {
    pub(super) fn fresh(conduit: Conduit, active: Active) -> Self {
        let endpoint = Rc::clone(&active.0);
        endpoint.counters().upstream_cx_total.add(1);
        endpoint.counters().upstream_cx_active.add(1);
        Self { open: Open { conduit, endpoint }, active, reused: false }
    }

    fn hold(open: Open, reused: bool) -> Self {
        let active = Active::begin(&open.endpoint);
        Self { open, active, reused }
    }

    /// The bytes' way.
    #[must_use]
    pub(crate) fn io(&self) -> &Conduit {
        &self.open.conduit
    }

    /// True if it served a request before: the peer may have closed it in this very moment.
    #[must_use]
    pub(crate) fn reused(&self) -> bool {
        self.reused
    }

    /// Whom it leads to.
    #[must_use]
    pub(crate) fn endpoint(&self) -> &Rc<LiveEndpoint> {
        &self.open.endpoint
    }

    /// Keeps it for another request. Only for connections whose exchange ended on both sides,
    /// with no byte unread, and that both sides agreed to keep.
    pub(crate) fn release(self) {
        self.give_back(false);
    }

    /// Keeps it as [`Self::release`] does, but lets no request on it before it stayed quiet for a
    /// while: the peer may send a body that must not be there.
    pub(crate) fn release_in_doubt(self) {
        self.give_back(true);
    }

    fn give_back(self, in_doubt: bool) {
        let Self { open, active, reused: _ } = self;
        drop(active);
        let endpoint = Rc::clone(&open.endpoint);
        if !endpoint.is_retired() {
            endpoint.pool.put(open, in_doubt);
        }
    }
}
