//! VirtualServices that the webhook refuses, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::{Kind, Severity};
use serde_json::{Value, json};

use crate::validate::testing::{healthy, only, problems, refused, warned};

fn route() -> Value {
    json!([{"route": [{"destination": {"host": "a"}}]}])
}

fn service(hosts: Value, gateways: Value) -> Value {
    json!({"hosts": hosts, "gateways": gateways, "http": route()})
}

#[test]
fn a_plain_virtual_service_is_healthy() {
    healthy(Kind::VirtualService, service(json!(["*"]), json!(["gw"])));
    healthy(Kind::VirtualService, service(json!(["a", "10.0.0.1"]), json!(["ns/gw", "mesh"])));
    healthy(Kind::VirtualService, json!({"http": route()}));
}

#[test]
fn every_host_is_no_host_of_the_mesh() {
    let words = ["`*`", "mesh"];
    refused(Kind::VirtualService, service(json!(["*"]), json!([])), "spec.hosts[0]", &words);
    let both = service(json!(["*"]), json!(["mesh", "gw"]));
    refused(Kind::VirtualService, both, "spec.hosts[0]", &words);
}

#[test]
fn hosts_of_one_virtual_service_do_not_overlap() {
    let hosts = service(json!(["*.foo.com", "a.foo.com"]), json!(["gw"]));
    let found = problems(Kind::VirtualService, hosts);
    only(&found, Severity::Error, "spec.hosts[1]", &["hosts[0]", "*.foo.com"]);
}

#[test]
fn routes_are_needed() {
    refused(Kind::VirtualService, json!({"hosts": ["a"]}), "spec", &["no routes"]);
}

#[test]
fn a_delegate_has_no_gateways_and_does_not_delegate() {
    let delegate = json!({"gateways": ["gw"], "http": route()});
    refused(Kind::VirtualService, delegate, "spec.gateways", &["delegate"]);
    let nested = json!({"http": [{"delegate": {"name": "x"}}]});
    refused(Kind::VirtualService, nested, "spec.http[0].delegate", &["one level"]);
}

#[test]
fn gateways_are_named_with_or_without_namespace() {
    let place = "spec.gateways[0]";
    let bad = |name: &str| service(json!(["a"]), json!([name]));
    refused(Kind::VirtualService, bad("./gw"), place, &["write `gw`"]);
    refused(Kind::VirtualService, bad("ns/"), place, &["names no Gateway"]);
    refused(Kind::VirtualService, bad("g_w"), place, &["names no Gateway"]);
    let old = "gw.ns.svc.cluster.local";
    warned(Kind::VirtualService, bad(old), place, &["old form", "`ns/gw`"]);
}

#[test]
fn claims_are_matched_at_gateways_only() {
    let claims = |gateways: Value| {
        json!({"hosts": ["a"], "gateways": gateways, "http": [{
        "match": [{"headers": {"@request.auth.claims.sub": {"exact": "x"}}}],
        "route": [{"destination": {"host": "a"}}]}]})
    };
    healthy(Kind::VirtualService, claims(json!(["gw"])));
    let place = "spec.http[0].match[0].headers.@request.auth.claims.sub";
    refused(Kind::VirtualService, claims(json!([])), place, &["at gateways"]);
}

#[test]
fn server_names_of_tls_routes_are_hosts_of_the_virtual_service() {
    let tls = |name: &str| {
        json!({"hosts": ["*.a.com"], "gateways": ["gw"], "tls": [{
        "match": [{"sniHosts": [name]}], "route": [{"destination": {"host": "a"}}]}]})
    };
    healthy(Kind::VirtualService, tls("x.a.com"));
    let place = "spec.tls[0].match[0].sniHosts[0]";
    refused(Kind::VirtualService, tls("b.com"), place, &["not among the hosts"]);
    warned(Kind::VirtualService, tls("10.0.0.1"), place, &["never send"]);
}

#[test]
fn tls_routes_need_a_match_and_both_need_a_destination() {
    let spec = json!({"hosts": ["a.com"], "gateways": ["gw"], "tls": [{}], "tcp": [{
        "match": [{"destinationSubnets": ["x"]}]}]});
    let place = "spec.tls[0]";
    refused(Kind::VirtualService, spec.clone(), place, &["needs a match"]);
    refused(Kind::VirtualService, spec.clone(), place, &["no destination"]);
    refused(Kind::VirtualService, spec.clone(), "spec.tcp[0]", &["no destination"]);
    let subnet = "spec.tcp[0].match[0].destinationSubnets[0]";
    refused(Kind::VirtualService, spec, subnet, &["CIDR"]);
}
