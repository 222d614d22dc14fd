//! Server problems, as sentences.

use propylon_model::Severity::Error;

use crate::analyze::testing::{WEB, finds, lacks, routes};

fn gateway(tls: &str) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gw}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - port: {{number: 443, name: https, protocol: HTTPS}}
    tls: {tls}
    hosts: [a.example.com]
---
{WEB}"
    )
}

#[test]
fn http_routes_behind_passthrough_are_never_used() {
    let http = routes("  - route: [{destination: {host: web}}]");
    let yaml = format!("{}{http}", gateway("{}"));
    let words = ["port 443", "PASSTHROUGH", "VirtualService default/vs", "`mode: SIMPLE`"];
    finds(&yaml, Error, "GW2006", "spec.servers[0].tls", &words);
    let simple = gateway("{mode: SIMPLE, credentialName: web}");
    lacks(&format!("{simple}{http}"), "GW2006");
}

#[test]
fn tls_routes_make_passthrough_right() {
    let tls = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tls}
spec:
  hosts: [a.example.com]
  gateways: [gw]
  tls: [{match: [{sniHosts: [a.example.com]}], route: [{destination: {host: web}}]}]
---
";
    let http = routes("  - route: [{destination: {host: web}}]");
    lacks(&format!("{}{http}{tls}", gateway("{mode: PASSTHROUGH}")), "GW2006");
}
