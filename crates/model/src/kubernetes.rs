//! The plain Kubernetes kinds that a gateway reads: services, their endpoints, pods, secrets.
//!
//! Only the fields that matter here are typed; the others, of which there are many, are passed
//! over.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::Labels;
use crate::proto::Base64;

/// A `Service`'s `spec`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Labels of its pods; empty means endpoints come from elsewhere.
    pub selector: Labels,
    /// Its ports.
    pub ports: Vec<KubernetesPort>,
    /// `ClusterIP` (also when empty), `NodePort`, `LoadBalancer` or `ExternalName`.
    pub r#type: String,
    /// Its address; `None` means headless.
    #[serde(rename = "clusterIP", alias = "cluster_ip")]
    pub cluster_ip: String,
    /// Its addresses.
    #[serde(rename = "clusterIPs", alias = "cluster_ips")]
    pub cluster_ips: Vec<String>,
    /// The name it stands for, with type `ExternalName`.
    pub external_name: String,
    /// Further addresses.
    #[serde(rename = "externalIPs", alias = "external_ips")]
    pub external_ips: Vec<String>,
    /// Whether endpoints count that are not ready.
    pub publish_not_ready_addresses: bool,
    /// Preference for near endpoints.
    pub traffic_distribution: String,
    /// `ClientIP` or `None`.
    pub session_affinity: String,
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubernetesPort {
    /// Its name; may be empty where there is only one.
    pub name: String,
    /// `TCP` (also when empty), `UDP` or `SCTP`.
    pub protocol: String,
    /// The protocol inside; decides before the name's prefix.
    pub app_protocol: String,
    /// The service's port.
    pub port: u32,
    /// The pods' port; absent means `port`.
    pub target_port: Option<PortRef>,
    /// The nodes' port; 0 means none.
    pub node_port: u32,
}

/// A port by number or by the name a container gives it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PortRef {
    /// A number.
    Number(u32),
    /// A name.
    Name(String),
}

impl<'de> Deserialize<'de> for PortRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrName;
        impl Visitor<'_> for NumberOrName {
            type Value = PortRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port number or name")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<PortRef, E> {
                u32::try_from(number)
                    .map(PortRef::Number)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<PortRef, E> {
                Ok(name.parse().map_or_else(|_| PortRef::Name(name.to_owned()), PortRef::Number))
            }
        }
        deserializer.deserialize_any(NumberOrName)
    }
}

/// An `Endpoints` object beside its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoints {
    /// Groups of addresses with the same ports.
    pub subsets: Vec<EndpointSubset>,
}

/// Addresses with the same ports.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSubset {
    /// Addresses that are ready.
    pub addresses: Vec<EndpointAddress>,
    /// Addresses that are not.
    pub not_ready_addresses: Vec<EndpointAddress>,
    /// Their ports.
    pub ports: Vec<EndpointPort>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointAddress {
    /// The address.
    pub ip: String,
    /// Its name in the service.
    pub hostname: String,
    /// The node it is on.
    pub node_name: String,
    /// The pod it belongs to.
    pub target_ref: Option<ObjectRef>,
}

/// Names another object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
}

/// A port of endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointPort {
    /// The name of the service's port.
    pub name: String,
    /// The number; 0 means all ports.
    pub port: u32,
    /// `TCP` (also when empty), `UDP` or `SCTP`.
    pub protocol: String,
    /// The protocol inside.
    pub app_protocol: String,
}

/// An `EndpointSlice` beside its metadata; the label `kubernetes.io/service-name` names its
/// Service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSlice {
    /// `IPv4`, `IPv6` or `FQDN`.
    pub address_type: String,
    /// Its endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Ports of all of them.
    pub ports: Vec<EndpointPort>,
}

/// An endpoint of a slice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// Its addresses; the first one counts.
    pub addresses: Vec<String>,
    /// Whether it is ready.
    pub conditions: EndpointConditions,
    /// Its name in the service.
    pub hostname: String,
    /// The node it is on.
    pub node_name: String,
    /// The pod it belongs to.
    pub target_ref: Option<ObjectRef>,
    /// Its zone.
    pub zone: String,
    /// Topology in the form of the first version.
    pub deprecated_topology: Labels,
}

/// Whether an endpoint is ready; absent means yes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointConditions {
    /// Ready.
    pub ready: Option<bool>,
    /// Able to serve, perhaps while it ends.
    pub serving: Option<bool>,
    /// About to end.
    pub terminating: Option<bool>,
}

/// A `Pod` beside its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pod {
    /// What was asked for.
    pub spec: PodSpec,
    /// What is.
    pub status: PodStatus,
}

/// A pod's `spec`, or that of a template.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// Its containers.
    pub containers: Vec<Container>,
    /// The identity it runs as.
    pub service_account_name: String,
    /// The node it is on.
    pub node_name: String,
    /// Its name in the service.
    pub hostname: String,
    /// The service it is named in.
    pub subdomain: String,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its ports.
    pub ports: Vec<ContainerPort>,
}

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerPort {
    /// Its name.
    pub name: String,
    /// Its number.
    pub container_port: u32,
    /// `TCP` (also when empty), `UDP` or `SCTP`.
    pub protocol: String,
}

/// A pod's `status`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Running` and so on; empty where a file does not say.
    pub phase: String,
    /// Its address.
    #[serde(rename = "podIP", alias = "pod_ip")]
    pub pod_ip: String,
    /// Its addresses.
    #[serde(rename = "podIPs", alias = "pod_ips")]
    pub pod_ips: Vec<PodIp>,
    /// Among them `Ready`.
    pub conditions: Vec<PodCondition>,
}

/// An address of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodIp {
    /// The address.
    pub ip: String,
}

/// A condition of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodCondition {
    /// Its name.
    pub r#type: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
}

/// A `Deployment`'s `spec`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Deployment {
    /// Number of pods; absent means 1.
    pub replicas: Option<u32>,
    /// Labels of its pods.
    pub selector: DeploymentSelector,
    /// The pods' content.
    pub template: PodTemplate,
}

/// Labels of a deployment's pods.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentSelector {
    /// The labels.
    pub match_labels: Labels,
}

/// The content of pods.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodTemplate {
    /// Their labels and annotations.
    pub metadata: TemplateMetadata,
    /// Their `spec`.
    pub spec: PodSpec,
}

/// Labels and annotations of pods made from a template.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateMetadata {
    /// The labels.
    pub labels: Labels,
    /// The annotations.
    pub annotations: Labels,
}

/// A `Secret` beside its metadata. Its `Debug` form shows keys and lengths, never contents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "SecretFields")]
pub struct Secret {
    /// Its type, such as `kubernetes.io/tls`.
    pub r#type: String,
    /// Its contents, `stringData` over `data` as the API server merges them.
    pub data: BTreeMap<String, SecretBytes>,
}

/// Bytes that no log and no error may show.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Keeps bytes from being shown.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} secret bytes]", self.0.len())
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SecretFields {
    r#type: String,
    data: BTreeMap<String, Base64>,
    string_data: BTreeMap<String, String>,
}

impl From<SecretFields> for Secret {
    fn from(fields: SecretFields) -> Self {
        let SecretFields { r#type, data, string_data } = fields;
        let encoded = data.into_iter().map(|(key, bytes)| (key, SecretBytes(bytes.0)));
        let plain =
            string_data.into_iter().map(|(key, text)| (key, SecretBytes(text.into_bytes())));
        Self { r#type, data: encoded.chain(plain).collect() }
    }
}

/// A `ConfigMap` beside its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "ConfigMapFields")]
pub struct ConfigMap {
    /// Texts by key.
    pub data: BTreeMap<String, String>,
    /// Bytes by key.
    pub binary_data: BTreeMap<String, Vec<u8>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConfigMapFields {
    data: BTreeMap<String, String>,
    binary_data: BTreeMap<String, Base64>,
}

impl From<ConfigMapFields> for ConfigMap {
    fn from(fields: ConfigMapFields) -> Self {
        let ConfigMapFields { data, binary_data } = fields;
        let binary_data = binary_data.into_iter().map(|(key, bytes)| (key, bytes.0)).collect();
        Self { data, binary_data }
    }
}

/// A `Node`; all that matters are its labels, which say where it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Node {}

/// A `Namespace`; all that matters are its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Namespace {}

#[cfg(test)]
mod tests;
