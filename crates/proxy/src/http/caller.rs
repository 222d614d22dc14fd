//! Who asks: what every part of the HTTP side may know of a client connection, whatever it speaks.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use propylon_snapshot::{Reason, RouteTableId, ServerTls, Serves, Termination, Then, host_of};

use crate::aim::{self, Aim};
use crate::arrival::Ends;
use crate::guests::{Guest, Leave};
use crate::listener::Door;
use crate::upstream::Generation;
use crate::worker::Worker;

/// A client connection without its bytes.
pub(super) struct Caller {
    /// The other end; `None` for Unix sockets.
    pub(super) peer: Option<SocketAddr>,
    /// Our end.
    pub(super) local: Option<SocketAddr>,
    /// The worker it lives in.
    pub(super) worker: Rc<Worker>,
    /// Its place among the worker's connections.
    pub(super) guest: Rc<Guest>,
    /// What is known of it if it came over TLS.
    pub(super) secured: Option<Box<Secured>>,
    routed: RefCell<Routed>,
}

/// A generation and the routes that it has for a connection.
pub(crate) type Routed = (Rc<Generation>, RouteTableId);

/// What is known of a connection that came over TLS.
#[derive(Debug)]
pub(super) struct Secured {
    /// The server name of its handshake.
    pub(super) server_name: Option<Box<str>>,
    /// The settings of its handshake.
    pub(super) settings: Arc<ServerTls>,
    /// What `x-forwarded-client-cert` says about the client.
    pub(super) client: Option<Box<[u8]>>,
}

impl Caller {
    /// Takes a connection in that is routed by `routed` until its listener says otherwise.
    pub(super) fn new(
        (peer, local): Ends,
        (door, routed): (Rc<Door>, Routed),
        worker: Rc<Worker>,
    ) -> Self {
        let guest = worker.guests.enter(&door);
        worker.counters.connections.add(1);
        worker.counters.connections_active.add(1);
        let routed = RefCell::new(routed);
        Self { peer, local, worker, guest, secured: None, routed }
    }

    /// Both ends, as endpoints are told of them.
    pub(super) fn ends(&self) -> Ends {
        (self.peer, self.local)
    }

    /// The same connection, known to have come over TLS.
    pub(super) fn over_tls(mut self, secured: Secured) -> Self {
        self.secured = Some(Box::new(secured));
        self
    }

    /// The same connection, known to be meant for something else than its listener.
    pub(super) fn aimed(self, aim: Aim) -> Self {
        self.guest.aim_at(aim);
        self
    }

    /// The routes for a request to an explicit proxy: those of the port that it names. One that
    /// names nothing that is known leads nowhere.
    ///
    /// # Errors
    /// No object defines the host or its port.
    pub(super) fn table_asked(
        &self,
        generation: &Generation,
        table: RouteTableId,
        authority: &str,
    ) -> Result<RouteTableId, Reason> {
        if self.guest.aim() != Some(&Aim::Each) {
            return Ok(table);
        }
        aim::table_of(generation.snapshot(), table, authority).ok_or(Reason::Undefined)
    }

    /// What a request that starts now is decided by, to its last byte. A connection whose listener
    /// has become something else in a newer generation, or verifies clients in another way, keeps
    /// the last one that fits, and ends with its current request.
    pub(super) fn current(&self) -> Routed {
        let (generation, position) = self.guest.door().current();
        let mut routed = self.routed.borrow_mut();
        if !Rc::ptr_eq(&generation, &routed.0) {
            match table(&generation, position, (self.secured.as_deref(), self.guest.aim())) {
                Some(table) => *routed = (generation, table),
                None => self.guest.ask(Leave::Drain),
            }
        }
        routed.clone()
    }

    /// The routes for a request whose connection came over TLS: those of its own server, or of
    /// another one of the port that is just like it.
    ///
    /// # Errors
    /// The host belongs to a server that ends TLS in another way.
    pub(super) fn table_for(
        &self,
        generation: &Generation,
        table: RouteTableId,
        authority: &str,
    ) -> Result<RouteTableId, Reason> {
        let Some(secured) = &self.secured else { return Ok(table) };
        let name = secured.server_name.as_deref();
        // Nearly every request is for the very host that the connection was made for.
        if name.is_some_and(|name| host_of(authority).eq_ignore_ascii_case(name)) {
            return Ok(table);
        }
        let snapshot = generation.snapshot();
        let (newest, position) = self.guest.door().current();
        let listener = if std::ptr::eq(&*newest, generation) {
            snapshot.listeners.get(position)
        } else {
            snapshot.listeners.iter().find(|one| one.tables().any(|t| t == table))
        };
        let Some(Serves::Tls(names)) = listener.map(|listener| &listener.serves) else {
            return Ok(table);
        };
        match names.position(name) {
            Some(own) => snapshot.table_over_tls(names, own, table, authority),
            None => Ok(table),
        }
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

/// The routes that a listener has for a connection, if it still serves what the connection is.
fn table(
    generation: &Generation,
    position: usize,
    (secured, aim): (Option<&Secured>, Option<&Aim>),
) -> Option<RouteTableId> {
    if let Some(aim) = aim {
        return aim.table(generation.snapshot(), position);
    }
    match (&generation.snapshot().listeners.get(position)?.serves, secured) {
        (Serves::Http(table), None) => Some(*table),
        (Serves::Tls(names), Some(secured)) => {
            let chain = names.lookup(secured.server_name.as_deref())?;
            let Termination::Terminate(settings) = &chain.termination else { return None };
            let Then::Http(table) = &chain.then else { return None };
            (settings.clients == secured.settings.clients).then_some(*table)
        }
        (Serves::Http(_) | Serves::Tcp(_), Some(_))
        | (Serves::Tcp(_) | Serves::Tls(_), None)
        | (Serves::Captured(_) | Serves::Proxy(_), _) => None,
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.worker.counters.connections_active.sub(1);
        if std::thread::panicking() {
            self.worker.counters.panics.add(1);
        }
        self.worker.guests.exit(&self.guest);
        self.worker.connection_ended();
    }
}
