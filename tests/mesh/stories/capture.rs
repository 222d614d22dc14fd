//! What a sidecar takes of its workload, and what becomes of it.

use std::io::{Read, Write};

use super::{REGISTRY_ONLY, Story, tutorial};
use crate::certificates::Authority;
use crate::names::Says;
use crate::program::{PROPYLON, eventually};
use crate::town::Town;
use crate::web::Web;

pub(super) const STORIES: &[(&str, Story)] = &[
    ("redirection_is_set_and_removed", redirection_is_set_and_removed),
    ("what_nobody_defined_goes_on_or_ends", what_nobody_defined_goes_on_or_ends),
    ("first_bytes_say_what_a_port_speaks", first_bytes_say_what_a_port_speaks),
    ("http2_without_tls_is_taken_and_routed", http2_without_tls_is_taken_and_routed),
    (
        "a_sidecar_object_narrows_what_a_workload_reaches",
        a_sidecar_object_narrows_what_a_workload_reaches,
    ),
    (
        "the_explicit_proxy_serves_the_same_routes_and_nothing_else",
        the_explicit_proxy_serves_the_same_routes_and_nothing_else,
    ),
];

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

/// The fourth tutorial's objects make HTTP of port 80 and TLS of port 443; this one of port 7070.
const KNOWN: &str = "---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: known}
spec:
  hosts: [known.example]
  ports: [{number: 7070, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 203.0.113.30}]
";

/// Six servers that no object defines, in reach of the application without any gateway.
fn what_nobody_defined_goes_on_or_ends() {
    let town = Town::build(&(tutorial("s3-egress.yaml") + KNOWN));
    let pair = Authority::new("whoever").server(&["unknown.example"]);
    let at = &town.egress;
    let servers = [
        Web::serve(at, "plain", "10.90.1.1:7070"),
        Web::serve(at, "plain", "10.90.1.1:7071"),
        Web::serve_tls(at, "tls", "10.90.1.1:443", &pair),
        Web::serve_tls(at, "tls", "10.90.1.1:7443", &pair),
        Web::serve_echo(at, "10.90.1.1:9000"),
    ];
    for names in &town.names {
        names.set("unknown.example", Says::addresses(&[[10, 90, 1, 1].into()]));
    }
    let statuses = |urls: [&str; 4]| urls.map(|url| town.get(url).status);
    let urls = [
        "http://unknown.example:7070/",
        "http://unknown.example:7071/",
        "https://unknown.example/",
        "https://unknown.example:7443/",
    ];
    // ALLOW_ANY: everything goes where it was meant to go, and says what it is by itself.
    assert_eq!(statuses(urls), [200, 200, 200, 200]);
    town.get(urls[0]).is(200, "plain unknown.example:7070/ for 10.90.1.2");
    town.get(urls[2]).is(200, "tls unknown.example/ by unknown.example");
    assert_eq!(greeting(&town), "welcome\nhello\n");
    let before: Vec<usize> = servers.iter().map(Web::connections).collect();
    assert!(before.iter().all(|count| *count > 0), "{before:?}");
    // REGISTRY_ONLY: where HTTP is known it is said, everything else ends without a word.
    town.change("mesh.yaml", REGISTRY_ONLY);
    assert_eq!(statuses(urls), [502, 0, 0, 0]);
    assert_eq!(greeting(&town), "");
    let after: Vec<usize> = servers.iter().map(Web::connections).collect();
    assert_eq!(after, before, "nothing reached anybody");
}

/// What a client hears that says nothing before it is greeted.
fn greeting(town: &Town) -> String {
    let Ok(mut stream) = town.connect("10.90.1.1:9000") else { return String::new() };
    let mut heard = [0; 8];
    if stream.read_exact(&mut heard).is_err() || stream.write_all(b"hello\n").is_err() {
        return String::new();
    }
    let mut back = [0; 6];
    stream.read_exact(&mut back).expect("the same words");
    String::from_utf8_lossy(&[&heard[..], &back].concat()).into_owned()
}

/// A service whose protocol nobody says, at an address of its own.
fn unsaid(name: &str, address: &str, target: u16) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [{name}.example]
  addresses: [{address}]
  ports: [{{number: 8500, name: any}}]
  resolution: STATIC
  endpoints: [{{address: 10.90.1.1, ports: {{any: {target}}}}}]
---
"
    )
}

/// Routes that show that requests were routed.
const ROUTED: &str = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: sniffed}
spec:
  hosts: [sniffed.example]
  http:
  - match: [{uri: {exact: /own}, sourceLabels: {app: client}}]
    directResponse: {status: 200, body: {string: routed}}
  - match: [{uri: {exact: /others}, sourceLabels: {app: other}}]
    directResponse: {status: 200, body: {string: routed}}
  - route: [{destination: {host: sniffed.example}}]
";

fn first_bytes_say_what_a_port_speaks() {
    let objects = unsaid("sniffed", "10.91.0.1", 7070) + &unsaid("raw", "10.91.0.2", 9000);
    let town = Town::build(&(objects + ROUTED));
    let web = Web::serve(&town.egress, "web", "10.90.1.1:7070");
    let _echo = Web::serve_echo(&town.egress, "10.90.1.1:9000");
    let host = "host: sniffed.example";
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let ask =
            |path: &str| town.ask(&[version, "-H", host, &format!("http://10.91.0.1:8500{path}")]);
        ask("/own").is(200, "routed");
        // Rules for other workloads are none of this one's.
        ask("/others").is(200, "web sniffed.example/others for 10.90.1.2");
    }
    assert_eq!(web.connections(), 1, "both versions of HTTP use one connection");
    // What is no HTTP is handed on as it is, in both directions.
    let mut stream = town.connect("10.91.0.2:8500").expect("a connection");
    stream.write_all(b"\x00\x01raw").expect("write");
    let mut heard = [0; 13];
    stream.read_exact(&mut heard).expect("read");
    assert_eq!(&heard, b"welcome\n\x00\x01raw");
}

fn http2_without_tls_is_taken_and_routed() {
    let town = Town::build(&tutorial("s3-egress.yaml"));
    let _cnn = Web::serve(&town.internet, "cnn", "203.0.113.10:80");
    town.name("edition.cnn.com", 10);
    let url = "http://edition.cnn.com/politics";
    eventually("the gateway knows the name", || town.get(url).status == 200);
    let seen = town.ask(&["--http2-prior-knowledge", url]);
    seen.is(200, "cnn edition.cnn.com/politics for 203.0.113.1");
}

/// A service of the namespace `shop`.
fn of_the_shop() -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: near, namespace: shop}}
spec:
  hosts: [near.example]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: 10.90.1.1, ports: {{http: 7070}}}}]
---
{REGISTRY_ONLY}"
    )
}

/// What the application may reach.
fn reaches(labels: &str, hosts: &str, mode: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: client}}
spec:
  workloadSelector: {{labels: {{app: {labels}}}}}
  egress: [{{hosts: {hosts}}}]
  outboundTrafficPolicy: {{mode: {mode}}}
"
    )
}

fn a_sidecar_object_narrows_what_a_workload_reaches() {
    let town = Town::build(&of_the_shop());
    let near = Web::serve(&town.egress, "near", "10.90.1.1:7070");
    town.name("near.example", 10);
    let status = || town.get("http://near.example/").status;
    assert_eq!(status(), 200);
    // With the only service of port 80 gone, nothing knows that HTTP is spoken there.
    for (labels, hosts, expected) in [
        ("client", "[\"./*\"]", 0),
        ("client", "[\"shop/*\"]", 200),
        ("client", "[\"shop/other.example\"]", 0),
        ("client", "[\"*/near.example\"]", 200),
        ("client", "[\"~/*\"]", 0),
        ("other", "[\"./*\"]", 200),
    ] {
        town.change("sidecar.yaml", &reaches(labels, hosts, "REGISTRY_ONLY"));
        let before = near.connections();
        assert_eq!(status(), expected, "{labels} {hosts}");
        if expected != 200 {
            assert_eq!(near.connections(), before, "{labels} {hosts}");
        }
    }
}

fn the_explicit_proxy_serves_the_same_routes_and_nothing_else() {
    let objects = tutorial("s3-egress.yaml") + super::secure::BY_SERVER_NAME;
    let town = Town::build(&objects);
    let pair = Authority::new("whoever").server(&["edition.cnn.com"]);
    let _cnn = Web::serve(&town.internet, "cnn", "203.0.113.10:80");
    let _secure = Web::serve_tls(&town.internet, "cnn", "203.0.113.10:443", &pair);
    let near = Web::serve(&town.egress, "near", "10.90.1.1:7070");
    town.name("edition.cnn.com", 10);
    let own = |url: &str| town.ask(&["--proxy", "http://127.0.0.1:15080", url]);
    eventually("the gateway knows the name", || own("http://edition.cnn.com/").status == 200);
    own("http://edition.cnn.com/a").is(200, "cnn edition.cnn.com/a for 203.0.113.1");
    let secure = || own("https://edition.cnn.com/a");
    eventually("TLS goes through", || secure().status == 200);
    secure().is(200, "cnn edition.cnn.com/a by edition.cnn.com");
    // ALLOW_ANY is about connections that the workload makes by itself.
    assert_eq!(own("http://10.90.1.1:7070/").status, 502);
    assert_eq!(own("http://unknown.example/").status, 502);
    assert_eq!(own("https://unknown.example/").status, 0);
    let tunnel = ["--proxytunnel", "--proxy", "http://127.0.0.1:15080", "http://10.90.1.1:7070/"];
    assert_eq!(town.ask(&tunnel).status, 0);
    assert_eq!(near.connections(), 0);
    // Loopback is all it listens on.
    let words = ["curl", "-so", "/dev/null", "-w", "%{http_code}", "--max-time", "5", "--proxy"];
    let words = [&words[..], &["http://10.90.1.2:15080", "http://edition.cnn.com/"]].concat();
    let seen = town.egress.output(None, &words);
    assert_eq!(String::from_utf8_lossy(&seen.stdout), "000");
}
