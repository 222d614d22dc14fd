//! Endpoints near and far, new and old, seen from outside.

use std::collections::BTreeMap;

use crate::harness::eventually;
use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::{Origin, empty};
use crate::harness::world::{every_host, everything_to, rules};

/// Everything goes to `api.other.com`, whose endpoints have these ports and localities.
fn yaml(endpoints: &[(u16, &str)], policy: &str) -> String {
    let endpoint = |(port, locality): &(u16, &str)| {
        format!("{{address: 127.0.0.1, ports: {{http: {port}}}, locality: {locality}}}")
    };
    let endpoints: Vec<String> = endpoints.iter().map(endpoint).collect();
    let service = format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: api}}
spec:
  hosts: [api.other.com]
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints: [{}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: api}}
spec: {{host: api.other.com, trafficPolicy: {policy}}}
---
",
        endpoints.join(", ")
    );
    every_host() + &service + &rules("rules", "*", &everything_to("api.other.com"))
}

fn start(yaml: &str) -> Gateway {
    world(yaml).flag("--locality").flag("eu/a").start()
}

/// Who answered how many of so many requests on one connection, that is of one worker.
fn answers(gateway: &Gateway, count: usize) -> BTreeMap<String, usize> {
    let mut client = gateway.connect();
    let mut answers = BTreeMap::new();
    for _ in 0..count {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        *answers.entry(client.answer().is(200).text()).or_default() += 1;
    }
    answers
}

fn only(name: &str, count: usize) -> BTreeMap<String, usize> {
    BTreeMap::from([(name.to_owned(), count)])
}

const FAILOVER: &str = "{loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: true}}, \
                        outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100, \
                        baseEjectionTime: 1h}}";

#[test]
fn the_nearest_endpoint_answers_everything() {
    let (near, far) = (Origin::says("near"), Origin::says("far"));
    let gateway = start(&yaml(&[(far.port(), "us"), (near.port(), "eu/a")], FAILOVER));
    assert_eq!(answers(&gateway, 50), only("near", 50));
}

#[test]
fn far_endpoints_take_over_when_the_near_ones_fail_and_still_do_after_a_reload() {
    let near = Origin::replies(|_| empty("500 Internal Server Error"));
    let (far, farther) = (Origin::says("far"), Origin::says("farther"));
    let all = [(far.port(), "eu/b"), (near.port(), "eu/a"), (farther.port(), "us")];
    let gateway = start(&yaml(&all, FAILOVER));
    gateway.get("/").is(500);
    eventually("the near one is ejected", || gateway.get("/").status == 200);
    assert_eq!(answers(&gateway, 50), only("far", 50));
    let text = gateway.control(gateway.admin, "/clusters").is(200).text();
    assert!(text.contains(&format!("127.0.0.1:{}::priority::2", farther.port())), "{text}");
    let new = Origin::says("new");
    let before = gateway.reloads();
    let more: Vec<_> = all.into_iter().chain([(new.port(), "asia")]).collect();
    gateway.replace("world.yaml", &yaml(&more, FAILOVER));
    gateway.reloads_after(before);
    assert_eq!(answers(&gateway, 50), only("far", 50));
}

#[test]
fn retries_stay_near_unless_they_may_leave_a_locality_behind() {
    let all = ["eu/a", "eu/b"]
        .map(|place| (Origin::replies(|_| empty("503 Service Unavailable")), place));
    let far = Origin::says("far");
    let places = all.iter().map(|(origin, place)| (origin.port(), *place));
    let places: Vec<_> = places.chain([(far.port(), "us")]).collect();
    let near = FAILOVER.replace("consecutive5xxErrors: 1", "consecutive5xxErrors: 1000");
    let plain = yaml(&places, &near);
    let again = |more: &str| {
        let retries = format!("- retries: {{attempts: 7, retryOn: \"503\"{more}}}\n    route:");
        plain.replace("- route:", &retries)
    };
    let received = || all.each_ref().map(|(origin, _)| origin.received().len());
    start(&again("")).get("/").is(503);
    assert_eq!(received(), [8, 0]);
    // After two tries at each of the nearer ones it is the turn of the last.
    start(&again(", retryRemoteLocalities: true")).get("/").is(200).says("far");
    assert_eq!(received(), [8 + 2, 2]);
    assert_eq!(far.received()[0].header("x-envoy-attempt-count"), Some("5"));
}

#[test]
fn without_outlier_detection_nothing_is_nearer_than_anything_else() {
    let (near, far) = (Origin::says("near"), Origin::says("far"));
    let turns = "{loadBalancer: {simple: ROUND_ROBIN}}";
    let gateway = start(&yaml(&[(far.port(), "us"), (near.port(), "eu/a")], turns));
    let answers = answers(&gateway, 50);
    assert_eq!((answers["near"], answers["far"]), (25, 25));
}

#[test]
fn shares_of_localities_hold_whatever_their_size() {
    let origins = ["near", "far", "far", "none"].map(Origin::says);
    let places = ["eu/a", "us", "us", "asia"];
    let all: Vec<_> = origins.iter().map(Origin::port).zip(places).collect();
    let shares = "{loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: \
                  {distribute: [{from: eu/*, to: {eu/*: 80, us: 20}}]}}}";
    let answers = answers(&start(&yaml(&all, shares)), 100);
    // The first turn is anyone's.
    assert!(answers["near"].abs_diff(80) <= 2 && answers["far"].abs_diff(20) <= 2, "{answers:?}");
    assert_eq!(answers.len(), 2);
}

#[test]
fn a_new_endpoint_gets_a_small_share_at_first() {
    let (old, new) = (Origin::says("old"), Origin::says("new"));
    let cold = "{loadBalancer: {simple: ROUND_ROBIN}}";
    let gateway = start(&yaml(&[(old.port(), "eu")], cold));
    assert_eq!(answers(&gateway, 5), only("old", 5));
    let warming = "{loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 10h}}}";
    let before = gateway.reloads();
    gateway.replace("world.yaml", &yaml(&[(old.port(), "eu"), (new.port(), "eu")], warming));
    gateway.reloads_after(before);
    let answers = answers(&gateway, 220);
    // A tenth of the other's.
    assert!(answers["new"].abs_diff(20) <= 2, "{answers:?}");
}

#[test]
fn at_a_gateway_no_connection_knows_where_it_was_meant_to_go() {
    let origin = Origin::says("origin");
    let yaml = yaml(&[(origin.port(), "eu")], "{loadBalancer: {simple: PASSTHROUGH}}");
    let gateway = world(&yaml).start();
    gateway.get("/").is(503).says("no healthy upstream");
    gateway.prints("GW2019");
    assert!(origin.received().is_empty());
}

/// A Service whose only endpoint may not be ready.
fn service(port: u16, ready: bool) -> String {
    let service = format!(
        "apiVersion: v1
kind: Service
metadata: {{name: origin}}
spec: {{ports: [{{name: http, port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: origin-1, labels: {{kubernetes.io/service-name: origin}}}}
addressType: IPv4
ports: [{{name: http, port: {port}}}]
endpoints: [{{addresses: [127.0.0.1], conditions: {{ready: {ready}}}}}]
---
"
    );
    every_host() + &service + &rules("rules", "*", &everything_to("origin"))
}

#[test]
fn an_endpoint_that_is_not_ready_gets_nothing_until_it_is() {
    let origin = Origin::says("origin");
    let gateway = world(&service(origin.port(), false)).start();
    gateway.get("/").is(503).says("no healthy upstream");
    let text = gateway.control(gateway.admin, "/clusters").is(200).text();
    assert!(text.contains("::health_flags::/failed_eds_health"), "{text}");
    let before = gateway.reloads();
    gateway.replace("world.yaml", &service(origin.port(), true));
    gateway.reloads_after(before);
    gateway.get("/").is(200).says("origin");
}
