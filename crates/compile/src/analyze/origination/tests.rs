//! TLS towards destinations, as sentences.

use propylon_model::Severity::Warning;

use crate::analyze::testing::{GATEWAY, finds, healthy, lacks, service};

const OUTSIDE: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out}
spec:
  hosts: [a.example.com]
  resolution: DNS
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: https, protocol: HTTPS}]
---
";

fn rule(tls: &str) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: out}}
spec:
  host: a.example.com
  trafficPolicy: {{portLevelSettings: [{{port: {{number: 443}}, tls: {tls}}}]}}
---
"
    )
}

fn requests(port: u16) -> String {
    let route = format!("{{destination: {{host: a.example.com, port: {{number: {port}}}}}}}");
    service("vs", "[a.example.com]", "[gw]", &format!("  - route: [{route}]"))
}

#[test]
fn requests_to_an_https_port_need_a_rule_that_begins_tls() {
    let field = "spec.http[0].route[0].destination";
    let words = ["speaks HTTPS on port 443", "plaintext", "`portLevelSettings: [{port: {number:"];
    let yaml = format!("{GATEWAY}{OUTSIDE}{}", requests(443));
    finds(&yaml, Warning, "GW2021", field, &words);
    healthy(&format!("{yaml}{}", rule("{mode: SIMPLE}")));
    lacks(&format!("{yaml}{}", rule("{mode: DISABLE}")), "GW2021");
    healthy(&format!("{GATEWAY}{OUTSIDE}{}", requests(80)));
    let inside = yaml.replace("resolution: DNS", "resolution: DNS\n  location: MESH_INTERNAL");
    lacks(&inside, "GW2021");
}

#[test]
fn tls_that_is_handed_on_is_not_wrapped_again() {
    let server = "port: {number: 80, name: http, protocol: HTTP}";
    let passing = "port: {number: 443, name: tls, protocol: TLS}\n    tls: {mode: PASSTHROUGH}";
    let gateway = GATEWAY.replace(server, passing);
    assert_ne!(gateway, GATEWAY);
    let routes = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: vs}
spec:
  hosts: [a.example.com]
  gateways: [gw]
  tls:
  - match: [{sniHosts: [a.example.com]}]
    route: [{destination: {host: a.example.com, port: {number: 443}}}]
---
";
    let yaml = format!("{gateway}{OUTSIDE}{routes}");
    healthy(&yaml);
    let field = "spec.tls[0].route[0].destination";
    let words = ["handed on to a.example.com port 443", "TLS within TLS"];
    finds(&format!("{yaml}{}", rule("{mode: SIMPLE}")), Warning, "GW2021", field, &words);
}
