//! `propylon clusters` and admin's `/clusters`: what an operator sees of destinations that serve,
//! fail or are full.

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::harness::eventually;
use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::{Origin, empty, ok};
use crate::harness::ports;
use crate::harness::world::{every_host, everything_to, rules, service, versions};

fn propylon(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_propylon")).args(args).output().expect("it runs")
}

fn shown(gateway: &Gateway, args: &[&str]) -> String {
    let admin = gateway.admin.to_string();
    let said = propylon(&[&["clusters", "--admin", &admin], args].concat());
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).expect("text")
}

fn rule(policy: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: origin}}
spec: {{host: origin, trafficPolicy: {policy}}}
---
"
    )
}

#[test]
fn clusters_says_which_endpoint_is_ejected_by_which_rule_and_until_when() {
    let good = Origin::says("good");
    let bad = Origin::replies(|_| empty("500 Internal Server Error"));
    let detection = "{loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: \
         {consecutive5xxErrors: 2, maxEjectionPercent: 50, baseEjectionTime: 1h}}";
    let ports = [("v1", good.port()), ("v2", bad.port())];
    let route = rules("rules", "*", &everything_to("origin"));
    let gateway = world(&(every_host() + &versions("origin", &ports) + &rule(detection) + &route));
    let gateway = gateway.start();
    eventually("an endpoint is ejected", || {
        gateway.get("/");
        shown(&gateway, &[]).contains("EJECTED")
    });
    let text = shown(&gateway, &[]);
    let mut lines = text.lines().skip_while(|line| !line.contains("EJECTED"));
    let (line, why) = (lines.next().expect("a line"), lines.next().expect("why"));
    assert!(line.contains(&format!("127.0.0.1:{}", bad.port())), "{text}");
    let rule = ": consecutive5xxErrors 2: 2 responses with 5xx or none at all in a row";
    assert!(why.contains("since 2") && why.contains(", until 2") && why.ends_with(rule), "{text}");
    assert!(text.contains("1 of 2 endpoints healthy  ROUND_ROBIN, HTTP/1.1"), "{text}");
    let json: Value = serde_json::from_str(&shown(&gateway, &["-o", "json"])).expect("JSON");
    let hosts = json["cluster_statuses"][0]["host_statuses"].as_array().expect("a list");
    let out = hosts.iter().find(|host| host["health_status"]["failed_outlier_check"] == true);
    let out = out.expect("one is out");
    assert_eq!(out["propylon"]["ejection"]["cause"], "consecutive_5xx");
    assert_eq!(out["address"]["socket_address"]["port_value"], bad.port());
}

#[test]
fn clusters_shows_what_is_in_use_of_what_may_be() {
    let free = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&free);
    let origin = Origin::replies(move |_| {
        eventually("the answer may go", || gate.load(Ordering::Acquire));
        ok("done")
    });
    let pool = "{connectionPool: {tcp: {maxConnections: 3}, http: {http2MaxRequests: 7}}}";
    let route = rules("rules", "*", &everything_to("origin"));
    let yaml = every_host() + &service("origin", origin.port()) + &rule(pool) + &route;
    let gateway = world(&yaml).start();
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let busy = "in use: 1 of 3 connections, 1 of 7 requests";
    eventually("a request is under way", || shown(&gateway, &[]).contains(busy));
    let text = shown(&gateway, &["origin"]);
    assert!(text.contains("1 connection  1 under way, 1 in all"), "{text}");
    assert!(shown(&gateway, &["nobody"]).contains("no cluster's name holds `nobody`"));
    free.store(true, Ordering::Release);
    assert_eq!(client.answer().status, 200);
    let idle = "in use: 1 of 3 connections, 0 of 7 requests";
    eventually("it is over", || shown(&gateway, &[]).contains(idle));
    let text = shown(&gateway, &[]);
    assert!(text.contains("1 connection (1 unused)  0 under way, 1 in all"), "{text}");
    let page = gateway.control(gateway.admin, "/clusters").is(200).text();
    let endpoint = format!("127.0.0.1:{}", origin.port());
    for (key, value) in [("cx_active", 1), ("rq_active", 0), ("rq_success", 1), ("rq_total", 1)] {
        assert!(page.contains(&format!("::{endpoint}::{key}::{value}\n")), "{key} in {page}");
    }
    assert!(page.contains("::default_priority::max_connections::3\n"), "{page}");
}

#[test]
fn clusters_says_where_it_looked_when_no_gateway_answers() {
    let admin = format!("127.0.0.1:{}", ports::free());
    let said = propylon(&["clusters", "--admin", &admin]);
    let why = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(1));
    assert!(why.contains(&format!("no gateway answers at http://{admin}/")), "{why}");
    assert!(why.contains("--admin says where"), "{why}");
}
