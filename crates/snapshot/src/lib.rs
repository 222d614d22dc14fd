//! What the wire needs: the configuration compiled into tables that decide and never wait.
//!
//! Immutable, indexed, comparable and printable. It knows neither YAML nor sockets nor clocks:
//! `compile` builds it, `proxy` asks it, `explain` and the golden tests read it.

mod asked;
mod cluster;
mod decide;
mod dump;
mod explain;
mod format;
mod fuzz;
mod hash_key;
mod head;
mod header_ops;
mod http_settings;
mod limits;
mod listener;
mod matching;
mod name_index;
mod origin;
mod outbound;
mod outlier;
mod path;
mod policy;
mod re2;
mod reason;
mod redirect;
#[cfg(test)]
mod reference;
mod retry;
mod rule;
mod rule_list;
#[cfg(test)]
mod samples;
mod spread;
mod string_match;
mod tls;
mod tunnel;
mod virtual_host;

use std::sync::Arc;
use std::time::Duration;

pub use asked::{Asked, PASSTHROUGH};
pub use cluster::{
    Address, Availability, Balance, Cluster, ClusterId, Discovery, DnsTarget, Endpoint,
    Http2KeepAlive, Http2Settings, Locality, ProxyHeader, UpstreamProtocol,
};
pub use decide::{CorsReply, Decision, Dice, Verdict};
pub use explain::{Explanation, Tried};
pub use format::{
    AddressOf, AddressPart, BadFormat, Format, HeaderVariable, Number, Segment, Text, TimeFormat,
    Variables,
};
#[doc(hidden)]
pub use fuzz::{fuzz_format, fuzz_host_lookup, fuzz_path, fuzz_pattern};
pub use hash_key::{HashCookie, HashKey};
pub use head::{Head, Line, Scheme};
pub use header_ops::{HeaderName, HeaderOps, HeaderWrite, RouteHeaders, WriteMode};
pub use http_settings::{ClientCertificate, HttpSettings, PathNormalization, ServerHeader};
pub use limits::{Keepalive, Limits, RetryBudget};
pub use listener::{
    Bind, ISTIO_PROTOCOLS, Listener, Offered, ServerNames, Serves, TcpDestination, TcpProtocol,
    TcpRoute, Termination, Then, TlsChain,
};
pub use matching::Mismatch;
pub use origin::{ObjectId, ObjectName, Origin};
pub use outbound::{Captured, Meant, Outbound};
pub use outlier::Outlier;
pub use path::{BadPath, normalize};
pub use policy::{Abort, AbortAnswer, Cors, Delay, Fault, Fraction, Mirror, Retry, RetryOn};
pub use reason::{Failure, Reason, grpc_status_of};
pub use retry::BadRetryOn;
pub use rule::{
    Action, Destination, DirectResponse, Forward, HeaderMatch, Matcher, PathMatch, PathRewrite,
    QueryMatch, Redirect, RedirectPath, RedirectPort, Rule, Target,
};
pub use rule_list::RuleList;
pub use spread::{LocalityWeight, Warmup};
pub use string_match::{BadPattern, Pattern, StringMatch};
pub use tls::{
    Authorities, CipherSuite, ClientCheck, ClientTls, Credential, Identity, Offers, Opaque,
    ServerCheck, ServerTls, SniName, TlsGroup, TlsVersion,
};
pub use tunnel::{Tunnel, TunnelMethod};
pub use virtual_host::{RouteTable, RouteTableId, VirtualHost, host_of};

/// The whole compiled configuration of one generation.
///
/// References inside it are ids that the compiler proved in range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// What is bound, in the order of bind address and port.
    pub listeners: Vec<Listener>,
    /// The route tables that listeners name. Shared by generations that differ in endpoints alone.
    pub tables: Arc<[RouteTable]>,
    /// Every cluster that some rule names, in the order of their names.
    pub clusters: Vec<Cluster>,
    /// Settings of all HTTP listeners (Istio's MeshConfig and ProxyConfig).
    pub http: HttpSettings,
    /// The objects that origins refer to.
    pub objects: Vec<ObjectName>,
    /// Every connection over TCP begins with a PROXY protocol header; without one it is closed.
    pub proxy_protocol: bool,
    /// A TLS client that asks for a server name which no server answers gets the alert
    /// `unrecognized_name` (RFC 6066 section 3) instead of Istio's reset.
    pub alert_unknown_names: bool,
    /// Longest wait between look-ups of a name that fail; `None`: Istio's 60 s.
    pub dns_refresh: Option<Duration>,
    /// Set when a security object selects this gateway and is not enforced: every request is
    /// answered 403.
    pub closed: bool,
}

impl Snapshot {
    /// The cluster of an id. Never fails: the compiler proved every id in range.
    #[must_use]
    pub fn cluster(&self, id: ClusterId) -> &Cluster {
        &self.clusters[id.0 as usize]
    }

    /// True if a destination is wherever a captured connection was meant to go, which whoever names
    /// a host instead of an address cannot reach.
    #[must_use]
    pub fn passes_through(&self, target: &Target) -> bool {
        matches!(target, Target::Cluster(id) if *self.cluster(*id).name == *PASSTHROUGH)
    }

    /// The table of an id. Never fails: the compiler proved every id in range.
    #[must_use]
    pub fn table(&self, id: RouteTableId) -> &RouteTable {
        &self.tables[id.0 as usize]
    }
}
