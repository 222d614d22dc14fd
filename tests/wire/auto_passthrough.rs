//! AUTO_PASSTHROUGH: connections between the proxies of a mesh, by the server name they ask for and
//! the protocols they offer.

use std::net::{SocketAddr, TcpStream};

use super::harness::gateway::{self, Gateway};
use super::tcp::{TlsServer, subject_seen_with, tls_server};

/// An east-west gateway, and services of the mesh and outside of it on these ports of loopback.
fn world(inside: u16, outside: u16, plaintext: u16) -> String {
    let entry = |name: &str, location: &str, port: u16, labels: &str| {
        format!(
            "---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [{name}.global]
  location: {location}
  ports: [{{number: 80, name: tcp, protocol: TCP}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1, ports: {{tcp: {port}}}, labels: {{{labels}}}}}]
"
        )
    };
    let mutual = "security.istio.io/tlsMode: istio";
    "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: east-west}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 15443, name: tls, protocol: TLS}
    hosts: [\"*.global\"]
    tls: {mode: AUTO_PASSTHROUGH}
"
    .to_owned()
        + &entry("inside", "MESH_INTERNAL", inside, mutual)
        + &entry("outside", "MESH_EXTERNAL", outside, mutual)
        + &entry("plaintext", "MESH_INTERNAL", plaintext, "")
}

/// The subject of the certificate that is shown to a client that asks for this name and offers
/// these protocols; `None` if the connection is cut off.
fn subject(address: SocketAddr, name: &str, offers: &str) -> Option<String> {
    let flags = if offers.is_empty() { vec![] } else { vec!["-alpn", offers] };
    subject_seen_with(address, Some(name), &flags)
}

fn start(inside: &TlsServer, other: &TlsServer) -> Gateway {
    let yaml = world(inside.port, other.port, other.port);
    gateway::world(&yaml).ports(&[15443]).start()
}

#[test]
fn proxies_of_the_mesh_reach_its_services_by_name_and_nobody_else_does() {
    let inside = tls_server("inside");
    let other = tls_server("other");
    let gateway = start(&inside, &other);
    let address = gateway.address(15443);
    for (name, offers, expected) in [
        ("outbound_.80_._.inside.global", "istio", Some("inside")),
        ("outbound_.80_._.INSIDE.global", "istio-peer-exchange,istio", Some("inside")),
        ("outbound_.80_._.inside.global", "h2,istio-http/1.1", Some("inside")),
        ("outbound_.80_._.inside.global", "istio-h2", Some("inside")),
        ("outbound_.80_._.inside.global", "h2,http/1.1", None),
        ("outbound_.80_._.inside.global", "", None),
        ("outbound_.81_._.inside.global", "istio", None),
        ("outbound_.80_.v1_.inside.global", "istio", None),
        ("inside.global", "istio", None),
        ("outbound_.80_._.outside.global", "istio", None),
        ("outbound_.80_._.plaintext.global", "istio", None),
    ] {
        assert_eq!(subject(address, name, offers).as_deref(), expected, "{name} {offers}");
    }
}

#[test]
fn a_service_that_comes_with_a_reload_is_reached_and_one_that_went_is_not() {
    let inside = tls_server("inside");
    let gateway = start(&inside, &inside);
    let address = gateway.address(15443);
    let at = |name: &str| subject(address, &format!("outbound_.80_._.{name}.global"), "istio");
    assert_eq!(at("inside").as_deref(), Some("inside"));
    // A connection that is there stays, whatever becomes of its service.
    let kept = TcpStream::connect(address).expect("connect");
    let yaml = world(inside.port, inside.port, inside.port).replace("inside", "later");
    let before = gateway.reloads();
    gateway.write("world.yaml", &yaml);
    gateway.reloads_after(before);
    assert_eq!(at("later").as_deref(), Some("inside"));
    assert_eq!(at("inside"), None);
    drop(kept);
}
