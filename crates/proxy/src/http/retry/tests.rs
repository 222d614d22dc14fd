//! Which tries may follow, and after which wait.

use propylon_snapshot::RetryOn;

use super::*;

fn policy(on: &str) -> Retry {
    let (on, statuses) = RetryOn::parse(on).unwrap();
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
fn the_wait_doubles_up_to_ten_times_its_base() {
    let base = Duration::from_millis(25);
    let waits: Vec<u128> = (1..=5).map(|retry| longest_wait(base, retry).as_millis()).collect();
    assert_eq!(waits, [25, 75, 175, 250, 250]);
    assert_eq!(longest_wait(base, 40).as_millis(), 250);
}

#[test]
fn attempts_count_the_tries_after_the_first() {
    let policy = policy("reset");
    let mut tries = Tries::new(Some(&policy), None);
    for expected in [true, true, false] {
        tries.begin();
        assert_eq!(tries.may_follow_failure(Reason::UpstreamReset, true), expected);
    }
}

#[test]
fn without_a_policy_nothing_is_tried_again() {
    let mut tries = Tries::new(None, None);
    tries.begin();
    assert!(!tries.may_follow_failure(Reason::ConnectFailure, false));
    let verdict = super::Verdict { status: 503, grpc_status: Some(14), ratelimited: true };
    assert!(!tries.declines(verdict));
}

#[test]
fn ratelimited_answers_are_declined_only_if_asked() {
    let asked = policy("envoy-ratelimited");
    let default = policy("connect-failure");
    let verdict = super::Verdict { status: 429, grpc_status: None, ratelimited: true };
    assert!(Tries::new(Some(&asked), None).declines(verdict));
    assert!(!Tries::new(Some(&default), None).declines(verdict));
}

#[test]
fn a_body_is_held_only_for_what_can_come_after_it() {
    let default = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
    assert!(!may_want_body(&policy(default), false, false));
    assert!(may_want_body(&policy(default), true, false));
    assert!(may_want_body(&policy(default), false, true));
    assert!(may_want_body(&policy("5xx"), false, false));
    assert!(may_want_body(&policy("503"), false, false));
    assert!(!may_want_body(&policy("reset-before-request"), false, false));
}
