//! What leaves a workload, asked through the explicit proxy: routes of the mesh by host and port,
//! tunnels by server name, and nothing that nobody defined. And names that clients choose.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use super::harness::client::{Answer, Client};
use super::harness::gateway::{self, Gateway, Plan};
use super::harness::origin::Origin;
use super::harness::{PATIENCE, ports};

/// A sidecar of these objects that answers as an explicit proxy.
struct Sidecar {
    program: Gateway,
    proxy: SocketAddr,
}

impl Sidecar {
    fn start(yaml: &str, flags: &[&str]) -> Self {
        let proxy: SocketAddr = ([127, 0, 0, 1], ports::free()).into();
        let mut plan: Plan = gateway::world(yaml).flag("--role").flag("sidecar");
        for flag in ["--outbound", "off", "--http-proxy", &proxy.to_string()] {
            plan = plan.flag(flag);
        }
        for flag in flags {
            plan = plan.flag(flag);
        }
        Self { program: plan.start(), proxy }
    }

    fn get(&self, url: &str) -> Answer {
        let host = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let mut client = Client::connect(self.proxy);
        client.send(format!("GET {url} HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        client.answer()
    }

    /// A tunnel, and the answer's first line.
    fn connect(&self, authority: &str) -> (Client, String) {
        let mut client = Client::connect(self.proxy);
        client.send(format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\r\n"));
        let head = client.head().expect("an answer");
        (client, head.first)
    }
}

/// A service whose one endpoint is this port of loopback.
fn entry(name: &str, host: &str, protocol: &str, port: u16, target: u16) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [{host}]
  ports: [{{number: {port}, name: p, protocol: {protocol}}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1, ports: {{p: {target}}}}}]
---
"
    )
}

/// A DYNAMIC_DNS service for names that lead to loopback.
fn names_of_localhost(target: u16) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: names}}
spec:
  hosts: [\"*.localhost\"]
  ports: [{{number: 80, name: http, protocol: HTTP, targetPort: {target}}}]
  resolution: DYNAMIC_DNS
---
"
    )
}

#[test]
fn requests_follow_the_routes_of_the_mesh_by_host_and_port() {
    let (old, new, other) = (Origin::says("old"), Origin::says("new"), Origin::says("other"));
    let sidecar = Sidecar::start(
        &(entry("old", "shop.example", "HTTP", 80, old.port())
            + &entry("new", "new.example", "HTTP", 80, new.port())
            + &entry("other", "shop-admin.example", "HTTP", 8080, other.port())
            + "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example]
  http:
  - match: [{uri: {prefix: /new}, gateways: [mesh]}]
    route: [{destination: {host: new.example}}]
  - match: [{uri: {prefix: /never}, sourceLabels: {app: other}}]
    route: [{destination: {host: new.example}}]
  - route: [{destination: {host: shop.example}}]
"),
        &["--label", "app=shop"],
    );
    sidecar.get("http://shop.example/").is(200).says("old");
    sidecar.get("http://shop.example/new/1").is(200).says("new");
    sidecar.get("http://shop.example/never").is(200).says("old");
    sidecar.get("http://shop-admin.example:8080/").is(200).says("other");
    let received = old.received();
    assert_eq!(received[0].header("host"), Some("shop.example"));
    assert_eq!(received[0].header("x-forwarded-for"), None, "a sidecar is no edge");
}

#[test]
fn an_explicit_proxy_reaches_nothing_that_nobody_defined() {
    let hidden = Origin::says("hidden");
    let sidecar =
        Sidecar::start(&entry("a", "a.example", "HTTP", 80, Origin::says("a").port()), &[]);
    let port = hidden.port();
    // One answer, that of Istio's REGISTRY_ONLY: on a port that nothing defines, and on one that
    // another host defines.
    sidecar.get(&format!("http://127.0.0.1:{port}/")).is(502).says("");
    sidecar.get("http://unknown.example/").is(502).says("");
    let (_, refused) = sidecar.connect(&format!("127.0.0.1:{port}"));
    assert_eq!(refused, "HTTP/1.1 502 Bad Gateway");
    let (_, refused) = sidecar.connect("unknown.example:443");
    assert_eq!(refused, "HTTP/1.1 502 Bad Gateway");
    assert_eq!(hidden.connections(), 0);
}

#[test]
fn registry_only_answers_502_for_unknown_hosts() {
    let a = Origin::says("a");
    let yaml = entry("a", "a.example", "HTTP", 80, a.port())
        + "apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default}
spec:
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
  egress: [{hosts: [\"./*\"]}]
";
    let sidecar = Sidecar::start(&yaml, &[]);
    sidecar.get("http://a.example/").is(200).says("a");
    sidecar.get("http://unknown.example/").is(502).has("server", "envoy");
}

#[test]
fn a_tunnel_to_an_http_port_is_routed_request_by_request() {
    let a = Origin::says("a");
    let sidecar = Sidecar::start(&entry("a", "a.example", "HTTP", 80, a.port()), &[]);
    let (mut tunnel, answer) = sidecar.connect("a.example:80");
    assert_eq!(answer, "HTTP/1.1 200 OK");
    tunnel.send("GET /1 HTTP/1.1\r\nhost: a.example\r\n\r\n");
    tunnel.answer().is(200).says("a");
    tunnel.send("GET /2 HTTP/1.1\r\nhost: other.example\r\n\r\n");
    tunnel.answer().is(502);
}

#[test]
fn a_tunnel_to_a_port_where_server_names_decide_is_for_hosts_that_are_defined() {
    let sidecar = Sidecar::start(&entry("a", "a.example", "TLS", 443, 9), &[]);
    let (_, refused) = sidecar.connect("unknown.example:443");
    assert_eq!(refused, "HTTP/1.1 502 Bad Gateway");
    let (_, answer) = sidecar.connect("a.example:443");
    assert_eq!(answer, "HTTP/1.1 200 OK");
    // Whoever looked the name up itself says it in its handshake.
    let (_, answer) = sidecar.connect("192.0.2.1:443");
    assert_eq!(answer, "HTTP/1.1 200 OK");
}

#[test]
fn a_tunnel_to_a_tcp_port_carries_bytes() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set the read timeout");
        stream.write_all(b"server first\n").expect("write");
        let mut line = [0; 4];
        stream.read_exact(&mut line).expect("read");
        stream.write_all(&line).expect("write");
    });
    let sidecar = Sidecar::start(&entry("db", "db.example", "TCP", 5432, port), &[]);
    let (mut tunnel, answer) = sidecar.connect("db.example:5432");
    assert_eq!(answer, "HTTP/1.1 200 OK");
    assert_eq!(tunnel.bytes(13), b"server first\n");
    tunnel.send("ping");
    assert_eq!(tunnel.bytes(4), b"ping");
}

#[test]
fn one_connection_may_ask_for_many_hosts_and_ports() {
    let (a, b) = (Origin::says("a"), Origin::says("b"));
    let sidecar = Sidecar::start(
        &(entry("a", "a.example", "HTTP", 80, a.port())
            + &entry("b", "b.example", "HTTP", 8080, b.port())),
        &[],
    );
    let mut client = Client::connect(sidecar.proxy);
    for (url, body) in [("a.example", "a"), ("b.example:8080", "b"), ("a.example", "a")] {
        client.send(format!("GET http://{url}/ HTTP/1.1\r\nhost: {url}\r\n\r\n"));
        client.answer().is(200).says(body);
    }
}

#[test]
fn connections_stay_when_the_routes_of_the_mesh_change() {
    let (a, b) = (Origin::says("a"), Origin::says("b"));
    let sidecar = Sidecar::start(&entry("a", "a.example", "HTTP", 80, a.port()), &[]);
    let mut client = Client::connect(sidecar.proxy);
    let ask = "GET http://a.example/ HTTP/1.1\r\nhost: a.example\r\n\r\n";
    client.send(ask);
    client.answer().is(200).says("a");
    let before = sidecar.program.reloads();
    sidecar.program.write("world.yaml", &entry("a", "a.example", "HTTP", 80, b.port()));
    sidecar.program.reloads_after(before);
    client.send(ask);
    client.answer().is(200).says("b");
}

/// A Gateway that forwards any name below `localhost`.
fn gateway_for_names(target: u16) -> String {
    names_of_localhost(target)
        + "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [\"*.localhost\"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: names}
spec:
  hosts: [\"*.localhost\"]
  gateways: [web]
  http:
  - route: [{destination: {host: \"*.localhost\", port: {number: 80}}}]
"
}

#[test]
fn a_gateway_looks_up_the_name_that_a_request_asks_for() {
    let origin = Origin::says("found");
    let allowed = ["--allow-destination", "127.0.0.0/8", "--allow-destination", "::1"];
    let mut plan = gateway::world(&gateway_for_names(origin.port()));
    for flag in allowed {
        plan = plan.flag(flag);
    }
    let gateway = plan.start();
    gateway.get_from("a.localhost", "/").is(200).says("found");
    gateway.get_from("b.c.localhost:9999", "/").is(200).says("found");
    assert_eq!(origin.last().header("host"), Some("b.c.localhost:9999"), "the port is the entry's");
}

#[test]
fn names_that_clients_choose_do_not_lead_to_this_machine() {
    let origin = Origin::says("found");
    let gateway = gateway::world(&gateway_for_names(origin.port())).start();
    gateway.get_from("a.localhost", "/").is(503);
    assert_eq!(origin.connections(), 0);
    gateway.prints("a.localhost leads to 127.0.0.1, which is not public and not listed");
}

#[test]
fn a_gateway_looks_up_hosts_of_resolution_none_only_where_it_is_told_to() {
    let origin = Origin::says("found");
    let port = origin.port();
    let yaml = format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: none}}
spec:
  hosts: [none.localhost]
  addresses: [127.0.0.0/8]
  ports: [{{number: 80, name: http, protocol: HTTP, targetPort: {port}}}]
  resolution: NONE
---
{}{}",
        super::harness::world::every_host(),
        super::harness::world::rules(
            "rules",
            "*",
            "- route:\n  - destination:\n      host: none.localhost\n"
        )
    );
    gateway::world(&yaml).start().get_from("none.localhost", "/").is(503);
    let told = gateway::world(&yaml).flag("--resolve-none").start();
    told.get_from("none.localhost", "/").is(200).says("found");
    told.get_from("other.localhost", "/").is(503);
}
