//! ServiceEntry, WorkloadEntry and WorkloadGroup: services and workloads that Kubernetes does not
//! know.
//!
//! Data only. A WorkloadEntry is an object of its own or an endpoint written inside a ServiceEntry.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Labels;
use crate::proto::proto_enum;
use crate::sidecar::LabelSelector;

/// A service that is not in Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServiceEntry {
    /// Its host names.
    pub hosts: Vec<String>,
    /// Virtual addresses or CIDR blocks.
    pub addresses: Vec<String>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Inside or outside of the mesh.
    pub location: Location,
    /// How addresses are found.
    pub resolution: Resolution,
    /// Its endpoints.
    pub endpoints: Vec<WorkloadEntry>,
    /// Labels of WorkloadEntries and Pods that are its endpoints.
    #[serde(alias = "workload_selector")]
    pub workload_selector: Option<LabelSelector>,
    /// Namespaces that see this; empty means the mesh's default.
    #[serde(alias = "export_to")]
    pub export_to: Vec<String>,
    /// Names of which a server's certificate must carry one.
    #[serde(alias = "subject_alt_names")]
    pub subject_alt_names: Vec<String>,
}

/// A port of a ServiceEntry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServicePort {
    /// The port number; valid are 1 to 65535.
    pub number: u32,
    /// HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS; empty is detected.
    pub protocol: String,
    /// Its name; required.
    pub name: String,
    /// The endpoints' port; 0 means `number`.
    #[serde(alias = "target_port")]
    pub target_port: u32,
}

proto_enum! {
    /// Where a service is.
    pub enum Location("location") {
        /// Outside of the mesh.
        MeshExternal = 0 "MESH_EXTERNAL",
        /// Inside of the mesh.
        MeshInternal = 1 "MESH_INTERNAL",
    }
}

proto_enum! {
    /// How a service's addresses are found.
    pub enum Resolution("resolution") {
        /// The address that the client asked for.
        None = 0 "NONE",
        /// The endpoints' addresses.
        Static = 1 "STATIC",
        /// All addresses that DNS knows.
        Dns = 2 "DNS",
        /// The first address that DNS answers, for each connection.
        DnsRoundRobin = 3 "DNS_ROUND_ROBIN",
        /// The addresses of the name that the request asks for.
        DynamicDns = 4 "DYNAMIC_DNS",
    }
}

/// A workload that is not in Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WorkloadEntry {
    /// IP address, `unix://` path, or a name where the service resolves by DNS.
    pub address: String,
    /// Ports by the names of the service's ports.
    pub ports: BTreeMap<String, u32>,
    /// Its labels.
    pub labels: Labels,
    /// Its network.
    pub network: String,
    /// `region/zone/subzone`.
    pub locality: String,
    /// Its share; 0 means 1.
    pub weight: u32,
    /// The identity it runs as.
    #[serde(alias = "service_account")]
    pub service_account: String,
}

/// A template for WorkloadEntries; without effect on the data plane.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WorkloadGroup {
    /// Labels and annotations of the entries.
    pub metadata: WorkloadGroupMetadata,
    /// The entries' content.
    pub template: Option<WorkloadEntry>,
    /// How to tell whether a workload is ready.
    pub probe: Option<serde_json::Value>,
}

/// Labels and annotations of the entries made from a WorkloadGroup.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WorkloadGroupMetadata {
    /// Their labels.
    pub labels: Labels,
    /// Their annotations.
    pub annotations: Labels,
}
