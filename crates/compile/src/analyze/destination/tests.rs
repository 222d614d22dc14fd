//! Destination problems, as sentences.

use propylon_model::Severity::{Error, Warning};

use crate::analyze::analyze;
use crate::analyze::testing::{GATEWAY, WEB, finds, has, healthy, lacks, routes, service, world};
use crate::{Options, Role};

fn to(destination: &str) -> String {
    let http = format!("  - route: [{{destination: {{{destination}}}}}]");
    format!("{GATEWAY}{WEB}{}", routes(&http))
}

const HOST: &str = "spec.http[0].route[0].destination.host";
const PORT: &str = "spec.http[0].route[0].destination.port.number";

#[test]
fn a_destination_that_exists_is_found_by_short_and_full_name() {
    healthy(&to("host: web"));
    healthy(&to("host: web.default.svc.cluster.local, port: {number: 8000}"));
}

#[test]
fn an_unknown_destination_gets_503_and_a_suggestion() {
    let words = ["`wep` (that is wep.default.svc.cluster.local)", "503", "did you mean `web`?"];
    finds(&to("host: wep"), Error, "IST0101", HOST, &words);
    let words = ["add a ServiceEntry with `hosts: [api.other.com]`"];
    finds(&to("host: api.other.com"), Error, "IST0101", HOST, &words);
    let words = ["add a Service named `pay` to namespace shop"];
    finds(&to("host: pay.shop.svc.cluster.local"), Error, "IST0101", HOST, &words);
    let entry = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: own}
spec:
  hosts: [own.com]
  exportTo: ['.']
  resolution: DNS
  ports: [{number: 80, name: http, protocol: HTTP}]
---
";
    let hidden = to("host: own.com").replacen("---\n", &format!("---{entry}"), 1);
    let words = ["ServiceEntry default/own is not exported"];
    finds(&hidden, Error, "IST0101", HOST, &words);
    finds(&to("host: backend"), Error, "IST0101", HOST, &["add a Service named `backend`"]);
}

#[test]
fn a_name_with_a_dot_is_never_completed() {
    let words = ["taken as it is", "write `web.default.svc.cluster.local`"];
    finds(&to("host: web.default"), Error, "IST0101", HOST, &words);
}

#[test]
fn a_short_name_is_looked_up_in_the_own_namespace_only() {
    let other = "
apiVersion: v1
kind: Service
metadata: {name: pay, namespace: prod}
spec: {ports: [{port: 80}]}
---
";
    let yaml = format!("{}{other}", to("host: pay"));
    let words = ["namespace default", "write `pay.prod.svc.cluster.local`"];
    finds(&yaml, Error, "IST0101", HOST, &words);
}

#[test]
fn a_deployment_is_no_destination() {
    let deployment = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend}
spec: {template: {metadata: {labels: {app: backend}}}}
---
";
    let yaml = format!("{}{deployment}", to("host: backend"));
    finds(&yaml, Error, "IST0101", HOST, &["Deployment backend is no destination"]);
}

#[test]
fn a_port_that_the_service_lacks_gets_503() {
    let field = "spec.http[0].route[0].destination.port.number";
    let words = ["has no port 9000", "its only port"];
    finds(&to("host: web, port: {number: 9000}"), Error, "IST0101", field, &words);
    let words = ["80 is the pods' port", "`number: 8000`"];
    finds(&to("host: web, port: {number: 80}"), Error, "IST0101", field, &words);
}

#[test]
fn a_service_with_several_ports_needs_one_to_be_chosen() {
    let two = WEB.replace("targetPort: 80}]", "targetPort: 80}, {name: admin, port: 9000}]");
    let yaml = to("host: web").replace(WEB, &two);
    let field = "spec.http[0].route[0].destination";
    let lacks = ["8000 http, 9000 admin", "listens on, 80, which the service lacks", "503"];
    finds(&yaml, Error, "IST0112", field, &lacks);
    finds(&yaml, Error, "IST0112", field, &["`port: {number: 8000}`"]);
    let same = yaml.replace("port: 8000", "port: 80");
    finds(&same, Warning, "IST0112", field, &["listens on, 80, which the service has too"]);
    let server = "port: {number: 80, name: http, protocol: HTTP}";
    assert!(same.contains(server), "{same}");
    let second = server.replace("80", "8080").replace("name: http", "name: other");
    let hosts = "hosts: ['*.example.com']";
    let both = same.replacen(server, &format!("{second}\n    {hosts}\n  - {server}"), 1);
    let words = ["what comes to 80 goes to that port", "what comes to 8080 finds no such port"];
    finds(&both, Error, "IST0112", field, &words);
}

#[test]
fn a_sidecar_takes_the_port_that_is_asked_for() {
    let two = WEB.replace("targetPort: 80}]", "targetPort: 80}, {name: https-x, port: 443}]");
    let entry = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out}
spec:
  hosts: [a.example.com]
  resolution: DNS
  ports: [{number: 8000, name: http, protocol: HTTP}, {number: 9443, name: s, protocol: HTTPS}]
---
";
    let to_web = "  - route: [{destination: {host: web}}]";
    let vs = service("vs", "[a.example.com]", "[mesh, missing]", to_web);
    let role = Role::Sidecar(crate::Leg::default());
    let options = Options { role, ..Options::default() };
    let field = "spec.http[0].route[0].destination";
    let judged = |entry: &str| analyze(&world(&format!("{two}{entry}{vs}")), &options);
    let words = ["takes the port that is asked for, 8000, which the service has too"];
    has(&judged(entry), Warning, "IST0112", field, &words);
    let words = ["that is asked for, 8001, which the service lacks: its requests get 503"];
    has(&judged(&entry.replace("8000", "8001")), Error, "IST0112", field, &words);
}

#[test]
fn a_missing_mirror_costs_copies_only() {
    let http = "  - route: [{destination: {host: web}}]\n    mirror: {host: nowhere}";
    let yaml = format!("{GATEWAY}{WEB}{}", routes(http));
    finds(&yaml, Warning, "IST0101", "spec.http[0].mirror.host", &["no copy is sent"]);
}

#[test]
fn routes_for_sidecars_are_not_judged() {
    let http = "
  - match: [{gateways: [mesh]}]
    route: [{destination: {host: istio-egressgateway.istio-system.svc.cluster.local}}]
  - route: [{destination: {host: web}}]";
    let vs = routes(http).replace("gateways: [gw]", "gateways: [mesh, gw]");
    lacks(&format!("{GATEWAY}{WEB}{vs}"), "IST0101");
    let tls = "  tls:
  - match: [{gateways: [mesh], sniHosts: [a.example.com]}]
    route: [{destination: {host: istio-egressgateway.istio-system.svc.cluster.local}}]
  tcp:
  - match: [{gateways: [mesh]}]
    route: [{destination: {host: nowhere}}]
";
    let connections = vs.replace("---\n", &format!("{tls}---\n"));
    lacks(&format!("{GATEWAY}{WEB}{connections}"), "IST0101");
    let here = connections.replace("{gateways: [mesh], sni", "{gateways: [gw], sni");
    let field = "spec.tls[0].route[0].destination.host";
    finds(&format!("{GATEWAY}{WEB}{here}"), Error, "IST0101", field, &["istio-egressgateway"]);
}

#[test]
fn a_wildcard_entry_is_no_destination_for_one_host() {
    let entry = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: wild}
spec:
  hosts: ['*.wild.com']
  resolution: NONE
  ports: [{number: 80, name: http, protocol: HTTP}]
---
";
    let yaml = format!("{}{entry}", to("host: x.wild.com"));
    let words = ["ServiceEntry default/wild has `*.wild.com`", "add `x.wild.com`"];
    finds(&yaml, Error, "IST0101", HOST, &words);
}

#[test]
fn a_destination_without_weight_loses_no_requests() {
    let http = "  - route:
    - {destination: {host: web}, weight: 100}
    - {destination: {host: nowhere}}";
    let yaml = format!("{GATEWAY}{WEB}{}", routes(http));
    let field = "spec.http[0].route[1].destination.host";
    finds(&yaml, Warning, "IST0101", field, &["with a weight its requests would get 503"]);
}

#[test]
fn a_port_that_another_entry_for_the_host_adds_is_there() {
    let entry = |name: &str, port: u16, label: &str| {
        format!(
            "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [two.com]
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}, {{number: {port}, name: b, protocol: HTTP}}]
  endpoints: [{{address: 192.0.2.1, labels: {{version: {label}}}}}]
---
"
        )
    };
    let rule = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: two}
spec: {host: two.com, subsets: [{name: v2, labels: {version: v2}}]}
---
";
    let both = format!("{}{}", entry("a", 81, "v1"), entry("b", 82, "v2"));
    let yaml = |port: u16| {
        let destination = format!("host: two.com, subset: v2, port: {{number: {port}}}");
        to(&destination) + &both + rule
    };
    healthy(&yaml(80));
    healthy(&yaml(82));
    finds(&yaml(83), Error, "IST0101", PORT, &["two.com has no port 83"]);
}
