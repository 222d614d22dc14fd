//! A cluster as one worker lives it: its endpoints now, their pools, their load.
//! It outlives generations as long as its settings stay; endpoints are swapped inside it.

mod asked;
mod been;
mod held;
mod set;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use propylon_snapshot::{
    Address, Balance, Cluster, Endpoint, Http2Settings, Limits, Outlier, ProxyHeader, Reason,
    UpstreamProtocol, Warmup,
};
use tokio::time::Instant;

use super::conduit::Conduit;
use super::connect::{Before, ConnectError, ConnectFailure, Connected, connect};
use super::counters::{ClusterCounters, Counter};
use super::health::{Host, Outcome};
use super::herald::{Ends, Fit};
use super::http2::{Place, Sessions};
use super::load::{Load, Loads};
use super::pool::{Active, Connection, Pool, Slot, Turn};
use super::registry::Shared;
use super::secure::Secure;
use super::usage::{Share, Usage};
use crate::complaint::Complaint;
use crate::tls::{Originator, Purpose, shown};

use asked::Requested;
pub(crate) use asked::Wanted;
pub(crate) use been::Been;
use held::Held;
use set::{EndpointSet, Spread};

/// One endpoint of one cluster in one worker.
#[derive(Debug)]
pub(crate) struct LiveEndpoint {
    address: Address,
    /// The name whose one address this is.
    stands_for: Option<Box<str>>,
    /// It gets no TLS though others of its cluster do.
    plaintext: bool,
    pub(super) held: Rc<Held>,
    idle_timeout: Duration,
    secure: Option<Secure>,
    limits: Limits,
    /// The header that connections begin with.
    header: Option<ProxyHeader>,
    /// Its health, where that is looked after.
    watched: Option<(Arc<Outlier>, Arc<Host>)>,
    /// Since when it is there, where that matters.
    since: Option<Instant>,
    shared: Arc<Shared>,
    worker: usize,
}

impl LiveEndpoint {
    /// Where it listens.
    #[must_use]
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// True if what is sent to it is encrypted.
    #[must_use]
    pub(crate) fn is_secured(&self) -> bool {
        self.secure.is_some()
    }

    /// Requests that this worker has under way at it.
    #[must_use]
    pub(crate) fn active(&self) -> u32 {
        self.held.active.get()
    }

    /// This worker's counters of the cluster.
    #[must_use]
    pub(crate) fn counters(&self) -> &ClusterCounters {
        self.shared.counters(self.worker)
    }

    /// A connection kept from an earlier request, alive as far as this worker knows and fit for
    /// this purpose and client connection.
    ///
    /// # Errors
    /// When there are as many requests under way as there may be.
    pub(crate) fn pooled(
        &self,
        purpose: Purpose<'_>,
        ends: Ends,
    ) -> Result<Option<Connection>, ConnectError> {
        match self.held.pool.take(self.idle_timeout, self.fit(purpose, ends)) {
            Some(kept) => kept.admitted().map(Some).ok_or_else(|| self.overflow()),
            None => Ok(None),
        }
    }

    /// Makes a connection for a purpose within `limit`. Where there may be no more it waits for one
    /// of those there are, without a limit of its own; where too many wait already it does not.
    ///
    /// # Errors
    /// When the endpoint refuses, is unreachable, or takes too long, TLS with it fails, or a
    /// bound is reached.
    pub(crate) async fn connect(
        self: &Rc<Self>,
        limit: Duration,
        (purpose, ends): (Purpose<'_>, Ends),
    ) -> Result<Connection, ConnectError> {
        let Some(pending) = self.usage().pending(&self.limits) else {
            self.counters().upstream_rq_pending_overflow.add(1);
            return Err(self.overflow());
        };
        let connection = match Pool::turn(self, self.idle_timeout, self.fit(purpose, ends)).await {
            Turn::Kept(kept) => kept,
            Turn::Make(slot) => self.make(slot, limit, (purpose, ends)).await?,
        };
        drop(pending);
        connection.admitted().ok_or_else(|| self.overflow())
    }

    /// Makes a connection for bytes that are handed on. It never waits for another one to end.
    /// Whether it was of use is the caller's to note.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub(crate) async fn connect_alone(
        self: &Rc<Self>,
        limit: Duration,
        ends: Ends,
    ) -> Result<Connection, ConnectError> {
        let slot = Pool::room(self).ok_or_else(|| self.overflow())?;
        let Some(_pending) = self.usage().pending(&self.limits) else {
            self.counters().upstream_rq_pending_overflow.add(1);
            return Err(self.overflow());
        };
        self.make(slot, limit, (Purpose::Bytes, ends)).await
    }

    async fn make(
        self: &Rc<Self>,
        slot: Slot,
        limit: Duration,
        (purpose, ends): (Purpose<'_>, Ends),
    ) -> Result<Connection, ConnectError> {
        let active = Active::begin(self);
        let conduit = self.open(limit, (purpose, ends)).await?;
        Ok(Connection::fresh(conduit, slot, active, self.announced(ends)))
    }

    /// A place for a stream with a request for an authority, or for bytes where there is none, in
    /// an HTTP/2 connection, which is made within `limit` where none has room.
    ///
    /// # Errors
    /// When the endpoint refuses, is unreachable, or takes too long, TLS with it fails, or a
    /// bound is reached.
    pub(crate) async fn place(
        self: &Rc<Self>,
        settings: Http2Settings,
        limit: Duration,
        (authority, ends): (Option<&str>, Ends),
    ) -> Result<Place, Reason> {
        let overflow = |counter: &Counter| {
            counter.add(1);
            Reason::Overflow
        };
        let counters = self.counters();
        let pending = self.usage().pending(&self.limits);
        let pending = pending.ok_or_else(|| overflow(&counters.upstream_rq_pending_overflow))?;
        let place = Sessions::place(self, settings, limit, (authority, ends)).await?;
        drop(pending);
        let request = self.usage().request(&self.limits);
        let request = request.ok_or_else(|| overflow(&counters.upstream_rq_active_overflow))?;
        Ok(place.counted(request))
    }

    /// Connections that carry HTTP/2.
    pub(super) fn sessions(&self) -> &Sessions {
        &self.held.sessions
    }

    /// Makes the bytes' way to it.
    pub(super) async fn open(
        &self,
        limit: Duration,
        (purpose, ends): (Purpose<'_>, Ends),
    ) -> Result<Conduit, ConnectError> {
        let secured = self.secure.as_ref().map(Secure::ready);
        let secured = secured.map(|ready| (ready, purpose, self.host(purpose)));
        let before = Before {
            keepalive: self.limits.keepalive,
            header: self.header.map(|version| (version, ends)),
        };
        // Boxed, so that requests on connections that are there already do not carry its size.
        let opening = Box::pin(connect(&self.address, limit, secured, before));
        match opening.await {
            Ok(Connected { conduit, resumed }) => {
                self.note(Outcome::Connected);
                if let Some(secure) = &self.secure {
                    secure.count(self.counters(), resumed);
                }
                Ok(conduit)
            }
            Err(error) => {
                self.complain(&error);
                Err(error)
            }
        }
    }

    /// Counts, notes and, where TLS is spoken, logs a connection that was not made.
    fn complain(&self, error: &ConnectError) {
        let counters = self.counters();
        self.held.tally.unconnected();
        counters.upstream_cx_connect_fail.add(1);
        if matches!(error.failure, ConnectFailure::Timeout) {
            counters.upstream_cx_connect_timeout.add(1);
            self.note(Outcome::Late);
        } else {
            self.note(Outcome::Broke);
        }
        if let Some(secure) = &self.secure {
            secure.complain(self.shared.name(), error, counters);
        }
    }

    /// What connections for a purpose and a client connection must have been made for.
    pub(super) fn fit<'a>(&self, purpose: Purpose<'a>, ends: Ends) -> Fit<'a> {
        Fit { host: self.host(purpose), ends: self.announced(ends) }
    }

    /// The client connection that connections are announced for, where they are.
    pub(super) fn announced(&self, ends: Ends) -> Option<Ends> {
        self.header.map(|_| ends)
    }

    /// The host that connections for a purpose must have been made for.
    fn host<'a>(&self, purpose: Purpose<'a>) -> Option<&'a str> {
        self.secure.as_ref().and_then(|secure| secure.host(purpose))
    }

    /// Notes what became of one use of it, for the detection of outliers and for who asks.
    pub(crate) fn note(&self, outcome: Outcome) {
        self.held.tally.outcome(outcome);
        if let Some((rules, host)) = &self.watched {
            self.shared.health.note((rules, host), outcome, Instant::now);
        }
    }

    /// True while it is ejected as an outlier.
    fn is_ejected(&self) -> bool {
        self.watched.as_ref().is_some_and(|(_, host)| host.is_ejected())
    }

    /// The share of its weight that it counts for at its age.
    fn warmth(&self, warmup: &Warmup, now: Instant) -> f64 {
        self.since.map_or(1.0, |since| warmup.share(now.saturating_duration_since(since)))
    }

    fn overflow(&self) -> ConnectError {
        let failure = ConnectFailure::Overflow;
        ConnectError { endpoint: self.address.clone(), limit: Duration::ZERO, failure }
    }

    /// What this worker has under way at it.
    fn load(&self, now: Instant) -> Load {
        let (connections, waiting) = self.held.pool.counts();
        Load {
            connections,
            unused: self.held.pool.len() as u64 + self.held.sessions.unused(now),
            requests: u64::from(self.active()),
            waiting,
            ..self.held.tally.totals()
        }
    }

    /// What bounds its cluster.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What of its cluster is in use.
    pub(super) fn usage(&self) -> &Arc<Usage> {
        &self.shared.usage
    }

    /// True if connections to it are as plain or encrypted as is said of an endpoint.
    fn speaks_alike(&self, endpoint: &Endpoint) -> bool {
        self.plaintext == endpoint.plaintext
    }

    /// True if another address is this endpoint's next one.
    fn moves_to(&self, next: &Endpoint) -> bool {
        let port = |address: &Address| match address {
            Address::Ip(address) => Some(address.port()),
            Address::Unix(_) | Address::Abstract(_) => None,
        };
        self.speaks_alike(next)
            && self.stands_for.is_some()
            && self.stands_for == next.stands_for
            && port(&self.address) == port(&next.address)
    }
}

/// One cluster in one worker.
#[derive(Debug)]
pub(crate) struct LiveCluster {
    settings: Settings,
    tls: Option<Arc<Originator>>,
    shared: Arc<Shared>,
    worker: usize,
    set: RefCell<Rc<EndpointSet>>,
    spread: Spread,
    seen: Cell<u64>,
    requested: Requested,
    /// Tunnels that its endpoints did not open.
    tunnels: Complaint,
    /// The state of health that the set was made in.
    seen_health: Cell<u64>,
}

/// What must stay equal for live state to be carried over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Settings {
    balance: Balance,
    protocol: UpstreamProtocol,
    connect_timeout: Duration,
    idle_timeout: Duration,
    limits: Limits,
    outlier: Option<Arc<Outlier>>,
    proxy_header: Option<ProxyHeader>,
}

impl Settings {
    fn of(cluster: &Cluster) -> Self {
        Self {
            balance: cluster.balance,
            protocol: cluster.protocol,
            connect_timeout: cluster.connect_timeout,
            idle_timeout: cluster.idle_timeout,
            limits: cluster.limits,
            outlier: cluster.outlier.clone(),
            proxy_header: cluster.proxy_header,
        }
    }
}

impl LiveCluster {
    /// A cluster without history.
    pub(super) fn new(
        cluster: &Cluster,
        (shared, tls): (Arc<Shared>, Option<Arc<Originator>>),
        worker: usize,
    ) -> Rc<Self> {
        let settings = Settings::of(cluster);
        let live = Rc::new(Self {
            settings,
            tls,
            shared,
            worker,
            set: RefCell::default(),
            spread: Spread::default(),
            seen: Cell::new(0),
            requested: Requested::default(),
            tunnels: Complaint::default(),
            seen_health: Cell::new(0),
        });
        live.update(cluster);
        live
    }

    /// True if `cluster` of a newer snapshot may go on with this state.
    pub(super) fn carries(&self, cluster: &Cluster, shared: &Arc<Shared>) -> bool {
        let tls = self.tls.as_ref().map(|originator| originator.settings());
        self.settings == Settings::of(cluster)
            && tls == cluster.tls.as_deref()
            && Arc::ptr_eq(&self.shared, shared)
    }

    /// True if endpoints are chosen by the hash of a request.
    #[must_use]
    pub(crate) fn wants_hash(&self) -> bool {
        self.settings.balance.is_hashed()
    }

    /// This worker's counters.
    #[must_use]
    pub(crate) fn counters(&self) -> &ClusterCounters {
        self.shared.counters(self.worker)
    }

    /// Room for a retry; `None` if there are as many as there may be.
    #[must_use]
    pub(crate) fn retry(&self) -> Option<Share> {
        let share = self.shared.usage.retry(&self.settings.limits);
        if share.is_none() {
            self.counters().upstream_rq_retry_overflow.add(1);
        }
        share
    }

    /// Tells of a tunnel that an endpoint did not open, unless that was done lately.
    pub(crate) fn complain_of_tunnel(&self, endpoint: &LiveEndpoint, why: &str) {
        if let Some(untold) = self.tunnels.due(Instant::now()) {
            let (cluster, endpoint) = (self.shared.name(), shown(endpoint.address()));
            tracing::warn!(cluster, endpoint, untold, "no tunnel: {why}");
        }
    }

    /// What is spoken to its endpoints.
    #[must_use]
    pub(crate) fn protocol(&self) -> UpstreamProtocol {
        self.settings.protocol
    }

    /// Limit of a connect.
    #[must_use]
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.settings.connect_timeout
    }

    /// Closes pooled connections that are unused for too long or closed by their peer.
    pub(super) fn sweep(&self, now: Instant) {
        // Endpoints that a name no longer leads to go now, even if no request comes.
        self.refresh();
        let set = Rc::clone(&self.set.borrow());
        for member in &set.members {
            member.held.pool.sweep(now, self.settings.idle_timeout);
            member.held.sessions.sweep(now, self.settings.idle_timeout);
        }
        self.sweep_requested(now);
    }

    /// Tells what this worker has under way at each endpoint.
    pub(super) fn tell(&self, loads: &mut Loads, now: Instant) {
        let set = Rc::clone(&self.set.borrow());
        for member in set.members.iter().chain(&self.requested.members()) {
            loads.note(self.shared.name(), member.address(), &member.load(now));
        }
    }

    /// Connections kept unused.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn idle_connections(&self) -> usize {
        self.set.borrow().members.iter().map(|member| member.held.pool.len()).sum()
    }

    /// Lets go of every pooled connection: the cluster is gone from the configuration.
    pub(super) fn retire(&self) {
        for member in &self.set.borrow().members {
            member.held.retire();
        }
        for member in self.requested.take_all().into_values() {
            member.held.retire();
        }
    }

    /// An endpoint, with what was held at its last address where it moved.
    fn endpoint(&self, endpoint: Endpoint, held: Rc<Held>) -> LiveEndpoint {
        let Endpoint { address, stands_for, plaintext, .. } = endpoint;
        let watch = |rules: &Arc<Outlier>| (Arc::clone(rules), self.shared.health.host(&address));
        LiveEndpoint {
            watched: self.settings.outlier.as_ref().map(watch),
            since: self.shared.ages.of(&address),
            address,
            stands_for,
            plaintext,
            held,
            idle_timeout: self.settings.idle_timeout,
            secure: self.tls.as_ref().filter(|_| !plaintext).map(Secure::new),
            limits: self.settings.limits,
            header: self.settings.proxy_header,
            shared: Arc::clone(&self.shared),
            worker: self.worker,
        }
    }
}
