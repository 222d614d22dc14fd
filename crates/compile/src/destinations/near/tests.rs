//! Priorities and weights as istiod gives them, and that priorities never skip.

use std::borrow::Cow;

use propylon_model::{Labels, World};

use super::*;
use crate::Options;

/// An endpoint: its place and a label `v`.
type At = (&'static str, &'static str);

struct Given {
    own: &'static str,
    labels: &'static [(&'static str, &'static str)],
}

const HERE: Given = Given { own: "eu/a/1", labels: &[("v", "1")] };

/// The priority of each endpoint that is left, and weights as `priority place weight`.
fn arranged(given: &Given, near: &Near<'_>, endpoints: &[At]) -> (Vec<u32>, Vec<String>) {
    let pairs = |pairs: &[(&str, &str)]| -> Labels {
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
        pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let own = Some(given.own).filter(|own| !own.is_empty()).map(str::to_owned);
    let options = Options { locality: own, labels: pairs(given.labels), ..Options::default() };
    let labels: Vec<Labels> = endpoints.iter().map(|(_, v)| pairs(&[("v", v)])).collect();
    let candidates: Vec<Candidate<'_>> = endpoints
        .iter()
        .zip(&labels)
        .map(|((at, _), labels)| Candidate {
            address: "10.0.0.1",
            port: 80,
            weight: 1,
            place: place::locality(at),
            labels: Cow::Borrowed(labels),
            node: "",
            network: "",
            has_account: false,
            ready: true,
        })
        .collect();
    let mut seats: Vec<Seat<'_, ()>> = candidates
        .iter()
        .map(|candidate| Seat { candidate, weight: 1, priority: 0, kept: () })
        .collect();
    let weights = near.arrange(&Own::of(&options), &mut seats);
    let text = |one: &LocalityWeight| {
        let Locality { region, zone, subzone } = &one.locality;
        format!("{} {region}/{zone}/{subzone} {}", one.priority, one.weight)
    };
    let weights = weights.map(|list| list.iter().map(text).collect()).unwrap_or_default();
    (seats.iter().map(|seat| seat.priority).collect(), weights)
}

fn balancer(setting: LocalityLb) -> LoadBalancer {
    LoadBalancer { locality_lb_setting: Some(setting), ..LoadBalancer::default() }
}

fn failing_over(setting: LocalityLb, given: &Given, endpoints: &[At]) -> Vec<u32> {
    let (balancer, world) = (balancer(setting), World::default());
    let any = TrafficDistribution::Any;
    let near = Near::of(Some(&balancer), any, Mesh::of(&world), true);
    arranged(given, &near, endpoints).0
}

const PLACES_OF_ALL: [At; 6] =
    [("eu/a/1", ""), ("eu/a/2", ""), ("eu/b/1", ""), ("us/a/1", ""), ("", ""), ("asia", "")];

#[test]
fn subzone_zone_and_region_come_first_once_outliers_are_detected() {
    let world = World::default();
    let near = |fails_over| Near::of(None, TrafficDistribution::Any, Mesh::of(&world), fails_over);
    assert_eq!(arranged(&HERE, &near(true), &PLACES_OF_ALL), (vec![0, 1, 2, 3, 3, 3], vec![]));
    assert_eq!(arranged(&HERE, &near(false), &PLACES_OF_ALL), (vec![0; 6], vec![]));
}

#[test]
fn priorities_that_nobody_has_are_not_counted() {
    let places = [("eu/b", ""), ("us", "")];
    assert_eq!(failing_over(LocalityLb::default(), &HERE, &places), [0, 1]);
    assert_eq!(failing_over(LocalityLb::default(), &HERE, &places[1..]), [0]);
}

#[test]
fn the_region_that_takes_over_comes_before_the_others() {
    let failover = vec![LocalityFailover { from: "eu".into(), to: "us".into() }];
    let setting = LocalityLb { failover, ..LocalityLb::default() };
    assert_eq!(failing_over(setting.clone(), &HERE, &PLACES_OF_ALL), [0, 1, 2, 3, 4, 4]);
    let elsewhere = Given { own: "asia", labels: &[] };
    assert_eq!(failing_over(setting, &elsewhere, &PLACES_OF_ALL), [1, 1, 1, 1, 1, 0]);
}

fn by_labels(labels: &[&str]) -> LocalityLb {
    let failover_priority = labels.iter().map(|label| (*label).to_owned()).collect();
    LocalityLb { failover_priority, ..LocalityLb::default() }
}

#[test]
fn labels_order_endpoints_up_to_the_first_that_differs() {
    let labels = by_labels(&["v", place::REGION, place::ZONE]);
    let endpoints = [("eu/a", "1"), ("eu/b", "1"), ("us/a", "1"), ("eu/a", "2")];
    assert_eq!(failing_over(labels, &HERE, &endpoints), [0, 1, 2, 3]);
}

#[test]
fn a_label_with_a_value_asks_for_that_value() {
    let labels = by_labels(&["v=2", place::REGION]);
    let endpoints = [("eu/a", "1"), ("eu/b", "2"), ("us/a", "2"), ("us/a", "")];
    assert_eq!(failing_over(labels, &HERE, &endpoints), [2, 0, 1, 2]);
}

#[test]
fn another_network_comes_last_and_the_labels_behind_it_still_count() {
    let labels = by_labels(&[NETWORK, place::REGION, place::ZONE]);
    let given = Given { own: "eu/a", labels: &[(NETWORK, "n1")] };
    // All of them are in no network, which differs from n1.
    let endpoints = [("eu/a", ""), ("eu/b", ""), ("us", "")];
    assert_eq!(failing_over(labels, &given, &endpoints), [0, 1, 2]);
}

#[test]
fn labels_and_regions_order_together() {
    let failover = vec![LocalityFailover { from: "eu".into(), to: "us".into() }];
    let setting = LocalityLb { failover, ..by_labels(&["v"]) };
    let endpoints = [("eu/a/1", "1"), ("us", "1"), ("asia", "1"), ("eu/a/1", "2"), ("us", "2")];
    assert_eq!(failing_over(setting, &HERE, &endpoints), [0, 1, 2, 3, 4]);
}

#[test]
fn a_workload_without_labels_and_place_knows_no_order() {
    let nobody = Given { own: "", labels: &[] };
    let endpoints = [("eu/a", "1"), ("us/a", "2")];
    assert_eq!(failing_over(by_labels(&["v=1"]), &nobody, &endpoints), [0, 0]);
}

#[test]
fn what_fails_over_by_name_weighs_localities() {
    let setting = balancer(by_labels(&["v"]));
    let world = World::default();
    let near = Near::of(Some(&setting), TrafficDistribution::Any, Mesh::of(&world), true);
    let endpoints = [("us", "1"), ("eu/a/1", "1"), ("eu/a/1", "1"), ("us", "2")];
    let (priorities, weights) = arranged(&HERE, &near, &endpoints);
    assert_eq!(priorities, [0, 0, 0, 1]);
    assert_eq!(weights, ["0 eu/a/1 2", "0 us// 1", "1 us// 1"], "the own one first");
}

fn distribute(from: &str, to: &[(&str, u32)]) -> LocalityLb {
    let to = to.iter().map(|(place, share)| ((*place).to_owned(), *share)).collect();
    let one = LocalityDistribute { from: from.to_owned(), to };
    LocalityLb { distribute: vec![one], ..LocalityLb::default() }
}

fn shares(setting: LocalityLb, endpoints: &[At]) -> (usize, Vec<String>) {
    let (setting, world) = (balancer(setting), World::default());
    let near = Near::of(Some(&setting), TrafficDistribution::Any, Mesh::of(&world), false);
    let (priorities, weights) = arranged(&HERE, &near, endpoints);
    (priorities.len(), weights)
}

#[test]
fn shares_need_no_outlier_detection_and_leave_others_with_nothing() {
    let endpoints = [("eu/a/1", ""), ("eu/a/2", ""), ("us/a", ""), ("asia", "")];
    let setting = distribute("eu/a/*", &[("eu/a/*", 80), ("us/*", 20)]);
    let expected = ["0 eu/a/1 40", "0 eu/a/2 40", "0 us/a/ 20"].map(str::to_owned).to_vec();
    assert_eq!(shares(setting, &endpoints), (3, expected));
}

#[test]
fn a_share_of_several_localities_goes_by_their_size_rounded_up() {
    let endpoints = [("eu/a", ""), ("eu/b", ""), ("eu/b", ""), ("us", "")];
    let setting = distribute("*", &[("eu/*", 50), ("us", 50)]);
    let expected = ["0 eu/a/ 17", "0 eu/b/ 34", "0 us// 50"].map(str::to_owned).to_vec();
    assert_eq!(shares(setting, &endpoints), (4, expected));
}

#[test]
fn shares_for_others_leave_localities_their_size() {
    let endpoints = [("eu/a", ""), ("us", ""), ("us", "")];
    let setting = distribute("asia/*", &[("us", 100)]);
    let expected = ["0 eu/a/ 1", "0 us// 2"].map(str::to_owned).to_vec();
    assert_eq!(shares(setting, &endpoints), (3, expected));
}

#[test]
fn what_is_switched_off_orders_nothing() {
    let off = LocalityLb { enabled: Some(false), ..by_labels(&["v"]) };
    assert_eq!(failing_over(off, &HERE, &PLACES_OF_ALL), [0; 6]);
    let off = ZoneAwareLb { enabled: Some(false), ..ZoneAwareLb::default() };
    let off = LoadBalancer { zone_aware_lb_setting: Some(off), ..LoadBalancer::default() };
    let world = World::default();
    let near = Near::of(Some(&off), TrafficDistribution::SameZone, Mesh::of(&world), true);
    assert_eq!(arranged(&HERE, &near, &PLACES_OF_ALL).0, [0; 6]);
}

#[test]
fn zone_awareness_keeps_to_the_region_without_outlier_detection() {
    let zones = ZoneAwareLb::default();
    let zones = LoadBalancer { zone_aware_lb_setting: Some(zones), ..LoadBalancer::default() };
    let world = World::default();
    let near = Near::of(Some(&zones), TrafficDistribution::Any, Mesh::of(&world), false);
    let (priorities, weights) = arranged(&HERE, &near, &PLACES_OF_ALL);
    assert_eq!((priorities, weights.len()), (vec![0, 0, 0, 1, 1, 1], 0));
}

#[test]
fn a_service_may_prefer_its_own_zone_and_a_rule_overrules_it() {
    let world = World::default();
    let endpoints = [("eu/a/1", ""), ("eu/a/2", ""), ("eu/b", ""), ("us", "")];
    let service = TrafficDistribution::SameZone;
    let near = Near::of(None, service, Mesh::of(&world), false);
    assert_eq!(arranged(&HERE, &near, &endpoints).0, [0, 0, 1, 2]);
    let near = Near::of(None, TrafficDistribution::SameNode, Mesh::of(&world), false);
    assert_eq!(arranged(&HERE, &near, &endpoints).0, [0, 1, 2, 3]);
    let rule = balancer(LocalityLb::default());
    let near = Near::of(Some(&rule), service, Mesh::of(&world), false);
    assert_eq!(arranged(&HERE, &near, &endpoints).0, [0; 4]);
}

#[test]
fn the_meshs_setting_counts_where_no_rule_has_one() {
    let mut world = World::default();
    let setting = Some(by_labels(&["v"]));
    let mesh = propylon_model::MeshConfig { locality_lb_setting: setting, ..Default::default() };
    world.mesh = Some(mesh);
    let near = Near::of(None, TrafficDistribution::Any, Mesh::of(&world), true);
    assert_eq!(arranged(&HERE, &near, &[("us", "1"), ("eu/a/1", "2")]).0, [0, 1]);
}

#[test]
fn priorities_begin_with_0_and_skip_none() {
    let failover = vec![LocalityFailover { from: "eu".into(), to: "us".into() }];
    let settings = [
        LocalityLb::default(),
        LocalityLb { failover: failover.clone(), ..LocalityLb::default() },
        by_labels(&["v", place::ZONE]),
        LocalityLb { failover, ..by_labels(&[NETWORK, "v=2"]) },
    ];
    let all =
        [("eu/a/1", "1"), ("eu/a", "2"), ("eu/b", "1"), ("us", ""), ("asia/x", "2"), ("", "")];
    for subset in 1..1 << all.len() {
        let chosen = all.iter().enumerate().filter(|(bit, _)| subset & (1 << bit) != 0);
        let chosen: Vec<At> = chosen.map(|(_, at)| *at).collect();
        for setting in &settings {
            let mut found = failing_over(setting.clone(), &HERE, &chosen);
            found.sort_unstable();
            found.dedup();
            let dense = (0..).take(found.len()).collect::<Vec<u32>>();
            assert_eq!(found, dense, "{chosen:?} {setting:?}");
        }
    }
}
