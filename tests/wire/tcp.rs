//! Connections that are handed on: TCP with half-close and weights, MongoDB counted, TLS passed
//! through by server name, PROXY protocol headers, and what keeps a port closed.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use super::harness::certificates::Authority;
use super::harness::gateway::{self, Gateway};
use super::harness::origin::Origin;
use super::harness::{PATIENCE, eventually};

/// A Gateway with one server.
pub(super) fn one_server(port: u16, protocol: &str, hosts: &str, tls: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: door}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - port: {{number: {port}, name: door, protocol: {protocol}}}
    hosts: [\"{hosts}\"]
{tls}---
"
    )
}

pub(super) const PASSTHROUGH: &str = "    tls: {mode: PASSTHROUGH}\n";

/// A service with one endpoint on loopback.
pub(super) fn entry(name: &str, port: u16) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [{name}.default.svc.cluster.local]
  ports: [{{number: 9000, name: tcp, protocol: TCP}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1, ports: {{tcp: {port}}}}}]
---
"
    )
}

/// A VirtualService with these routes of connections.
pub(super) fn routes(host: &str, list: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: routes}}
spec:
  hosts: [\"{host}\"]
  gateways: [door]
{list}---
"
    )
}

pub(super) fn tcp_to(name: &str) -> String {
    routes("*", &format!("  tcp:\n  - route:\n    - destination: {{host: {name}}}\n"))
}

/// A server on loopback; `serve` gets every connection in a thread of its own.
pub(super) fn server(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            stream.set_read_timeout(Some(PATIENCE)).expect("set the read timeout");
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Answers with what it is called, then with everything it was sent, once the client has ended.
pub(super) fn echo(name: &'static str) -> u16 {
    server(move |mut stream| {
        let mut bytes = Vec::new();
        if stream.read_to_end(&mut bytes).is_ok() {
            let _ = stream.write_all(name.as_bytes());
            let _ = stream.write_all(&bytes);
        }
    })
}

pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("set the read timeout");
    stream
}

/// What comes back for these bytes once the sending side has ended.
pub(super) fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    // A connection that is reset while this is sent has said nothing.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

pub(super) fn serving(port: u16, yaml: &str) -> Gateway {
    gateway::world(yaml).ports(&[port]).start()
}

pub(super) fn counter(gateway: &Gateway, name: &str) -> u64 {
    let stats = gateway.control(gateway.admin, "/stats").body.text();
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

#[test]
fn bytes_go_both_ways_and_the_end_of_one_direction_leaves_the_other_open() {
    let yaml = one_server(9000, "TCP", "*", "") + &entry("echo", echo("a:")) + &tcp_to("echo");
    let gateway = serving(9000, &yaml);
    let long: Vec<u8> = (0..3_000_000_u32).map(|at| (at * 7) as u8).collect();
    let answer = exchange(gateway.address(9000), &long);
    assert!(answer == [b"a:", &long[..]].concat(), "{} bytes came back", answer.len());
    let prefix = "tcp.outbound|9000||echo.default.svc.cluster.local";
    eventually("the bytes are counted", || {
        counter(&gateway, &format!("{prefix}.downstream_cx_rx_bytes_total")) == 3_000_000
            && counter(&gateway, &format!("{prefix}.downstream_cx_tx_bytes_total")) == 3_000_002
            && counter(&gateway, &format!("{prefix}.downstream_cx_active")) == 0
    });
}

#[test]
fn a_service_port_that_speaks_http2_takes_connections_as_they_are() {
    let service = entry("echo", echo("a:")).replace("protocol: TCP", "protocol: GRPC");
    let yaml = one_server(9000, "TCP", "*", "") + &service + &tcp_to("echo");
    let gateway = serving(9000, &yaml);
    assert_eq!(exchange(gateway.address(9000), b"bytes"), b"a:bytes");
    let cluster = "cluster.outbound|9000||echo.default.svc.cluster.local";
    assert_eq!(counter(&gateway, &format!("{cluster}.upstream_cx_total")), 1);
    assert_eq!(counter(&gateway, &format!("{cluster}.upstream_cx_http2_total")), 0);
}

#[test]
fn weights_divide_connections() {
    let list = "  tcp:
  - match: [{port: 9000}]
    route:
    - {destination: {host: one}, weight: 1}
    - {destination: {host: two}, weight: 3}
";
    let yaml = one_server(9000, "TCP", "*", "")
        + &entry("one", echo("one"))
        + &entry("two", echo("two"))
        + &routes("*", list);
    let gateway = serving(9000, &yaml);
    let answers: Vec<_> = (0..80).map(|_| exchange(gateway.address(9000), b"")).collect();
    let ones = answers.iter().filter(|answer| *answer == b"one").count();
    let twos = answers.iter().filter(|answer| *answer == b"two").count();
    assert_eq!(ones + twos, 80);
    assert!(ones > 0 && twos > ones, "{ones} to {twos}");
}

#[test]
fn a_destination_that_refuses_closes_the_connection() {
    let yaml = one_server(9000, "TCP", "*", "")
        + &entry("nobody", super::harness::ports::free())
        + &tcp_to("nobody");
    let gateway = serving(9000, &yaml);
    assert_eq!(exchange(gateway.address(9000), b"hello"), b"");
}

#[test]
fn a_reload_keeps_connections_and_sends_new_ones_elsewhere() {
    let (one, two) = (echo("one:"), echo("two:"));
    let with = |name: &str| {
        one_server(9000, "TCP", "*", "") + &entry("one", one) + &entry("two", two) + &tcp_to(name)
    };
    let gateway = serving(9000, &with("one"));
    let mut old = connect(gateway.address(9000));
    old.write_all(b"before ").expect("send");
    gateway.write("world.yaml", &with("two"));
    eventually("new connections go to the other server", || {
        exchange(gateway.address(9000), b"") == b"two:"
    });
    old.write_all(b"after").expect("send");
    old.shutdown(Shutdown::Write).expect("end sending");
    let mut answer = Vec::new();
    old.read_to_end(&mut answer).expect("an answer");
    assert_eq!(answer, b"one:before after");
}

#[test]
fn a_tcp_server_without_a_route_keeps_its_port_closed_until_there_is_one() {
    let without = one_server(9000, "TCP", "*", "") + &entry("echo", echo("a"));
    let gateway = serving(9000, &without);
    assert!(TcpStream::connect(gateway.address(9000)).is_err());
    eventually("the report says so", || gateway.log().contains("GW0202"));
    gateway.write("world.yaml", &(without + &tcp_to("echo")));
    eventually("the port opens", || TcpStream::connect(gateway.address(9000)).is_ok());
    assert_eq!(exchange(gateway.address(9000), b"b"), b"ab");
}

#[test]
fn an_unenforced_policy_closes_tcp_connections_too() {
    let policy = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nobody, namespace: istio-system}
spec: {}
---
";
    let yaml =
        one_server(9000, "TCP", "*", "") + &entry("echo", echo("a")) + &tcp_to("echo") + policy;
    let gateway = serving(9000, &yaml);
    assert_eq!(exchange(gateway.address(9000), b"hello"), b"");
}

// === MongoDB ===

/// An `OP_MSG` with one element `name: "value"`.
fn op_msg(name: &str, value: &str) -> Vec<u8> {
    let text = [value.as_bytes(), &[0]].concat();
    let element =
        [&[2][..], name.as_bytes(), &[0], &(text.len() as i32).to_le_bytes(), &text].concat();
    let len = 4 + element.len() + 1;
    let document = [&(len as i32).to_le_bytes()[..], &element, &[0]].concat();
    let body = [&[0, 0, 0, 0, 0][..], &document].concat();
    let head = [(16 + body.len()) as i32, 1, 0, 2013];
    [head.map(i32::to_le_bytes).as_flattened(), &body].concat()
}

#[test]
fn mongodb_passes_untouched_and_is_counted_by_operation_and_collection() {
    let answer = op_msg("ok", "1");
    let reply = answer.clone();
    let mongo = server(move |mut stream| {
        let mut bytes = Vec::new();
        if stream.read_to_end(&mut bytes).is_ok() {
            let _ = stream.write_all(&reply);
            let _ = stream.write_all(&bytes);
        }
    });
    let yaml = one_server(2379, "MONGO", "*", "") + &entry("mongo", mongo) + &tcp_to("mongo");
    let gateway = serving(2379, &yaml);
    let asked = [op_msg("find", "books"), op_msg("insert", "books")].concat();
    let got = exchange(gateway.address(2379), &asked);
    assert!(got == [&answer[..], &asked].concat());
    let prefix = "mongo.outbound|9000||mongo.default.svc.cluster.local";
    eventually("the operations are counted", || {
        counter(&gateway, &format!("{prefix}.op_reply")) == 3
    });
    for name in [
        "op_msg",
        "op_query",
        "op_insert",
        "cmd.find.total",
        "cmd.insert.total",
        "collection.books.query.total",
        "collection.books.insert.total",
    ] {
        let expected = if name == "op_msg" { 2 } else { 1 };
        assert_eq!(counter(&gateway, &format!("{prefix}.{name}")), expected, "{name}");
    }
    exchange(gateway.address(2379), b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    eventually("garbage is given up", || {
        counter(&gateway, &format!("{prefix}.decoding_error")) > 0
    });
}

// === TLS that is passed through ===

/// A TLS server of the system's openssl, with its certificate made on the spot.
pub(super) struct TlsServer {
    child: std::process::Child,
    pub(super) port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn openssl(arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

pub(super) fn tls_server(name: &str) -> TlsServer {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = |file: &str| folder.path().join(file).display().to_string();
    let (key, certificate) = (path("key.pem"), path("cert.pem"));
    let subject = format!("/CN={name}");
    let made = openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        &subject,
        "-keyout",
        &key,
        "-out",
        &certificate,
    ])
    .status()
    .expect("run openssl");
    assert!(made.success(), "openssl makes no certificate");
    let port = super::harness::ports::free();
    let accept = format!("127.0.0.1:{port}");
    let child =
        openssl(&["s_server", "-accept", &accept, "-key", &key, "-cert", &certificate, "-www"])
            .spawn()
            .expect("run openssl");
    eventually("the TLS server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    TlsServer { child, port, _folder: folder }
}

/// The subject of the certificate that a client sees who asks for this name.
pub(super) fn subject_seen(address: SocketAddr, name: Option<&str>) -> Option<String> {
    subject_seen_with(address, name, &[])
}

/// The same with further flags of openssl.
pub(super) fn subject_seen_with(
    address: SocketAddr,
    name: Option<&str>,
    flags: &[&str],
) -> Option<String> {
    let address = address.to_string();
    let mut arguments = vec!["s_client", "-connect", &address];
    arguments.extend(flags);
    match name {
        Some(name) => arguments.extend(["-servername", name]),
        None => arguments.push("-noservername"),
    }
    let output = openssl(&arguments).stdout(Stdio::piped()).output().expect("run openssl");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let subject = text.lines().find_map(|line| line.strip_prefix("subject="))?;
    Some(subject.replace(' ', "").trim_start_matches("CN=").to_owned())
}

#[test]
fn tls_is_passed_through_by_server_name_and_unknown_names_are_cut_off() {
    let (one, two) = (tls_server("one.example"), tls_server("two.example"));
    let list = "  tls:
  - match: [{sniHosts: [one.shop.example]}]
    route: [{destination: {host: one}}]
  - match: [{sniHosts: ['*.shop.example']}]
    route: [{destination: {host: two}}]
";
    let yaml = one_server(443, "TLS", "*", PASSTHROUGH)
        + &entry("one", one.port)
        + &entry("two", two.port)
        + &routes("*.shop.example", list);
    let gateway = serving(443, &yaml);
    let seen = |name| subject_seen(gateway.address(443), name);
    assert_eq!(seen(Some("one.shop.example")).as_deref(), Some("one.example"));
    assert_eq!(seen(Some("ONE.shop.example")).as_deref(), Some("one.example"));
    assert_eq!(seen(Some("any.shop.example")).as_deref(), Some("two.example"));
    assert_eq!(seen(Some("elsewhere.example")), None);
    assert_eq!(seen(None), None);
    assert_eq!(exchange(gateway.address(443), b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"), b"");
    eventually("they are counted", || counter(&gateway, "listener.no_filter_chain_match") == 3);
}

// === PROXY protocol ===

const PROXY_PROTOCOL: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    defaultConfig:
      gatewayTopology:
        proxyProtocol: {}
---
";

#[test]
fn a_proxy_header_says_who_the_client_is_and_without_one_there_is_no_answer() {
    let origin = Origin::says("ok");
    let yaml = PROXY_PROTOCOL.to_owned()
        + &super::harness::world::one_service(
            origin.port(),
            &super::harness::world::everything_to("origin"),
        );
    let gateway = gateway::world(&yaml).start();
    let request = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut client = gateway.connect();
    client.send(format!("PROXY TCP4 9.9.9.9 8.8.8.8 1000 80\r\n{request}"));
    assert_eq!(client.answer().status, 200);
    assert_eq!(origin.only().header("x-forwarded-for"), Some("9.9.9.9"));
    // A second request of the connection needs no second header.
    client.send(request);
    assert_eq!(client.answer().status, 200);
    let v2 = [
        &b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x09\x09\x09\x07\x08\x08\x08\x08\x03\xe8\0\x50"[..],
        request.as_bytes(),
    ];
    let mut client = gateway.connect();
    client.send(v2.concat());
    assert_eq!(client.answer().status, 200);
    assert_eq!(exchange(gateway.http(), request.as_bytes()), b"");
}

#[test]
fn tcp_connections_lose_their_proxy_header() {
    let yaml = PROXY_PROTOCOL.to_owned()
        + &one_server(9000, "TCP", "*", "")
        + &entry("echo", echo("a:"))
        + &tcp_to("echo");
    let gateway = serving(9000, &yaml);
    let address = gateway.address(9000);
    assert_eq!(exchange(address, b"PROXY UNKNOWN\r\nhello"), b"a:hello");
    assert_eq!(exchange(address, b"hello"), b"");
}

// === TLS that is ended, with a `tcp` route behind it ===

/// One port with a server that ends TLS and one that passes it through.
fn mixed() -> String {
    let gateway = "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 443, name: ended, protocol: TLS}
    hosts: [ended.example]
    tls: {mode: SIMPLE, serverCertificate: server.crt, privateKey: server.key}
  - port: {number: 443, name: passed, protocol: TLS}
    hosts: [passed.example]
    tls: {mode: PASSTHROUGH}
---
";
    let list = "  tcp:
  - route: [{destination: {host: lines}}]
  tls:
  - match: [{sniHosts: [passed.example]}]
    route: [{destination: {host: inner}}]
";
    gateway.to_owned() + &routes("*.example", list)
}

/// Answers every line with what it is called and the line, then closes.
fn lines(name: &'static str) -> u16 {
    server(move |mut stream| {
        let mut line = Vec::new();
        let mut byte = [0];
        while matches!(stream.read(&mut byte), Ok(1)) && byte != *b"\n" {
            line.push(byte[0]);
        }
        let _ = stream.write_all(&[name.as_bytes(), &line].concat());
    })
}

#[test]
fn a_tls_server_with_a_tcp_route_hands_on_what_it_decrypts_beside_one_that_passes_through() {
    let own = Authority::new("servers").server(&["ended.example"]);
    let inner = tls_server("inner");
    let yaml = mixed() + &entry("lines", lines("got ")) + &entry("inner", inner.port);
    let gateway = gateway::files(&[
        ("world.yaml", &yaml),
        ("server.crt", &own.certificate),
        ("server.key", &own.key),
    ]);
    let gateway = gateway.ports(&[443]).start();
    let address = gateway.address(443);
    let target = address.to_string();
    let mut client =
        openssl(&["s_client", "-quiet", "-connect", &target, "-servername", "ended.example"]);
    let mut client =
        client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("run openssl");
    let mut input = client.stdin.take().expect("its input");
    input.write_all(b"hello\n").expect("write to openssl");
    let output = client.wait_with_output().expect("its output");
    drop(input);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "got hello");
    assert_eq!(subject_seen(address, Some("passed.example")).as_deref(), Some("inner"));
    assert_eq!(subject_seen(address, Some("unknown.example")), None);
    let prefix = "tcp.outbound|9000||lines.default.svc.cluster.local";
    eventually("decrypted bytes are counted", || {
        counter(&gateway, &format!("{prefix}.downstream_cx_rx_bytes_total")) == 6
    });
}
