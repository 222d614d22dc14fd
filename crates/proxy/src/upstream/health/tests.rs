//! Timelines of outlier detection, by a clock that the test moves.

use super::*;

fn rules() -> Outlier {
    Outlier {
        server_errors: Some(3),
        gateway_errors: None,
        local_errors: None,
        statuses: Box::default(),
        interval: Duration::from_secs(10),
        base_time: Duration::from_secs(30),
        max_time: Duration::from_secs(100),
        percent_max: 100,
        panic_percent: 0,
    }
}

fn endpoint(last: u8) -> Endpoint {
    let address = Address::Ip(([10, 0, 0, last], 80).into());
    Endpoint::at(address)
}

/// A cluster of so many endpoints, and its clock.
struct Cluster {
    rules: Arc<Outlier>,
    health: Health,
    endpoints: Vec<Endpoint>,
    now: Instant,
}

impl Cluster {
    fn of(count: u8, rules: Outlier) -> Self {
        let endpoints: Vec<Endpoint> = (1..=count).map(endpoint).collect();
        let rules = Arc::new(rules);
        let health = Health::default();
        health.settle(Some(Arc::clone(&rules)), &endpoints);
        Self { rules, health, endpoints, now: Instant::now() }
    }

    fn host(&self, index: usize) -> Arc<Host> {
        self.health.host(&self.endpoints[index].address)
    }

    fn note(&self, index: usize, outcomes: &[Outcome]) {
        for outcome in outcomes {
            self.health.note((&self.rules, &self.host(index)), *outcome, || self.now);
        }
    }

    fn answers(&self, index: usize, statuses: &[u16]) {
        let outcomes: Vec<Outcome> = statuses.iter().copied().map(Outcome::Answered).collect();
        self.note(index, &outcomes);
    }

    fn is_out(&self, index: usize) -> bool {
        self.host(index).is_ejected()
    }

    /// Seconds pass; there is a sweep every ten.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds / 10 {
            self.now += Duration::from_secs(10);
            self.health.sweep(self.now);
        }
    }

    fn counter(&self, name: &str) -> u64 {
        let name = format!("outlier_detection.{name}");
        self.health.counters().into_iter().find(|(one, _)| *one == name).unwrap().1
    }
}

#[test]
fn as_many_5xx_in_a_row_as_allowed_eject() {
    let cluster = Cluster::of(2, rules());
    cluster.answers(0, &[500, 503, 200, 500, 502]);
    assert!(!cluster.is_out(0), "a success ends the row");
    cluster.answers(0, &[599]);
    assert!(cluster.is_out(0) && !cluster.is_out(1));
    assert_eq!(cluster.counter("ejections_enforced_consecutive_5xx"), 1);
    assert_eq!(cluster.counter("ejections_active"), 1);
}

#[test]
fn gateway_errors_count_by_themselves_and_end_with_another_5xx() {
    let cluster =
        Cluster::of(1, Outlier { gateway_errors: Some(2), server_errors: None, ..rules() });
    cluster.answers(0, &[502, 500, 503]);
    assert!(!cluster.is_out(0));
    cluster.answers(0, &[504]);
    assert!(cluster.is_out(0));
    assert_eq!(cluster.counter("ejections_enforced_consecutive_gateway_failure"), 1);
}

#[test]
fn failures_to_connect_count_as_503_and_late_answers_as_504() {
    let cluster =
        Cluster::of(1, Outlier { gateway_errors: Some(3), server_errors: None, ..rules() });
    cluster.note(0, &[Outcome::Broke, Outcome::Connected, Outcome::Late, Outcome::Broke]);
    assert!(cluster.is_out(0), "a connection alone is no success");
    let cluster = Cluster::of(1, rules());
    cluster.note(0, &[Outcome::Broke, Outcome::HandedOn, Outcome::Broke, Outcome::Broke]);
    assert!(!cluster.is_out(0), "for bytes that are handed on it is");
}

#[test]
fn local_failures_split_off_count_apart() {
    let split = Outlier { local_errors: Some(2), server_errors: Some(2), ..rules() };
    let cluster = Cluster::of(1, split);
    cluster.note(0, &[Outcome::Broke, Outcome::Connected, Outcome::Answered(500), Outcome::Broke]);
    assert!(!cluster.is_out(0), "a connection ends the row");
    cluster.note(0, &[Outcome::Late]);
    assert!(cluster.is_out(0));
    assert_eq!(cluster.counter("ejections_enforced_consecutive_local_origin_failure"), 1);
}

#[test]
fn named_statuses_stand_in_for_5xx() {
    let cluster = Cluster::of(1, Outlier { statuses: [429].into(), ..rules() });
    cluster.answers(0, &[500, 500, 500, 500]);
    assert!(!cluster.is_out(0));
    cluster.answers(0, &[429, 429, 429]);
    assert!(cluster.is_out(0));
}

#[test]
fn an_endpoint_comes_back_at_the_first_sweep_after_its_time() {
    let mut cluster = Cluster::of(1, rules());
    cluster.answers(0, &[500; 3]);
    cluster.pass(20);
    assert!(cluster.is_out(0));
    cluster.pass(10);
    assert!(!cluster.is_out(0));
    cluster.answers(0, &[500, 500]);
    assert!(!cluster.is_out(0), "it begins with a clean sheet");
}

#[test]
fn each_ejection_is_longer_up_to_the_longest_and_quiet_shortens_the_next() {
    let mut cluster = Cluster::of(1, rules());
    let mut lengths = Vec::new();
    for _ in 0..5 {
        cluster.answers(0, &[500; 3]);
        let mut length = 0;
        while cluster.is_out(0) {
            cluster.pass(10);
            length += 10;
        }
        lengths.push(length);
    }
    assert_eq!(lengths, [30, 60, 90, 100, 100]);
    // The factor stands at five; each quiet sweep takes one off, an ejection adds one.
    cluster.pass(40);
    cluster.answers(0, &[500; 3]);
    cluster.pass(50);
    assert!(cluster.is_out(0));
    cluster.pass(10);
    assert!(!cluster.is_out(0));
}

#[test]
fn no_more_endpoints_are_ejected_than_the_percentage_allows() {
    for (count, percent, allowed) in
        [(9, 10, 0), (10, 10, 1), (11, 10, 1), (20, 10, 2), (2, 50, 1), (3, 34, 1), (1, 100, 1)]
    {
        let cluster = Cluster::of(count, Outlier { percent_max: percent, ..rules() });
        (0..usize::from(count)).for_each(|index| cluster.answers(index, &[500; 3]));
        let out = (0..usize::from(count)).filter(|index| cluster.is_out(*index)).count();
        assert_eq!(out, allowed, "{percent}% of {count}");
        assert_eq!(cluster.counter("ejections_overflow"), u64::from(count) - allowed as u64);
    }
}

#[test]
fn a_row_that_is_full_begins_anew_and_the_others_go_on() {
    // Nobody may be ejected, so that nothing else begins anew.
    let kinds = Outlier { gateway_errors: Some(2), server_errors: Some(4), ..rules() };
    let cluster = Cluster::of(1, Outlier { percent_max: 10, ..kinds });
    let detected = |kind: &str| cluster.counter(&format!("ejections_detected_{kind}"));
    cluster.answers(0, &[503, 503]);
    assert_eq!(detected("consecutive_gateway_failure"), 1);
    cluster.answers(0, &[503, 500]);
    assert_eq!(detected("consecutive_gateway_failure"), 1, "one is no row of two");
    assert_eq!(detected("consecutive_5xx"), 1, "but it is the fourth of these");
}

#[test]
fn ejections_survive_new_endpoints_and_end_with_their_own() {
    let cluster = Cluster::of(2, rules());
    cluster.answers(0, &[500; 3]);
    let rules = Some(Arc::clone(&cluster.rules));
    cluster.health.settle(rules.clone(), &[endpoint(3), endpoint(1)]);
    assert!(cluster.is_out(0), "it stays ejected");
    cluster.health.settle(rules.clone(), &[endpoint(3)]);
    cluster.health.settle(rules, &[endpoint(3), endpoint(1)]);
    assert!(!cluster.is_out(0), "it went and came back");
}

#[test]
fn a_name_that_moves_to_another_address_takes_its_history_along() {
    let cluster = Cluster::of(1, rules());
    let at = |last| Endpoint { stands_for: Some("a.example".into()), ..endpoint(last) };
    cluster.health.settle(Some(Arc::new(rules())), &[at(7)]);
    let host = cluster.health.host(&at(7).address);
    (0..3).for_each(|_| cluster.health.note((&rules(), &host), Outcome::Broke, || cluster.now));
    assert!(cluster.health.is_ejected(&at(7).address));
    cluster.health.settle(Some(Arc::new(rules())), &[at(8)]);
    assert!(cluster.health.is_ejected(&at(8).address));
    assert!(!cluster.health.is_ejected(&at(7).address));
}

#[test]
fn endpoints_that_are_asked_for_join_and_leave_when_nobody_uses_them() {
    let rules = Arc::new(rules());
    let (health, now) = (Health::default(), Instant::now());
    health.open(Some(Arc::clone(&rules)));
    let (bad, good) = (health.host(&endpoint(1).address), health.host(&endpoint(2).address));
    (0..3).for_each(|_| health.note((&rules, &bad), Outcome::Answered(500), || now));
    assert!(bad.is_ejected() && !good.is_ejected());
    health.open(Some(Arc::clone(&rules)));
    assert!(health.is_ejected(&endpoint(1).address), "a reload changes nothing");
    drop((bad, good));
    health.sweep(now + Duration::from_secs(10));
    assert_eq!(health.joined(), [endpoint(1)], "what is ejected is remembered");
    health.sweep(now + Duration::from_secs(40));
    assert!(health.joined().is_empty());
    health.open(None);
    assert!(!Arc::ptr_eq(&health.host(&endpoint(3).address), &health.host(&endpoint(3).address)));
}

#[test]
fn operators_see_who_is_out_why_and_since_when() {
    let mut cluster = Cluster::of(2, rules());
    cluster.answers(1, &[500; 3]);
    cluster.pass(20);
    let states = cluster.health.status(&cluster.endpoints, cluster.now);
    assert_eq!(states[0], EndpointHealth::default());
    let out = EndpointHealth {
        ejected: true,
        ejections: 1,
        cause: Some("consecutive_5xx"),
        since: Some(Duration::from_secs(20)),
        left: Some(Duration::from_secs(10)),
    };
    assert_eq!(states[1], out);
}
