//! What of a request decides its endpoint where a destination hashes consistently.
//! Data only; the hash itself is the data plane's.

use std::time::Duration;

/// One source of a hash (Istio's `consistentHash`, Envoy's `hash_policy`). A rule with several
/// weighted destinations has those of all of them, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    /// The values of a header. Lower-case name; `:authority`, `:path`, `:method` and `:scheme`
    /// name parts of the request, and `host` is `:authority`.
    Header(Box<str>),
    /// The value of a cookie.
    Cookie(Box<HashCookie>),
    /// The address of the client, as a trusted proxy tells it.
    SourceIp,
    /// The value of a query parameter, not decoded.
    Query(Box<str>),
}

/// A cookie that is hashed, and how it is made for clients that have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashCookie {
    /// Its name.
    pub name: Box<str>,
    /// Its path; empty: none is said.
    pub path: Box<str>,
    /// Its life in whole seconds, zero until the browser ends. `None`: no cookie is ever made.
    pub ttl: Option<Duration>,
    /// Further attributes and their values; those without value are flags.
    pub attributes: Box<[(Box<str>, Box<str>)]>,
}
