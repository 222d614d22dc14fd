//! When an endpoint is ejected for its failures, and for how long (Istio's `outlierDetection`, as
//! Envoy understands it). Data only; the data plane counts.

use std::time::Duration;

/// Outlier detection of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlier {
    /// Responses with 5xx in a row that eject; `None`: they do not.
    pub server_errors: Option<u32>,
    /// Responses with 502, 503 or 504 in a row that eject; `None`: they do not.
    pub gateway_errors: Option<u32>,
    /// Failures to connect or to get any answer in a row that eject. `None`: they count as
    /// responses with 503 and 504.
    pub local_errors: Option<u32>,
    /// Statuses that count as failures in place of 5xx; empty: 5xx.
    pub statuses: Box<[u16]>,
    /// Time between sweeps, which let endpoints back in.
    pub interval: Duration,
    /// Length of the first ejection; each further one is longer by as much.
    pub base_time: Duration,
    /// Length of no ejection exceeds this.
    pub max_time: Duration,
    /// Most of the endpoints that may be ejected at a time, in percent.
    pub percent_max: u32,
    /// Below this share of healthy endpoints, in percent, health is overlooked; 0: never.
    pub panic_percent: u32,
}

impl Outlier {
    /// How long an ejection lasts that is so many times the first.
    #[must_use]
    pub fn lasting(&self, times: u32) -> Duration {
        self.base_time.saturating_mul(times).min(self.max_time)
    }
}
