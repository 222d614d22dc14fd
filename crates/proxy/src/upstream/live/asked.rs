//! Endpoints of clusters whose endpoints whoever asks names: the address that a captured connection
//! was meant for, or one that the name asked for resolves to. Made when asked for, kept while used.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;

use propylon_snapshot::{Address, Asked, Endpoint};
use tokio::time::Instant;

use super::{LiveCluster, LiveEndpoint};
use crate::complaint::Complaint;
use crate::limits::ASKED_ENDPOINTS_MAX;
use crate::upstream::names::Names;

/// What a request or connection asks for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted<'w> {
    /// The address it was meant for, where it was captured.
    pub(crate) meant: Option<SocketAddr>,
    /// The name it gives: a host without port, or a server name.
    pub(crate) name: Option<&'w str>,
}

/// Why nothing can be reached for whoever asks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreachable {
    /// There is no name to resolve, or it is not one that may be.
    #[error("{0:?} is no name that this destination resolves")]
    Uncovered(Option<Box<str>>),
    /// It does not resolve.
    #[error("{0}")]
    Unresolved(String),
    /// Every address of it is ejected as an outlier.
    #[error("every address of {0} is ejected")]
    Ejected(Box<str>),
    /// It resolves to what must not be reached by a name that a client chooses.
    #[error(
        "{name} leads to {address}, which is not public and not listed: --allow-destination \
         {address} would permit it"
    )]
    Forbidden {
        /// The name.
        name: Box<str>,
        /// One of its addresses.
        address: IpAddr,
    },
}

/// The endpoints that were asked for, by address.
#[derive(Debug, Default)]
pub(super) struct Requested {
    /// What may be asked for; `None` for clusters that have endpoints of their own.
    settings: RefCell<Option<Arc<Asked>>>,
    endpoints: RefCell<HashMap<SocketAddr, Rc<LiveEndpoint>>>,
    complaint: Complaint,
}

impl Requested {
    pub(super) fn update(&self, asked: Option<&Asked>) {
        let same = self.settings.borrow().as_deref() == asked;
        if !same {
            *self.settings.borrow_mut() = asked.map(|asked| Arc::new(asked.clone()));
        }
    }

    /// All endpoints now.
    pub(super) fn members(&self) -> Vec<Rc<LiveEndpoint>> {
        self.endpoints.borrow().values().map(Rc::clone).collect()
    }

    /// Forgets endpoints that nobody uses.
    pub(super) fn forget_unused(&self) {
        let unused = |endpoint: &Rc<LiveEndpoint>| {
            let connected = !endpoint.held.pool.is_empty() || !endpoint.held.sessions.is_empty();
            Rc::strong_count(endpoint) == 1 && endpoint.active() == 0 && !connected
        };
        self.endpoints.borrow_mut().retain(|_, endpoint| !unused(endpoint));
    }

    pub(super) fn take_all(&self) -> HashMap<SocketAddr, Rc<LiveEndpoint>> {
        std::mem::take(&mut *self.endpoints.borrow_mut())
    }
}

impl LiveCluster {
    /// What may be asked for; `None` for clusters that have endpoints of their own.
    pub(crate) fn asked(&self) -> Option<Arc<Asked>> {
        self.requested.settings.borrow().clone()
    }

    /// The endpoint for whoever asks, preferably none of `tried`.
    ///
    /// # Errors
    /// When what is asked for may not be reached, or does not resolve.
    pub(crate) async fn endpoint_for(
        &self,
        asked: &Asked,
        wanted: (&Arc<Names>, Wanted<'_>),
        tried: &[Rc<LiveEndpoint>],
    ) -> Result<Rc<LiveEndpoint>, Unreachable> {
        let found = self.look_for(asked, wanted, tried).await;
        found.inspect_err(|why| self.complain(why))
    }

    /// Tells what an operator may want to change, unless that was done lately: clients choose the
    /// names.
    fn complain(&self, why: &Unreachable) {
        if matches!(why, Unreachable::Uncovered(_) | Unreachable::Ejected(_)) {
            return;
        }
        if let Some(untold) = self.requested.complaint.due(Instant::now()) {
            let cluster = self.shared.name();
            tracing::warn!(cluster, untold, "a name leads nowhere: {why}");
        }
    }

    async fn look_for(
        &self,
        asked: &Asked,
        (names, wanted): (&Arc<Names>, Wanted<'_>),
        tried: &[Rc<LiveEndpoint>],
    ) -> Result<Rc<LiveEndpoint>, Unreachable> {
        if let Some(meant) = wanted.meant.filter(|_| asked.original) {
            return Ok(self.at(meant));
        }
        let name = wanted.name.unwrap_or_default();
        if !asked.covers(name) {
            return Err(Unreachable::Uncovered(wanted.name.map(Box::from)));
        }
        let answer = names.look_up(name).await;
        if let (true, Some(failed)) = (answer.addresses.is_empty(), answer.failed) {
            return Err(Unreachable::Unresolved(failed.to_string()));
        }
        let own = |ip: IpAddr| !asked.lists(ip) && is_own(ip);
        let may = |ip: &&IpAddr| asked.permits(**ip) && !own(**ip);
        let mut found: Vec<IpAddr> = answer.addresses.iter().filter(may).copied().collect();
        fastrand::shuffle(&mut found);
        let addresses = found.into_iter().map(|ip| SocketAddr::new(ip, asked.port));
        let endpoints: Vec<_> = addresses.map(|address| self.at(address)).collect();
        let fresh = |one: &&Rc<LiveEndpoint>| !tried.iter().any(|other| Rc::ptr_eq(one, other));
        let healthy = || endpoints.iter().filter(|one| !one.is_ejected());
        let chosen = healthy().find(fresh).or_else(|| healthy().next());
        chosen.map(Rc::clone).ok_or_else(|| match answer.addresses.first() {
            _ if !endpoints.is_empty() => Unreachable::Ejected(name.into()),
            Some(&address) => Unreachable::Forbidden { name: name.into(), address },
            None => Unreachable::Unresolved(format!("{name} has no address")),
        })
    }

    /// The endpoint at an address.
    fn at(&self, address: SocketAddr) -> Rc<LiveEndpoint> {
        let mut endpoints = self.requested.endpoints.borrow_mut();
        if let Some(endpoint) = endpoints.get(&address) {
            return Rc::clone(endpoint);
        }
        let endpoint = Rc::new(self.endpoint(Endpoint::at(Address::Ip(address)), Rc::default()));
        // Beyond the bound an endpoint serves this once and keeps no connection.
        if endpoints.len() < ASKED_ENDPOINTS_MAX {
            endpoints.insert(address, Rc::clone(&endpoint));
        } else {
            endpoint.held.retire();
        }
        endpoint
    }

    pub(super) fn sweep_requested(&self, now: Instant) {
        for member in self.requested.members() {
            member.held.pool.sweep(now, self.settings.idle_timeout);
            member.held.sessions.sweep(now, self.settings.idle_timeout);
        }
        self.requested.forget_unused();
    }
}

/// True for an address of this machine: the kernel lets nobody bind another's.
fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}
