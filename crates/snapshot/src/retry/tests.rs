//! Retry conditions, as sentences.

use std::time::Duration;

use crate::{Reason, Retry, RetryOn};

fn on(text: &str) -> RetryOn {
    RetryOn::parse(text).unwrap().0
}

fn retry(text: &str) -> Retry {
    let (on, statuses) = RetryOn::parse(text).unwrap();
    Retry {
        attempts: 2,
        on,
        statuses,
        per_try_timeout: None,
        backoff: Duration::from_millis(25),
        ignore_previous_hosts: true,
        remote_localities: false,
    }
}

#[test]
fn numbers_are_statuses_and_empty_parts_are_skipped() {
    let (on, statuses) = RetryOn::parse(" 5xx ,, 503,retriable-4xx,").unwrap();
    assert!(on.server_error && on.retriable_4xx);
    assert_eq!(statuses, [503]);
}

#[test]
fn an_unknown_condition_is_named() {
    assert_eq!(RetryOn::parse("5xx,x5x").unwrap_err().0, "x5x");
    assert_eq!(RetryOn::parse("999").unwrap_err().0, "999");
}

#[test]
fn istios_default_conditions_are_those_it_names() {
    let names = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
    assert_eq!(RetryOn::istio_default(), on(names));
}

#[test]
fn the_default_retries_connects_and_refused_streams_and_no_broken_answers() {
    let on = RetryOn::istio_default();
    assert!(on.covers(Reason::ConnectFailure, false));
    assert!(on.covers(Reason::ConnectTls, false));
    assert!(on.covers(Reason::ConnectTimeout, false));
    assert!(on.covers(Reason::StreamRefused, true));
    assert!(!on.covers(Reason::StreamReset, true));
    assert!(!on.covers(Reason::UpstreamReset, true));
    assert!(!on.covers(Reason::UpstreamProtocol, true));
    assert!(!on.covers(Reason::PerTryTimeout, true));
}

#[test]
fn a_missing_answer_is_a_5xx() {
    for condition in ["5xx", "gateway-error", "reset"] {
        for reason in [Reason::UpstreamReset, Reason::PerTryTimeout, Reason::ConnectFailure] {
            assert!(on(condition).covers(reason, true), "{condition} {reason:?}");
        }
    }
}

#[test]
fn a_missing_endpoint_and_the_routes_own_timeout_are_final() {
    for reason in [Reason::Timeout, Reason::NoEndpoint, Reason::NoRoute] {
        assert!(!on("5xx,reset,gateway-error").covers(reason, false), "{reason:?}");
    }
}

#[test]
fn reset_before_request_holds_only_while_nothing_was_written() {
    let on = on("reset-before-request");
    assert!(on.covers(Reason::UpstreamReset, false));
    assert!(!on.covers(Reason::UpstreamReset, true));
}

#[test]
fn responses_are_judged_by_status_and_grpc_status() {
    assert!(retry("5xx").covers_response(500, None));
    assert!(!retry("5xx").covers_response(499, None));
    assert!(retry("gateway-error").covers_response(503, None));
    assert!(!retry("gateway-error").covers_response(500, None));
    assert!(retry("retriable-4xx").covers_response(409, None));
    assert!(retry("418").covers_response(418, None));
    assert!(retry("unavailable").covers_response(200, Some(14)));
    assert!(!retry("unavailable").covers_response(200, Some(13)));
}
