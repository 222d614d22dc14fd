//! A bound address and what answers there.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::name_index::NameIndex;
use crate::virtual_host::{host_of, lower_case};
use crate::{Origin, Outbound, Reason, RouteTableId, ServerTls, Snapshot, Target, Tunnel};

/// What a listener binds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bind {
    /// TCP.
    Ip(SocketAddr),
    /// A Unix domain socket in the file system.
    Unix(PathBuf),
    /// A Unix domain socket that has a name and no file (Linux).
    Abstract(Box<str>),
}

/// `0.0.0.0:8080`, `[::]:8080`, `unix:/run/gateway.sock` or `unix:@gateway`.
impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Abstract(name) => write!(f, "unix:@{name}"),
        }
    }
}

/// A listener and what its connections meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where it binds; unique within a snapshot.
    pub bind: Bind,
    /// Where it binds besides: the other address family of all addresses (Envoy's
    /// `additional_addresses`).
    pub also: Option<Bind>,
    /// The port that the Gateway's server declares, which matches and logs use; it may differ from
    /// the bound one.
    pub port: u16,
    /// What its connections meet.
    pub serves: Serves,
    /// The first Gateway server that opened it.
    pub origin: Origin,
}

impl Listener {
    /// Every address that it binds.
    pub fn binds(&self) -> impl Iterator<Item = &Bind> {
        std::iter::once(&self.bind).chain(&self.also)
    }

    /// Every route table that its connections can meet, in the order of its servers.
    pub fn tables(&self) -> impl Iterator<Item = RouteTableId> + '_ {
        let (plain, chains, outbound) = match &self.serves {
            Serves::Http(table) => (Some(*table), &[][..], None),
            Serves::Tcp(_) => (None, &[][..], None),
            Serves::Tls(names) => (None, names.chains(), None),
            Serves::Captured(outbound) | Serves::Proxy(outbound) => (None, &[][..], Some(outbound)),
        };
        let outbound = outbound.into_iter().flat_map(|outbound| outbound.tables());
        plain.into_iter().chain(outbound).chain(chains.iter().filter_map(
            |chain| match &chain.then {
                Then::Http(table) => Some(*table),
                Then::Tcp(_) => None,
            },
        ))
    }
}

impl Snapshot {
    /// The routes for a request that came over TLS to the server of `names` at `own`. The host of
    /// another server is served only if that ends TLS alike (same certificates, same rules about
    /// clients, versions and suites): then any client could have asked that server (RFC 9113
    /// section 9.1.1). Where a wildcard of its own server covers the host too, Istio answers for
    /// it whatever the other server demands; here the certificates alone may differ then.
    ///
    /// # Errors
    /// [`Reason::Misdirected`] where the two differ, or the other does not end TLS in HTTP.
    pub fn table_over_tls(
        &self,
        names: &ServerNames,
        own: usize,
        table: RouteTableId,
        authority: &str,
    ) -> Result<RouteTableId, Reason> {
        let position = names.position(Some(host_of(authority)));
        let Some(at) = position.filter(|at| *at != own) else { return Ok(table) };
        let (own, other) = (&names.chains[own], &names.chains[at]);
        let Then::Http(theirs) = other.then else { return Err(Reason::Misdirected) };
        let has = |table| self.table(table).position(authority).is_some();
        match (has(table), has(theirs)) {
            (true, _) if own.protects_as(other) => Ok(table),
            (false, true) if own.termination == other.termination => Ok(theirs),
            (false, false) => Ok(table),
            _ => Err(Reason::Misdirected),
        }
    }
}

impl TlsChain {
    /// True if both demand the same of clients, whatever they show to them.
    fn protects_as(&self, other: &Self) -> bool {
        match (&self.termination, &other.termination) {
            (Termination::Terminate(own), Termination::Terminate(other)) => {
                let same =
                    ServerTls { certificates: own.certificates.clone(), ..(**other).clone() };
                **own == same
            }
            (own, other) => own == other,
        }
    }
}

/// What the connections of a listener meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serves {
    /// Plaintext HTTP (HTTP/1.1 today).
    Http(RouteTableId),
    /// Bytes that are handed on as they come.
    Tcp(TcpRoute),
    /// TLS: the server name that a client asks for chooses what follows.
    Tls(ServerNames),
    /// Connections that the kernel redirected here on their way out of a workload: the address
    /// that each was meant for chooses what follows.
    Captured(Arc<Outbound>),
    /// Requests to an explicit HTTP proxy, CONNECT among them: the host and port that each names
    /// choose what follows.
    Proxy(Arc<Outbound>),
}

/// Where the bytes of a connection go. Chosen once per connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpRoute {
    /// Destinations with their weights; never empty. A single one takes all connections.
    pub destinations: Vec<TcpDestination>,
    /// A connection without a byte in either direction for so long is closed; `None`: never.
    pub idle_timeout: Option<Duration>,
    /// A connection is closed after so long, whatever it does; `None`: never.
    pub duration: Option<Duration>,
    /// What its statistics are called.
    pub stat_prefix: Box<str>,
    /// What the bytes are, for statistics only.
    pub protocol: TcpProtocol,
    /// The client's address is hashed for destinations that choose their endpoint by a hash.
    pub hash_source: bool,
    /// What connections to the endpoint begin with; `None`: with the client's first byte.
    pub tunnel: Option<Arc<Tunnel>>,
    /// The rule that sends them there.
    pub origin: Origin,
}

/// One destination of a TCP route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpDestination {
    /// Where to.
    pub target: Target,
    /// Its share among the weights of the route.
    pub weight: u32,
}

/// What the bytes of a TCP route are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpProtocol {
    /// Nothing that is looked into.
    Tcp,
    /// MongoDB's wire protocol, counted by operation.
    Mongo,
}

/// What follows a ClientHello for certain server names: one of Envoy's filter chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsChain {
    /// The names it answers: `a.com`, `*.a.com`, or `*` for any and none. Lower case.
    pub names: Vec<Box<str>>,
    /// What a client must offer besides the name.
    pub offered: Offered,
    /// Whether TLS ends here.
    pub termination: Termination,
    /// What becomes of the bytes.
    pub then: Then,
    /// The Gateway server or the VirtualService rule that made it.
    pub origin: Origin,
}

/// The application protocols (ALPN) that a client must offer to be answered by a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Offered {
    /// Any, or none.
    #[default]
    Anything,
    /// One of those that Istio's proxies offer in mutual TLS between each other, and nobody else
    /// ([`ISTIO_PROTOCOLS`]).
    Istio,
}

impl Offered {
    /// True if a client that offers `protocols` may be answered.
    pub fn admits<'p>(self, protocols: impl IntoIterator<Item = &'p [u8]>) -> bool {
        let is_istio = |one: &[u8]| ISTIO_PROTOCOLS.iter().any(|known| known.as_bytes() == one);
        match self {
            Self::Anything => true,
            Self::Istio => protocols.into_iter().any(is_istio),
        }
    }
}

/// The application protocols of mutual TLS in a mesh (Istio's `allIstioMtlsALPNs`).
pub const ISTIO_PROTOCOLS: [&str; 5] =
    ["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"];

/// Whether TLS ends at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Termination {
    /// It is decrypted here.
    Terminate(Arc<ServerTls>),
    /// It is handed on as it comes.
    Passthrough,
}

/// What becomes of the bytes of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// They are HTTP, routed by a table.
    Http(RouteTableId),
    /// They are handed on.
    Tcp(TcpRoute),
}

/// The chains of one TLS listener by server name.
#[derive(Debug, Clone, Default)]
pub struct ServerNames {
    chains: Vec<TlsChain>,
    index: NameIndex,
}

/// The index follows from the chains, so it takes no part in comparisons.
impl PartialEq for ServerNames {
    fn eq(&self, other: &Self) -> bool {
        self.chains == other.chains
    }
}
impl Eq for ServerNames {}

impl ServerNames {
    /// A table of chains whose names are distinct. Of two equal names the first counts.
    #[must_use]
    pub fn new(chains: Vec<TlsChain>) -> Self {
        let numbered = chains.iter().enumerate();
        let names = numbered
            .flat_map(|(position, chain)| chain.names.iter().map(move |name| (&**name, position)));
        let index = NameIndex::new(names);
        Self { chains, index }
    }

    /// The chains, in the order given.
    #[must_use]
    pub fn chains(&self) -> &[TlsChain] {
        &self.chains
    }

    /// The chain for the server name of a ClientHello, as Envoy chooses it: letters are compared
    /// without case, an exact name wins over the longest `*suffix`, that over `*`, which alone
    /// answers a client that names no server. `None`: the connection is closed without an alert.
    #[must_use]
    pub fn lookup(&self, sni: Option<&str>) -> Option<&TlsChain> {
        self.position(sni).map(|position| &self.chains[position])
    }

    /// Like [`ServerNames::lookup`], but the position among [`ServerNames::chains`].
    #[must_use]
    pub fn position(&self, sni: Option<&str>) -> Option<usize> {
        match sni {
            Some(name) => self.index.position(&lower_case(name)),
            None => self.index.any(),
        }
    }
}

#[cfg(test)]
mod tests;
