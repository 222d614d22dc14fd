//! AuthorizationPolicy, RequestAuthentication and PeerAuthentication: who may ask what.
//!
//! Data only. A list that is written but empty is an error here, as in Istio: read as "no
//! condition" it would open what its author wanted closed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::proto::{duration, filled_list, proto_enum};
use crate::selector::{TargetRef, WorkloadSelector};

/// Which requests are allowed or denied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AuthorizationPolicy {
    /// Workloads it is for; absent means the namespace.
    pub selector: Option<WorkloadSelector>,
    /// The object it is attached to; superseded.
    #[serde(alias = "target_ref")]
    pub target_ref: Option<TargetRef>,
    /// Objects it is attached to.
    #[serde(alias = "target_refs")]
    pub target_refs: Vec<TargetRef>,
    /// Rules, of which one must match; without rules nothing matches.
    pub rules: Vec<AuthorizationRule>,
    /// What happens to requests that match.
    pub action: AuthorizationAction,
    /// The external authorizer of a CUSTOM policy.
    pub provider: Option<ProviderRef>,
}

/// An extension provider of the mesh configuration, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProviderRef {
    /// Its name.
    pub name: String,
}

proto_enum! {
    /// What happens to requests that a policy matches.
    pub enum AuthorizationAction("action") {
        /// They are allowed; others are denied.
        Allow = 0 "ALLOW",
        /// They are denied.
        Deny = 1 "DENY",
        /// They are logged.
        Audit = 2 "AUDIT",
        /// An external authorizer decides.
        Custom = 3 "CUSTOM",
    }
}

/// Conditions on a request; all that are given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AuthorizationRule {
    /// Sources, of which one must match.
    #[serde(deserialize_with = "filled_list::deserialize")]
    pub from: Vec<RuleFrom>,
    /// Operations, of which one must match.
    #[serde(deserialize_with = "filled_list::deserialize")]
    pub to: Vec<RuleTo>,
    /// Further conditions, which must all hold.
    #[serde(deserialize_with = "filled_list::deserialize")]
    pub when: Vec<Condition>,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RuleFrom {
    /// The source; required.
    pub source: Option<AuthorizationSource>,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RuleTo {
    /// The operation; required.
    pub operation: Option<Operation>,
}

/// Who asks (Istio's `Source`); all that are given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AuthorizationSource {
    /// Identities from the client certificate.
    #[serde(deserialize_with = "filled_list::deserialize")]
    pub principals: Vec<String>,
    /// Identities that do not match.
    #[serde(alias = "not_principals", deserialize_with = "filled_list::deserialize")]
    pub not_principals: Vec<String>,
    /// Identities from the token, `issuer/subject`.
    #[serde(alias = "request_principals", deserialize_with = "filled_list::deserialize")]
    pub request_principals: Vec<String>,
    /// Token identities that do not match.
    #[serde(alias = "not_request_principals", deserialize_with = "filled_list::deserialize")]
    pub not_request_principals: Vec<String>,
    /// Namespaces from the client certificate.
    #[serde(deserialize_with = "filled_list::deserialize")]
    pub namespaces: Vec<String>,
    /// Namespaces that do not match.
    #[serde(alias = "not_namespaces", deserialize_with = "filled_list::deserialize")]
    pub not_namespaces: Vec<String>,
    /// Service accounts, `namespace/name` or `name`.
    #[serde(alias = "service_accounts", deserialize_with = "filled_list::deserialize")]
    pub service_accounts: Vec<String>,
    /// Service accounts that do not match.
    #[serde(alias = "not_service_accounts", deserialize_with = "filled_list::deserialize")]
    pub not_service_accounts: Vec<String>,
    /// Trust domains from the client certificate.
    #[serde(alias = "trust_domains", deserialize_with = "filled_list::deserialize")]
    pub trust_domains: Vec<String>,
    /// Trust domains that do not match.
    #[serde(alias = "not_trust_domains", deserialize_with = "filled_list::deserialize")]
    pub not_trust_domains: Vec<String>,
    /// Addresses of the direct peer.
    #[serde(alias = "ip_blocks", deserialize_with = "filled_list::deserialize")]
    pub ip_blocks: Vec<String>,
    /// Peer addresses that do not match.
    #[serde(alias = "not_ip_blocks", deserialize_with = "filled_list::deserialize")]
    pub not_ip_blocks: Vec<String>,
    /// Addresses of the original client.
    #[serde(alias = "remote_ip_blocks", deserialize_with = "filled_list::deserialize")]
    pub remote_ip_blocks: Vec<String>,
    /// Client addresses that do not match.
    #[serde(alias = "not_remote_ip_blocks", deserialize_with = "filled_list::deserialize")]
    pub not_remote_ip_blocks: Vec<String>,
}

/// What is asked; all that are given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Operation {
    /// Hosts with port, without case.
    #[serde(deserialize_with = "filled_list::deserialize")]
    pub hosts: Vec<String>,
    /// Hosts that do not match.
    #[serde(alias = "not_hosts", deserialize_with = "filled_list::deserialize")]
    pub not_hosts: Vec<String>,
    /// Local ports.
    #[serde(deserialize_with = "filled_list::deserialize")]
    pub ports: Vec<String>,
    /// Ports that do not match.
    #[serde(alias = "not_ports", deserialize_with = "filled_list::deserialize")]
    pub not_ports: Vec<String>,
    /// Methods.
    #[serde(deserialize_with = "filled_list::deserialize")]
    pub methods: Vec<String>,
    /// Methods that do not match.
    #[serde(alias = "not_methods", deserialize_with = "filled_list::deserialize")]
    pub not_methods: Vec<String>,
    /// Normalised paths; exact, prefix, suffix or template.
    #[serde(deserialize_with = "filled_list::deserialize")]
    pub paths: Vec<String>,
    /// Paths that do not match.
    #[serde(alias = "not_paths", deserialize_with = "filled_list::deserialize")]
    pub not_paths: Vec<String>,
}

/// A further condition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Condition {
    /// The attribute.
    pub key: String,
    /// Values, of which one must match.
    pub values: Vec<String>,
    /// Values that do not match.
    #[serde(alias = "not_values")]
    pub not_values: Vec<String>,
}

/// Which tokens are accepted. A request without token passes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RequestAuthentication {
    /// Workloads it is for; absent means the namespace.
    pub selector: Option<WorkloadSelector>,
    /// The object it is attached to; superseded.
    #[serde(alias = "target_ref")]
    pub target_ref: Option<TargetRef>,
    /// Objects it is attached to.
    #[serde(alias = "target_refs")]
    pub target_refs: Vec<TargetRef>,
    /// Accepted tokens.
    #[serde(alias = "jwt_rules")]
    pub jwt_rules: Vec<JwtRule>,
}

/// Tokens of one issuer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JwtRule {
    /// The issuer; required.
    pub issuer: String,
    /// Audiences, of which the token must have one; empty means any.
    pub audiences: Vec<String>,
    /// Where the issuer's keys are.
    #[serde(alias = "jwks_uri")]
    pub jwks_uri: String,
    /// The issuer's keys; come before `jwks_uri`.
    pub jwks: String,
    /// Headers that may carry the token.
    #[serde(alias = "from_headers")]
    pub from_headers: Vec<JwtHeader>,
    /// Query parameters that may carry the token.
    #[serde(alias = "from_params")]
    pub from_params: Vec<String>,
    /// Cookies that may carry the token.
    #[serde(alias = "from_cookies")]
    pub from_cookies: Vec<String>,
    /// Header that gets the payload.
    #[serde(alias = "output_payload_to_header")]
    pub output_payload_to_header: String,
    /// Whether the token is forwarded.
    #[serde(alias = "forward_original_token")]
    pub forward_original_token: bool,
    /// Claims that are copied to headers.
    #[serde(alias = "output_claim_to_headers")]
    pub output_claim_to_headers: Vec<ClaimToHeader>,
    /// Time to fetch keys; absent means 5 s.
    #[serde(deserialize_with = "duration::optional")]
    pub timeout: Option<Duration>,
    /// Claims whose value is a list of words.
    #[serde(alias = "space_delimited_claims")]
    pub space_delimited_claims: Vec<String>,
}

/// A header that may carry a token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JwtHeader {
    /// Its name.
    pub name: String,
    /// What stands before the token, such as `Bearer `.
    pub prefix: String,
}

/// A claim that is copied to a header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClaimToHeader {
    /// The header.
    pub header: String,
    /// The claim.
    pub claim: String,
}

/// Which client certificates workloads require; without effect on gateway servers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PeerAuthentication {
    /// Workloads it is for; absent means the namespace.
    pub selector: Option<WorkloadSelector>,
    /// For all ports.
    pub mtls: Option<MutualTls>,
    /// For single ports.
    #[serde(alias = "port_level_mtls")]
    pub port_level_mtls: BTreeMap<u32, MutualTls>,
}

/// Whether client certificates are required.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MutualTls {
    /// The mode.
    pub mode: MutualTlsMode,
}

proto_enum! {
    /// Whether client certificates are required.
    pub enum MutualTlsMode("mtls mode") {
        /// As the parent says.
        Unset = 0 "UNSET",
        /// Plaintext.
        Disable = 1 "DISABLE",
        /// Both.
        Permissive = 2 "PERMISSIVE",
        /// Required.
        Strict = 3 "STRICT",
    }
}
