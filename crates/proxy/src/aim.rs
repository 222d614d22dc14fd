//! What a connection that leaves a workload was meant for, and what a listener has for it.

use std::net::SocketAddr;

use propylon_snapshot::{Captured, Outbound, RouteTableId, Serves, Snapshot};

use crate::upstream::Wanted;

const HTTP_PORT: u16 = 80;

/// What a connection was meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Aim {
    /// The address that its client connected to before it was captured.
    Address(SocketAddr),
    /// A host and port that CONNECT named.
    Named(Box<str>, u16),
    /// Whatever each of its requests names, as an explicit proxy is asked.
    Each,
}

impl Aim {
    /// What a listener has for connections like this one.
    pub(crate) fn listener<'s>(&self, outbound: &'s Outbound) -> Option<&'s Captured> {
        match self {
            Self::Address(address) => outbound.meant_for(*address),
            Self::Named(host, port) => outbound.named(host, *port),
            Self::Each => None,
        }
    }

    /// The routes that a listener has for the requests of a connection like this one. Those of
    /// [`Aim::Each`] are looked for request by request; any table stands for them.
    pub(crate) fn table(&self, snapshot: &Snapshot, position: usize) -> Option<RouteTableId> {
        let outbound = outbound(snapshot, position)?;
        match self {
            Self::Each => outbound.tables().next(),
            Self::Address(_) | Self::Named(..) => self.listener(outbound)?.http,
        }
    }

    /// The address that a captured connection was meant for.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Named(..) | Self::Each => None,
        }
    }

    /// What it wants of a cluster whose endpoints are asked for.
    pub(crate) fn wanted<'w>(&'w self, server_name: Option<&'w str>) -> Wanted<'w> {
        let name = match self {
            Self::Named(host, _) => server_name.or(Some(host)),
            Self::Address(_) | Self::Each => server_name,
        };
        Wanted { meant: self.address(), name }
    }
}

/// The outbound listeners of a listener that takes what leaves a workload.
pub(crate) fn outbound(snapshot: &Snapshot, position: usize) -> Option<&Outbound> {
    match &snapshot.listeners.get(position)?.serves {
        Serves::Captured(outbound) | Serves::Proxy(outbound) => Some(outbound),
        Serves::Http(_) | Serves::Tcp(_) | Serves::Tls(_) => None,
    }
}

/// The routes for a request to an explicit proxy, by the authority that it names; `table` is any of
/// the proxy's.
pub(crate) fn table_of(
    snapshot: &Snapshot,
    table: RouteTableId,
    authority: &str,
) -> Option<RouteTableId> {
    let (host, port) = host_and_port(authority, HTTP_PORT)?;
    let mut listeners = snapshot.listeners.iter();
    let position = listeners.position(|one| one.tables().any(|other| other == table))?;
    outbound(snapshot, position)?.named(host, port)?.http
}

/// An authority taken apart; `otherwise` is the port of one that names none.
pub(crate) fn host_and_port(authority: &str, otherwise: u16) -> Option<(&str, u16)> {
    let host = propylon_snapshot::host_of(authority);
    match authority[host.len()..].strip_prefix(':') {
        Some(port) => Some((host, port.parse().ok()?)),
        None => Some((host, otherwise)),
    }
}

#[cfg(test)]
mod tests;
