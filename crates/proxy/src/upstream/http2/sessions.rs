//! The connections of one worker to one endpoint. Requests that find no room share the making of
//! another connection instead of making one each.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use propylon_snapshot::{Http2Settings, Limits, Reason};
use tokio::sync::watch;
use tokio::time::Instant;

use super::place::Place;
use super::session::{Ended, Session};
use crate::tls::Purpose;
use crate::upstream::conduit::same_host;
use crate::upstream::connect::ConnectError;
use crate::upstream::herald::{Ends, Fit};
use crate::upstream::live::LiveEndpoint;
use crate::upstream::pool::{Active, Kind, Slot};

/// The connections to one endpoint.
#[derive(Debug, Default)]
pub(in crate::upstream) struct Sessions {
    open: RefCell<Vec<Kept>>,
    making: RefCell<Vec<Rc<Making>>>,
}

/// A connection, and what it was made for.
#[derive(Debug)]
struct Kept {
    session: Rc<Session>,
    /// Whom it leads to: perhaps at an address that was another's before.
    endpoint: Rc<LiveEndpoint>,
    made_for: MadeFor,
}

/// The host and the client connection that a connection serves, where they matter.
#[derive(Debug)]
struct MadeFor {
    host: Option<Box<str>>,
    ends: Option<Box<Ends>>,
}

impl MadeFor {
    fn of(fit: Fit<'_>) -> Self {
        Self { host: fit.host.map(Box::from), ends: fit.ends.map(Box::new) }
    }

    fn serves(&self, fit: Fit<'_>) -> bool {
        self.ends.as_deref() == fit.ends.as_ref() && same_host(self.host.as_deref(), fit.host)
    }
}

/// A connection that is being made.
#[derive(Debug)]
struct Making {
    made_for: MadeFor,
    /// How many requests wait for it.
    waiting: Cell<usize>,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// What became of it.
type Outcome = Result<(), Reason>;

impl Sessions {
    /// A place for a stream with a request for an authority, or for bytes where there is none, in a
    /// connection that has room or in a new one.
    ///
    /// # Errors
    /// Why there is no connection.
    pub(in crate::upstream) async fn place(
        endpoint: &Rc<LiveEndpoint>,
        settings: Http2Settings,
        limit: Duration,
        (authority, ends): (Option<&str>, Ends),
    ) -> Result<Place, Reason> {
        let active = Active::begin(endpoint);
        let queue = endpoint.held.pool.queues().of(Kind::Http2);
        let mut waiting = None;
        loop {
            let sessions = endpoint.sessions();
            let fit = endpoint.fit(purpose(authority), ends);
            sessions.retire_spent(endpoint.limits());
            if let Some(session) = sessions.with_room(fit) {
                let place = Place::take(session, active);
                // Whoever waits next may find room as well.
                queue.freed();
                return Ok(place);
            }
            let making = match sessions.joined(settings, fit) {
                Some(making) => making,
                None => match Slot::take(endpoint, Kind::Http2) {
                    Some(slot) => {
                        sessions.begin((endpoint, slot), settings, limit, (authority, ends))
                    }
                    None => {
                        // An unused one for another host would serve nobody while others wait.
                        sessions.close_stranger(fit);
                        // A stream that ends makes room, or a connection that goes.
                        waiting.get_or_insert_with(|| queue.wait()).turn().await;
                        continue;
                    }
                },
            };
            waiting = None;
            making.wait().await?;
        }
    }

    /// Lets no more streams on connections that have carried as many, or are as old, as they may.
    fn retire_spent(&self, limits: &Limits) {
        if limits.requests_per_connection.is_none() && limits.connection_duration.is_none() {
            return;
        }
        let open = self.open.borrow();
        let spent = |kept: &&Kept| kept.session.is_spent(limits, Instant::now());
        for kept in open.iter().filter(spent) {
            kept.session.close();
        }
    }

    /// Closes one that is unused and serves another host.
    fn close_stranger(&self, fit: Fit<'_>) {
        let (open, now) = (self.open.borrow(), Instant::now());
        let unused =
            |kept: &&Kept| !kept.made_for.serves(fit) && kept.session.is_idle(now, Duration::ZERO);
        if let Some(kept) = open.iter().find(unused) {
            kept.session.close();
        }
    }

    /// The first fit connection with room.
    fn with_room(&self, fit: Fit<'_>) -> Option<(Rc<Session>, Rc<LiveEndpoint>)> {
        let mut open = self.open.borrow_mut();
        let mut fit = open.iter().filter(|kept| kept.made_for.serves(fit));
        let found = fit.find(|kept| kept.session.has_room());
        let found = found.map(|kept| (Rc::clone(&kept.session), Rc::clone(&kept.endpoint)));
        if found.is_none() {
            open.retain(|kept| !kept.session.is_closed());
        }
        found
    }

    /// The connection that others wait for, if it will have room for one more.
    fn joined(&self, settings: Http2Settings, fit: Fit<'_>) -> Option<Rc<Making>> {
        let making = self.making.borrow();
        let room = Session::streams_assumed(settings);
        let open = |making: &&Rc<Making>| {
            making.waiting.get() < room
                && making.outcome.borrow().is_none()
                && making.made_for.serves(fit)
        };
        making.iter().find(open).map(Rc::clone)
    }

    /// Begins to make a connection.
    fn begin(
        &self,
        (endpoint, slot): (&Rc<LiveEndpoint>, Slot),
        settings: Http2Settings,
        limit: Duration,
        (authority, ends): (Option<&str>, Ends),
    ) -> Rc<Making> {
        let mut making = self.making.borrow_mut();
        making.retain(|one| one.outcome.borrow().is_none());
        let (told, outcome) = watch::channel(None);
        let fit = endpoint.fit(purpose(authority), ends);
        let made_for = MadeFor::of(fit);
        let fresh = Rc::new(Making { made_for, waiting: Cell::new(0), outcome });
        making.push(Rc::clone(&fresh));
        let endpoint = Rc::clone(endpoint);
        let authority = authority.map(Box::from);
        // A task of its own: whoever asked first may go away, and others wait as well.
        tokio::task::spawn_local(live((endpoint, slot), settings, limit, (authority, ends), told));
        fresh
    }

    /// Closes those without a stream for too long, and forgets the closed.
    pub(in crate::upstream) fn sweep(&self, now: Instant, idle_timeout: Duration) {
        let mut open = self.open.borrow_mut();
        for kept in open.iter().filter(|kept| kept.session.is_idle(now, idle_timeout)) {
            kept.session.close();
        }
        open.retain(|kept| !kept.session.is_closed());
    }

    /// Those without a stream.
    pub(in crate::upstream) fn unused(&self, now: Instant) -> u64 {
        let open = self.open.borrow();
        open.iter().filter(|kept| kept.session.is_idle(now, Duration::ZERO)).count() as u64
    }

    /// True if there is none.
    pub(in crate::upstream) fn is_empty(&self) -> bool {
        self.open.borrow().is_empty()
            && self.making.borrow().iter().all(|one| one.outcome.borrow().is_some())
    }

    /// Lets no more streams on any; running ones end in peace.
    pub(in crate::upstream) fn clear(&self) {
        let open = std::mem::take(&mut *self.open.borrow_mut());
        for kept in open {
            kept.session.close();
        }
    }
}

impl Making {
    async fn wait(&self) -> Result<(), Reason> {
        self.waiting.set(self.waiting.get() + 1);
        let _waiting = Waiting(self);
        let mut outcome = self.outcome.clone();
        let told = outcome.wait_for(Option::is_some).await;
        match told {
            Ok(told) => told.unwrap_or(Ok(())),
            // The task that made it has ended without a word: it panicked.
            Err(_) => Err(Reason::ConnectFailure),
        }
    }
}

/// Counts a request as waiting, also when it is given up.
struct Waiting<'m>(&'m Making);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
    }
}

/// What streams for an authority want a connection for.
fn purpose(authority: Option<&str>) -> Purpose<'_> {
    authority.map_or(Purpose::Streams, Purpose::Http2)
}

/// Makes a connection, tells who waits, and drives it from then on.
async fn live(
    (endpoint, slot): (Rc<LiveEndpoint>, Slot),
    settings: Http2Settings,
    limit: Duration,
    (authority, ends): (Option<Box<str>>, Ends),
    told: watch::Sender<Option<Outcome>>,
) {
    let purpose = purpose(authority.as_deref());
    let conduit = match endpoint.open(limit, (purpose, ends)).await {
        Ok(conduit) => conduit,
        Err(error) => {
            tracing::debug!(%error, "no connection");
            told.send_replace(Some(Err(ConnectError::reason(&error))));
            return;
        }
    };
    let counters = endpoint.counters();
    counters.upstream_cx_total.add(1);
    counters.upstream_cx_http2_total.add(1);
    counters.upstream_cx_active.add(1);
    let counted = Counted(endpoint, slot);
    let endpoint = &counted.0;
    let (session, mut connection) = match Session::begin(conduit, settings).await {
        Ok(begun) => begun,
        Err(error) => {
            tracing::debug!(%error, "no HTTP/2");
            told.send_replace(Some(Err(Reason::UpstreamReset)));
            return;
        }
    };
    let made_for = MadeFor::of(endpoint.fit(purpose, ends));
    let kept = Kept { session: Rc::clone(&session), endpoint: Rc::clone(endpoint), made_for };
    endpoint.sessions().open.borrow_mut().push(kept);
    told.send_replace(Some(Ok(())));
    // Those who waited take their places before the peer's settings are read, as in Envoy: where
    // these allow no stream at all, each connection serves those it was made for and no others.
    tokio::task::yield_now().await;
    if counted.0.held.is_retired() {
        // Nobody sweeps here any more.
        session.close_unused();
    }
    let settles = || counted.0.held.pool.queues().of(Kind::Http2).freed();
    let ended = session.drive(&mut connection, settings.keep_alive, settles).await;
    let counters = counted.0.counters();
    match ended {
        Ended::Over => {}
        Ended::Broken => counters.upstream_cx_protocol_error.add(1),
        Ended::Unanswered => counters.http2_keepalive_timeout.add(1),
    }
    let mut open = counted.0.sessions().open.borrow_mut();
    open.retain(|kept| !Rc::ptr_eq(&kept.session, &session));
}

/// A connection that is counted as open for as long as it lives.
struct Counted(Rc<LiveEndpoint>, #[expect(dead_code, reason = "held")] Slot);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.counters().upstream_cx_active.sub(1);
    }
}
