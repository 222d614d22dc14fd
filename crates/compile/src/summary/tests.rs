//! Summaries, as sentences.

use propylon_model::{AnyObject, Kind, World};
use propylon_snapshot::Snapshot;
use serde_json::{Value, json};

use super::summary;
use crate::validate::testing::named;
use crate::{Options, compile};

fn gateway(hosts: &[&str]) -> AnyObject {
    let port = json!({"number": 80, "name": "http", "protocol": "HTTP"});
    named(Kind::Gateway, "gw", json!({"servers": [{"port": port, "hosts": hosts}]}))
}

fn routes(name: &str, host: &str, paths: &[&str], to: &str) -> AnyObject {
    let route = |path: &&str| -> Value {
        json!({"match": [{"uri": {"prefix": path}}], "route": [{"destination": {"host": to}}]})
    };
    let http: Vec<Value> = paths.iter().map(route).collect();
    named(Kind::VirtualService, name, json!({"hosts": [host], "gateways": ["gw"], "http": http}))
}

fn service(name: &str) -> AnyObject {
    named(Kind::Service, name, json!({"ports": [{"port": 80, "name": "http"}]}))
}

fn snapshot(objects: Vec<AnyObject>) -> Snapshot {
    compile(&World::from_objects(objects), &Options::default()).snapshot
}

#[test]
fn nothing_changed_says_nothing() {
    let world =
        || vec![gateway(&["*"]), routes("r", "a.com", &["/a"], "a"), service("a"), service("b")];
    assert!(summary(&snapshot(world()), &snapshot(world())).is_empty());
}

#[test]
fn an_object_without_effect_on_requests_says_nothing_although_ids_shift() {
    let world = |more: Vec<AnyObject>| {
        let mut objects =
            vec![gateway(&["*"]), routes("z", "z.com", &["/z"], "z"), service("z"), service("a")];
        objects.extend(more);
        snapshot(objects)
    };
    let (before, after) = (world(Vec::new()), world(vec![service("b")]));
    assert!(summary(&before, &after).is_empty());
}

#[test]
fn an_added_route_is_counted_even_if_clusters_move() {
    let world = |more: Vec<AnyObject>| {
        let mut objects =
            vec![gateway(&["*"]), routes("z", "z.com", &["/z"], "z"), service("z"), service("a")];
        objects.extend(more);
        snapshot(objects)
    };
    let more = vec![routes("a", "z.com", &["/a"], "a")];
    assert_eq!(summary(&world(Vec::new()), &world(more)), ["+1 route", "+1 cluster"]);
}

#[test]
fn hosts_and_their_routes_that_are_gone_are_counted() {
    let before = snapshot(vec![
        gateway(&["*"]),
        routes("a", "a.com", &["/1", "/2"], "a"),
        routes("b", "b.com", &["/3"], "a"),
        service("a"),
    ]);
    let after = snapshot(vec![gateway(&["*"]), service("a")]);
    assert_eq!(summary(&before, &after), ["-2 hosts", "-3 routes", "-1 cluster"]);
}

#[test]
fn a_list_shared_by_many_hosts_counts_once() {
    let world = |paths: &[&str]| {
        let hosts = ["a.com", "b.com", "c.com"];
        snapshot(vec![gateway(&hosts), routes("r", "*", paths, "a"), service("a")])
    };
    assert_eq!(summary(&world(&["/1"]), &world(&["/1", "/2"])), ["+1 route"]);
}

#[test]
fn changed_settings_of_a_cluster_name_it() {
    let rule = |simple: &str| {
        let policy = json!({"loadBalancer": {"simple": simple}});
        named(Kind::DestinationRule, "a", json!({"host": "a", "trafficPolicy": policy}))
    };
    let world = |simple: &str| {
        let objects =
            vec![gateway(&["*"]), routes("a", "a.com", &["/"], "a"), service("a"), rule(simple)];
        snapshot(objects)
    };
    let found = summary(&world("RANDOM"), &world("ROUND_ROBIN"));
    assert_eq!(found, ["~ cluster outbound|80||a.default.svc.cluster.local"]);
}

#[test]
fn rules_in_another_order_are_a_change() {
    let world = |paths: &[&str]| {
        snapshot(vec![gateway(&["*"]), routes("r", "a.com", paths, "a"), service("a")])
    };
    assert_eq!(summary(&world(&["/1", "/2"]), &world(&["/2", "/1"])), ["~1 route order"]);
}
