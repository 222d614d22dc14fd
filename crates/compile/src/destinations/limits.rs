//! Bounds of a cluster, from the connection pool and the retry budget that count for it. Zero says
//! nothing in either, as in Istio.

use std::time::Duration;

use propylon_model::destination_rule::{
    ConnectionPool, HttpPool, RetryBudget as WrittenBudget, TcpKeepalive, TcpPool,
};
use propylon_snapshot::{Fraction, Keepalive, Limits, RetryBudget};

/// Istio's share of requests that may be retries, in percent.
const BUDGET_PERCENT: f64 = 20.0;
/// Istio's number of retries that a budget always allows.
const BUDGET_AT_LEAST: u32 = 3;
/// Millionths in a percent.
const MILLIONTHS: f64 = 10_000.0;

/// The bounds. `mesh` has what the mesh says of keep-alive, value by value under the pool's own.
pub(crate) fn limits(
    pool: Option<&ConnectionPool>,
    budget: Option<&WrittenBudget>,
    mesh: Option<&TcpKeepalive>,
) -> Limits {
    let tcp = pool.and_then(|pool| pool.tcp.as_ref());
    let mut limits = Limits {
        retry_budget: budget.map(retry_budget),
        keepalive: keepalive(mesh, tcp.and_then(|tcp| tcp.tcp_keepalive.as_ref())),
        ..Limits::default()
    };
    if let Some(TcpPool {
        max_connections,
        connect_timeout: _,
        tcp_keepalive: _,
        max_connection_duration,
        idle_timeout: _,
    }) = tcp
    {
        limits.connections = bound(*max_connections);
        limits.connection_duration = set(*max_connection_duration);
    }
    if let Some(HttpPool {
        http1_max_pending_requests,
        http2_max_requests,
        max_requests_per_connection,
        max_retries,
        idle_timeout: _,
        h2_upgrade_policy: _,
        use_client_protocol: _,
        max_concurrent_streams: _,
        http2_keep_alive: _,
    }) = pool.and_then(|pool| pool.http.as_ref())
    {
        limits.pending = bound(*http1_max_pending_requests);
        limits.requests = bound(*http2_max_requests);
        limits.retries = bound(*max_retries);
        limits.requests_per_connection = bound(*max_requests_per_connection);
    }
    limits
}

fn bound(written: i32) -> Option<u32> {
    u32::try_from(written).ok().filter(|bound| *bound > 0)
}

fn set(written: Option<Duration>) -> Option<Duration> {
    written.filter(|duration| !duration.is_zero())
}

fn retry_budget(written: &WrittenBudget) -> RetryBudget {
    // The interval is reported by `effect`: requests count while they are under way.
    let WrittenBudget { percent, min_retry_concurrency, budget_interval: _ } = written;
    RetryBudget {
        share: share(percent.unwrap_or(BUDGET_PERCENT)),
        at_least: min_retry_concurrency.filter(|least| *least > 0).unwrap_or(BUDGET_AT_LEAST),
    }
}

/// Percent as a share; what is out of range was refused by validation.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1,000,000")]
fn share(percent: f64) -> Fraction {
    Fraction((percent.clamp(0.0, 100.0) * MILLIONTHS).round() as u32)
}

/// Each value is the pool's, else the mesh's. Keep-alive is on as soon as either has the block.
fn keepalive(mesh: Option<&TcpKeepalive>, own: Option<&TcpKeepalive>) -> Option<Keepalive> {
    let mut merged = Keepalive::default();
    for TcpKeepalive { probes, time, interval } in mesh.into_iter().chain(own) {
        merged.probes = Some(*probes).filter(|probes| *probes > 0).or(merged.probes);
        merged.time = time.or(merged.time);
        merged.interval = interval.or(merged.interval);
    }
    (mesh.is_some() || own.is_some()).then_some(merged)
}

#[cfg(test)]
mod tests;
