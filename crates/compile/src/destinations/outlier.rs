//! Outlier detection of a cluster: Istio's block with Envoy's defaults under it.

use std::sync::Arc;
use std::time::Duration;

use propylon_model::destination_rule::OutlierDetection;
use propylon_snapshot::Outlier;

/// Envoy's failures in a row, of any kind.
const IN_A_ROW: u32 = 5;
/// Envoy's time between sweeps.
const INTERVAL: Duration = Duration::from_secs(10);
/// Envoy's length of a first ejection.
const BASE_TIME: Duration = Duration::from_secs(30);
/// Envoy's length of the longest ejection, unless the first is longer.
const MAX_TIME: Duration = Duration::from_secs(300);
/// Envoy's share of endpoints that may be ejected.
const PERCENT_MAX: u32 = 10;

/// Compiles a block. `places_first`: the service says itself which endpoints come first, so health
/// is never overlooked (Istio).
pub(crate) fn outlier(written: &OutlierDetection, places_first: bool) -> Arc<Outlier> {
    let OutlierDetection {
        // Istio overlooks it.
        consecutive_errors: _,
        split_external_local_origin_errors,
        consecutive_local_origin_failures,
        consecutive_gateway_errors,
        consecutive_5xx_errors,
        interval,
        base_ejection_time,
        max_ejection_percent,
        min_health_percent,
        outlier_detection_http_error_codes,
    } = written;
    let some = |number: Option<u32>| number.filter(|number| *number > 0);
    let base_time = base_ejection_time.unwrap_or(BASE_TIME);
    let percent = |written: i32| u32::try_from(written).unwrap_or(0).min(100);
    let codes = outlier_detection_http_error_codes.iter();
    Arc::new(Outlier {
        server_errors: match consecutive_5xx_errors {
            None => Some(IN_A_ROW),
            written => some(*written),
        },
        gateway_errors: some(*consecutive_gateway_errors),
        local_errors: split_external_local_origin_errors
            .then(|| some(*consecutive_local_origin_failures).unwrap_or(IN_A_ROW)),
        statuses: codes.filter_map(|code| u16::try_from(*code).ok()).collect(),
        interval: interval.filter(|interval| !interval.is_zero()).unwrap_or(INTERVAL),
        base_time,
        max_time: MAX_TIME.max(base_time),
        percent_max: match percent(*max_ejection_percent) {
            0 => PERCENT_MAX,
            percent => percent,
        },
        panic_percent: if places_first { 0 } else { percent(*min_health_percent) },
    })
}

#[cfg(test)]
mod tests;
