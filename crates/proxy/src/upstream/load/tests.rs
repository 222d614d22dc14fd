//! Sums of what workers tell.

use propylon_snapshot::Address;

use super::{Load, Loads, Tally};
use crate::upstream::Outcome;

fn address(port: u16) -> Address {
    Address::Ip(([127, 0, 0, 1], port).into())
}

#[test]
fn what_workers_tell_is_summed_by_cluster_and_address() {
    let load = Load { connections: 2, requests: 1, requests_total: 5, ..Load::default() };
    let (mut one, mut other) = (Loads::default(), Loads::default());
    one.note("a", &address(2), &load);
    one.note("a", &address(1), &load);
    other.note("a", &address(1), &load);
    other.note("b", &address(1), &load);
    one.absorb(&other);
    let sum = one.of("a", &address(1));
    assert_eq!((sum.connections, sum.requests, sum.requests_total), (4, 2, 10));
    assert_eq!(one.of("b", &address(1)), load);
    assert_eq!(one.of("b", &address(2)), Load::default());
    assert_eq!(one.endpoints("a"), [&address(1), &address(2)]);
}

#[test]
fn outcomes_are_told_apart() {
    let tally = Tally::default();
    let all = [Outcome::Connected, Outcome::Answered(499), Outcome::Answered(500), Outcome::Broke];
    all.into_iter().chain([Outcome::Late, Outcome::HandedOn]).for_each(|one| tally.outcome(one));
    let totals = tally.totals();
    assert_eq!((totals.connections_total, totals.requests_succeeded), (1, 1));
    assert_eq!((totals.requests_failed, totals.requests_late), (3, 1));
}
