//! PROXY protocol headers towards endpoints: what the first bytes of connections are, and whose
//! requests share one.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::harness::PATIENCE;
use crate::harness::client::Client;
use crate::harness::gateway::{Gateway, world};
use crate::harness::world::{every_host, everything_to, rules, service};

/// An endpoint that sees bytes.
struct Endpoint(TcpListener);

impl Endpoint {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("bind"))
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("an address").port()
    }

    fn accept(&self) -> TcpStream {
        let (stream, _) = self.0.accept().expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }
}

/// The bytes up to the end of a request's head.
fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") || bytes == b"\r\n\r\n" {
        bytes.push(one(stream));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn one(stream: &mut TcpStream) -> u8 {
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("a byte");
    byte[0]
}

fn some(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    (0..count).map(|_| one(stream)).collect()
}

fn answer(stream: &mut TcpStream) {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").expect("write");
}

fn rule(policy: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: origin}}
spec: {{host: origin, trafficPolicy: {policy}}}
---
"
    )
}

/// One worker, so that all requests could share connections.
fn behind(endpoint: &Endpoint, policy: &str) -> Gateway {
    let route = rules("rules", "*", &everything_to("origin"));
    let yaml = every_host() + &service("origin", endpoint.port()) + &rule(policy) + &route;
    world(&yaml).flag("--workers=1").start()
}

fn line(client: SocketAddr, gateway: SocketAddr) -> String {
    let (from, to) = (client.port(), gateway.port());
    format!("PROXY TCP4 127.0.0.1 127.0.0.1 {from} {to}\r\n")
}

fn binary(client: SocketAddr, gateway: SocketAddr) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\0\0\x01\x7f\0\0\x01".to_vec();
    header.extend(client.port().to_be_bytes());
    header.extend(gateway.port().to_be_bytes());
    header
}

fn ask(client: &mut Client, path: &str) {
    client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"));
}

#[test]
fn a_connection_is_announced_for_one_client_and_carries_its_requests_only() {
    let endpoint = Endpoint::new();
    let gateway = behind(&endpoint, "{proxyProtocol: {version: V1}}");
    let (mut one, mut other) = (gateway.connect(), gateway.connect());
    ask(&mut one, "/1");
    let mut of_one = endpoint.accept();
    let first = head(&mut of_one);
    let announced = line(one.local(), gateway.http());
    assert!(first.starts_with(&(announced + "GET /1 HTTP/1.1\r\n")), "{first}");
    answer(&mut of_one);
    assert_eq!(one.answer().text(), "ok");
    // An unused connection is there, and leads to the same endpoint; it is not the other's.
    ask(&mut other, "/2");
    let mut of_other = endpoint.accept();
    let second = head(&mut of_other);
    let announced = line(other.local(), gateway.http());
    assert!(second.starts_with(&(announced + "GET /2 HTTP/1.1\r\n")), "{second}");
    answer(&mut of_other);
    assert_eq!(other.answer().text(), "ok");
    // Each goes on with its own.
    for (client, stream, path) in [(&mut one, &mut of_one, "/3"), (&mut other, &mut of_other, "/4")]
    {
        ask(client, path);
        let again = head(stream);
        assert!(again.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{again}");
        answer(stream);
        assert_eq!(client.answer().text(), "ok");
    }
}

#[test]
fn the_binary_header_comes_before_tls() {
    let endpoint = Endpoint::new();
    let policy = "{proxyProtocol: {version: V2}, tls: {mode: SIMPLE, insecureSkipVerify: true}}";
    let gateway = behind(&endpoint, policy);
    let mut client = gateway.connect();
    ask(&mut client, "/");
    let mut stream = endpoint.accept();
    let header = binary(client.local(), gateway.http());
    assert_eq!(some(&mut stream, header.len()), header);
    // A handshake record follows.
    assert_eq!(some(&mut stream, 2), [0x16, 3]);
}

#[test]
fn http2_connections_are_announced_and_not_shared_either() {
    let endpoint = Endpoint::new();
    let policy = "{proxyProtocol: {version: V2}, \
                   connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}";
    let gateway = behind(&endpoint, policy);
    let mut clients = [gateway.connect(), gateway.connect()];
    let mut kept = Vec::new();
    for client in &mut clients {
        ask(client, "/");
        let mut stream = endpoint.accept();
        let header = binary(client.local(), gateway.http());
        assert_eq!(some(&mut stream, header.len()), header);
        assert_eq!(some(&mut stream, 14), b"PRI * HTTP/2.0");
        kept.push(stream);
    }
}

#[test]
fn bytes_that_are_handed_on_follow_their_header() {
    let endpoint = Endpoint::new();
    let port = endpoint.port();
    let yaml = format!(
        "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: door}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - {{port: {{number: 9000, name: tcp, protocol: TCP}}, hosts: [\"*\"]}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: routes}}
spec:
  hosts: [\"*\"]
  gateways: [door]
  tcp: [{{route: [{{destination: {{host: origin}}}}]}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: origin}}
spec:
  hosts: [origin.default.svc.cluster.local]
  ports: [{{number: 9000, name: tcp, protocol: TCP}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1, ports: {{tcp: {port}}}}}]
---
{}",
        rule("{proxyProtocol: {}}")
    );
    let gateway = world(&yaml).ports(&[9000]).start();
    let mut client = Client::connect(gateway.address(9000));
    client.send("hello");
    let mut stream = endpoint.accept();
    let expected = line(client.local(), gateway.address(9000)) + "hello";
    assert_eq!(some(&mut stream, expected.len()), expected.as_bytes());
}
