//! `defaultConfig` of the mesh configuration, and the annotation `proxy.istio.io/config`:
//! settings of proxies.
//!
//! Every key of Istio's mesh `ProxyConfig` is here; those that a gateway does not act on are kept
//! as written.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::Labels;
use crate::proto::{duration, proto_enum};
use crate::sidecar::ProxyImage;

/// Settings of proxies. Absent means Istio's default throughout.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProxyConfigDefaults {
    /// Where Envoy's configuration is written.
    #[serde(alias = "config_path")]
    pub config_path: Option<String>,
    /// Where Envoy is.
    #[serde(alias = "binary_path")]
    pub binary_path: Option<String>,
    /// Name of the service for traces.
    #[serde(alias = "service_cluster")]
    pub service_cluster: Option<String>,
    /// How the service is named in traces.
    #[serde(alias = "tracing_service_name")]
    pub tracing_service_name: Option<Value>,
    /// Time to drain on a restart; absent means 45 s.
    #[serde(alias = "drain_duration", deserialize_with = "duration::optional")]
    pub drain_duration: Option<Duration>,
    /// Address of istiod.
    #[serde(alias = "discovery_address")]
    pub discovery_address: Option<String>,
    /// Without effect.
    #[serde(alias = "discovery_refresh_delay", deserialize_with = "duration::optional")]
    pub discovery_refresh_delay: Option<Duration>,
    /// Superseded by `tracing`.
    #[serde(alias = "zipkin_address")]
    pub zipkin_address: Option<String>,
    /// Where statistics are sent.
    #[serde(alias = "statsd_udp_address")]
    pub statsd_udp_address: Option<String>,
    /// Superseded.
    #[serde(alias = "envoy_metrics_service_address")]
    pub envoy_metrics_service_address: Option<String>,
    /// Port of the admin interface; absent means 15000.
    #[serde(alias = "proxy_admin_port")]
    pub proxy_admin_port: Option<i32>,
    /// Superseded.
    #[serde(alias = "availability_zone")]
    pub availability_zone: Option<String>,
    /// Superseded.
    #[serde(alias = "control_plane_auth_policy")]
    pub control_plane_auth_policy: Option<Value>,
    /// A file instead of generated configuration.
    #[serde(alias = "custom_config_file")]
    pub custom_config_file: Option<String>,
    /// Longest name in statistics; absent means 189.
    #[serde(alias = "stat_name_length")]
    pub stat_name_length: Option<i32>,
    /// Number of workers; 0 or absent means as many as there are cores.
    pub concurrency: Option<i32>,
    /// A template of the bootstrap.
    #[serde(alias = "proxy_bootstrap_template_path")]
    pub proxy_bootstrap_template_path: Option<String>,
    /// How a sidecar captures traffic.
    #[serde(alias = "interception_mode")]
    pub interception_mode: Option<Value>,
    /// Traces.
    pub tracing: Option<MeshTracing>,
    /// Superseded.
    pub sds: Option<Value>,
    /// A service for access logs.
    #[serde(alias = "envoy_access_log_service")]
    pub envoy_access_log_service: Option<Value>,
    /// A service for metrics.
    #[serde(alias = "envoy_metrics_service")]
    pub envoy_metrics_service: Option<Value>,
    /// Environment of the proxy.
    #[serde(alias = "proxy_metadata")]
    pub proxy_metadata: Labels,
    /// Envoy's runtime values.
    #[serde(alias = "runtime_values")]
    pub runtime_values: Labels,
    /// Port of the status server; absent means 15020.
    #[serde(alias = "status_port")]
    pub status_port: Option<i32>,
    /// Further tags of statistics.
    #[serde(alias = "extra_stat_tags")]
    pub extra_stat_tags: Vec<String>,
    /// Proxies in front of the gateway.
    #[serde(alias = "gateway_topology")]
    pub gateway_topology: Option<Topology>,
    /// Time to drain on termination; absent means 5 s.
    #[serde(alias = "termination_drain_duration", deserialize_with = "duration::optional")]
    pub termination_drain_duration: Option<Duration>,
    /// Name of the mesh.
    #[serde(alias = "mesh_id")]
    pub mesh_id: Option<String>,
    /// How a workload outside of Kubernetes is probed.
    #[serde(alias = "readiness_probe")]
    pub readiness_probe: Option<Value>,
    /// Which statistics are kept.
    #[serde(alias = "proxy_stats_matcher")]
    pub proxy_stats_matcher: Option<StatsMatcher>,
    /// Whether the application waits for the proxy.
    #[serde(alias = "hold_application_until_proxy_starts")]
    pub hold_application_until_proxy_starts: Option<bool>,
    /// Further authorities in PEM.
    #[serde(alias = "ca_certificates_pem")]
    pub ca_certificates_pem: Vec<String>,
    /// Image of the proxy.
    pub image: Option<ProxyImage>,
    /// Hardware for private keys.
    #[serde(alias = "private_key_provider")]
    pub private_key_provider: Option<Value>,
    /// Headers that the proxy adds.
    #[serde(alias = "proxy_headers")]
    pub proxy_headers: Option<ProxyHeaders>,
    /// How often logs are written; absent means 1 s.
    #[serde(alias = "file_flush_interval", deserialize_with = "duration::optional")]
    pub file_flush_interval: Option<Duration>,
    /// Amount that is written at once, in KiB; absent means 64.
    #[serde(alias = "file_flush_min_size_kb")]
    pub file_flush_min_size_kb: Option<u32>,
    /// Whether metrics are compressed; absent means yes.
    #[serde(alias = "stats_compression")]
    pub stats_compression: Option<bool>,
    /// Limits of connections.
    #[serde(alias = "connection_settings")]
    pub connection_settings: Option<ConnectionSettings>,
}

/// Traces, as far as Telemetry does not say.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MeshTracing {
    /// Zipkin.
    pub zipkin: Option<ZipkinAddress>,
    /// Lightstep.
    pub lightstep: Option<Value>,
    /// Datadog.
    pub datadog: Option<Value>,
    /// Stackdriver.
    pub stackdriver: Option<Value>,
    /// OpenCensus.
    #[serde(alias = "open_census_agent")]
    pub open_census_agent: Option<Value>,
    /// Further tags.
    #[serde(alias = "custom_tags")]
    pub custom_tags: std::collections::BTreeMap<String, crate::telemetry::CustomTag>,
    /// Longest path in a tag, in bytes; absent means 256.
    #[serde(alias = "max_path_tag_length")]
    pub max_path_tag_length: Option<u32>,
    /// Share of requests in percent; absent means 1.
    pub sampling: Option<f64>,
    /// TLS towards the collector.
    #[serde(alias = "tls_settings")]
    pub tls_settings: Option<crate::destination_rule::ClientTls>,
    /// Whether Istio's tags are added; absent means yes.
    #[serde(alias = "enable_istio_tags")]
    pub enable_istio_tags: Option<bool>,
}

/// Where Zipkin is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ZipkinAddress {
    /// `host:port`.
    pub address: String,
}

/// Proxies in front of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Topology {
    /// How many of them append to `x-forwarded-for`.
    #[serde(alias = "num_trusted_proxies")]
    pub num_trusted_proxies: u32,
    /// What happens to `x-forwarded-client-cert`.
    #[serde(alias = "forward_client_cert_details")]
    pub forward_client_cert_details: ForwardClientCert,
    /// Present: connections begin with a PROXY protocol header.
    #[serde(alias = "proxy_protocol")]
    pub proxy_protocol: Option<ProxyProtocolListener>,
}

/// The PROXY protocol on listeners; it has no settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProxyProtocolListener {}

proto_enum! {
    /// What happens to `x-forwarded-client-cert`.
    pub enum ForwardClientCert("forwardClientCertDetails") {
        /// The default: SANITIZE_SET at gateways.
        Undefined = 0 "UNDEFINED",
        /// Removed.
        Sanitize = 1 "SANITIZE",
        /// Kept on mutual TLS connections.
        ForwardOnly = 2 "FORWARD_ONLY",
        /// Extended on mutual TLS connections.
        AppendForward = 3 "APPEND_FORWARD",
        /// Replaced on mutual TLS connections.
        SanitizeSet = 4 "SANITIZE_SET",
        /// Always kept.
        AlwaysForwardOnly = 5 "ALWAYS_FORWARD_ONLY",
    }
}

/// Which statistics are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StatsMatcher {
    /// By beginning.
    #[serde(alias = "inclusion_prefixes")]
    pub inclusion_prefixes: Vec<String>,
    /// By ending.
    #[serde(alias = "inclusion_suffixes")]
    pub inclusion_suffixes: Vec<String>,
    /// By expression.
    #[serde(alias = "inclusion_regexps")]
    pub inclusion_regexps: Vec<String>,
}

/// Headers that the proxy adds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProxyHeaders {
    /// What happens to `x-forwarded-client-cert`.
    #[serde(alias = "forwarded_client_cert")]
    pub forwarded_client_cert: ForwardClientCert,
    /// Which parts of the certificate it carries.
    #[serde(alias = "set_current_client_cert_details")]
    pub set_current_client_cert_details: Option<ClientCertDetails>,
    /// `x-request-id`.
    #[serde(alias = "request_id")]
    pub request_id: Option<Disabled>,
    /// `server`.
    pub server: Option<ServerHeader>,
    /// `x-envoy-attempt-count`.
    #[serde(alias = "attempt_count")]
    pub attempt_count: Option<Disabled>,
    /// `x-envoy-*`.
    #[serde(alias = "envoy_debug_headers")]
    pub envoy_debug_headers: Option<Disabled>,
    /// `x-envoy-peer-metadata`.
    #[serde(alias = "metadata_exchange_headers")]
    pub metadata_exchange_headers: Option<MetadataExchangeHeaders>,
    /// Keep the case of names in HTTP/1.1.
    #[serde(alias = "preserve_http1_header_case")]
    pub preserve_http1_header_case: Option<bool>,
    /// `x-forwarded-host`.
    #[serde(alias = "x_forwarded_host")]
    pub x_forwarded_host: Option<Enabled>,
    /// `x-forwarded-port`.
    #[serde(alias = "x_forwarded_port")]
    pub x_forwarded_port: Option<Enabled>,
}

/// A header that is on unless it is disabled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Disabled {
    /// Whether it is off.
    pub disabled: Option<bool>,
}

/// A header that is off unless it is enabled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Enabled {
    /// Whether it is on.
    pub enabled: Option<bool>,
}

/// The header `server`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServerHeader {
    /// Whether the endpoint's own is kept.
    pub disabled: Option<bool>,
    /// Its value; empty means `istio-envoy`.
    pub value: String,
}

/// Parts of the client certificate in `x-forwarded-client-cert`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientCertDetails {
    /// The subject.
    pub subject: Option<bool>,
    /// The certificate.
    pub cert: Option<bool>,
    /// The chain.
    pub chain: Option<bool>,
    /// DNS names.
    pub dns: Option<bool>,
    /// URI names.
    pub uri: Option<bool>,
}

/// Headers that tell peers about each other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MetadataExchangeHeaders {
    /// When they are sent.
    pub mode: MetadataExchangeMode,
}

proto_enum! {
    /// When metadata headers are sent.
    pub enum MetadataExchangeMode("mode") {
        /// Always.
        Undefined = 0 "UNDEFINED",
        /// Inside the mesh only.
        InMesh = 1 "IN_MESH",
    }
}

/// Limits of connections.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConnectionSettings {
    /// The set of defaults.
    pub profile: ConnectionProfile,
    /// Buffer of a client connection in bytes.
    #[serde(alias = "listener_per_connection_buffer_limit_bytes")]
    pub listener_per_connection_buffer_limit_bytes: Option<i32>,
    /// Buffer of an endpoint connection in bytes.
    #[serde(alias = "cluster_per_connection_buffer_limit_bytes")]
    pub cluster_per_connection_buffer_limit_bytes: Option<i32>,
    /// Longest silence of a connection.
    #[serde(alias = "http_idle_timeout", deserialize_with = "duration::optional")]
    pub http_idle_timeout: Option<Duration>,
    /// Longest life of a connection.
    #[serde(alias = "http_max_connection_duration", deserialize_with = "duration::optional")]
    pub http_max_connection_duration: Option<Duration>,
    /// Time between the two GOAWAYs.
    #[serde(alias = "http_drain_timeout", deserialize_with = "duration::optional")]
    pub http_drain_timeout: Option<Duration>,
    /// Time for the whole request.
    #[serde(alias = "http_request_timeout", deserialize_with = "duration::optional")]
    pub http_request_timeout: Option<Duration>,
    /// Time for the request's head.
    #[serde(alias = "http_request_headers_timeout", deserialize_with = "duration::optional")]
    pub http_request_headers_timeout: Option<Duration>,
    /// Longest silence of a stream.
    #[serde(alias = "http_stream_idle_timeout", deserialize_with = "duration::optional")]
    pub http_stream_idle_timeout: Option<Duration>,
    /// Longest life of a stream.
    #[serde(alias = "http_max_stream_duration", deserialize_with = "duration::optional")]
    pub http_max_stream_duration: Option<Duration>,
    /// Most streams on one HTTP/2 connection.
    #[serde(alias = "http_max_concurrent_streams")]
    pub http_max_concurrent_streams: Option<i32>,
    /// HTTP/2 window of a stream in bytes.
    #[serde(alias = "http2_initial_stream_window_size")]
    pub http2_initial_stream_window_size: Option<i32>,
    /// HTTP/2 window of a connection in bytes.
    #[serde(alias = "http2_initial_connection_window_size")]
    pub http2_initial_connection_window_size: Option<i32>,
    /// What happens to headers with underscores.
    #[serde(alias = "http_headers_with_underscores_action")]
    pub http_headers_with_underscores_action: UnderscoresAction,
    /// Whether slashes are merged.
    #[serde(alias = "http_merge_slashes")]
    pub http_merge_slashes: Option<bool>,
    /// What happens to escaped slashes.
    #[serde(alias = "http_path_with_escaped_slashes_action")]
    pub http_path_with_escaped_slashes_action: EscapedSlashesAction,
    /// Most client connections of one listener.
    #[serde(alias = "listener_connection_limit")]
    pub listener_connection_limit: Option<i32>,
    /// Most client connections of the process.
    #[serde(alias = "global_downstream_connection_limit")]
    pub global_downstream_connection_limit: Option<i32>,
}

proto_enum! {
    /// A set of defaults.
    pub enum ConnectionProfile("profile") {
        /// For trusted clients.
        Sidecar = 0 "SIDECAR",
        /// For clients from anywhere.
        Edge = 1 "EDGE",
    }
}

proto_enum! {
    /// What happens to headers with underscores.
    pub enum UnderscoresAction("httpHeadersWithUnderscoresAction") {
        /// As the profile says.
        Unspecified = 0 "HEADERS_WITH_UNDERSCORES_UNSPECIFIED",
        /// They pass.
        Allow = 1 "HEADERS_WITH_UNDERSCORES_ALLOW",
        /// The request is refused.
        Reject = 2 "HEADERS_WITH_UNDERSCORES_REJECT_REQUEST",
        /// They are dropped.
        Drop = 3 "HEADERS_WITH_UNDERSCORES_DROP_HEADER",
    }
}

proto_enum! {
    /// What happens to escaped slashes.
    pub enum EscapedSlashesAction("httpPathWithEscapedSlashesAction") {
        /// As the profile says.
        Unspecified = 0 "PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED",
        /// They stay.
        Keep = 1 "KEEP_UNCHANGED",
        /// The request is refused.
        Reject = 2 "REJECT_REQUEST",
        /// The client is redirected to the unescaped path.
        UnescapeAndRedirect = 3 "UNESCAPE_AND_REDIRECT",
        /// They are unescaped.
        UnescapeAndForward = 4 "UNESCAPE_AND_FORWARD",
    }
}
