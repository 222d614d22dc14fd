//! One compiled route: when it applies and what it does.

use std::sync::Arc;
use std::time::Duration;

use crate::{
    ClusterId, Cors, Fault, HashKey, Mirror, Origin, Pattern, Retry, RouteHeaders, Scheme,
    StringMatch,
};

/// The test of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathMatch {
    /// Any path.
    Any,
    /// The whole path.
    Exact {
        /// The text; lower-case if `ignore_case`.
        text: Box<str>,
        /// Compare ASCII letters without case.
        ignore_case: bool,
    },
    /// How the path starts: plain text, not whole segments (Istio's rule).
    Prefix {
        /// The text; lower-case if `ignore_case`.
        text: Box<str>,
        /// Compare ASCII letters without case.
        ignore_case: bool,
    },
    /// A full-match expression.
    Regex(Pattern),
}

/// A test of one header. Any single line that satisfies it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMatch {
    /// Lower-case name.
    pub name: Box<str>,
    /// The test; `None`: present.
    pub test: Option<StringMatch>,
    /// `withoutHeaders`: the test must fail; an absent header is tested as the empty text.
    pub invert: bool,
}

/// A test of the first occurrence of one query parameter, undecoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryMatch {
    /// Name, case-sensitive.
    pub name: Box<str>,
    /// The test; `None`: present.
    pub test: Option<StringMatch>,
}

/// All conditions of a rule; every one must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// Path.
    pub path: PathMatch,
    /// Method.
    pub method: Option<StringMatch>,
    /// Scheme.
    pub scheme: Option<StringMatch>,
    /// Full authority, port included, case-sensitive.
    pub authority: Option<StringMatch>,
    /// `headers` and `withoutHeaders`.
    pub headers: Vec<HeaderMatch>,
    /// `queryParams`.
    pub query: Vec<QueryMatch>,
}

impl Matcher {
    /// The matcher without conditions.
    #[must_use]
    pub fn any() -> Self {
        Self {
            path: PathMatch::Any,
            method: None,
            scheme: None,
            authority: None,
            headers: Vec::new(),
            query: Vec::new(),
        }
    }
}

/// A cluster, or the name of one that does not exist (503, flag NC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// It exists.
    Cluster(ClusterId),
    /// Nothing defines it; the name that was looked for (`outbound|80|v1|a.b.svc.cluster.local`).
    Missing(Box<str>),
}

/// One weighted destination of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Where to.
    pub target: Target,
    /// Share: weight over the sum of weights. At least 1.
    pub weight: u32,
    /// Operations of this destination, applied before the route's. Empty for a single destination:
    /// the compiler appends those to the route's (Istio's asymmetry).
    pub headers: RouteHeaders,
    /// Authority set by this destination's `headers.request.set.host`.
    pub authority: Option<Box<str>>,
}

/// What becomes of the path (the query stays).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRewrite {
    /// The matched prefix is replaced, byte for byte, without mending slashes. With another kind of
    /// path match: the whole path.
    Uri(Box<str>),
    /// All matches of an expression are replaced; `\1` names a group. `replacement` is Istio's
    /// text.
    Regex {
        /// The search expression (not a full match).
        pattern: Pattern,
        /// Replacement with `\1` groups.
        replacement: Box<str>,
    },
}

/// Send the request up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Weighted destinations; at least one.
    pub destinations: Vec<Destination>,
    /// Path rewrite.
    pub path: Option<PathRewrite>,
    /// Authority rewrite of the route.
    pub authority: Option<Box<str>>,
    /// Limit from the end of the request to the end of the response; `None`: none.
    pub timeout: Option<Duration>,
    /// Retries; `None`: none.
    pub retry: Option<Retry>,
    /// Copies.
    pub mirrors: Vec<Mirror>,
    /// What is hashed for destinations that choose their endpoint by it; empty: nothing.
    pub hash: Box<[HashKey]>,
}

/// The path of a redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectPath {
    /// As requested.
    Keep,
    /// Replaced; if it has a query, that replaces the request's too.
    Replace(Box<str>),
    /// The matched prefix replaced.
    Prefix(Box<str>),
}

/// The port of a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectPort {
    /// As in the request's authority, with Envoy's stripping of `:80` and `:443`.
    Keep,
    /// This one. Istio's compiler turns the final scheme's default port into `Keep`.
    Number(u16),
}

/// Answer with a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Scheme to name; `None`: the request's.
    pub scheme: Option<Scheme>,
    /// Host (it may carry a port) to name; `None`: the request's.
    pub authority: Option<Box<str>>,
    /// Port.
    pub port: RedirectPort,
    /// Path.
    pub path: RedirectPath,
}

/// Answer without an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectResponse {
    /// 200 to 599.
    pub status: u16,
    /// Body; up to 1 MiB. `content-type: text/plain` when not empty and not set by header
    /// operations.
    pub body: Arc<[u8]>,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send it up.
    Forward(Forward),
    /// Answer with a location.
    Redirect(Redirect),
    /// Answer directly.
    Respond(DirectResponse),
}

/// One compiled route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `<http.name>` or `<http.name>.<match.name>`; empty where unnamed.
    pub name: Box<str>,
    /// When.
    pub matcher: Matcher,
    /// What.
    pub action: Action,
    /// Header operations of the route (and of a single destination, appended).
    pub headers: RouteHeaders,
    /// Cross-origin policy.
    pub cors: Option<Arc<Cors>>,
    /// Fault injection.
    pub fault: Option<Fault>,
    /// Where it came from.
    pub origin: Origin,
}
