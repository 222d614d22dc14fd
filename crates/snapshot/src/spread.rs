//! How the requests of a cluster are spread over the places and ages of its endpoints: weights of
//! localities, and the time that new endpoints take to get their full share. Data only; who picks
//! is the data plane.

use std::time::Duration;

use crate::{Fraction, Locality};

/// What the endpoints of one locality count for together, among those of the same priority (Envoy's
/// locality-weighted balancing).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalityWeight {
    /// The priority whose endpoints are meant.
    pub priority: u32,
    /// Where these run.
    pub locality: Locality,
    /// Their weight together; at least 1.
    pub weight: u32,
}

/// How the share of a new endpoint grows (Envoy's slow start).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warmup {
    /// Time until it has its full share; never zero.
    pub duration: Duration,
    /// Its share of that at the beginning.
    pub minimum: Fraction,
    /// Millionths; 1,000,000 is a straight line, more is steeper at first. Never zero.
    pub aggression: u64,
}

impl Warmup {
    /// The share of its weight that an endpoint of this age counts for: from the minimum up to 1.
    #[must_use]
    pub fn share(&self, age: Duration) -> f64 {
        if age >= self.duration {
            return 1.0;
        }
        // As in Envoy, ages count by the millisecond and from the first one on.
        let passed = age.max(Duration::from_millis(1)).as_secs_f64() / self.duration.as_secs_f64();
        let grown = match self.aggression {
            STRAIGHT => passed,
            steep => passed.powf(millionths(STRAIGHT) / millionths(steep)),
        };
        grown.max(f64::from(self.minimum.0) / f64::from(Fraction::ALL.0)).min(1.0)
    }
}

/// The aggression of a straight line.
const STRAIGHT: u64 = 1_000_000;

#[expect(clippy::cast_precision_loss, reason = "aggressions are far below 2^53 millionths")]
fn millionths(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
