//! Connections kept open to one endpoint by one worker, the one a request holds, and the requests
//! that wait for one where there may not be more.
//!
//! A request holds a [`Connection`]: an `Open` and its place among the requests under way,
//! `Active`. An `Open` owns the bytes' way and a `Slot`, its room among the endpoint's connections.
//! Dropped, each gives back what is its own, so that a future that is dropped anywhere leaves no
//! count behind; only releasing a connection turns it into an `Idle` one, which keeps its slot.

use std::cell::{OnceCell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::conduit::Conduit;
use super::herald::{Ends, Fit};
use super::live::LiveEndpoint;
pub(super) use super::queue::Kind;
use super::queue::Queues;
use super::usage::Share;
use crate::io::Io;

/// Unused connections kept per worker and endpoint; more are closed when released. Envoy has no
/// such bound, but a burst must not leave a worker's descriptors taken for an hour.
const IDLE_CONNECTIONS_MAX: usize = 1024;

/// How long a connection must stay quiet before it is used again after a response whose announced
/// body must not come: time enough for a faulty server's body to come all the same.
const DOUBT_TIME: Duration = Duration::from_millis(250);

/// Unused connections of one endpoint; the one used last is taken first.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: RefCell<Vec<Idle>>,
    /// Connections that there are, of each kind, and the requests that wait for one.
    queues: Queues,
}

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
    /// Boxed: it is looked at when a request begins or ends, and moved about with each.
    life: Box<Life>,
}

/// What a connection has behind it, and its place among others.
#[derive(Debug)]
struct Life {
    /// Requests that it has carried.
    carried: u32,
    made: Instant,
    /// Our end of it, once it was asked for: a look at it is a system call.
    local: OnceCell<Option<SocketAddr>>,
    slot: Slot,
    /// The client connection that it was announced for, where that matters.
    ends: Option<Box<Ends>>,
    /// Its request's share of those under way.
    request: Share,
}

impl Open {
    fn endpoint(&self) -> &Rc<LiveEndpoint> {
        &self.life.slot.endpoint
    }

    /// True if it may carry another request.
    fn is_fresh_enough(&self, now: Instant) -> bool {
        let (limits, counters) = (self.endpoint().limits(), self.endpoint().counters());
        if limits.requests_per_connection.is_some_and(|most| self.life.carried >= most) {
            counters.upstream_cx_max_requests.add(1);
            return false;
        }
        let old = limits.connection_duration.is_some_and(|most| now - self.life.made >= most);
        if old {
            counters.upstream_cx_max_duration_reached.add(1);
        }
        !old
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.endpoint().counters().upstream_cx_active.sub(1);
    }
}

/// Room for one connection of an endpoint.
#[derive(Debug)]
pub(super) struct Slot {
    endpoint: Rc<LiveEndpoint>,
    kind: Kind,
    _share: Share,
}

impl Slot {
    /// Room for one more of a kind, if there may be one more. An endpoint without any of this kind
    /// always has room, as in Envoy: what waits for it would wait for ever.
    pub(super) fn take(endpoint: &Rc<LiveEndpoint>, kind: Kind) -> Option<Self> {
        let usage = endpoint.usage();
        let share = usage.connection(endpoint.limits());
        if share.is_none() {
            endpoint.counters().upstream_cx_overflow.add(1);
        }
        let queue = endpoint.held.pool.queues.of(kind);
        let share = match share {
            None if queue.open() == 0 => usage.first_connection(endpoint.limits()),
            share => share?,
        };
        queue.opens();
        Some(Self { endpoint: Rc::clone(endpoint), kind, _share: share })
    }

    /// Room that only the bound decides about.
    fn take_strictly(endpoint: &Rc<LiveEndpoint>) -> Option<Self> {
        let Some(share) = endpoint.usage().connection(endpoint.limits()) else {
            endpoint.counters().upstream_cx_overflow.add(1);
            return None;
        };
        let kind = Kind::Http1;
        endpoint.held.pool.queues.of(kind).opens();
        Some(Self { endpoint: Rc::clone(endpoint), kind, _share: share })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Room is room for either kind.
        self.endpoint.held.pool.queues.closes(self.kind);
    }
}

/// What a request gets to be sent on.
pub(super) enum Turn {
    /// A connection that was kept.
    Kept(Connection),
    /// Room to make one.
    Make(Slot),
}

impl Pool {
    /// A connection fit for a request that is alive as far as this worker knows.
    pub(super) fn take(&self, idle_timeout: Duration, fit: Fit<'_>) -> Option<Connection> {
        // Those that wait already come first.
        if self.waits() { None } else { self.take_now(idle_timeout, fit) }
    }

    fn waits(&self) -> bool {
        self.queues.of(Kind::Http1).waiting() > 0
    }

    fn take_now(&self, idle_timeout: Duration, fit: Fit<'_>) -> Option<Connection> {
        let now = Instant::now();
        loop {
            let idle = self.pop(now, fit)?;
            if now.duration_since(idle.since) < idle_timeout
                && idle.open.is_quiet()
                && idle.open.is_fresh_enough(now)
            {
                return Some(Connection::hold(idle.open, true));
            }
        }
    }

    /// Waits for a fit connection or for room to make one.
    pub(super) async fn turn(
        endpoint: &Rc<LiveEndpoint>,
        idle_timeout: Duration,
        fit: Fit<'_>,
    ) -> Turn {
        let pool = &endpoint.held.pool;
        if !pool.waits()
            && let Some(slot) = Self::slot(endpoint, fit)
        {
            return Turn::Make(slot);
        }
        let mut waiting = pool.queues.of(Kind::Http1).wait();
        loop {
            waiting.turn().await;
            if let Some(kept) = pool.take_now(idle_timeout, fit) {
                return Turn::Kept(kept);
            }
            if let Some(slot) = Self::slot(endpoint, fit) {
                return Turn::Make(slot);
            }
        }
    }

    /// Room for one more, which an unused one that does not fit has to make if it must: it
    /// would serve nobody while others wait.
    fn slot(endpoint: &Rc<LiveEndpoint>, fit: Fit<'_>) -> Option<Slot> {
        Slot::take(endpoint, Kind::Http1).or_else(|| {
            let stranger = {
                let mut idle = endpoint.held.pool.idle.borrow_mut();
                let at = idle.iter().position(|idle| !idle.open.fits(fit))?;
                idle.remove(at)
            };
            // Dropped outside the borrow.
            drop(stranger);
            Slot::take(endpoint, Kind::Http1)
        })
    }

    /// Room for a connection that no request waits for; `None` at once if there may be no more.
    pub(super) fn room(endpoint: &Rc<LiveEndpoint>) -> Option<Slot> {
        Slot::take_strictly(endpoint)
    }

    /// Where requests for a kind of connection wait.
    pub(super) fn queues(&self) -> &Queues {
        &self.queues
    }

    /// Closes connections that are unused for too long or closed by the peer.
    pub(super) fn sweep(&self, now: Instant, idle_timeout: Duration) {
        // Taken out first: dropping a connection must not happen under the borrow.
        let idle = std::mem::take(&mut *self.idle.borrow_mut());
        let kept: Vec<Idle> = idle
            .into_iter()
            .filter(|idle| now.duration_since(idle.since) < idle_timeout && idle.open.is_quiet())
            .filter(|idle| idle.open.is_fresh_enough(now))
            .collect();
        *self.idle.borrow_mut() = kept;
    }

    /// Closes all.
    pub(super) fn clear(&self) {
        let idle = std::mem::take(&mut *self.idle.borrow_mut());
        drop(idle);
    }

    /// Connections open or being made, and requests that wait for one.
    pub(super) fn counts(&self) -> (u64, u64) {
        self.queues.counts()
    }

    /// True if none is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.idle.borrow().is_empty()
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.idle.borrow().len()
    }

    /// Takes out the fit connection used last that is not in doubt.
    fn pop(&self, now: Instant, fit: Fit<'_>) -> Option<Idle> {
        let mut idle = self.idle.borrow_mut();
        let settled = |idle: &Idle| !idle.in_doubt || now.duration_since(idle.since) >= DOUBT_TIME;
        let at = idle.iter().rposition(|idle| settled(idle) && idle.open.fits(fit))?;
        Some(idle.remove(at))
    }

    fn put(&self, open: Open, since: Instant, in_doubt: bool) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(Idle { open, since, in_doubt });
        }
        drop(idle);
        self.queues.of(Kind::Http1).freed();
    }
}

impl Open {
    /// True if it was made for this, too.
    fn fits(&self, fit: Fit<'_>) -> bool {
        let announced = fit.ends.is_none_or(|ends| self.life.ends.as_deref() == Some(&ends));
        announced && self.conduit.serves(fit.host)
    }

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
        endpoint.held.active.set(endpoint.held.active.get() + 1);
        endpoint.counters().upstream_rq_active.add(1);
        endpoint.counters().upstream_rq_total.add(1);
        endpoint.held.tally.request();
        Self(Rc::clone(endpoint))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.held.active.set(self.0.held.active.get() - 1);
        self.0.counters().upstream_rq_active.sub(1);
    }
}

impl Connection {
    /// One that was made just now, announced for a client connection where that matters.
    pub(super) fn fresh(conduit: Conduit, slot: Slot, active: Active, ends: Option<Ends>) -> Self {
        slot.endpoint.counters().upstream_cx_total.add(1);
        slot.endpoint.counters().upstream_cx_active.add(1);
        let life = Box::new(Life {
            carried: 1,
            made: Instant::now(),
            local: OnceCell::new(),
            slot,
            ends: ends.map(Box::new),
            request: Share::default(),
        });
        let open = Open { conduit, life };
        Self { open, active, reused: false }
    }

    fn hold(mut open: Open, reused: bool) -> Self {
        open.life.carried = open.life.carried.saturating_add(1);
        let active = Active::begin(open.endpoint());
        Self { open, active, reused }
    }

    /// The same, counted as a request under way; `None` if there are as many as there may be: then
    /// the connection is kept for others.
    pub(super) fn admitted(mut self) -> Option<Self> {
        let endpoint = Rc::clone(self.endpoint());
        match endpoint.usage().request(endpoint.limits()) {
            Some(request) => {
                self.open.life.request = request;
                Some(self)
            }
            None => {
                endpoint.counters().upstream_rq_active_overflow.add(1);
                self.release();
                None
            }
        }
    }

    /// The bytes' way.
    #[must_use]
    pub(crate) fn io(&self) -> &Conduit {
        &self.open.conduit
    }

    /// Our end of it; `None` for Unix sockets.
    #[must_use]
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        *self.open.life.local.get_or_init(|| self.open.conduit.local())
    }

    /// True if it served a request before: the peer may have closed it in this very moment.
    #[must_use]
    pub(crate) fn reused(&self) -> bool {
        self.reused
    }

    /// Whom it leads to.
    #[must_use]
    pub(crate) fn endpoint(&self) -> &Rc<LiveEndpoint> {
        self.open.endpoint()
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
        let Self { mut open, active, reused: _ } = self;
        drop(active);
        open.life.request = Share::default();
        let endpoint = Rc::clone(open.endpoint());
        let now = Instant::now();
        if !endpoint.held.is_retired() && open.is_fresh_enough(now) {
            endpoint.held.pool.put(open, now, in_doubt);
        }
    }
}
