//! What has to happen: the tutorials' egress examples as printed, and what closes the way out.

use std::fs;
use std::path::Path;

use crate::internet::Web;
use crate::program::{PROPYLON, Program, eventually};
use crate::town::Town;

/// Every story by its name.
pub(crate) const STORIES: [(&str, fn()); 6] = [
    ("everything_leaves_through_the_egress_gateway", everything_leaves_through_the_egress_gateway),
    ("the_way_out_closes_with_its_service_entry", the_way_out_closes_with_its_service_entry),
    ("an_allow_list_by_path", an_allow_list_by_path),
    ("a_gateway_of_another_namespace_is_not_found", a_gateway_of_another_namespace_is_not_found),
    ("tls_leaves_by_server_name", tls_leaves_by_server_name),
    ("redirection_is_set_and_removed", redirection_is_set_and_removed),
];

/// The objects of a golden file: a tutorial's, as printed.
fn tutorial(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    fs::read_to_string(path).expect("a golden file")
}

/// A ConfigMap that refuses what nobody defined.
const REGISTRY_ONLY: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
";

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

/// TLS to a host goes to the gateway by its server name, and from there to the host.
const BY_SERVER_NAME: &str = "---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: tls}
spec:
  selector: {istio: egressgateway}
  servers:
  - port: {number: 443, name: tls, protocol: TLS}
    hosts: [edition.cnn.com]
    tls: {mode: PASSTHROUGH}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tls}
spec:
  hosts: [edition.cnn.com]
  gateways: [mesh, tls]
  tls:
  - match: [{gateways: [mesh], port: 443, sniHosts: [edition.cnn.com]}]
    route:
    - destination:
        host: istio-egressgateway.istio-system.svc.cluster.local
        port: {number: 443}
  - match: [{gateways: [tls], port: 443, sniHosts: [edition.cnn.com]}]
    route: [{destination: {host: edition.cnn.com, port: {number: 443}}}]
";

fn tls_leaves_by_server_name() {
    let town = Town::build(&(tutorial("s3-egress.yaml") + BY_SERVER_NAME));
    town.name("edition.cnn.com", 10);
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    let (key, certificate) = (path("key.pem"), path("certificate.pem"));
    town.internet.run(&[
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=edition.cnn.com",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ]);
    let serve = [
        "openssl",
        "s_server",
        "-accept",
        "203.0.113.10:443",
        "-key",
        &key,
        "-cert",
        &certificate,
        "-www",
        "-quiet",
    ];
    let mut server = town.internet.command(None, &serve).spawn().expect("start a TLS server");
    eventually("TLS goes through", || town.get("https://edition.cnn.com/").status == 200);
    let seen = town.get("https://edition.cnn.com/");
    let _ = server.kill();
    let _ = server.wait();
    assert!(seen.body.contains("TLSv1.3"), "{seen:?}");
}

fn redirection_is_set_and_removed() {
    let town = Town::build(&tutorial("s3-egress.yaml"));
    let rules = || town.application.run(&["iptables", "-t", "nat", "-S"]);
    assert!(rules().contains("--to-ports 15001"), "{}", rules());
    // A second run replaces the first.
    town.application.run(&[PROPYLON, "iptables", "--uid", "1337", "-o", "22"]);
    assert_eq!(rules().matches("-A OUTPUT ").count(), 1, "{}", rules());
    assert!(rules().contains("--dport 22 -j RETURN"), "{}", rules());
    town.application.run(&[PROPYLON, "iptables", "--clean"]);
    assert!(!rules().contains("ISTIO"), "{}", rules());
    let printed = town.application.run(&[PROPYLON, "iptables", "--dry-run"]);
    assert!(printed.contains("-A ISTIO_OUTPUT -j ISTIO_REDIRECT"), "{printed}");
    assert!(!rules().contains("ISTIO"), "a dry run changes nothing");
}
