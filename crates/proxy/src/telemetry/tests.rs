//! Counters, summed over workers.

use std::sync::Arc;

use super::*;

#[test]
fn workers_are_summed_under_one_name() {
    let workers = [Arc::new(Counters::default()), Arc::new(Counters::default())];
    workers[0].requests.add(2);
    workers[1].requests.add(3);
    workers[1].count_reason(Reason::NoRoute);
    workers[1].count_status(404);
    let sums = sum(&workers);
    let value =
        |wanted: &str| sums.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
    assert_eq!(value("http.downstream_rq_total"), Some(5));
    assert_eq!(value("http.downstream_rq_4xx"), Some(1));
    assert_eq!(value("http.reason.no_route"), Some(1));
    assert_eq!(value("http.reason.client_gone"), Some(0));
}

#[test]
fn every_reason_has_its_counter() {
    assert!(Reason::ALL.iter().all(|reason| (*reason as usize) < Reason::ALL.len()));
}
