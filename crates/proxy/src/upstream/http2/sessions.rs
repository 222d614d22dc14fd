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
use crate::upstream::connect::ConnectError;
use crate::upstream::live::LiveEndpoint;
use crate::upstream::pool::{Active, Pool, Slot};

/// The connections to one endpoint.
#[derive(Debug, Default)]
pub(in crate::upstream) struct Sessions {
    open: RefCell<Vec<Rc<Session>>>,
    making: RefCell<Option<Rc<Making>>>,
}

/// A connection that is being made.
#[derive(Debug)]
struct Making {
    /// How many requests wait for it.
    waiting: Cell<usize>,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// What became of it.
type Outcome = Result<(), Reason>;

impl Sessions {
    /// A place for a stream, in a connection that has room or in a new one.
    ///
    /// # Errors
    /// Why there is no connection.
    pub(in crate::upstream) async fn place(
        endpoint: &Rc<LiveEndpoint>,
        settings: Http2Settings,
        limit: Duration,
    ) -> Result<Place, Reason> {
        let active = Active::begin(endpoint);
        loop {
            let sessions = endpoint.sessions();
            sessions.retire_spent(endpoint.limits());
            if let Some(session) = sessions.with_room() {
                return Ok(Place::take(session, active));
            }
            let making = match sessions.joined(settings) {
                Some(making) => making,
                None => match Slot::take(endpoint) {
                    Some(slot) => sessions.begin((endpoint, slot), settings, limit),
                    None => {
                        // A stream that ends makes room, or a connection that goes.
                        Pool::wait(endpoint).await;
                        continue;
                    }
                },
            };
            making.wait().await?;
        }
    }

    /// Lets no more streams on connections that have carried as many, or are as old, as they may.
    fn retire_spent(&self, limits: &Limits) {
        if limits.requests_per_connection.is_none() && limits.connection_duration.is_none() {
            return;
        }
        let open = self.open.borrow();
        for session in open.iter().filter(|session| session.is_spent(limits, Instant::now())) {
            session.close();
        }
    }

    /// The first connection with room.
    fn with_room(&self) -> Option<Rc<Session>> {
        let mut open = self.open.borrow_mut();
        let found = open.iter().find(|session| session.has_room()).map(Rc::clone);
        if found.is_none() {
            open.retain(|session| !session.is_closed());
        }
        found
    }

    /// The connection that others wait for, if it will have room for one more.
    fn joined(&self, settings: Http2Settings) -> Option<Rc<Making>> {
        let making = self.making.borrow();
        let room = Session::streams_assumed(settings);
        let open =
            |making: &&Rc<Making>| making.waiting.get() < room && making.outcome.borrow().is_none();
        making.as_ref().filter(open).map(Rc::clone)
    }

    /// Begins to make a connection.
    fn begin(
        &self,
        (endpoint, slot): (&Rc<LiveEndpoint>, Slot),
        settings: Http2Settings,
        limit: Duration,
    ) -> Rc<Making> {
        let mut making = self.making.borrow_mut();
        let (told, outcome) = watch::channel(None);
        let fresh = Rc::new(Making { waiting: Cell::new(0), outcome });
        *making = Some(Rc::clone(&fresh));
        let endpoint = Rc::clone(endpoint);
        // A task of its own: whoever asked first may go away, and others wait as well.
        tokio::task::spawn_local(async move {
            if let Some(driven) = make((endpoint, slot), settings, limit, told).await {
                driven.await;
            }
        });
        fresh
    }

    /// Closes those without a stream for too long, and forgets the closed.
    pub(in crate::upstream) fn sweep(&self, now: Instant, idle_timeout: Duration) {
        let mut open = self.open.borrow_mut();
        for session in open.iter().filter(|session| session.is_idle(now, idle_timeout)) {
            session.close();
        }
        open.retain(|session| !session.is_closed());
    }

    /// Lets no more streams on any; running ones end in peace.
    pub(in crate::upstream) fn clear(&self) {
        let open = std::mem::take(&mut *self.open.borrow_mut());
        for session in open {
            session.close();
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

/// Makes a connection and tells who waits. Returns what drives it from then on.
async fn make(
    (endpoint, slot): (Rc<LiveEndpoint>, Slot),
    settings: Http2Settings,
    limit: Duration,
    told: watch::Sender<Option<Outcome>>,
) -> Option<impl Future<Output = ()>> {
    let conduit = match endpoint.open(limit).await {
        Ok(conduit) => conduit,
        Err(error) => {
            tracing::debug!(%error, "no connection");
            told.send_replace(Some(Err(ConnectError::reason(&error))));
            return None;
        }
    };
    let counters = endpoint.counters();
    counters.upstream_cx_total.add(1);
    counters.upstream_cx_http2_total.add(1);
    counters.upstream_cx_active.add(1);
    let counted = Counted(Rc::clone(&endpoint), slot);
    let (session, connection) = match Session::begin(conduit, settings).await {
        Ok(begun) => begun,
        Err(error) => {
            tracing::debug!(%error, "no HTTP/2");
            told.send_replace(Some(Err(Reason::UpstreamReset)));
            return None;
        }
    };
    endpoint.sessions().open.borrow_mut().push(Rc::clone(&session));
    told.send_replace(Some(Ok(())));
    Some(async move {
        if counted.0.is_retired() {
            // Nobody sweeps here any more. Those who waited take their places first.
            tokio::task::yield_now().await;
            session.close_unused();
        }
        let ended = session.drive(connection, settings.keep_alive).await;
        let counters = counted.0.counters();
        match ended {
            Ended::Over => {}
            Ended::Broken => counters.upstream_cx_protocol_error.add(1),
            Ended::Unanswered => counters.http2_keepalive_timeout.add(1),
        }
        let mut open = counted.0.sessions().open.borrow_mut();
        open.retain(|one| !Rc::ptr_eq(one, &session));
    })
}

/// A connection that is counted as open for as long as it lives.
struct Counted(Rc<LiveEndpoint>, #[expect(dead_code, reason = "held")] Slot);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.counters().upstream_cx_active.sub(1);
    }
}
