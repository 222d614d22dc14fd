//! DestinationRule: how connections to a service behave, and its subsets.
//!
//! Data only. `TrafficPolicy` is one type for the rule and its subsets; ports have their own, smaller one,
//! as in Istio.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::Labels;
use crate::proto::{Several, at_most_one, duration, proto_enum};
use crate::selector::WorkloadSelector;
use crate::virtual_service::PortSelector;

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

/// How an endpoint is chosen (Istio's `LoadBalancerSettings`).
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(try_from = "LoadBalancerFields")]
pub struct LoadBalancer {
    /// The algorithm that chooses an endpoint.
    pub policy: Option<LbPolicy>,
    /// Preference for near endpoints.
    pub locality_lb_setting: Option<LocalityLb>,
    /// Preference for the same zone.
    pub zone_aware_lb_setting: Option<ZoneAwareLb>,
    /// Time until a new endpoint gets its full share; superseded by `warmup`.
    pub warmup_duration_secs: Option<Duration>,
    /// How the share of a new endpoint grows.
    pub warmup: Option<Warmup>,
}

/// The algorithm that chooses an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LbPolicy {
    /// An algorithm without settings.
    Simple(SimpleLb),
    /// The same endpoint for the same key.
    ConsistentHash(ConsistentHash),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct LoadBalancerFields {
    simple: Option<SimpleLb>,
    #[serde(alias = "consistent_hash")]
    consistent_hash: Option<ConsistentHash>,
    #[serde(alias = "locality_lb_setting")]
    locality_lb_setting: Option<LocalityLb>,
    #[serde(alias = "zone_aware_lb_setting")]
    zone_aware_lb_setting: Option<ZoneAwareLb>,
    #[serde(alias = "warmup_duration_secs", deserialize_with = "duration::optional")]
    warmup_duration_secs: Option<Duration>,
    warmup: Option<Warmup>,
}

impl TryFrom<LoadBalancerFields> for LoadBalancer {
    type Error = Several;

    fn try_from(fields: LoadBalancerFields) -> Result<Self, Several> {
        let policy = at_most_one([
            ("simple", fields.simple.map(LbPolicy::Simple)),
            ("consistentHash", fields.consistent_hash.map(LbPolicy::ConsistentHash)),
        ])?;
        Ok(Self {
            policy,
            locality_lb_setting: fields.locality_lb_setting,
            zone_aware_lb_setting: fields.zone_aware_lb_setting,
            warmup_duration_secs: fields.warmup_duration_secs,
            warmup: fields.warmup,
        })
    }
}

proto_enum! {
    /// Algorithms without settings.
    pub enum SimpleLb("simple") {
        /// The default: least requests.
        Unspecified = 0 "UNSPECIFIED",
        /// Superseded; the same as least requests.
        LeastConn = 1 "LEAST_CONN",
        /// A random endpoint.
        Random = 2 "RANDOM",
        /// The address that the client asked for.
        Passthrough = 3 "PASSTHROUGH",
        /// One after the other.
        RoundRobin = 4 "ROUND_ROBIN",
        /// The one of two random endpoints with fewer active requests.
        LeastRequest = 5 "LEAST_REQUEST",
    }
}

/// The same endpoint for requests with the same key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "ConsistentHashFields")]
pub struct ConsistentHash {
    /// What is hashed.
    pub key: Option<HashKey>,
    /// How a hash finds its endpoint.
    pub algorithm: Option<HashAlgorithm>,
    /// Superseded by `ring_hash`; 0 means unset.
    pub minimum_ring_size: u64,
}

/// What is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    /// A header's value.
    HttpHeaderName(String),
    /// A cookie's value.
    HttpCookie(HttpCookie),
    /// The client's address.
    UseSourceIp(bool),
    /// A query parameter's value.
    HttpQueryParameterName(String),
}

/// How a hash finds its endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// Ketama-like ring; the default.
    RingHash(RingHash),
    /// Maglev table.
    Maglev(Maglev),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct ConsistentHashFields {
    #[serde(alias = "http_header_name")]
    http_header_name: Option<String>,
    #[serde(alias = "http_cookie")]
    http_cookie: Option<HttpCookie>,
    #[serde(alias = "use_source_ip")]
    use_source_ip: Option<bool>,
    #[serde(alias = "http_query_parameter_name")]
    http_query_parameter_name: Option<String>,
    #[serde(alias = "ring_hash")]
    ring_hash: Option<RingHash>,
    maglev: Option<Maglev>,
    #[serde(alias = "minimum_ring_size")]
    minimum_ring_size: u64,
}

impl TryFrom<ConsistentHashFields> for ConsistentHash {
    type Error = Several;

    fn try_from(fields: ConsistentHashFields) -> Result<Self, Several> {
        let key = at_most_one([
            ("httpHeaderName", fields.http_header_name.map(HashKey::HttpHeaderName)),
            ("httpCookie", fields.http_cookie.map(HashKey::HttpCookie)),
            ("useSourceIp", fields.use_source_ip.map(HashKey::UseSourceIp)),
            (
                "httpQueryParameterName",
                fields.http_query_parameter_name.map(HashKey::HttpQueryParameterName),
            ),
        ])?;
        let algorithm = at_most_one([
            ("ringHash", fields.ring_hash.map(HashAlgorithm::RingHash)),
            ("maglev", fields.maglev.map(HashAlgorithm::Maglev)),
        ])?;
        Ok(Self { key, algorithm, minimum_ring_size: fields.minimum_ring_size })
    }
}

/// A cookie that carries the key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpCookie {
    /// Its name.
    pub name: String,
    /// Its path; empty means none.
    pub path: String,
    /// Its lifetime; zero makes a session cookie, absent means it is never generated.
    #[serde(deserialize_with = "duration::optional")]
    pub ttl: Option<Duration>,
    /// Further attributes.
    pub attributes: Vec<CookieAttribute>,
}

/// An attribute of a generated cookie.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CookieAttribute {
    /// Its name.
    pub name: String,
    /// Its value; empty for flags.
    pub value: String,
}

/// Settings of the ring.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RingHash {
    /// Fewest points on the ring; 0 means 1024.
    #[serde(alias = "minimum_ring_size")]
    pub minimum_ring_size: u64,
}

/// Settings of the table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Maglev {
    /// Entries, a prime below 5000011; 0 means 65537.
    #[serde(alias = "table_size")]
    pub table_size: u64,
}

/// Preference for endpoints by locality; at most one of the first three.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LocalityLb {
    /// Fixed shares.
    pub distribute: Vec<LocalityDistribute>,
    /// Where a region's traffic goes when it fails.
    pub failover: Vec<LocalityFailover>,
    /// Labels that order endpoints.
    #[serde(alias = "failover_priority")]
    pub failover_priority: Vec<String>,
    /// Whether this applies; absent means yes.
    pub enabled: Option<bool>,
}

/// Shares for traffic that originates somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LocalityDistribute {
    /// Locality of the client, `region/zone/subzone` with wildcards.
    pub from: String,
    /// Shares in percent by locality; their sum must be 100.
    pub to: BTreeMap<String, u32>,
}

/// The region that takes over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LocalityFailover {
    /// Region that fails.
    pub from: String,
    /// Region that takes over.
    pub to: String,
}

/// Preference for endpoints of the own zone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ZoneAwareLb {
    /// Whether this applies.
    pub enabled: Option<bool>,
    /// Where a region's traffic goes when it fails.
    pub failover: Vec<LocalityFailover>,
    /// Labels that order endpoints.
    #[serde(alias = "failover_priority")]
    pub failover_priority: Vec<String>,
    /// Fewest endpoints for it to apply; absent means 6.
    #[serde(alias = "min_cluster_size")]
    pub min_cluster_size: Option<u32>,
}

/// How the share of a new endpoint grows.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Warmup {
    /// Time until the full share; required.
    #[serde(deserialize_with = "duration::optional")]
    pub duration: Option<Duration>,
    /// Share at the beginning in percent; absent means 10.
    #[serde(alias = "minimum_percent")]
    pub minimum_percent: Option<f64>,
    /// Steepness; absent means 1, which is linear.
    pub aggression: Option<f64>,
}

/// Limits and timeouts of connections.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConnectionPool {
    /// For TCP and HTTP.
    pub tcp: Option<TcpPool>,
    /// For HTTP.
    pub http: Option<HttpPool>,
}

/// Limits and timeouts of TCP connections; 0 means the default, as in Istio.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TcpPool {
    /// Most connections; 0 means no limit.
    #[serde(alias = "max_connections")]
    pub max_connections: i32,
    /// Time to connect; absent means the mesh's, 10 s by default.
    #[serde(alias = "connect_timeout", deserialize_with = "duration::optional")]
    pub connect_timeout: Option<Duration>,
    /// Probes on idle connections.
    #[serde(alias = "tcp_keepalive")]
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// Longest life of a connection.
    #[serde(alias = "max_connection_duration", deserialize_with = "duration::optional")]
    pub max_connection_duration: Option<Duration>,
    /// Longest silence; absent means one hour.
    #[serde(alias = "idle_timeout", deserialize_with = "duration::optional")]
    pub idle_timeout: Option<Duration>,
}

/// Probes on idle connections.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TcpKeepalive {
    /// Unanswered probes before the connection is dead; 0 means the operating system's.
    pub probes: u32,
    /// Silence before the first probe.
    #[serde(deserialize_with = "duration::optional")]
    pub time: Option<Duration>,
    /// Time between probes.
    #[serde(deserialize_with = "duration::optional")]
    pub interval: Option<Duration>,
}

/// Limits and timeouts of HTTP connections; 0 means the default, as in Istio.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpPool {
    /// Most requests that wait for a connection; 0 means no limit.
    #[serde(alias = "http1_max_pending_requests")]
    pub http1_max_pending_requests: i32,
    /// Most active requests; 0 means no limit.
    #[serde(alias = "http2_max_requests")]
    pub http2_max_requests: i32,
    /// Requests after which a connection is replaced; 0 means no limit.
    #[serde(alias = "max_requests_per_connection")]
    pub max_requests_per_connection: i32,
    /// Most concurrent retries; 0 means no limit.
    #[serde(alias = "max_retries")]
    pub max_retries: i32,
    /// Longest silence; absent means one hour.
    #[serde(alias = "idle_timeout", deserialize_with = "duration::optional")]
    pub idle_timeout: Option<Duration>,
    /// Whether HTTP/1.1 becomes HTTP/2 towards the endpoints.
    #[serde(alias = "h2_upgrade_policy")]
    pub h2_upgrade_policy: H2UpgradePolicy,
    /// Use the protocol that the client used.
    #[serde(alias = "use_client_protocol")]
    pub use_client_protocol: bool,
    /// Most streams on one HTTP/2 connection; 0 means the default.
    #[serde(alias = "max_concurrent_streams")]
    pub max_concurrent_streams: i32,
    /// PING on HTTP/2 connections.
    #[serde(alias = "http2_keep_alive")]
    pub http2_keep_alive: Option<ConnectionKeepalive>,
}

proto_enum! {
    /// Whether HTTP/1.1 becomes HTTP/2 towards the endpoints.
    pub enum H2UpgradePolicy("h2UpgradePolicy") {
        /// As the mesh says.
        Default = 0 "DEFAULT",
        /// No.
        DoNotUpgrade = 1 "DO_NOT_UPGRADE",
        /// Yes.
        Upgrade = 2 "UPGRADE",
    }
}

/// PING on HTTP/2 connections.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConnectionKeepalive {
    /// Time between PINGs.
    #[serde(deserialize_with = "duration::optional")]
    pub interval: Option<Duration>,
    /// Time for the answer.
    #[serde(deserialize_with = "duration::optional")]
    pub timeout: Option<Duration>,
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

/// TLS towards the endpoints (Istio's `ClientTLSSettings`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientTls {
    /// Whether and how.
    pub mode: ClientTlsMode,
    /// Path of the client's certificate chain in PEM.
    #[serde(alias = "client_certificate")]
    pub client_certificate: String,
    /// Path of the client's private key in PEM.
    #[serde(alias = "private_key")]
    pub private_key: String,
    /// Path of the authorities, or `system`; empty means the operating system's.
    #[serde(alias = "ca_certificates")]
    pub ca_certificates: String,
    /// Secret with certificate, key and authorities.
    #[serde(alias = "credential_name")]
    pub credential_name: String,
    /// Names of which the server's certificate must carry one.
    #[serde(alias = "subject_alt_names")]
    pub subject_alt_names: Vec<String>,
    /// Server name to ask for; empty means the request's host.
    pub sni: String,
    /// Do not verify the server's certificate.
    #[serde(alias = "insecure_skip_verify")]
    pub insecure_skip_verify: Option<bool>,
    /// Path of a certificate revocation list.
    #[serde(alias = "ca_crl")]
    pub ca_crl: String,
}

proto_enum! {
    /// How a client uses TLS.
    pub enum ClientTlsMode("TLS mode") {
        /// No TLS.
        Disable = 0 "DISABLE",
        /// TLS without client certificate.
        Simple = 1 "SIMPLE",
        /// TLS with a client certificate.
        Mutual = 2 "MUTUAL",
        /// Mutual TLS with the mesh's certificates.
        IstioMutual = 3 "ISTIO_MUTUAL",
    }
}
