//! The tutorials' egress examples as printed, and what closes the way out.

use super::{REGISTRY_ONLY, Story, tutorial};
use crate::program::{Program, eventually};
use crate::town::Town;
use crate::web::Web;

pub(super) const STORIES: &[(&str, Story)] = &[
    ("everything_leaves_through_the_egress_gateway", everything_leaves_through_the_egress_gateway),
    ("the_way_out_closes_with_its_service_entry", the_way_out_closes_with_its_service_entry),
    ("an_allow_list_by_path", an_allow_list_by_path),
    ("a_gateway_of_another_namespace_is_not_found", a_gateway_of_another_namespace_is_not_found),
    ("the_first_tutorial_s_gateway_is_the_exit_of_a_mesh", the_first_tutorial_s_gateway),
    ("what_the_third_tutorial_promises_of_an_egress_gateway", what_the_third_tutorial_promises),
    ("the_fifth_tutorial_s_service_entry_leads_out", the_fifth_tutorial_s_service_entry),
    ("a_service_entry_serves_those_that_it_is_exported_to", a_service_entry_is_exported),
];

fn everything_leaves_through_the_egress_gateway() {
    let town = Town::build(&tutorial("s3-egress.yaml"));
    let cnn = Web::serve(&town.internet, "cnn", "203.0.113.10:80");
    town.name("edition.cnn.com", 10);
    eventually("the gateway knows the name", || town.get("http://edition.cnn.com/").status == 200);
    let before = cnn.connections();
    for _ in 0..3 {
        let seen = town.get("http://edition.cnn.com/politics");
        seen.is(200, "cnn edition.cnn.com/politics for 203.0.113.1");
    }
    // Connections to the outside are kept and used again, whoever asks.
    assert_eq!((before, cnn.connections()), (1, 1));
    let cluster = "cluster.outbound|80||edition.cnn.com.upstream_cx_total";
    assert_eq!(Program::counter(&town.egress, cluster), 1);
    // There is no other way: packets of the application's namespace are not forwarded.
    assert_eq!(town.get_uncaptured("http://203.0.113.10/").status, 0);
}

fn the_way_out_closes_with_its_service_entry() {
    let objects = tutorial("s3-egress.yaml");
    let town = Town::build(&objects);
    let _cnn = Web::serve(&town.internet, "cnn", "203.0.113.10:80");
    let _near = Web::serve(&town.egress, "near", "10.90.1.1:7070");
    town.name("edition.cnn.com", 10);
    town.name("unknown.example", 20);
    eventually("the gateway knows the name", || town.get("http://edition.cnn.com/").status == 200);
    // ALLOW_ANY: what nobody defined goes where it was meant to go.
    town.get("http://10.90.1.1:7070/").is(200, "near 10.90.1.1:7070/ for 10.90.1.2");
    town.change("mesh.yaml", REGISTRY_ONLY);
    assert_eq!(town.get("http://unknown.example/").status, 502);
    assert_eq!(town.get("http://10.90.1.1:7070/").status, 0, "no HTTP is known there");
    assert_eq!(town.get("http://edition.cnn.com/").status, 200);
    let rest = objects.split("---\n").filter(|object| !object.contains("kind: ServiceEntry"));
    town.change("objects.yaml", &rest.collect::<Vec<_>>().join("---\n"));
    assert_eq!(town.get("http://edition.cnn.com/").status, 503);
    town.change("objects.yaml", &objects);
    eventually("the way out is open again", || town.get("http://edition.cnn.com/").status == 200);
}

fn an_allow_list_by_path() {
    let town = Town::build(&tutorial("s2-egress.yaml"));
    let _httpbin = Web::serve(&town.internet, "httpbin", "203.0.113.20:80");
    town.name("httpbin.org", 20);
    eventually("the gateway knows the name", || town.get("http://httpbin.org/get").status == 200);
    town.get("http://httpbin.org/get").is(200, "httpbin httpbin.org/get for 203.0.113.1");
    assert_eq!(town.get("http://httpbin.org/post").status, 404);
}

fn a_gateway_of_another_namespace_is_not_found() {
    let town = Town::build(&tutorial("s2-egress-wrong-namespace.yaml"));
    let httpbin = Web::serve(&town.internet, "httpbin", "203.0.113.20:80");
    town.name("httpbin.org", 20);
    assert_eq!(town.get("http://httpbin.org/get").status, 404);
    assert_eq!(httpbin.connections(), 0);
    assert!(town.gateway.log().contains("IST0101"), "{}", town.gateway.log());
}

/// The first tutorial's egress Gateway as printed, with what it leaves to its reader: the host as a
/// service, and the way there.
const FIRST: &str = "apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata:
  name: istio-egressgateway
spec:
  selector:
    istio: egressgateway
  servers:
  - port:
      number: 80
      name: http
      protocol: HTTP
    hosts:
    - edition.cnn.com
---
apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata: {name: cnn}
spec:
  hosts: [edition.cnn.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: DNS
---
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: mesh}
spec:
  hosts: [edition.cnn.com]
  http:
  - route: [{destination: {host: istio-egressgateway.istio-system.svc.cluster.local}}]
---
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: egress}
spec:
  hosts: [edition.cnn.com]
  gateways: [istio-egressgateway]
  http:
  - match: [{uri: {prefix: /politics}}]
    route: [{destination: {host: edition.cnn.com}}]
";

fn the_first_tutorial_s_gateway() {
    let town = Town::build(FIRST);
    let cnn = Web::serve(&town.internet, "cnn", "203.0.113.10:80");
    town.name("edition.cnn.com", 10);
    let url = "http://edition.cnn.com/politics";
    eventually("the gateway knows the name", || town.get(url).status == 200);
    town.get(url).is(200, "cnn edition.cnn.com/politics for 203.0.113.1");
    assert_eq!(town.get("http://edition.cnn.com/sport").status, 404);
    assert_eq!(cnn.connections(), 1);
    assert_eq!(town.get_uncaptured(url).status, 0, "there is no way past the gateway");
}

/// Its table compares a Service, an ingress and an egress gateway; these are the rows of the last.
fn what_the_third_tutorial_promises() {
    let town = Town::build(&tutorial("s2-egress.yaml"));
    let httpbin = Web::serve(&town.internet, "httpbin", "203.0.113.20:80");
    let other = Web::serve(&town.internet, "other", "203.0.113.30:80");
    town.name("httpbin.org", 20);
    town.name("other.example", 30);
    let get = "http://httpbin.org/get";
    eventually("the gateway knows the name", || town.get(get).status == 200);
    // Routes by the domain and path of an external API.
    assert_eq!(town.get("http://httpbin.org/get/1").status, 200);
    assert_eq!(town.get("http://httpbin.org/status/200").status, 404);
    assert_eq!(town.get("http://httpbin.org:80/get").status, 200);
    // An allow-list: under REGISTRY_ONLY nobody gets to other hosts, by name or by address.
    town.change("mesh.yaml", REGISTRY_ONLY);
    assert_eq!(town.get("http://other.example/get").status, 502);
    assert_eq!(town.get("http://203.0.113.30/get").status, 502);
    assert_eq!(town.get("https://other.example/get").status, 0);
    assert_eq!(town.get(get).status, 200);
    // Everything that leaves the mesh leaves here, and nobody gets past.
    town.get(get).is(200, "httpbin httpbin.org/get for 203.0.113.1");
    assert_eq!(town.get_uncaptured("http://203.0.113.20/get").status, 0);
    // A client inside cannot talk the gateway into another host.
    let seen = town.ask(&["-H", "host: other.example", "http://10.90.1.1/get"]);
    assert_eq!(seen.status, 502);
    let past = ["curl", "-so", "/dev/null", "-w", "%{http_code}", "-H", "host: other.example"];
    let past = [&past[..], &["http://10.90.1.1/get"]].concat();
    let seen = town.application.output(Some(1337), &past);
    assert_eq!(String::from_utf8_lossy(&seen.stdout), "404");
    assert_eq!(other.connections(), 0);
    // It is seen: requests and connections are counted by destination.
    let cluster = "cluster.outbound|80||httpbin.org";
    assert!(Program::counter(&town.egress, &format!("{cluster}.upstream_rq_2xx")) >= 4);
    let made = Program::counter(&town.egress, &format!("{cluster}.upstream_cx_total"));
    assert_eq!(made, httpbin.connections() as u64);
}

fn the_fifth_tutorial_s_service_entry() {
    let golden = tutorial("s4-service-entry.yaml");
    let (entry, _) = golden.split_once("---\n").expect("a second object");
    let exit = FIRST.split("---\n").filter(|object| !object.contains("kind: ServiceEntry"));
    let exit = exit.collect::<Vec<_>>().join("---\n").replace("edition.cnn.com", "www.google.com");
    let town = Town::build(&format!("{entry}---\n{}", exit.replace("/politics", "/search")));
    let _google = Web::serve(&town.internet, "google", "203.0.113.10:80");
    town.name("www.google.com", 10);
    let url = "http://www.google.com/search";
    eventually("the gateway knows the name", || town.get(url).status == 200);
    town.get(url).is(200, "google www.google.com/search for 203.0.113.1");
    // Its `addresses` are the service's as well: what is meant for them goes by the Host.
    let by_address = ["-H", "host: www.google.com", "http://192.168.1.1/search"];
    town.ask(&by_address).is(200, "google www.google.com/search for 203.0.113.1");
    assert_eq!(town.get("http://www.google.com/mail").status, 404);
    let clusters = Program::page(&town.egress, "/clusters");
    let line = |what: &str| format!("outbound|80||www.google.com::203.0.113.10:80::{what}");
    assert!(clusters.contains(&line("region::us-west1")), "{clusters}");
    assert!(clusters.contains(&line("zone::zone1")), "{clusters}");
}

/// A service of another namespace, which its endpoint's address reaches without a gateway.
fn near(export_to: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: near, namespace: shop}}
spec:
  hosts: [near.example]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: 10.90.1.1, ports: {{http: 7070}}, locality: us-west1/zone1}}]
  exportTo: {export_to}
---
{REGISTRY_ONLY}"
    )
}

fn a_service_entry_is_exported() {
    let town = Town::build(&near("[\"*\"]"));
    let _near = Web::serve(&town.egress, "near", "10.90.1.1:7070");
    town.name("near.example", 10);
    town.get("http://near.example/").is(200, "near near.example/ for 10.90.1.2");
    for (export_to, status) in [
        ("[\".\"]", 502),
        ("[default]", 200),
        ("[istio-system]", 502),
        ("[shop, default]", 200),
        ("[\"~\"]", 502),
        ("[\"*\"]", 200),
    ] {
        town.change("objects.yaml", &near(export_to));
        assert_eq!(town.get("http://near.example/").status, status, "{export_to}");
    }
}
