//! Bounds of a connection pool as clients and origins see them: what waits, what is refused, when
//! connections are replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::{Origin, ok};
use crate::harness::world::{every_host, everything_to, rules, service};

/// An origin that holds its answers back.
struct Held {
    origin: Origin,
    free: Arc<AtomicBool>,
}

fn held() -> Held {
    let free = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&free);
    let origin = Origin::replies(move |_| {
        eventually("the answer may go", || gate.load(Ordering::Acquire));
        ok("done")
    });
    Held { origin, free }
}

impl Held {
    fn let_go(&self) {
        self.free.store(true, Ordering::Release);
    }
}

fn policy(pool: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: origin}}
spec: {{host: origin, trafficPolicy: {{connectionPool: {pool}}}}}
---
"
    )
}

/// One worker: bounds hold over all of them, but each may have a first connection.
fn behind(origin: &Origin, pool: &str) -> Gateway {
    let route = rules("rules", "*", &everything_to("origin"));
    let yaml = every_host() + &service("origin", origin.port()) + &policy(pool) + &route;
    world(&yaml).flag("--workers=1").start()
}

fn asking(gateway: &Gateway) -> Client {
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    client
}

fn counter(gateway: &Gateway, name: &str) -> u64 {
    let stats = gateway.control(gateway.admin, "/stats").is(200).text();
    let name = format!("cluster.outbound|80||origin.default.svc.cluster.local.{name}: ");
    let value = stats.lines().find_map(|line| line.strip_prefix(&name));
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}

const OVERFLOW: &str =
    "upstream connect error or disconnect/reset before headers. reset reason: overflow";

#[test]
fn requests_beyond_the_connections_wait_and_those_beyond_the_queue_are_refused() {
    let held = held();
    let pool = "{tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}";
    let gateway = behind(&held.origin, pool);
    let mut first = asking(&gateway);
    held.origin.received_at_least(1);
    let mut second = asking(&gateway);
    eventually("the second waits", || counter(&gateway, "upstream_cx_overflow") > 0);
    for _ in 0..2 {
        let refused = asking(&gateway).answer().is(503).says(OVERFLOW);
        refused.has("x-envoy-overloaded", "true");
    }
    assert_eq!(counter(&gateway, "upstream_rq_pending_overflow"), 2);
    held.let_go();
    first.answer().is(200).says("done");
    second.answer().is(200).says("done");
    assert_eq!(held.origin.connections(), 1);
}

#[test]
fn a_client_that_waited_and_left_does_not_hold_up_the_next() {
    let held = held();
    let gateway = behind(&held.origin, "{tcp: {maxConnections: 1}}");
    let mut first = asking(&gateway);
    held.origin.received_at_least(1);
    let second = asking(&gateway);
    eventually("the second waits", || counter(&gateway, "upstream_cx_overflow") > 0);
    let mut third = asking(&gateway);
    drop(second);
    held.let_go();
    first.answer().is(200);
    third.answer().is(200);
}

#[test]
fn requests_beyond_those_under_way_are_refused() {
    let held = held();
    let gateway = behind(&held.origin, "{http: {http2MaxRequests: 1}}");
    let mut first = asking(&gateway);
    held.origin.received_at_least(1);
    asking(&gateway).answer().is(503).says(OVERFLOW).has("x-envoy-overloaded", "true");
    // As Envoy counts: too many under way, not too many that wait.
    assert_eq!(counter(&gateway, "upstream_rq_active_overflow"), 1);
    assert_eq!(counter(&gateway, "upstream_rq_pending_overflow"), 0);
    held.let_go();
    first.answer().is(200);
    gateway.get("/").is(200);
}

#[test]
fn a_connection_carries_as_many_requests_as_it_may() {
    let origin = Origin::says("ok");
    let gateway = behind(&origin, "{http: {maxRequestsPerConnection: 2}}");
    for _ in 0..5 {
        gateway.get("/").is(200);
    }
    assert_eq!(origin.connections(), 3);
}

#[test]
fn a_connection_that_is_too_old_carries_nothing_more() {
    let origin = Origin::says("ok");
    let gateway = behind(&origin, "{tcp: {maxConnectionDuration: 1ms}}");
    let fresh = || {
        gateway.get("/").is(200);
        origin.connections() > 1
    };
    eventually("the first connection has aged", fresh);
}

fn tcp(origin: &Origin, pool: &str) -> Gateway {
    let tcp = "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: tcp}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: tcp, protocol: TCP}, hosts: [\"*\"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tcp}
spec:
  hosts: [\"*\"]
  gateways: [tcp]
  tcp: [{route: [{destination: {host: origin}}]}]
---
";
    let yaml = service("origin", origin.port()) + &policy(pool) + tcp;
    world(&yaml).flag("--workers=1").start()
}

#[test]
fn a_tcp_connection_beyond_the_bound_is_closed() {
    let origin = Origin::says("ok");
    let gateway = tcp(&origin, "{tcp: {maxConnections: 1}}");
    let mut first = asking(&gateway);
    first.answer().is(200);
    assert!(gateway.connect().is_closed());
    drop(first);
    let served = || {
        let mut client = asking(&gateway);
        client.try_answer("GET").is_ok_and(|answer| answer.status == 200)
    };
    eventually("the first one's place is free", served);
}

#[test]
fn a_tcp_connection_ends_when_its_time_is_up() {
    let origin = Origin::says("ok");
    let gateway = tcp(&origin, "{tcp: {maxConnectionDuration: 50ms}}");
    assert!(gateway.connect().is_closed());
}
