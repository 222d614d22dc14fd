//! DestinationRule: how connections to a service behave, and its subsets.
//!
//! Data only. `TrafficPolicy` is one type for the rule and its subsets; ports have their own,
//! smaller one, as in Istio. Balancing and connections have a file each.

mod connection;
mod load_balancer;

use std::time::Duration;

use serde::Deserialize;

use crate::Labels;
use crate::proto::{duration, proto_enum};
use crate::selector::WorkloadSelector;
use crate::virtual_service::PortSelector;

pub use connection::{
    ClientTls, ClientTlsMode, ConnectionKeepalive, ConnectionPool, H2UpgradePolicy, HttpPool,
    TcpKeepalive, TcpPool,
};
pub use load_balancer::{
    ConsistentHash, CookieAttribute, HashAlgorithm, HashKey, HttpCookie, LbPolicy, LoadBalancer,
    LocalityDistribute, LocalityFailover, LocalityLb, Maglev, RingHash, SimpleLb, Warmup,
    ZoneAwareLb,
};

/// Policies for the traffic to one host, after routing.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DestinationRule {
    /// The service; a name without dots is looked up in the rule's namespace.
    pub host: String,
    /// Policies for all subsets.
    #[serde(alias = "traffic_policy")]
    pub traffic_policy: Option<TrafficPolicy>,
    /// Named groups of endpoints.
    pub subsets: Vec<Subset>,
    /// Namespaces that see this; empty means the mesh's default.
    #[serde(alias = "export_to")]
    pub export_to: Vec<String>,
    /// Client workloads that the rule is for; absent means all.
    #[serde(alias = "workload_selector")]
    pub workload_selector: Option<WorkloadSelector>,
}

/// Endpoints with certain labels.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Subset {
    /// The name that destinations use.
    pub name: String,
    /// Labels that endpoints must carry; empty means all endpoints.
    pub labels: Labels,
    /// Policies that override the rule's, block by block.
    #[serde(alias = "traffic_policy")]
    pub traffic_policy: Option<TrafficPolicy>,
}

/// Policies for connections to a service.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TrafficPolicy {
    /// How an endpoint is chosen.
    #[serde(alias = "load_balancer")]
    pub load_balancer: Option<LoadBalancer>,
    /// Limits and timeouts of connections.
    #[serde(alias = "connection_pool")]
    pub connection_pool: Option<ConnectionPool>,
    /// When endpoints are ejected.
    #[serde(alias = "outlier_detection")]
    pub outlier_detection: Option<OutlierDetection>,
    /// TLS towards the endpoints.
    pub tls: Option<ClientTls>,
    /// Policies for single ports; each replaces the four blocks above.
    #[serde(alias = "port_level_settings")]
    pub port_level_settings: Vec<PortTrafficPolicy>,
    /// TCP through an HTTP tunnel.
    pub tunnel: Option<Tunnel>,
    /// PROXY protocol towards the endpoints.
    #[serde(alias = "proxy_protocol")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// A limit of concurrent retries.
    #[serde(alias = "retry_budget")]
    pub retry_budget: Option<RetryBudget>,
}

/// Policies for one port of a service.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PortTrafficPolicy {
    /// The service's port; required.
    pub port: Option<PortSelector>,
    /// How an endpoint is chosen.
    #[serde(alias = "load_balancer")]
    pub load_balancer: Option<LoadBalancer>,
    /// Limits and timeouts of connections.
    #[serde(alias = "connection_pool")]
    pub connection_pool: Option<ConnectionPool>,
    /// When endpoints are ejected.
    #[serde(alias = "outlier_detection")]
    pub outlier_detection: Option<OutlierDetection>,
    /// TLS towards the endpoints.
    pub tls: Option<ClientTls>,
}

/// A tunnel for TCP through an HTTP proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Tunnel {
    /// `CONNECT` (default) or `POST`.
    pub protocol: String,
    /// The host at the tunnel's far end.
    #[serde(alias = "target_host")]
    pub target_host: String,
    /// The port at the tunnel's far end.
    #[serde(alias = "target_port")]
    pub target_port: u32,
}

/// The PROXY protocol header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProxyProtocol {
    /// Its version.
    pub version: ProxyProtocolVersion,
}

proto_enum! {
    /// A version of the PROXY protocol.
    pub enum ProxyProtocolVersion("PROXY protocol version") {
        /// The text form.
        V1 = 0 "V1",
        /// The binary form.
        V2 = 1 "V2",
    }
}

/// A limit of concurrent retries relative to active requests.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RetryBudget {
    /// Share of active requests in percent; absent means 20.
    pub percent: Option<f64>,
    /// Retries that are always allowed; absent means 3.
    #[serde(alias = "min_retry_concurrency")]
    pub min_retry_concurrency: Option<u32>,
    /// Time that requests count for; absent means only active ones.
    #[serde(alias = "budget_interval", deserialize_with = "duration::optional")]
    pub budget_interval: Option<Duration>,
}

/// When endpoints are ejected, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OutlierDetection {
    /// Superseded and ignored by Istio.
    #[serde(alias = "consecutive_errors")]
    pub consecutive_errors: i32,
    /// Count connection failures apart from responses.
    #[serde(alias = "split_external_local_origin_errors")]
    pub split_external_local_origin_errors: bool,
    /// Connection failures in a row; absent means 5.
    #[serde(alias = "consecutive_local_origin_failures")]
    pub consecutive_local_origin_failures: Option<u32>,
    /// 502, 503 and 504 in a row; absent means off.
    #[serde(alias = "consecutive_gateway_errors")]
    pub consecutive_gateway_errors: Option<u32>,
    /// Responses with 5xx in a row; absent means 5, 0 disables.
    #[serde(alias = "consecutive_5xx_errors")]
    pub consecutive_5xx_errors: Option<u32>,
    /// Time between sweeps; absent means 10 s.
    #[serde(deserialize_with = "duration::optional")]
    pub interval: Option<Duration>,
    /// First ejection's length; absent means 30 s.
    #[serde(alias = "base_ejection_time", deserialize_with = "duration::optional")]
    pub base_ejection_time: Option<Duration>,
    /// Most endpoints ejected, in percent; 0 means 10.
    #[serde(alias = "max_ejection_percent")]
    pub max_ejection_percent: i32,
    /// Share of healthy endpoints below which ejections are ignored.
    #[serde(alias = "min_health_percent")]
    pub min_health_percent: i32,
    /// Statuses that count as errors instead of 5xx.
    #[serde(alias = "outlier_detection_http_error_codes")]
    pub outlier_detection_http_error_codes: Vec<u32>,
}
