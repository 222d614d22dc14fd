//! How an endpoint is chosen: algorithms, consistent hashing, localities, warm-up.
//!
//! Data only; limits and sums are the compiler's to check.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::proto::{Several, at_most_one, duration, proto_enum};

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
