//! What a sidecar does with the connections that leave its workload: Istio's outbound listeners, by
//! the address that a connection was meant for. Knows addresses and names, not sockets.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::virtual_host::lower_case;
use crate::{RouteTableId, ServerNames, TcpRoute, Then};

/// What connections have to be meant for to meet a [`Captured`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meant {
    /// This address (Istio's `10.0.0.1_3306`).
    Address(SocketAddr),
    /// An address of this block, and this port.
    Block(IpNet, u16),
    /// Any address with this port (Istio's `0.0.0.0_80`).
    Port(u16),
}

/// One of a sidecar's outbound listeners. None of them is bound: captured connections are handed to
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Istio's name of it: `10.0.0.1_3306`, `0.0.0.0_80`.
    pub name: Box<str>,
    /// Whose connections it takes.
    pub meant: Meant,
    /// The hosts it is for where that is more than their port says, in lower case: an explicit
    /// proxy is told names, not addresses.
    pub hosts: Vec<Box<str>>,
    /// What routes the requests of connections that speak HTTP.
    pub http: Option<RouteTableId>,
    /// What takes connections that begin with a ClientHello, by its server name.
    pub names: ServerNames,
    /// What takes all others; `None`: they are closed.
    pub bytes: Option<TcpRoute>,
}

impl Captured {
    /// True if a connection's first bytes decide what becomes of it.
    #[must_use]
    pub fn detects(&self) -> bool {
        !self.names.chains().is_empty() || (self.http.is_some() && self.bytes.is_some())
    }
}

/// All outbound listeners of a sidecar.
#[derive(Debug, Clone, Default)]
pub struct Outbound {
    listeners: Vec<Captured>,
    otherwise: Option<TcpRoute>,
    exact: HashMap<SocketAddr, usize>,
    /// Longest prefix first.
    blocks: Vec<(IpNet, u16, usize)>,
    ports: HashMap<u16, usize>,
    hosts: HashMap<(Box<str>, u16), usize>,
}

/// The index follows from the listeners, so it takes no part in comparisons.
impl PartialEq for Outbound {
    fn eq(&self, other: &Self) -> bool {
        self.listeners == other.listeners && self.otherwise == other.otherwise
    }
}
impl Eq for Outbound {}

impl Outbound {
    /// Listeners that are meant for different things; of two for the same the first counts.
    /// `otherwise` takes the connections that are meant for none of them; `None`: they are closed.
    #[must_use]
    pub fn new(listeners: Vec<Captured>, otherwise: Option<TcpRoute>) -> Self {
        let mut all = Self { otherwise, ..Self::default() };
        for (position, listener) in listeners.iter().enumerate() {
            let port = match listener.meant {
                Meant::Address(address) => {
                    all.exact.entry(address).or_insert(position);
                    address.port()
                }
                Meant::Block(block, port) => {
                    all.blocks.push((block, port, position));
                    port
                }
                Meant::Port(port) => {
                    all.ports.entry(port).or_insert(position);
                    port
                }
            };
            for host in &listener.hosts {
                all.hosts.entry((host.clone(), port)).or_insert(position);
            }
        }
        all.blocks.sort_by_key(|(block, ..)| std::cmp::Reverse(block.prefix_len()));
        all.listeners = listeners;
        all
    }

    /// The listeners, in the order given.
    #[must_use]
    pub fn listeners(&self) -> &[Captured] {
        &self.listeners
    }

    /// What takes the connections that are meant for none of the listeners.
    #[must_use]
    pub fn otherwise(&self) -> Option<&TcpRoute> {
        self.otherwise.as_ref()
    }

    /// The listener of a captured connection, as Envoy hands it over: the one of its exact address
    /// wins over one of the longest block around it, that over one of its port.
    #[must_use]
    pub fn meant_for(&self, address: SocketAddr) -> Option<&Captured> {
        let port = address.port();
        let around = || {
            let fits = |(block, of, _): &&(IpNet, u16, usize)| {
                *of == port && block.contains(&address.ip())
            };
            self.blocks.iter().find(fits).map(|(.., position)| position)
        };
        let position = self.exact.get(&address).or_else(around);
        position.or_else(|| self.ports.get(&port)).map(|position| &self.listeners[*position])
    }

    /// The listener for a host, by name or address, and a port, as an explicit proxy is told them.
    #[must_use]
    pub fn named(&self, host: &str, port: u16) -> Option<&Captured> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return self.meant_for(SocketAddr::new(address, port));
        }
        let key = (Box::from(&*lower_case(host)), port);
        let position = self.hosts.get(&key).or_else(|| self.ports.get(&port))?;
        Some(&self.listeners[*position])
    }

    /// Every route table that its connections can meet.
    pub fn tables(&self) -> impl Iterator<Item = RouteTableId> + '_ {
        self.listeners.iter().filter_map(|listener| listener.http)
    }

    /// Every route of connections, with the server names that take it where names do.
    pub fn routes(&self) -> impl Iterator<Item = (&Captured, Option<&[Box<str>]>, &TcpRoute)> {
        self.listeners.iter().flat_map(|listener| {
            let chains = listener.names.chains().iter().filter_map(|chain| match &chain.then {
                Then::Http(_) => None,
                Then::Tcp(route) => Some((Some(&*chain.names), route)),
            });
            let bytes = listener.bytes.iter().map(|route| (None, route));
            chains.chain(bytes).map(move |(names, route)| (listener, names, route))
        })
    }
}

#[cfg(test)]
mod tests;
