//! How new endpoints get their share: Istio's `warmup`, else the field before it, with Envoy's
//! defaults.

use std::time::Duration;

use propylon_model::destination_rule::{LoadBalancer, Warmup as Written};
use propylon_snapshot::{Balance, Fraction, Warmup};

/// Envoy's share at the beginning, in percent.
const MINIMUM_PERCENT: f64 = 10.0;
/// Millionths in a percent.
const MILLIONTHS: f64 = 10_000.0;
/// Millionths of an aggression of 1.
const STRAIGHT: f64 = 1_000_000.0;

/// The warm-up of a balancer; only balancers that take turns or compare loads have one.
pub(crate) fn warmup(balancer: Option<&LoadBalancer>, balance: Balance) -> Option<Warmup> {
    if !matches!(balance, Balance::RoundRobin | Balance::LeastRequest) {
        return None;
    }
    let balancer = balancer?;
    let before = balancer.warmup_duration_secs;
    let before = before.map(|duration| Written { duration: Some(duration), ..Written::default() });
    let Written { duration, minimum_percent, aggression } =
        balancer.warmup.as_ref().or(before.as_ref())?;
    let percent = minimum_percent.unwrap_or(MINIMUM_PERCENT).clamp(0.0, 100.0);
    Some(Warmup {
        duration: duration.filter(|duration| *duration > Duration::ZERO)?,
        minimum: Fraction(u32::try_from(whole(percent * MILLIONTHS)).unwrap_or(Fraction::ALL.0)),
        aggression: whole(aggression.unwrap_or(1.0) * STRAIGHT).max(1),
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests;
