//! Policies of a rule, compiled: retries, faults, CORS, mirrors. Data only.

use std::time::Duration;

use crate::{Dice, Head, StringMatch, Target};

/// A share in millionths, 0 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fraction(pub u32);

impl Fraction {
    /// Everything.
    pub const ALL: Self = Self(1_000_000);

    /// Draws once whether this share is hit. Nothing and everything need no chance.
    #[must_use]
    pub fn hits(self, dice: &mut Dice<'_>) -> bool {
        self.0 > 0 && (self >= Self::ALL || dice(Self::ALL.0) < self.0)
    }
}

/// The conditions under which a request is tried again (Envoy's `retry_on`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetryOn {
    /// `5xx`: any 5xx answer, or no answer at all.
    pub server_error: bool,
    /// `gateway-error`: 502, 503, 504.
    pub gateway_error: bool,
    /// `reset`: the upstream did not answer.
    pub reset: bool,
    /// `reset-before-request`: the connection broke before the request was sent.
    pub reset_before_request: bool,
    /// `connect-failure`.
    pub connect_failure: bool,
    /// `refused-stream`.
    pub refused_stream: bool,
    /// `retriable-4xx`: 409.
    pub retriable_4xx: bool,
    /// `envoy-ratelimited`.
    pub envoy_ratelimited: bool,
    /// gRPC `cancelled` (1).
    pub grpc_cancelled: bool,
    /// gRPC `deadline-exceeded` (4).
    pub grpc_deadline_exceeded: bool,
    /// gRPC `resource-exhausted` (8).
    pub grpc_resource_exhausted: bool,
    /// gRPC `internal` (13).
    pub grpc_internal: bool,
    /// gRPC `unavailable` (14).
    pub grpc_unavailable: bool,
}

/// When and how often a request is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first; at least 1.
    pub attempts: u32,
    /// Conditions.
    pub on: RetryOn,
    /// Statuses of `retriable-status-codes`.
    pub statuses: Vec<u16>,
    /// Limit of each try, the first included.
    pub per_try_timeout: Option<Duration>,
    /// Base of the exponential back-off; the longest wait is ten times this.
    pub backoff: Duration,
    /// Avoid endpoints already tried (up to 5 picks).
    pub ignore_previous_hosts: bool,
    /// After two tries and every two more, go to localities that were not tried yet (Envoy's
    /// `previous_priorities`).
    pub remote_localities: bool,
}

/// A delay before the request is forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delay {
    /// Share of requests.
    pub share: Fraction,
    /// How long.
    pub duration: Duration,
}

/// What an aborted request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortAnswer {
    /// An HTTP status.
    Http(u16),
    /// A gRPC status, over HTTP 200.
    Grpc(u8),
}

/// An injected failure; body `fault filter abort`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abort {
    /// Share of requests.
    pub share: Fraction,
    /// The answer.
    pub answer: AbortAnswer,
}

/// Fault injection: delay first, then abort.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fault {
    /// Delay.
    pub delay: Option<Delay>,
    /// Abort.
    pub abort: Option<Abort>,
}

/// Cross-origin policy. Header values are joined at compile time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cors {
    /// Origins allowed; an exact `*` allows any.
    pub origins: Vec<StringMatch>,
    /// `access-control-allow-methods`; empty: not sent.
    pub methods: Box<str>,
    /// `access-control-allow-headers`.
    pub headers: Box<str>,
    /// `access-control-expose-headers`.
    pub expose: Box<str>,
    /// `access-control-max-age` in seconds; empty: not sent.
    pub max_age: Box<str>,
    /// `access-control-allow-credentials: true`.
    pub credentials: bool,
    /// `unmatchedPreflights: IGNORE`: answer preflights of other origins 200 instead of forwarding
    /// them.
    pub ignore_unmatched: bool,
}

/// What cross-origin policy makes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CorsAnswer {
    /// Nothing: no origin, or one that is not allowed.
    None,
    /// Its response gets the policy's headers.
    Allowed,
    /// It is a preflight that is answered here.
    Preflight {
        /// Whether its origin is allowed.
        allowed: bool,
    },
}

impl Cors {
    /// True if the origin may read responses. As in Envoy, a test that accepts the text `*`
    /// accepts every origin.
    #[must_use]
    pub fn allows(&self, origin: &[u8]) -> bool {
        self.origins.iter().any(|test| test.matches(b"*") || test.matches(origin))
    }

    /// Envoy's CORS filter on a request.
    pub(crate) fn answer(&self, head: &Head<'_>) -> CorsAnswer {
        let Some(origin) = head.value("origin").filter(|origin| !origin.is_empty()) else {
            return CorsAnswer::None;
        };
        let preflight = head.method == "OPTIONS"
            && head.value("access-control-request-method").is_some_and(|m| !m.is_empty());
        match (self.allows(origin), preflight) {
            (true, true) => CorsAnswer::Preflight { allowed: true },
            (true, false) => CorsAnswer::Allowed,
            (false, true) if self.ignore_unmatched => CorsAnswer::Preflight { allowed: false },
            (false, _) => CorsAnswer::None,
        }
    }
}

/// A copy of the request to another cluster; its answer is thrown away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Where to.
    pub target: Target,
    /// Share of requests.
    pub share: Fraction,
}
