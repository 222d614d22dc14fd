//! Endpoints that fail and are left out, seen from outside. Timelines are tested by a clock of
//! their own beside the rules.

use std::collections::BTreeSet;

use crate::harness::eventually;
use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::{Origin, empty};
use crate::harness::world::{every_host, everything_to, rules, versions};

fn yaml(ports: &[(&str, u16)], detection: &str) -> String {
    let rule = format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: origin}}
spec: {{host: origin, trafficPolicy: {{loadBalancer: {{simple: ROUND_ROBIN}}, \
         outlierDetection: {detection}}}}}
---
"
    );
    let route = rules("rules", "*", &everything_to("origin"));
    every_host() + &versions("origin", ports) + &rule + &route
}

fn failing() -> Origin {
    Origin::replies(|_| empty("500 Internal Server Error"))
}

fn clusters(gateway: &Gateway) -> String {
    gateway.control(gateway.admin, "/clusters").is(200).text()
}

/// Asks until the gateway says that it has ejected an endpoint.
fn until_ejected(gateway: &Gateway) {
    eventually("an endpoint is ejected", || {
        gateway.get("/");
        clusters(gateway).contains("health_flags::/failed_outlier_check")
    });
}

const ONE: &str = "{consecutive5xxErrors: 2, maxEjectionPercent: 50, baseEjectionTime: 1h}";

#[test]
fn an_endpoint_that_fails_in_a_row_gets_no_requests_and_the_others_do() {
    let (good, bad) = (Origin::says("good"), failing());
    let gateway = world(&yaml(&[("v1", good.port()), ("v2", bad.port())], ONE)).start();
    until_ejected(&gateway);
    let answers: BTreeSet<u16> = (0..20).map(|_| gateway.get("/").status).collect();
    assert_eq!(answers, BTreeSet::from([200]));
    let text = clusters(&gateway);
    assert!(text.contains("::ejection_cause::consecutive_5xx"), "{text}");
    assert!(text.contains("::outlier_detection.ejections_active::1"), "{text}");
}

#[test]
fn an_ejected_endpoint_stays_ejected_over_a_reload() {
    let (good, bad) = (Origin::says("good"), failing());
    let ports = [("v1", good.port()), ("v2", bad.port())];
    let gateway = world(&yaml(&ports, ONE)).start();
    until_ejected(&gateway);
    let third = Origin::says("third");
    let ports = [("v1", good.port()), ("v2", bad.port()), ("v3", third.port())];
    let before = gateway.reloads();
    gateway.replace("world.yaml", &yaml(&ports, ONE));
    gateway.reloads_after(before);
    let answers: BTreeSet<String> = (0..20).map(|_| gateway.get("/").is(200).text()).collect();
    assert_eq!(answers, BTreeSet::from(["good".to_owned(), "third".to_owned()]));
}

#[test]
fn with_every_endpoint_ejected_nobody_answers_unless_health_is_overlooked() {
    let bad = failing();
    let all = "{consecutive5xxErrors: 1, maxEjectionPercent: 100, baseEjectionTime: 1h}";
    let gateway = world(&yaml(&[("v1", bad.port())], all)).start();
    gateway.get("/").is(500);
    eventually("nobody is left", || gateway.get("/").status == 503);
    gateway.get("/").is(503).says("no healthy upstream");
    let panic = "{consecutive5xxErrors: 1, maxEjectionPercent: 100, minHealthPercent: 50}";
    let gateway = world(&yaml(&[("v1", bad.port())], panic)).start();
    for _ in 0..5 {
        gateway.get("/").is(500);
    }
}

#[test]
fn an_endpoint_that_cannot_be_connected_is_ejected_too() {
    let good = Origin::says("good");
    let gone = Origin::says("gone").port();
    let gateway = world(&yaml(&[("v1", good.port()), ("v2", gone)], ONE)).start();
    until_ejected(&gateway);
    assert!(clusters(&gateway).contains("::ejection_cause::consecutive_5xx"));
}

#[test]
fn an_ejection_ends_at_a_sweep_after_its_time() {
    let (good, bad) = (Origin::says("good"), failing());
    let short = "{consecutive5xxErrors: 1, maxEjectionPercent: 50, interval: 100ms, \
                 baseEjectionTime: 100ms}";
    let gateway = world(&yaml(&[("v1", good.port()), ("v2", bad.port())], short)).start();
    until_ejected(&gateway);
    eventually("it is let back in", || !clusters(&gateway).contains("failed_outlier_check"));
    eventually("it is asked again", || gateway.get("/").status == 500);
}
