//! MeshConfig: settings for the whole mesh, from the ConfigMap `istio` or a file.
//!
//! Every key of Istio's MeshConfig is here; those that a gateway does not act on are kept as
//! written.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::destination_rule::{
    ClientTls, ConnectionPool, LocalityLb, OutlierDetection, TcpKeepalive, ZoneAwareLb,
};
use crate::proto::{duration, proto_enum};
use crate::proxy_defaults::ProxyConfigDefaults;
use crate::virtual_service::HttpRetry;

/// Settings for the whole mesh. Absent means Istio's default throughout.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MeshConfig {
    /// A sidecar's outbound port.
    #[serde(alias = "proxy_listen_port")]
    pub proxy_listen_port: Option<i32>,
    /// A sidecar's inbound port.
    #[serde(alias = "proxy_inbound_listen_port")]
    pub proxy_inbound_listen_port: Option<i32>,
    /// A sidecar's port for explicit HTTP proxying.
    #[serde(alias = "proxy_http_port")]
    pub proxy_http_port: Option<i32>,
    /// Time to connect to an endpoint; absent means 10 s.
    #[serde(alias = "connect_timeout", deserialize_with = "duration::optional")]
    pub connect_timeout: Option<Duration>,
    /// Longest silence of a tunnel.
    #[serde(alias = "hbone_idle_timeout", deserialize_with = "duration::optional")]
    pub hbone_idle_timeout: Option<Duration>,
    /// Time to detect a protocol; absent means no limit.
    #[serde(alias = "protocol_detection_timeout", deserialize_with = "duration::optional")]
    pub protocol_detection_timeout: Option<Duration>,
    /// Probes on idle upstream connections.
    #[serde(alias = "tcp_keepalive")]
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// Class of Kubernetes Ingress objects to serve.
    #[serde(alias = "ingress_class")]
    pub ingress_class: Option<String>,
    /// Service of the ingress gateway.
    #[serde(alias = "ingress_service")]
    pub ingress_service: Option<String>,
    /// Which Kubernetes Ingress objects are served.
    #[serde(alias = "ingress_controller_mode")]
    pub ingress_controller_mode: IngressControllerMode,
    /// Gateway that serves Kubernetes Ingress objects.
    #[serde(alias = "ingress_selector")]
    pub ingress_selector: Option<String>,
    /// Whether requests are traced; absent means yes.
    #[serde(alias = "enable_tracing")]
    pub enable_tracing: Option<bool>,
    /// File of the access log; absent or empty means off.
    #[serde(alias = "access_log_file")]
    pub access_log_file: Option<String>,
    /// Format of the access log; absent or empty means Istio's.
    #[serde(alias = "access_log_format")]
    pub access_log_format: Option<String>,
    /// Text or JSON.
    #[serde(alias = "access_log_encoding")]
    pub access_log_encoding: AccessLogEncoding,
    /// Whether the access log goes to a service.
    #[serde(alias = "enable_envoy_access_log_service")]
    pub enable_envoy_access_log_service: Option<bool>,
    /// Whether listeners log nothing.
    #[serde(alias = "disable_envoy_listener_log")]
    pub disable_envoy_listener_log: Option<bool>,
    /// Settings of all proxies.
    #[serde(alias = "default_config")]
    pub default_config: Option<ProxyConfigDefaults>,
    /// What sidecars do with unknown destinations.
    #[serde(alias = "outbound_traffic_policy")]
    pub outbound_traffic_policy: Option<MeshOutboundTrafficPolicy>,
    /// Where sidecars send inbound traffic.
    #[serde(alias = "inbound_traffic_policy")]
    pub inbound_traffic_policy: Option<Value>,
    /// Where istiod reads configuration.
    #[serde(alias = "config_sources")]
    pub config_sources: Vec<Value>,
    /// Whether mutual TLS is used where both sides can; absent means yes.
    #[serde(alias = "enable_auto_mtls")]
    pub enable_auto_mtls: Option<bool>,
    /// The mesh's trust domain; absent means `cluster.local`.
    #[serde(alias = "trust_domain")]
    pub trust_domain: Option<String>,
    /// Other names of the trust domain.
    #[serde(alias = "trust_domain_aliases")]
    pub trust_domain_aliases: Vec<String>,
    /// Further authorities.
    #[serde(alias = "ca_certificates")]
    pub ca_certificates: Vec<Value>,
    /// Who sees services by default; absent means all.
    #[serde(alias = "default_service_export_to")]
    pub default_service_export_to: Option<Vec<String>>,
    /// Who sees VirtualServices by default; absent means all.
    #[serde(alias = "default_virtual_service_export_to")]
    pub default_virtual_service_export_to: Option<Vec<String>>,
    /// Who sees DestinationRules by default; absent means all.
    #[serde(alias = "default_destination_rule_export_to")]
    pub default_destination_rule_export_to: Option<Vec<String>>,
    /// Namespace of mesh-wide objects; absent means `istio-system`.
    #[serde(alias = "root_namespace")]
    pub root_namespace: Option<String>,
    /// Preference for near endpoints.
    #[serde(alias = "locality_lb_setting")]
    pub locality_lb_setting: Option<LocalityLb>,
    /// Preference for the same zone.
    #[serde(alias = "zone_aware_lb_setting")]
    pub zone_aware_lb_setting: Option<ZoneAwareLb>,
    /// Time between tries after a failed look-up; absent means 60 s.
    #[serde(alias = "dns_refresh_rate", deserialize_with = "duration::optional")]
    pub dns_refresh_rate: Option<Duration>,
    /// Whether HTTP/1.1 becomes HTTP/2 towards endpoints.
    #[serde(alias = "h2_upgrade_policy")]
    pub h2_upgrade_policy: MeshH2UpgradePolicy,
    /// Pattern of inbound clusters' names in statistics.
    #[serde(alias = "inbound_cluster_stat_name")]
    pub inbound_cluster_stat_name: Option<String>,
    /// Pattern of outbound clusters' names in statistics.
    #[serde(alias = "outbound_cluster_stat_name")]
    pub outbound_cluster_stat_name: Option<String>,
    /// Certificates that istiod makes; superseded.
    pub certificates: Vec<Value>,
    /// Which services stay inside their cluster.
    #[serde(alias = "service_settings")]
    pub service_settings: Vec<Value>,
    /// Which services ambient gateways share.
    #[serde(alias = "service_scope_configs")]
    pub service_scope_configs: Vec<Value>,
    /// Whether the application's metrics are merged; absent means yes.
    #[serde(alias = "enable_prometheus_merge")]
    pub enable_prometheus_merge: Option<bool>,
    /// Whether the operating system's authorities verify servers.
    #[serde(alias = "verify_certificate_at_client")]
    pub verify_certificate_at_client: Option<bool>,
    /// The authority that signs workload certificates.
    pub ca: Option<Value>,
    /// Named authorizers, tracers and logs.
    #[serde(alias = "extension_providers")]
    pub extension_providers: Vec<Value>,
    /// Providers where Telemetry names none.
    #[serde(alias = "default_providers")]
    pub default_providers: Option<DefaultProviders>,
    /// Namespaces that istiod reads.
    #[serde(alias = "discovery_selectors")]
    pub discovery_selectors: Vec<Value>,
    /// How request paths are normalised.
    #[serde(alias = "path_normalization")]
    pub path_normalization: Option<PathNormalization>,
    /// Retries of routes that do not say; absent means Istio's default.
    #[serde(alias = "default_http_retry_policy")]
    pub default_http_retry_policy: Option<HttpRetry>,
    /// Protocol versions of the mesh's own mutual TLS.
    #[serde(rename = "meshMTLS", alias = "mesh_mTLS")]
    pub mesh_mtls: Option<TlsDefaults>,
    /// Protocol versions of all other TLS.
    #[serde(alias = "tls_defaults")]
    pub tls_defaults: Option<TlsDefaults>,
    /// Blocks for services whose DestinationRule leaves them out.
    #[serde(alias = "default_traffic_policy")]
    pub default_traffic_policy: Option<DefaultTrafficPolicy>,
    /// Who sees ServiceEntries.
    #[serde(alias = "service_entry_visibility")]
    pub service_entry_visibility: Option<Value>,
}

proto_enum! {
    /// Which Kubernetes Ingress objects are served.
    pub enum IngressControllerMode("ingressControllerMode") {
        /// The default: STRICT.
        Unspecified = 0 "UNSPECIFIED",
        /// None.
        Off = 1 "OFF",
        /// Those without class, and those of the class.
        Default = 2 "DEFAULT",
        /// Those of the class.
        Strict = 3 "STRICT",
    }
}

proto_enum! {
    /// Encoding of the access log.
    pub enum AccessLogEncoding("accessLogEncoding") {
        /// Text.
        Text = 0 "TEXT",
        /// JSON.
        Json = 1 "JSON",
    }
}

/// What sidecars do with unknown destinations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MeshOutboundTrafficPolicy {
    /// Whether they are reached.
    pub mode: MeshOutboundMode,
    /// TLS towards them.
    pub tls: Option<ClientTls>,
}

proto_enum! {
    /// Whether unknown destinations are reached.
    pub enum MeshOutboundMode("outboundTrafficPolicy mode") {
        /// They are refused.
        RegistryOnly = 0 "REGISTRY_ONLY",
        /// They are reached as asked for.
        AllowAny = 1 "ALLOW_ANY",
        /// They are reached by the name asked for.
        AllowAnyDynamicDns = 3 "ALLOW_ANY_DYNAMIC_DNS",
    }
}

proto_enum! {
    /// Whether HTTP/1.1 becomes HTTP/2 towards endpoints.
    pub enum MeshH2UpgradePolicy("h2UpgradePolicy") {
        /// No.
        DoNotUpgrade = 0 "DO_NOT_UPGRADE",
        /// Yes.
        Upgrade = 1 "UPGRADE",
    }
}

/// Providers where Telemetry names none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DefaultProviders {
    /// For traces.
    pub tracing: Vec<String>,
    /// For metrics.
    pub metrics: Vec<String>,
    /// For access logs.
    #[serde(alias = "access_logging")]
    pub access_logging: Vec<String>,
}

/// How request paths are normalised.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PathNormalization {
    /// The kind.
    pub normalization: NormalizationType,
}

proto_enum! {
    /// How request paths are normalised.
    pub enum NormalizationType("normalization") {
        /// The default: BASE.
        Default = 0 "DEFAULT",
        /// Not at all.
        None = 1 "NONE",
        /// RFC 3986: dot segments and needless escapes.
        Base = 2 "BASE",
        /// BASE, and slashes merged.
        MergeSlashes = 3 "MERGE_SLASHES",
        /// MERGE_SLASHES after decoding escaped slashes.
        DecodeAndMergeSlashes = 4 "DECODE_AND_MERGE_SLASHES",
    }
}

/// Protocol versions and ciphers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TlsDefaults {
    /// Lowest version.
    #[serde(alias = "min_protocol_version")]
    pub min_protocol_version: MeshTlsProtocol,
    /// Key exchange groups.
    #[serde(alias = "ecdh_curves")]
    pub ecdh_curves: Vec<String>,
    /// Cipher suites.
    #[serde(alias = "cipher_suites")]
    pub cipher_suites: Vec<String>,
}

proto_enum! {
    /// A TLS protocol version.
    pub enum MeshTlsProtocol("minProtocolVersion") {
        /// The default, TLS 1.2.
        Auto = 0 "TLS_AUTO",
        /// TLS 1.2.
        V1_2 = 1 "TLSV1_2",
        /// TLS 1.3.
        V1_3 = 2 "TLSV1_3",
    }
}

/// Blocks for services whose DestinationRule leaves them out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DefaultTrafficPolicy {
    /// Limits and timeouts of connections.
    #[serde(alias = "connection_pool")]
    pub connection_pool: Option<ConnectionPool>,
    /// When endpoints are ejected.
    #[serde(alias = "outlier_detection")]
    pub outlier_detection: Option<OutlierDetection>,
}
