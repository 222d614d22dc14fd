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
    assert_eq!(found, ["cluster a.default port 80 changed"]);
}

#[test]
fn rules_in_another_order_are_a_change() {
    let world = |paths: &[&str]| {
        snapshot(vec![gateway(&["*"]), routes("r", "a.com", paths, "a"), service("a")])
    };
    assert_eq!(
        summary(&world(&["/1", "/2"]), &world(&["/2", "/1"])),
        ["routes of VirtualService default/r reordered"]
    );
}

#[test]
fn a_route_with_another_path_or_destination_is_changed_and_not_replaced() {
    let world = |paths: &[&str], to: &str| {
        let services = vec![service("a"), service("b")];
        snapshot([vec![gateway(&["*"]), routes("r", "a.com", paths, to)], services].concat())
    };
    let before = world(&["/1", "/2"], "a");
    assert_eq!(summary(&before, &world(&["/1", "/3"], "a")), ["1 route changed"]);
    assert_eq!(
        summary(&before, &world(&["/1", "/2"], "b")),
        ["2 routes changed", "+1 cluster", "-1 cluster"]
    );
}

#[test]
fn a_route_in_front_of_others_is_one_more_and_changes_none() {
    let world = |paths: &[&str]| {
        snapshot(vec![gateway(&["*"]), routes("r", "a.com", paths, "a"), service("a")])
    };
    assert_eq!(summary(&world(&["/1", "/2"]), &world(&["/0", "/1", "/2"])), ["+1 route"]);
    assert_eq!(summary(&world(&["/0", "/1", "/2"]), &world(&["/1", "/2"])), ["-1 route"]);
}

#[test]
fn a_host_that_other_objects_serve_now_is_a_change() {
    let http = json!([{"match": [{"uri": {"prefix": "/b"}}],
        "route": [{"destination": {"host": "a"}}]}]);
    let world = |second: &str| {
        snapshot(vec![
            gateway(&["*"]),
            routes("a", "a.com", &["/a"], "a"),
            named(
                Kind::VirtualService,
                "b",
                json!({"hosts": ["b.com", second], "gateways": ["gw"], "http": http}),
            ),
            service("a"),
        ])
    };
    assert_eq!(summary(&world("b.com"), &world("a.com")), ["host a.com on 0.0.0.0:80 changed"]);
}

fn slice(addresses: &[&str]) -> AnyObject {
    let endpoints: Vec<Value> = addresses.iter().map(|ip| json!({"addresses": [ip]})).collect();
    let mut slice = named(
        Kind::EndpointSlice,
        "a",
        json!({"ports": [{"port": 8080, "name": "http"}], "endpoints": endpoints}),
    );
    if let AnyObject::EndpointSlice(slice) = &mut slice {
        let labels = [("kubernetes.io/service-name".to_owned(), "a".to_owned())];
        std::sync::Arc::make_mut(slice).meta.labels.extend(labels);
    }
    slice
}

#[test]
fn changed_endpoints_name_the_service_and_how_many_there_are() {
    let world = |addresses: &[&str]| {
        let objects = vec![gateway(&["*"]), routes("r", "a.com", &["/"], "a"), service("a")];
        snapshot([objects, vec![slice(addresses)]].concat())
    };
    let two = world(&["10.0.0.1", "10.0.0.2"]);
    assert_eq!(
        summary(&two, &world(&["10.0.0.1", "10.0.0.2", "10.0.0.3"])),
        ["endpoints of a.default changed: 2 -> 3"]
    );
    assert_eq!(
        summary(&two, &world(&["10.0.0.1", "10.0.0.9"])),
        ["endpoints of a.default changed: still 2, other ones"]
    );
}

#[test]
fn the_phrases_stay_few_however_much_changes() {
    let names: Vec<String> = (0..50).map(|number| format!("s{number}")).collect();
    let world = |of: &[String]| {
        let objects = of.iter().flat_map(|name| {
            [routes(name, &format!("{name}.com"), &["/1", "/2"], name), service(name)]
        });
        snapshot([gateway(&["*"])].into_iter().chain(objects).collect())
    };
    let (before, after) = (world(&names[..30]), world(&names[10..]));
    let found = summary(&before, &after);
    let expected = ["+20 hosts", "-10 hosts", "+40 routes", "-20 routes"];
    assert_eq!(found, [&expected[..], &["+20 clusters", "-10 clusters"]].concat());
}

fn secure(certificate: &str, min: &str) -> AnyObject {
    let port = json!({"number": 443, "name": "https", "protocol": "HTTPS"});
    let tls = json!({"mode": "SIMPLE", "credentialName": certificate, "minProtocolVersion": min});
    let server = json!({"port": port, "hosts": ["a.com"], "tls": tls});
    named(Kind::Gateway, "gw", json!({"servers": [server]}))
}

fn secret(key: &str) -> AnyObject {
    let data = json!({"tls.crt": "certificate", "tls.key": key});
    let mut secret = named(Kind::Secret, "web", json!({"stringData": data}));
    if let AnyObject::Secret(secret) = &mut secret {
        let secret = std::sync::Arc::make_mut(secret);
        secret.meta.key.namespace = "istio-system".into();
    }
    secret
}

#[test]
fn a_rotated_certificate_and_other_settings_of_a_server_are_told_apart() {
    let world = |key: &str, min: &str| {
        snapshot(vec![secure("web", min), secret(key), routes("r", "a.com", &["/a"], "a")])
    };
    let before = world("one", "TLSV1_2");
    assert_eq!(summary(&before, &world("two", "TLSV1_2")), ["certificate of a.com rotated"]);
    assert_eq!(summary(&before, &world("one", "TLSV1_3")), ["TLS settings of a.com changed"]);
}
