//! Binding problems, as sentences.

use propylon_model::Severity::{Error, Warning};

use crate::analyze::testing::{GATEWAY, WEB, finds, healthy, lacks, routes, service};

const TO_WEB: &str = "  - route: [{destination: {host: web}}]";

#[test]
fn a_host_outside_the_gateways_hosts_gets_404() {
    let yaml = format!("{GATEWAY}{WEB}{}", service("vs", "[a.org]", "[gw]", TO_WEB));
    let words = ["`a.org`", "(*.example.com)", "404"];
    finds(&yaml, Error, "IST0132", "spec.hosts[0]", &words);
}

#[test]
fn a_wider_host_is_served_as_far_as_the_gateway_goes() {
    healthy(&format!("{GATEWAY}{WEB}{}", service("vs", "['*']", "[gw]", TO_WEB)));
}

#[test]
fn a_namespace_before_a_host_keeps_others_out() {
    let gateway = GATEWAY.replace("'*.example.com'", "'prod/*.example.com'");
    let yaml = format!("{gateway}{WEB}{}", routes(TO_WEB));
    let words = ["namespace prod only", "`*/*.example.com`"];
    finds(&yaml, Error, "IST0132", "spec.hosts[0]", &words);
}

#[test]
fn a_short_host_is_completed_to_what_no_client_sends() {
    let gateway = GATEWAY.replace("'*.example.com'", "'*'");
    let yaml = format!("{gateway}{WEB}{}", service("vs", "[web]", "[gw]", TO_WEB));
    let words = ["web.default.svc.cluster.local", "`Host: web` get 404"];
    finds(&yaml, Warning, "GW2003", "spec.hosts[0]", &words);
}

#[test]
fn a_port_that_no_server_declares_never_matches() {
    let http = |port: u16| {
        format!("  - match: [{{port: {port}}}]\n    route: [{{destination: {{host: web}}}}]")
    };
    let yaml = format!("{GATEWAY}{WEB}{}", routes(&http(8080)));
    let field = "spec.http[0].match[0].port";
    finds(&yaml, Warning, "GW2004", field, &["no server", "80"]);
    lacks(&format!("{GATEWAY}{WEB}{}", routes(&http(80))), "GW2004");
}

#[test]
fn a_wildcard_host_finds_the_gateways_exact_hosts() {
    let gateway = GATEWAY.replace("'*.example.com'", "a.example.com, b.example.com");
    healthy(&format!("{gateway}{WEB}{}", service("vs", "['*.example.com']", "[gw]", TO_WEB)));
    let outside = service("vs", "['*.other.com']", "[gw]", TO_WEB);
    let words = ["(a.example.com, b.example.com)"];
    finds(&format!("{gateway}{WEB}{outside}"), Error, "IST0132", "spec.hosts[0]", &words);
}
