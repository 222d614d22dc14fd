//! References that several kinds share: workloads by label, and objects that a policy is attached
//! to.

use serde::Deserialize;

use crate::Labels;

/// Workloads that carry all the labels (Istio's `type.v1beta1`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WorkloadSelector {
    /// The labels.
    #[serde(alias = "match_labels")]
    pub match_labels: Labels,
}

/// An object that a policy is attached to, such as a Gateway API `Gateway`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TargetRef {
    /// Its API group.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace; empty means the policy's.
    pub namespace: String,
}
