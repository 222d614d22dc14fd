//! Sidecar, EnvoyFilter, WasmPlugin and ProxyConfig: kinds about the proxies themselves.
//!
//! Read so that nothing is unknown and so that they can be reported; Sidecar never applies to
//! gateways.

use serde::Deserialize;
use serde_json::Value;

use crate::Labels;
use crate::destination_rule::ConnectionPool;
use crate::gateway::ServerTls;
use crate::proto::proto_enum;
use crate::selector::{TargetRef, WorkloadSelector};
use crate::virtual_service::Destination;

/// Workloads that carry all the labels (Istio's `networking` form, key `labels`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LabelSelector {
    /// The labels.
    pub labels: Labels,
}

/// What a sidecar captures and may reach; without effect at gateways.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Sidecar {
    /// Workloads it is for; absent means the namespace.
    #[serde(alias = "workload_selector")]
    pub workload_selector: Option<LabelSelector>,
    /// Captured inbound traffic.
    pub ingress: Vec<IngressListener>,
    /// Captured outbound traffic.
    pub egress: Vec<EgressListener>,
    /// Limits of inbound connections.
    #[serde(alias = "inbound_connection_pool")]
    pub inbound_connection_pool: Option<ConnectionPool>,
    /// What happens to unknown destinations.
    #[serde(alias = "outbound_traffic_policy")]
    pub outbound_traffic_policy: Option<OutboundTrafficPolicy>,
}

/// Inbound traffic of one port.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IngressListener {
    /// The port.
    pub port: SidecarPort,
    /// The address.
    pub bind: String,
    /// How traffic is captured.
    #[serde(alias = "capture_mode")]
    pub capture_mode: CaptureMode,
    /// Where it is forwarded to.
    #[serde(alias = "default_endpoint")]
    pub default_endpoint: String,
    /// TLS settings.
    pub tls: Option<ServerTls>,
    /// Limits of connections.
    #[serde(alias = "connection_pool")]
    pub connection_pool: Option<ConnectionPool>,
}

/// Outbound traffic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EgressListener {
    /// The port; absent means all.
    pub port: Option<SidecarPort>,
    /// The address.
    pub bind: String,
    /// How traffic is captured.
    #[serde(alias = "capture_mode")]
    pub capture_mode: CaptureMode,
    /// Hosts that can be reached, as `namespace/host`.
    pub hosts: Vec<String>,
}

/// A port of a sidecar's listener.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SidecarPort {
    /// The port number.
    pub number: u32,
    /// Its protocol.
    pub protocol: String,
    /// Its name.
    pub name: String,
    /// Without effect.
    #[serde(alias = "target_port")]
    pub target_port: u32,
}

proto_enum! {
    /// How traffic is captured.
    pub enum CaptureMode("captureMode") {
        /// As the environment does it.
        Default = 0 "DEFAULT",
        /// By iptables.
        Iptables = 1 "IPTABLES",
        /// Not at all.
        None = 2 "NONE",
    }
}

/// What happens to unknown destinations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OutboundTrafficPolicy {
    /// Whether they are reached.
    pub mode: OutboundMode,
    /// A gateway for them.
    #[serde(alias = "egress_proxy")]
    pub egress_proxy: Option<Destination>,
}

proto_enum! {
    /// Whether unknown destinations are reached.
    pub enum OutboundMode("outboundTrafficPolicy mode") {
        /// They are refused.
        RegistryOnly = 0 "REGISTRY_ONLY",
        /// They are reached as asked for.
        AllowAny = 1 "ALLOW_ANY",
    }
}

/// Settings of proxies (the object `ProxyConfig`, not the mesh's `defaultConfig`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProxyConfig {
    /// Workloads it is for; absent means the namespace.
    pub selector: Option<WorkloadSelector>,
    /// Number of workers; 0 means one per core.
    pub concurrency: Option<i32>,
    /// Environment of the proxy.
    #[serde(alias = "environment_variables")]
    pub environment_variables: Labels,
    /// Image of the proxy.
    pub image: Option<ProxyImage>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProxyImage {
    /// `default`, `debug` or `distroless`.
    #[serde(alias = "image_type")]
    pub image_type: String,
}

/// Patches of Envoy's configuration; kept as written, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EnvoyFilter {
    /// Workloads it is for; absent means the namespace.
    #[serde(alias = "workload_selector")]
    pub workload_selector: Option<LabelSelector>,
    /// Objects it is attached to.
    #[serde(alias = "target_refs")]
    pub target_refs: Vec<TargetRef>,
    /// The patches.
    #[serde(alias = "config_patches")]
    pub config_patches: Vec<Value>,
    /// Order among filters.
    pub priority: i32,
}

/// A plug-in; kept as written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WasmPlugin {
    /// Workloads it is for; absent means the namespace.
    pub selector: Option<WorkloadSelector>,
    /// The object it is attached to; superseded.
    #[serde(alias = "target_ref")]
    pub target_ref: Option<TargetRef>,
    /// Objects it is attached to.
    #[serde(alias = "target_refs")]
    pub target_refs: Vec<TargetRef>,
    /// Where its code is.
    pub url: String,
    /// Digest of its code.
    pub sha256: String,
    /// When its code is fetched again.
    #[serde(alias = "image_pull_policy")]
    pub image_pull_policy: Option<Value>,
    /// Secret for fetching.
    #[serde(alias = "image_pull_secret")]
    pub image_pull_secret: String,
    /// Key that its code is verified with.
    #[serde(alias = "verification_key")]
    pub verification_key: String,
    /// Its settings.
    #[serde(alias = "plugin_config")]
    pub plugin_config: Option<Value>,
    /// Its name.
    #[serde(alias = "plugin_name")]
    pub plugin_name: String,
    /// Where in the chain it runs.
    pub phase: Option<Value>,
    /// Order inside the phase.
    pub priority: Option<i32>,
    /// What happens when it fails.
    #[serde(alias = "fail_strategy")]
    pub fail_strategy: Option<Value>,
    /// Its environment.
    #[serde(alias = "vm_config")]
    pub vm_config: Option<Value>,
    /// Traffic it sees.
    pub r#match: Vec<Value>,
    /// HTTP or network filter.
    pub r#type: Option<Value>,
}
