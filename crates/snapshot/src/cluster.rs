//! Clusters: a service port (and subset), how its endpoints are found and how one is chosen.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{Asked, ClientTls, Limits, LocalityWeight, Outlier, Warmup};

/// Index into [`crate::Snapshot::clusters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId(pub u32);

/// Where an endpoint listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// TCP.
    Ip(SocketAddr),
    /// A Unix domain socket in the file system.
    Unix(PathBuf),
    /// A Unix domain socket that has a name and no file (Linux).
    Abstract(Box<str>),
}

/// Region, zone and subzone; empty where unknown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Locality {
    /// Region.
    pub region: Box<str>,
    /// Zone.
    pub zone: Box<str>,
    /// Subzone.
    pub subzone: Box<str>,
}

/// One endpoint of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Where it listens.
    pub address: Address,
    /// Load-balancing weight; at least 1.
    pub weight: u32,
    /// Where it runs.
    pub locality: Locality,
    /// How near it is: those of priority 0 come first, and others only when too few of these are
    /// healthy.
    pub priority: u32,
    /// False for one that is known and takes no requests now.
    pub ready: bool,
    /// The name that it is the one address of for now (DNS_ROUND_ROBIN): the addresses of such a
    /// name are one endpoint, one after the other. `None`: it is what its address says.
    pub stands_for: Option<Box<str>>,
    /// It is spoken to in plaintext although its cluster has TLS: that is automatic mutual TLS, and
    /// this endpoint is not known to speak it (Istio decides for each).
    pub plaintext: bool,
}

impl Endpoint {
    /// An endpoint of which nothing is said but its address.
    #[must_use]
    pub fn at(address: Address) -> Self {
        Self {
            address,
            weight: 1,
            locality: Locality::default(),
            priority: 0,
            ready: true,
            stands_for: None,
            plaintext: false,
        }
    }
}

/// A name whose addresses are endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsTarget {
    /// The name to resolve.
    pub name: Box<str>,
    /// The port of every address found.
    pub port: u16,
    /// Weight of each of its addresses.
    pub weight: u32,
    /// Where it runs.
    pub locality: Locality,
    /// How near it is, as [`Endpoint::priority`].
    pub priority: u32,
    /// As [`Endpoint::plaintext`].
    pub plaintext: bool,
}

/// How endpoints are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discovery {
    /// They are listed (Kubernetes endpoints, ServiceEntry STATIC). May be empty: 503, flag UH.
    Static(Arc<[Endpoint]>),
    /// Names are resolved while serving (ServiceEntry DNS); listed addresses are used beside them.
    Dns {
        /// Names.
        names: Arc<[DnsTarget]>,
        /// Endpoints that need no resolution.
        fixed: Arc<[Endpoint]>,
        /// DNS_ROUND_ROBIN: only the first address of an answer is used for new connections.
        first_only: bool,
    },
    /// Whoever asks names them.
    Asked(Asked),
}

impl Discovery {
    /// True if some endpoint gets plaintext whatever its cluster's TLS.
    #[must_use]
    pub fn has_plaintext(&self) -> bool {
        match self {
            Self::Static(endpoints) => endpoints.iter().any(|one| one.plaintext),
            Self::Dns { names, fixed, first_only: _ } => {
                names.iter().any(|one| one.plaintext) || fixed.iter().any(|one| one.plaintext)
            }
            Self::Asked(_) => false,
        }
    }

    /// True if there is an endpoint that takes requests, or may turn out to be one.
    #[must_use]
    pub fn has_endpoints(&self) -> bool {
        let ready = |endpoints: &[Endpoint]| endpoints.iter().any(|endpoint| endpoint.ready);
        match self {
            Self::Static(endpoints) => ready(endpoints),
            Self::Dns { names, fixed, first_only: _ } => !names.is_empty() || ready(fixed),
            Self::Asked(_) => true,
        }
    }
}

/// How an endpoint is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// Power of two choices by active requests, weighted (Istio's default).
    #[default]
    LeastRequest,
    /// Weighted round robin.
    RoundRobin,
    /// Any, whatever its weight (Envoy's `RANDOM`).
    Random,
    /// The next point of a ring that the request's hash meets (Envoy's `RING_HASH`).
    RingHash {
        /// Fewest points on the ring.
        points_min: u64,
    },
    /// A table that the request's hash indexes (Envoy's `MAGLEV`).
    Maglev {
        /// Entries of the table: a prime.
        entries: u64,
    },
}

impl Balance {
    /// True if the hash of a request chooses.
    #[must_use]
    pub fn is_hashed(self) -> bool {
        matches!(self, Self::RingHash { .. } | Self::Maglev { .. })
    }
}

impl fmt::Display for Balance {
    /// Istio's and Envoy's words for it, with its size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeastRequest => f.write_str("LEAST_REQUEST"),
            Self::RoundRobin => f.write_str("ROUND_ROBIN"),
            Self::Random => f.write_str("RANDOM"),
            Self::RingHash { points_min } => write!(f, "RING_HASH of {points_min} points"),
            Self::Maglev { entries } => write!(f, "MAGLEV of {entries} entries"),
        }
    }
}

/// What is spoken to endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpstreamProtocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 with prior knowledge, or by ALPN over TLS. No other protocol is fallen back to.
    Http2(Http2Settings),
    /// What the client of each request speaks (DestinationRule `useClientProtocol`).
    AsClient(Http2Settings),
}

/// How HTTP/2 connections to endpoints are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Http2Settings {
    /// Most streams at once on one connection, however many the endpoint allows (DestinationRule
    /// `maxConcurrentStreams`); at least 1.
    pub max_concurrent_streams: Option<u32>,
    /// Whether and how connections are probed.
    pub keep_alive: Option<Http2KeepAlive>,
}

/// PINGs on HTTP/2 connections (DestinationRule `http2KeepAlive`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http2KeepAlive {
    /// Time between two PINGs; never zero. Envoy adds up to 15 per cent to it.
    pub interval: Duration,
    /// Time for the answer, after which the connection is given up; never zero.
    pub timeout: Duration,
}

/// Whether requests may be sent at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Availability {
    /// Yes.
    #[default]
    Open,
    /// No: serving it now would break a promise of its configuration (e.g. TLS asked for and not in
    /// effect).
    /// Requests are answered 503; the text says why, for logs.
    Closed(Box<str>),
}

/// The PROXY protocol header that connections to endpoints begin with (DestinationRule
/// `proxyProtocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeader {
    /// A line of text.
    V1,
    /// The binary form.
    V2,
}

/// One cluster. Equal clusters of two generations share their live state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Istio's name: `outbound|<port>|<subset>|<host>`; unique within a snapshot.
    pub name: Box<str>,
    /// How endpoints are found.
    pub discovery: Discovery,
    /// How one is chosen.
    pub balance: Balance,
    /// Weights of localities, in the order that tables take them; `None`: inside a priority they
    /// do not count.
    pub localities: Option<Arc<[LocalityWeight]>>,
    /// How new endpoints get their share; `None`: at once.
    pub warmup: Option<Warmup>,
    /// What is spoken.
    pub protocol: UpstreamProtocol,
    /// How it is encrypted; `None`: in plaintext.
    pub tls: Option<Arc<ClientTls>>,
    /// The header before everything else, TLS included; `None`: there is none.
    pub proxy_header: Option<ProxyHeader>,
    /// Limit of a TCP connect (DestinationRule `connectTimeout`, mesh default 10 s).
    pub connect_timeout: Duration,
    /// How long an unused pooled connection lives; 1 h by default.
    pub idle_timeout: Duration,
    /// How much of it may be in use at a time.
    pub limits: Limits,
    /// When its endpoints are ejected; `None`: never.
    pub outlier: Option<Arc<Outlier>>,
    /// Whether it may be used.
    pub availability: Availability,
}
