//! Clients that come back to the same endpoint: consistent hashing by header, cookie, address and
//! query parameter, seen from outside. Which endpoint it is, Envoy says: the comparison with it.

use std::collections::BTreeSet;

use crate::harness::client::Answer;
use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::Origin;
use crate::harness::world::{every_host, everything_to, rules, versions};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

struct Origins(Vec<Origin>);

fn origins() -> Origins {
    Origins(NAMES.iter().map(|name| Origin::says(name)).collect())
}

impl Origins {
    fn behind(&self, consistent_hash: &str) -> Gateway {
        let ports: Vec<_> = NAMES.into_iter().zip(self.0.iter().map(Origin::port)).collect();
        let rule = format!(
            "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: origin}}
spec:
  host: origin
  trafficPolicy: {{loadBalancer: {{consistentHash: {consistent_hash}}}}}
---
"
        );
        let route = rules("rules", "*", &everything_to("origin"));
        world(&(every_host() + &versions("origin", &ports) + &rule + &route)).start()
    }
}

fn with(gateway: &Gateway, name: &str, value: &str) -> String {
    gateway.request("GET", "/", &[(name, value)]).is(200).text()
}

/// Every client gets the same answer twice, and not all of them the same.
fn sticks(answer: impl Fn(usize) -> String) {
    let first: Vec<String> = (0..40).map(&answer).collect();
    let again: Vec<String> = (0..40).map(&answer).collect();
    assert_eq!(first, again);
    assert!(first.iter().collect::<BTreeSet<_>>().len() > 1, "{first:?}");
}

#[test]
fn a_header_keeps_its_endpoint_on_a_ring() {
    let origins = origins();
    let gateway = origins.behind("{httpHeaderName: X-User}");
    sticks(|n| with(&gateway, "x-user", &n.to_string()));
}

#[test]
fn a_header_keeps_its_endpoint_in_a_maglev_table() {
    let origins = origins();
    let gateway = origins.behind("{httpHeaderName: x-user, maglev: {tableSize: 101}}");
    sticks(|n| with(&gateway, "x-user", &n.to_string()));
}

#[test]
fn a_query_parameter_keeps_its_endpoint() {
    let origins = origins();
    let gateway = origins.behind("{httpQueryParameterName: user}");
    sticks(|n| gateway.get(&format!("/?a=b&user={n}")).is(200).text());
}

#[test]
fn without_the_header_any_endpoint_answers() {
    let origins = origins();
    let gateway = origins.behind("{httpHeaderName: x-user}");
    let answers: BTreeSet<String> = (0..200).map(|_| gateway.get("/").is(200).text()).collect();
    assert_eq!(answers.len(), 4, "200 draws of one in four");
}

#[test]
fn an_address_keeps_its_endpoint_whatever_its_port() {
    let origins = origins();
    let gateway = origins.behind("{useSourceIp: true}");
    let answers: BTreeSet<String> = (0..20).map(|_| gateway.get("/").is(200).text()).collect();
    assert_eq!(answers.len(), 1);
}

fn cookie_of(answer: &Answer) -> String {
    let line = answer.header("set-cookie").expect("a cookie");
    line.split(';').next().expect("a first part").to_owned()
}

#[test]
fn a_client_without_the_cookie_gets_one_that_leads_back() {
    let origins = origins();
    let gateway = origins.behind(
        "{httpCookie: {name: aff, path: /p, ttl: 60s, \
          attributes: [{name: SameSite, value: Lax}, {name: Secure}]}}",
    );
    for _ in 0..10 {
        let first = gateway.get("/").is(200);
        let line = first.header("set-cookie").expect("a cookie").to_owned();
        let value = line.strip_prefix("aff=\"").and_then(|rest| rest.get(..16)).expect("16 digits");
        assert!(value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
        let rest = "; Max-Age=60; Path=/p; SameSite=Lax; Secure; HttpOnly";
        assert_eq!(line, format!("aff=\"{value}\"{rest}"));
        let cookie = cookie_of(&first);
        let back = gateway.request("GET", "/", &[("cookie", &format!("a=b; {cookie}"))]);
        assert_eq!(back.header("set-cookie"), None);
        assert_eq!(back.is(200).text(), first.text());
    }
}

#[test]
fn a_session_cookie_says_no_age_and_a_cookie_without_life_is_never_made() {
    let origins = origins();
    let session = origins.behind("{httpCookie: {name: aff, ttl: 0s}}").get("/").is(200);
    let line = session.header("set-cookie").expect("a cookie");
    assert!(line.ends_with("\"; HttpOnly") && !line.contains("Max-Age"), "{line}");
    let gateway = origins.behind("{httpCookie: {name: aff}}");
    gateway.get("/").is(200).has_no("set-cookie");
    sticks(|n| with(&gateway, "cookie", &format!("aff={n}")));
}

#[test]
fn a_connection_that_is_passed_on_goes_by_the_address_of_its_client() {
    let origins = origins();
    let ports: Vec<_> = NAMES.into_iter().zip(origins.0.iter().map(Origin::port)).collect();
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
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: origin}
spec:
  host: origin
  trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}
---
";
    let gateway = world(&(versions("origin", &ports) + tcp)).start();
    let answers: BTreeSet<String> = (0..20).map(|_| gateway.get("/").is(200).text()).collect();
    assert_eq!(answers.len(), 1);
}
