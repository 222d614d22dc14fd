//! How much of a cluster may be in use at a time, and how long its connections live (Istio's
//! `connectionPool` and `retryBudget`). Data only; the data plane counts.

use std::time::Duration;

use crate::Fraction;

/// Bounds of one cluster, each over all workers; `None` where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Connections open or being made. Requests beyond wait; TCP connections beyond are closed.
    pub connections: Option<u32>,
    /// Requests that wait for a connection. Those beyond are answered 503, flag UO.
    pub pending: Option<u32>,
    /// Requests under way. Those beyond are answered 503, flag UO.
    pub requests: Option<u32>,
    /// Retries under way or waiting for their back-off. Those beyond do not happen.
    pub retries: Option<u32>,
    /// The bound of retries where it follows the load; it stands in for `retries`.
    pub retry_budget: Option<RetryBudget>,
    /// Requests that one connection carries in its life.
    pub requests_per_connection: Option<u32>,
    /// The life of a connection; a request under way may end.
    pub connection_duration: Option<Duration>,
    /// Probes of connections by the kernel.
    pub keepalive: Option<Keepalive>,
}

/// Retries bounded by a share of the requests under way (Envoy's retry budget).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudget {
    /// Share of requests under way and waiting.
    pub share: Fraction,
    /// Retries that are always allowed.
    pub at_least: u32,
}

/// TCP keep-alive; `None` leaves a value to the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keepalive {
    /// Unanswered probes before the connection is dead.
    pub probes: Option<u32>,
    /// Silence before the first probe.
    pub time: Option<Duration>,
    /// Time between probes.
    pub interval: Option<Duration>,
}
