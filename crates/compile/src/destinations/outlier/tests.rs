//! Defaults, zeros and what only counts together.

use super::*;

#[test]
fn an_empty_block_has_the_defaults_of_envoy() {
    let outlier = outlier(&OutlierDetection::default(), false);
    assert_eq!((outlier.server_errors, outlier.gateway_errors), (Some(5), None));
    assert_eq!(outlier.local_errors, None);
    assert_eq!((outlier.interval, outlier.base_time), (INTERVAL, BASE_TIME));
    assert_eq!((outlier.max_time, outlier.percent_max, outlier.panic_percent), (MAX_TIME, 10, 0));
}

#[test]
fn zero_switches_a_kind_of_failure_off() {
    let written = OutlierDetection {
        consecutive_5xx_errors: Some(0),
        consecutive_gateway_errors: Some(0),
        ..OutlierDetection::default()
    };
    let outlier = outlier(&written, false);
    assert_eq!((outlier.server_errors, outlier.gateway_errors), (None, None));
}

#[test]
fn local_failures_count_by_themselves_only_if_they_are_split_off() {
    let mut written = OutlierDetection {
        consecutive_local_origin_failures: Some(3),
        ..OutlierDetection::default()
    };
    assert_eq!(outlier(&written, false).local_errors, None);
    written.split_external_local_origin_errors = true;
    assert_eq!(outlier(&written, false).local_errors, Some(3));
    written.consecutive_local_origin_failures = Some(0);
    assert_eq!(outlier(&written, false).local_errors, Some(5));
}

#[test]
fn the_longest_ejection_is_no_shorter_than_the_first() {
    let base = Some(Duration::from_secs(900));
    let written = OutlierDetection { base_ejection_time: base, ..OutlierDetection::default() };
    assert_eq!(outlier(&written, false).max_time, Duration::from_secs(900));
}
