//! The connections of one worker to one endpoint. Requests that find no room share the making of
//! another connection instead of making one each.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use propylon_snapshot::{Http2Settings, Reason};
use tokio::sync::watch;
use tokio::time::Instant;

use super::place::Place;
use super::session::{Ended, Session};
use crate::upstream::connect::ConnectError;
use crate::upstream::live::LiveEndpoint;
use crate::upstream::pool::Active;

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
            if let Some(session) = sessions.with_room() {
                return Ok(Place::take(session, active));
            }
            let making = sessions.join(endpoint, settings, limit);
            making.wait().await?;
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

    /// Joins those who wait for a connection, if it will have room for one more; else makes one.
    fn join(
        &self,
        endpoint: &Rc<LiveEndpoint>,
        settings: Http2Settings,
        limit: Duration,
    ) -> Rc<Making> {
        let mut making = self.making.borrow_mut();
        let room = Session::streams_assumed(settings);
        if let Some(making) = &*making
            && making.waiting.get() < room
            && making.outcome.borrow().is_none()
        {
            return Rc::clone(making);
        }
        let (told, outcome) = watch::channel(None);
        let fresh = Rc::new(Making { waiting: Cell::new(0), outcome });
        *making = Some(Rc::clone(&fresh));
        let endpoint = Rc::clone(endpoint);
        // A task of its own: whoever asked first may go away, and others wait as well.
        tokio::task::spawn_local(live(endpoint, settings, limit, told));
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

/// Makes a connection, tells who waits, and drives it from then on.
async fn live(
    endpoint: Rc<LiveEndpoint>,
    settings: Http2Settings,
    limit: Duration,
    told: watch::Sender<Option<Outcome>>,
) {
    let conduit = match endpoint.open(limit).await {
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
    let counted = Counted(endpoint);
    let endpoint = &counted.0;
    let (session, mut connection) = match Session::begin(conduit, settings).await {
        Ok(begun) => begun,
        Err(error) => {
            tracing::debug!(%error, "no HTTP/2");
            told.send_replace(Some(Err(Reason::UpstreamReset)));
            return;
        }
    };
    endpoint.sessions().open.borrow_mut().push(Rc::clone(&session));
    told.send_replace(Some(Ok(())));
    if counted.0.is_retired() {
        // Nobody sweeps here any more. Those who waited take their places first.
        tokio::task::yield_now().await;
        session.close_unused();
    }
    let ended = session.drive(&mut connection, settings.keep_alive).await;
    let counters = counted.0.counters();
    match ended {
        Ended::Over => {}
        Ended::Broken => counters.upstream_cx_protocol_error.add(1),
        Ended::Unanswered => counters.http2_keepalive_timeout.add(1),
    }
    let mut open = counted.0.sessions().open.borrow_mut();
    open.retain(|one| !Rc::ptr_eq(one, &session));
}

/// A connection that is counted as open for as long as it lives.
struct Counted(Rc<LiveEndpoint>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.counters().upstream_cx_active.sub(1);
    }
}
