//! Connections to endpoints: limits, timeouts, TLS.
//!
//! Data only. Zero means the default in all limits, as in Istio.

use std::time::Duration;

use serde::Deserialize;

use crate::proto::{duration, proto_enum};

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
