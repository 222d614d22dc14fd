//! VirtualService: which requests of a host go where.
//!
//! The root and the routes of TLS and TCP are here; HTTP routes, their matches and their policies
//! have a file each. Plain data as written, nothing is checked beyond its shape.

mod matches;
mod policy;
mod route;

use serde::Deserialize;

use crate::Labels;

pub use matches::{HttpMatch, StringMatch};
pub use policy::{
    Abort, AbortError, CorsPolicy, Delay, DelayType, FaultInjection, HttpMirror, HttpRetry,
    Percent, UnmatchedPreflights,
};
pub use route::{
    Delegate, Destination, DirectResponse, HeaderOperations, Headers, HttpBody, HttpRedirect,
    HttpRewrite, HttpRoute, HttpRouteDestination, PortSelector, RedirectPort,
    RedirectPortSelection, RegexRewrite,
};

/// Routes for the traffic of some hosts.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct VirtualService {
    /// Hosts that the routes apply to; empty makes it a delegate.
    pub hosts: Vec<String>,
    /// Gateways that the routes apply at; empty means `mesh` only.
    pub gateways: Vec<String>,
    /// Routes for HTTP, first match wins.
    pub http: Vec<HttpRoute>,
    /// Routes for TLS that is not terminated, by server name.
    pub tls: Vec<TlsRoute>,
    /// Routes for plain TCP.
    pub tcp: Vec<TcpRoute>,
    /// Namespaces that see this; empty means the mesh's default.
    #[serde(alias = "export_to")]
    pub export_to: Vec<String>,
}

/// A route for TLS connections that are passed through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TlsRoute {
    /// Conditions, of which one must hold; required.
    pub r#match: Vec<TlsMatch>,
    /// Where connections go.
    pub route: Vec<RouteDestination>,
}

/// Conditions on a TLS connection; all must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TlsMatch {
    /// Server names, wildcards allowed; required.
    #[serde(alias = "sni_hosts")]
    pub sni_hosts: Vec<String>,
    /// Destination addresses; without effect at gateways, as in Istio.
    #[serde(alias = "destination_subnets")]
    pub destination_subnets: Vec<String>,
    /// Port of the Gateway's server as declared; 0 means any.
    pub port: u32,
    /// Labels of the client's workload; without effect at gateways.
    #[serde(alias = "source_labels")]
    pub source_labels: Labels,
    /// Gateways, instead of the VirtualService's own list.
    pub gateways: Vec<String>,
    /// Namespace of the client; without effect at gateways.
    #[serde(alias = "source_namespace")]
    pub source_namespace: String,
}

/// A route for TCP connections.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TcpRoute {
    /// Conditions, of which one must hold; empty matches everything.
    pub r#match: Vec<L4Match>,
    /// Where connections go.
    pub route: Vec<RouteDestination>,
}

/// Conditions on a TCP connection; all must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct L4Match {
    /// Destination addresses; without effect at gateways, as in Istio.
    #[serde(alias = "destination_subnets")]
    pub destination_subnets: Vec<String>,
    /// Port of the Gateway's server as declared; 0 means any.
    pub port: u32,
    /// Address of the client; without effect at gateways.
    #[serde(alias = "source_subnet")]
    pub source_subnet: String,
    /// Labels of the client's workload; without effect at gateways.
    #[serde(alias = "source_labels")]
    pub source_labels: Labels,
    /// Gateways, instead of the VirtualService's own list.
    pub gateways: Vec<String>,
    /// Namespace of the client; without effect at gateways.
    #[serde(alias = "source_namespace")]
    pub source_namespace: String,
}

/// A destination of TLS or TCP connections and its share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RouteDestination {
    /// Where to.
    pub destination: Destination,
    /// Its share among all weights of the route.
    pub weight: i32,
}
