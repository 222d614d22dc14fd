//! Conditions on an HTTP request.
//!
//! Data only: what they mean (RE2 full match, first occurrence, case) is decided by the snapshot.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Labels;
use crate::proto::{Several, at_most_one};

/// Conditions on a request; all that are given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpMatch {
    /// A name for logs.
    pub name: String,
    /// Condition on the normalised path without query.
    pub uri: Option<StringMatch>,
    /// Condition on the scheme.
    pub scheme: Option<StringMatch>,
    /// Condition on the method.
    pub method: Option<StringMatch>,
    /// Condition on the host with its port.
    pub authority: Option<StringMatch>,
    /// Conditions on headers by lower-case name.
    pub headers: BTreeMap<String, StringMatch>,
    /// Port of the Gateway's server as declared; 0 means any.
    pub port: u32,
    /// Labels that the proxy's own workload must carry.
    #[serde(alias = "source_labels")]
    pub source_labels: Labels,
    /// Gateways, instead of the VirtualService's own list.
    pub gateways: Vec<String>,
    /// Conditions on query parameters.
    #[serde(alias = "query_params")]
    pub query_params: BTreeMap<String, StringMatch>,
    /// Compare `uri` without case, where it is exact or a prefix.
    #[serde(alias = "ignore_uri_case")]
    pub ignore_uri_case: bool,
    /// Conditions on headers that must not hold.
    #[serde(alias = "without_headers")]
    pub without_headers: BTreeMap<String, StringMatch>,
    /// Namespace that the proxy's own workload must be in.
    #[serde(alias = "source_namespace")]
    pub source_namespace: String,
    /// A prefix for statistics of this match.
    #[serde(alias = "stat_prefix")]
    pub stat_prefix: String,
}

/// A condition on a text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "StringMatchFields")]
pub enum StringMatch {
    /// `{}`: for headers and query parameters, presence.
    #[default]
    Unset,
    /// The whole text.
    Exact(String),
    /// Its beginning.
    Prefix(String),
    /// An RE2 expression that matches the whole text.
    Regex(String),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct StringMatchFields {
    exact: Option<String>,
    prefix: Option<String>,
    regex: Option<String>,
}

impl TryFrom<StringMatchFields> for StringMatch {
    type Error = Several;

    fn try_from(fields: StringMatchFields) -> Result<Self, Several> {
        let found = at_most_one([
            ("exact", fields.exact.map(Self::Exact)),
            ("prefix", fields.prefix.map(Self::Prefix)),
            ("regex", fields.regex.map(Self::Regex)),
        ])?;
        Ok(found.unwrap_or_default())
    }
}
