//! Ages over changes of endpoints, by a clock that the test moves.

use std::time::Duration;

use super::*;

fn endpoint(last: u8) -> Endpoint {
    Endpoint::at(Address::Ip(([10, 0, 0, last], 80).into()))
}

#[test]
fn endpoints_that_stay_keep_their_age_and_those_that_come_back_are_new() {
    let ages = Ages::default();
    let start = Instant::now();
    let later = start + Duration::from_secs(60);
    ages.settle(true, &[endpoint(1)], start);
    ages.settle(true, &[endpoint(1), endpoint(2)], later);
    assert_eq!(ages.of(&endpoint(1).address), Some(start));
    assert_eq!(ages.of(&endpoint(2).address), Some(later));
    ages.settle(true, &[endpoint(2)], later);
    ages.settle(true, &[endpoint(1), endpoint(2)], later);
    assert_eq!(ages.of(&endpoint(1).address), Some(later));
}

#[test]
fn without_a_warmup_nothing_is_kept() {
    let ages = Ages::default();
    ages.settle(true, &[endpoint(1)], Instant::now());
    ages.settle(false, &[endpoint(1)], Instant::now());
    assert_eq!(ages.of(&endpoint(1).address), None);
}
