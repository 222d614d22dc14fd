//! What pools and budgets come to: zeros, defaults, keep-alive of two sources.

use super::*;

#[test]
fn zeros_and_absent_blocks_bound_nothing() {
    let pool = ConnectionPool { tcp: Some(TcpPool::default()), http: Some(HttpPool::default()) };
    assert_eq!(limits(Some(&pool), None, None), Limits::default());
    assert_eq!(limits(None, None, None), Limits::default());
}

#[test]
fn a_budget_has_the_defaults_of_istio() {
    let budget = |percent, least| WrittenBudget {
        percent,
        min_retry_concurrency: least,
        budget_interval: None,
    };
    let of = |budget: &WrittenBudget| limits(None, Some(budget), None).retry_budget;
    let default = RetryBudget { share: Fraction(200_000), at_least: 3 };
    assert_eq!(of(&budget(None, None)), Some(default));
    assert_eq!(of(&budget(None, Some(0))), Some(default));
    let own = RetryBudget { share: Fraction(5_000), at_least: 7 };
    assert_eq!(of(&budget(Some(0.5), Some(7))), Some(own));
}

#[test]
fn keep_alive_takes_each_value_from_the_rule_before_the_mesh() {
    let mesh = TcpKeepalive { probes: 3, time: Some(Duration::from_secs(60)), interval: None };
    let own = TcpKeepalive { probes: 0, time: Some(Duration::from_secs(5)), interval: None };
    let tcp = TcpPool { tcp_keepalive: Some(own), ..TcpPool::default() };
    let pool = ConnectionPool { tcp: Some(tcp), http: None };
    let merged = limits(Some(&pool), None, Some(&mesh)).keepalive;
    let wanted = Keepalive { probes: Some(3), time: Some(Duration::from_secs(5)), interval: None };
    assert_eq!(merged, Some(wanted));
    let empty = TcpKeepalive::default();
    assert_eq!(limits(None, None, Some(&empty)).keepalive, Some(Keepalive::default()));
}
