//! `metadata` of an object, as Kubernetes has it.

use propylon_model::{FieldPath, Labels};
use serde::Deserialize;

use super::decode::{Decoded, Strictness, decode};
use super::yaml::Node;

/// What matters of `metadata`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) creation_timestamp: Option<String>,
}

/// Reads `metadata`. Fields that the API server writes are known and passed over.
pub(crate) fn metadata(node: &Node) -> Decoded<Metadata> {
    let mut decoded =
        decode::<Metadata>(node, &FieldPath::root().key("metadata"), Strictness::Metadata);
    decoded.unknown.retain(|field| !SERVER_FIELDS.contains(&field.name.as_str()));
    decoded
}

/// Fields of `metadata` that people do not write, but `kubectl get` prints.
const SERVER_FIELDS: &[&str] = &[
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "clusterName",
];
