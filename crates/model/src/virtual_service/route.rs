//! An HTTP route: what happens to the requests that match.
//!
//! Data only; which fields exclude each other across messages is the compiler's to say.

use std::time::Duration;

use serde::Deserialize;

use super::{CorsPolicy, FaultInjection, HttpMatch, HttpMirror, HttpRetry, Percent};
use crate::proto::{Base64, Several, at_most_one, duration, proto_enum};

/// Conditions on requests and what to do with those that match.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpRoute {
    /// A name for logs.
    pub name: String,
    /// Conditions, of which one must hold; empty matches everything.
    pub r#match: Vec<HttpMatch>,
    /// Destinations with their shares.
    pub route: Vec<HttpRouteDestination>,
    /// Answer with a redirect.
    pub redirect: Option<HttpRedirect>,
    /// Answer with a fixed response.
    #[serde(alias = "direct_response")]
    pub direct_response: Option<DirectResponse>,
    /// Let another VirtualService route.
    pub delegate: Option<Delegate>,
    /// Change path or host before forwarding.
    pub rewrite: Option<HttpRewrite>,
    /// Time for the whole exchange; none by default.
    #[serde(deserialize_with = "duration::optional")]
    pub timeout: Option<Duration>,
    /// When to try again; Istio's default is two retries of connection failures.
    pub retries: Option<HttpRetry>,
    /// Faults for testing clients.
    pub fault: Option<FaultInjection>,
    /// A destination that gets a copy.
    pub mirror: Option<Destination>,
    /// Several destinations that get copies.
    pub mirrors: Vec<HttpMirror>,
    /// Share of requests copied to `mirror`, in percent; superseded.
    #[serde(alias = "mirror_percent")]
    pub mirror_percent: Option<u32>,
    /// Share of requests copied to `mirror`; absent means all.
    #[serde(alias = "mirror_percentage")]
    pub mirror_percentage: Option<Percent>,
    /// Cross-origin rules.
    #[serde(alias = "cors_policy")]
    pub cors_policy: Option<CorsPolicy>,
    /// Changes of headers for all destinations.
    pub headers: Option<Headers>,
}

/// A destination of HTTP requests and its share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpRouteDestination {
    /// Where to.
    pub destination: Destination,
    /// Its share among all weights of the route.
    pub weight: i32,
    /// Changes of headers for this destination.
    pub headers: Option<Headers>,
}

/// A service, one of its subsets, and a port.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Destination {
    /// The service; a name without dots is looked up in the VirtualService's namespace.
    pub host: String,
    /// A subset that a DestinationRule defines; empty means all endpoints.
    pub subset: String,
    /// The service's port; may be left out where it has only one.
    pub port: Option<PortSelector>,
}

/// A port by number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PortSelector {
    /// The port number; valid are 1 to 65535.
    pub number: u32,
}

/// A VirtualService that routes in this one's place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Delegate {
    /// Its name.
    pub name: String,
    /// Its namespace; empty means the root's.
    pub namespace: String,
}

/// Changes of headers in both directions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Headers {
    /// Changes of request headers.
    pub request: HeaderOperations,
    /// Changes of response headers.
    pub response: HeaderOperations,
}

/// Changes of headers; values are Envoy format strings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HeaderOperations {
    /// Headers to overwrite.
    pub set: std::collections::BTreeMap<String, String>,
    /// Headers to append.
    pub add: std::collections::BTreeMap<String, String>,
    /// Headers to drop.
    pub remove: Vec<String>,
}

/// A redirect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "HttpRedirectFields")]
pub struct HttpRedirect {
    /// The new path; empty keeps it.
    pub uri: String,
    /// The new host; empty keeps it.
    pub authority: String,
    /// The port of a redirect's location.
    pub redirect_port: Option<RedirectPort>,
    /// The new scheme; empty keeps it.
    pub scheme: String,
    /// The status; absent means 301.
    pub redirect_code: Option<u32>,
    /// Replaces the matched prefix of the path.
    pub prefix_rewrite: String,
}

/// The port of a redirect's location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectPort {
    /// This port.
    Number(u32),
    /// A port chosen by rule.
    Derive(RedirectPortSelection),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct HttpRedirectFields {
    uri: String,
    authority: String,
    port: Option<u32>,
    #[serde(alias = "derive_port")]
    derive_port: Option<RedirectPortSelection>,
    scheme: String,
    #[serde(alias = "redirect_code")]
    redirect_code: Option<u32>,
    #[serde(alias = "prefix_rewrite")]
    prefix_rewrite: String,
}

impl TryFrom<HttpRedirectFields> for HttpRedirect {
    type Error = Several;

    fn try_from(fields: HttpRedirectFields) -> Result<Self, Several> {
        let redirect_port = at_most_one([
            ("port", fields.port.map(RedirectPort::Number)),
            ("derivePort", fields.derive_port.map(RedirectPort::Derive)),
        ])?;
        Ok(Self {
            uri: fields.uri,
            authority: fields.authority,
            redirect_port,
            scheme: fields.scheme,
            redirect_code: fields.redirect_code,
            prefix_rewrite: fields.prefix_rewrite,
        })
    }
}

proto_enum! {
    /// How a redirect finds its port.
    pub enum RedirectPortSelection("derivePort") {
        /// 80 for http, 443 for https.
        FromProtocolDefault = 0 "FROM_PROTOCOL_DEFAULT",
        /// The port that the request came to.
        FromRequestPort = 1 "FROM_REQUEST_PORT",
    }
}

/// A fixed response.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DirectResponse {
    /// The status.
    pub status: u32,
    /// The body; absent means none.
    pub body: Option<HttpBody>,
}

/// The body of a fixed response.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "HttpBodyFields")]
pub enum HttpBody {
    /// `{}`: no body.
    #[default]
    Unset,
    /// A text.
    Text(String),
    /// Any bytes, written in base64.
    Bytes(Vec<u8>),
}

impl HttpBody {
    /// The body as it goes over the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Unset => &[],
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct HttpBodyFields {
    string: Option<String>,
    bytes: Option<Base64>,
}

impl TryFrom<HttpBodyFields> for HttpBody {
    type Error = Several;

    fn try_from(fields: HttpBodyFields) -> Result<Self, Several> {
        let found = at_most_one([
            ("string", fields.string.map(Self::Text)),
            ("bytes", fields.bytes.map(|bytes| Self::Bytes(bytes.0))),
        ])?;
        Ok(found.unwrap_or_default())
    }
}

/// Changes of path and host before forwarding.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpRewrite {
    /// Replaces the matched prefix, or the whole path after an exact or regex match.
    pub uri: String,
    /// Replaces the host.
    pub authority: String,
    /// Replaces every match of an expression in the path.
    #[serde(alias = "uri_regex_rewrite")]
    pub uri_regex_rewrite: Option<RegexRewrite>,
}

/// Search and replace in the path.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RegexRewrite {
    /// An RE2 expression.
    pub r#match: String,
    /// The replacement; `\1` and so on are groups.
    pub rewrite: String,
}
