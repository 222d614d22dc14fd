//! Bounds reached, given back, and not counted where there are none.

use super::*;

fn usage() -> Arc<Usage> {
    Arc::default()
}

#[test]
fn a_bound_holds_until_something_is_given_back() {
    let usage = usage();
    let limits = Limits { connections: Some(2), ..Limits::default() };
    let first = usage.connection(&limits).unwrap();
    let _second = usage.connection(&limits).unwrap();
    assert!(usage.connection(&limits).is_none());
    drop(first);
    assert!(usage.connection(&limits).is_some());
}

#[test]
fn the_first_connection_of_an_endpoint_exceeds_the_bound_and_counts() {
    let usage = usage();
    let limits = Limits { connections: Some(1), ..Limits::default() };
    let _held = usage.connection(&limits).unwrap();
    let first = usage.first_connection(&limits);
    assert_eq!(usage.connections.load(Ordering::Relaxed), 2);
    drop(first);
    assert!(usage.connection(&limits).is_none());
}

#[test]
fn what_nothing_bounds_is_not_counted() {
    let usage = usage();
    let shares = [usage.pending(&Limits::default()), usage.request(&Limits::default())];
    assert!(shares.iter().all(Option::is_some));
    assert_eq!(usage.pending.load(Ordering::Relaxed), 0);
    assert_eq!(usage.requests.load(Ordering::Relaxed), 0);
}

#[test]
fn kinds_do_not_share_their_bounds() {
    let usage = usage();
    let limits = Limits { pending: Some(1), requests: Some(1), ..Limits::default() };
    let _pending = usage.pending(&limits).unwrap();
    let _request = usage.request(&limits).unwrap();
    assert!(usage.pending(&limits).is_none() && usage.request(&limits).is_none());
    assert!(usage.retry(&limits).is_some());
}

#[test]
fn a_retry_budget_follows_the_load_and_never_falls_below_its_floor() {
    let usage = usage();
    let budget = RetryBudget { share: Fraction(200_000), at_least: 1 };
    // The budget stands in for the plain bound.
    let limits = Limits { retries: Some(0), retry_budget: Some(budget), ..Limits::default() };
    let _first = usage.retry(&limits).unwrap();
    assert!(usage.retry(&limits).is_none(), "20% of nothing, at least one");
    let _load: Vec<Share> = (0..10).filter_map(|_| usage.request(&limits)).collect();
    let _second = usage.retry(&limits).unwrap();
    assert!(usage.retry(&limits).is_none(), "20% of ten");
}
