//! Which balancers warm up, and how.

use super::*;

fn balancer(written: Option<Written>, before: Option<u64>) -> LoadBalancer {
    LoadBalancer {
        warmup: written,
        warmup_duration_secs: before.map(Duration::from_secs),
        ..LoadBalancer::default()
    }
}

fn written(minimum_percent: Option<f64>, aggression: Option<f64>) -> Option<Written> {
    Some(Written { duration: Some(Duration::from_secs(60)), minimum_percent, aggression })
}

#[test]
fn defaults_are_ten_percent_in_a_straight_line() {
    let expected = Warmup {
        duration: Duration::from_secs(60),
        minimum: Fraction(100_000),
        aggression: 1_000_000,
    };
    let found = warmup(Some(&balancer(written(None, None), Some(7))), Balance::RoundRobin);
    assert_eq!(found, Some(expected));
    let before = warmup(Some(&balancer(None, Some(60))), Balance::LeastRequest);
    assert_eq!(before, Some(expected), "the field before it says the duration");
}

#[test]
fn what_is_written_counts() {
    let found = warmup(Some(&balancer(written(Some(0.0), Some(2.5)), None)), Balance::RoundRobin);
    assert_eq!(found.map(|one| (one.minimum.0, one.aggression)), Some((0, 2_500_000)));
}

#[test]
fn chance_and_hashes_know_no_age() {
    let balancer = balancer(written(None, None), None);
    for balance in [Balance::Random, Balance::Maglev { entries: 7 }] {
        assert_eq!(warmup(Some(&balancer), balance), None);
    }
    assert_eq!(warmup(None, Balance::RoundRobin), None);
}
