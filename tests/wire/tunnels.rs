//! Connections that a DestinationRule leads through an HTTP proxy: what the proxy is asked, what a
//! yes lets through, and what a client sees of a no.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use http::Response;
use rustls::{ServerConnection, StreamOwned};
use tokio::sync::oneshot;

use super::harness::certificates::Authority;
use super::harness::client::Client;
use super::harness::gateway::{Gateway, files, world};
use super::harness::ports;
use super::harness::tls_origin::Manner;
use super::tcp::{
    PASSTHROUGH, connect, counter, echo, entry, exchange, one_server, routes, server, serving,
    subject_seen, tcp_to, tls_server,
};

const CLUSTER: &str = "cluster.outbound|9000||proxy.default.svc.cluster.local";

/// A rule for the proxy.
fn rule(policy: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: proxy}}
spec:
  host: proxy
  trafficPolicy: {policy}
---
"
    )
}

/// A rule with a tunnel, and this much more to say.
fn tunnel(method: &str, more: &str) -> String {
    let to = "targetHost: far.example, targetPort: 443";
    rule(&format!("{{tunnel: {{protocol: {method}, {to}}}{more}}}"))
}

/// A gateway whose connections go to the proxy on a port.
fn through(port: u16, rule: &str) -> Gateway {
    serving(
        9000,
        &(one_server(9000, "TCP", "*", "") + &entry("proxy", port) + &tcp_to("proxy") + rule),
    )
}

/// The bytes up to the end of a head.
fn head(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a byte of a head");
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).expect("text")
}

/// A proxy that was asked for something, and everything that it was asked.
struct Proxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// It gives this answer, and does the rest after it.
    fn new(answer: &'static str, rest: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let port = server(move |mut stream| {
            let asked = head(&mut stream);
            seen.lock().expect("no panic").push(asked);
            if stream.write_all(answer.as_bytes()).is_ok() {
                rest(stream);
            }
        });
        Self { port, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }
}

/// Says everything back once the other side has ended.
fn echoes(mut stream: impl Read + Write) {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let _ = stream.write_all(&bytes);
}

/// Waits for the other side's end.
fn listens(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Carries bytes both ways.
fn joins(stream: &TcpStream, target: u16) {
    let far = TcpStream::connect(("127.0.0.1", target)).expect("connect");
    let pour = |mut from: TcpStream, mut to: TcpStream| {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    let twice = |one: &TcpStream| (one.try_clone().expect("one"), one.try_clone().expect("two"));
    let ((near, back), (there, away)) = (twice(stream), twice(&far));
    let down = thread::spawn(move || pour(there, back));
    pour(near, away);
    let _ = down.join();
}

const YES: &str = "HTTP/1.1 200 OK\r\n\r\n";
const ASKED: &str = "CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\n\r\n";

#[test]
fn bytes_flow_once_the_proxy_has_said_yes_and_those_behind_its_yes_are_the_far_ends() {
    let proxy = Proxy::new("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n220 hello\r\n", echoes);
    let gateway = through(proxy.port, &tunnel("CONNECT", ""));
    let long: Vec<u8> = (0..2_000_000_u32).map(|at| (at * 7) as u8).collect();
    let answer = exchange(gateway.address(9000), &long);
    assert!(answer == [b"220 hello\r\n", &long[..]].concat(), "{} bytes", answer.len());
    // A client that lets the server begin gets its words, too.
    let mut silent = connect(gateway.address(9000));
    let mut greeting = [0; 11];
    silent.read_exact(&mut greeting).expect("a greeting");
    assert_eq!(&greeting, b"220 hello\r\n");
    assert_eq!(proxy.heads(), [ASKED, ASKED]);
    assert_eq!(counter(&gateway, &format!("{CLUSTER}.upstream_cx_http1_total")), 2);
    assert_eq!(counter(&gateway, &format!("{CLUSTER}.upstream_cx_connect_attempts_exceeded")), 0);
}

#[test]
fn a_no_closes_the_connection_is_counted_and_told_and_may_eject_the_proxy() {
    let proxy = Proxy::new("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno", listens);
    let outlier = ", outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100}";
    let gateway = through(proxy.port, &tunnel("CONNECT", outlier));
    assert_eq!(exchange(gateway.address(9000), b"secret"), b"");
    gateway.prints("no tunnel: CONNECT far.example:443: the answer was 403");
    assert_eq!(counter(&gateway, &format!("{CLUSTER}.upstream_cx_connect_attempts_exceeded")), 1);
    assert_eq!(counter(&gateway, &format!("{CLUSTER}.upstream_cx_protocol_error")), 0);
    let ejected = format!("{CLUSTER}.outlier_detection.ejections_enforced_total");
    assert_eq!(counter(&gateway, &ejected), 1);
}

#[test]
fn an_answer_that_is_none_or_never_ends_closes_the_connection() {
    for answer in ["SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nbroken line\r\n\r\n"] {
        let proxy = Proxy::new(answer, listens);
        let gateway = through(proxy.port, &tunnel("CONNECT", ""));
        assert_eq!(exchange(gateway.address(9000), b"secret"), b"", "{answer:?}");
        assert_eq!(counter(&gateway, &format!("{CLUSTER}.upstream_cx_protocol_error")), 1);
    }
    let endless =
        Proxy::new(
            "HTTP/1.1 200 OK\r\n",
            |mut stream: TcpStream| {
                while stream.write_all(b"more: lines\r\n").is_ok() {}
            },
        );
    let gateway = through(endless.port, &tunnel("CONNECT", ""));
    assert_eq!(exchange(gateway.address(9000), b"secret"), b"");
    assert_eq!(counter(&gateway, &format!("{CLUSTER}.upstream_cx_protocol_error")), 1);
}

#[test]
fn an_answer_has_to_come_in_the_time_for_connecting() {
    let proxy = Proxy::new("HTTP/1.1 200 OK\r\nslow: ", listens);
    let timeout = ", connectionPool: {tcp: {connectTimeout: 200ms}}";
    let gateway = through(proxy.port, &tunnel("CONNECT", timeout));
    assert_eq!(exchange(gateway.address(9000), b"secret"), b"");
    gateway.prints("there was no answer within 200ms");
    assert_eq!(counter(&gateway, &format!("{CLUSTER}.upstream_cx_connect_timeout")), 1);
}

#[test]
fn a_post_carries_both_directions_as_bodies() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhi: \r\n";
    let proxy = Proxy::new(answer, |mut stream: TcpStream| {
        let mut body = Vec::new();
        while !body.ends_with(b"0\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a byte of a body");
            body.push(byte[0]);
        }
        let text = String::from_utf8(body).expect("text");
        let _ = write!(stream, "{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
        listens(stream);
    });
    let gateway = through(proxy.port, &tunnel("POST", ""));
    let answer = exchange(gateway.address(9000), b"hello");
    assert_eq!(String::from_utf8_lossy(&answer), "hi: 5\r\nhello\r\n0\r\n\r\n");
    let lines = "host: far.example:443\r\ntransfer-encoding: chunked";
    assert_eq!(proxy.heads(), [format!("POST / HTTP/1.1\r\n{lines}\r\n\r\n")]);
}

#[test]
fn a_body_that_is_cut_resets_the_client() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel";
    let proxy = Proxy::new(answer, drop);
    let gateway = through(proxy.port, &tunnel("POST", ""));
    let mut client = connect(gateway.address(9000));
    let mut text = Vec::new();
    let ended = client.read_to_end(&mut text);
    assert!(ended.is_err(), "{ended:?} after {text:?}");
}

#[test]
fn a_proxy_behind_tls_is_verified_before_it_is_asked() {
    let authority = Authority::new("proxies");
    let pair = authority.server(&["proxy.example"]);
    let config = Manner::of(&pair).config();
    let port = server(move |stream| {
        let session = ServerConnection::new(Arc::clone(&config)).expect("a session");
        let mut stream = StreamOwned::new(session, stream);
        let asked = head(&mut stream);
        stream.write_all(format!("{YES}{asked}").as_bytes()).expect("an answer");
        echoes(stream);
    });
    let world = |sni: &str| {
        let tls = format!(
            "{{mode: SIMPLE, caCertificates: ca.crt, sni: {sni}, \
                           subjectAltNames: [{sni}]}}"
        );
        one_server(9000, "TCP", "*", "")
            + &entry("proxy", port)
            + &tcp_to("proxy")
            + &tunnel("CONNECT", &format!(", tls: {tls}"))
    };
    let gateway = files(&[("world.yaml", &world("proxy.example")), ("ca.crt", &authority.pem)]);
    let gateway = gateway.ports(&[9000]).start();
    let answer = exchange(gateway.address(9000), b"hello");
    assert_eq!(String::from_utf8_lossy(&answer), format!("{ASKED}hello"));
}

#[test]
fn tls_that_is_passed_through_meets_the_far_end() {
    let far = tls_server("far.example");
    let target = far.port;
    let proxy = Proxy::new(YES, move |stream| joins(&stream, target));
    let list = "  tls:
  - match: [{sniHosts: [far.example]}]
    route: [{destination: {host: proxy}}]
";
    let yaml = one_server(443, "TLS", "*", PASSTHROUGH)
        + &entry("proxy", proxy.port)
        + &routes("*", list)
        + &tunnel("CONNECT", "");
    let gateway = serving(443, &yaml);
    let seen = subject_seen(gateway.address(443), Some("far.example"));
    assert_eq!(seen.as_deref(), Some("far.example"));
    assert_eq!(proxy.heads(), [ASKED]);
}

#[test]
fn a_subset_has_a_tunnel_of_its_own_or_none_and_http_never_has() {
    let proxy = Proxy::new("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", echoes);
    let subset = |name: &str, policy: &str| {
        format!("  - {{name: {name}, labels: {{a: b}}, trafficPolicy: {policy}}}\n")
    };
    let rule = tunnel("CONNECT", "").replace("---\n", "  subsets:\n")
        + &subset("own", "{tunnel: {targetHost: 10.1.2.3, targetPort: 22}}")
        + &subset("none", "{loadBalancer: {simple: RANDOM}}")
        + "---\n";
    let service = |name: &str, port: u16| {
        entry(name, port).replace("address: 127.0.0.1", "labels: {a: b}, address: 127.0.0.1")
    };
    let with = |subset: &str| {
        let list =
            format!("  tcp: [{{route: [{{destination: {{host: proxy, subset: {subset}}}}}]}}]\n");
        one_server(9000, "TCP", "*", "")
            + &service("proxy", proxy.port)
            + &routes("*", &list)
            + &rule
    };
    let gateway = serving(9000, &with("own"));
    assert_eq!(exchange(gateway.address(9000), b"hello"), b"hello");
    assert_eq!(proxy.heads(), ["CONNECT 10.1.2.3:22 HTTP/1.1\r\nhost: 10.1.2.3:22\r\n\r\n"]);
    let straight = echo("straight: ");
    let without = with("none").replace(&proxy.port.to_string(), &straight.to_string());
    let before = gateway.reloads();
    gateway.write("world.yaml", &without);
    gateway.reloads_after(before);
    assert_eq!(exchange(gateway.address(9000), b"hello"), b"straight: hello");
    gateway.prints("GW0406");
    let http = one_server(9000, "HTTP", "*", "")
        + &service("proxy", proxy.port)
        + &routes("*", "  http: [{route: [{destination: {host: proxy}}]}]\n")
        + &rule;
    let gateway = serving(9000, &http);
    let mut client = Client::connect(gateway.address(9000));
    client.send("GET /as-ever HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    client.answer().is(200);
    assert!(proxy.heads()[1].starts_with("GET /as-ever HTTP/1.1\r\n"), "{:?}", proxy.heads());
}

#[test]
fn an_explicit_proxy_hands_connections_to_another_one() {
    let proxy = Proxy::new("HTTP/1.1 200 OK\r\n\r\nfar: ", echoes);
    let yaml = entry("proxy", proxy.port) + &tunnel("CONNECT", "");
    let door = SocketAddr::from(([127, 0, 0, 1], ports::free()));
    let plan = world(&yaml).flag("--role=sidecar").flag("--outbound=off");
    let gateway = plan.flag(&format!("--http-proxy={door}")).start();
    let mut client = connect(door);
    let name = "proxy.default.svc.cluster.local:9000";
    write!(client, "CONNECT {name} HTTP/1.1\r\nhost: {name}\r\n\r\nhello").expect("send");
    client.shutdown(Shutdown::Write).expect("end sending");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    assert_eq!(answer, "HTTP/1.1 200 OK\r\n\r\nfar: hello", "{}", gateway.log());
    assert_eq!(proxy.heads(), [ASKED]);
}

// === HTTP/2 ===

/// A proxy that speaks HTTP/2. It answers with a status and says everything back once the other
/// side has ended.
struct Http2Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    /// Ends its thread when it is dropped.
    _stop: oneshot::Sender<()>,
}

impl Http2Proxy {
    fn answering(status: u16) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let port = listener.local_addr().expect("an address").port();
        listener.set_nonblocking(true).expect("a socket that does not block");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let (stop, stopped) = oneshot::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let accepting = async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let mut connections = 0;
                while let Ok((socket, _)) = listener.accept().await {
                    connections += 1;
                    tokio::spawn(serve(socket, status, connections, Arc::clone(&seen)));
                }
            };
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = accepting => {}
                    _ = stopped => {}
                }
            });
        });
        Self { port, asked, _stop: stop }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

async fn serve(
    socket: tokio::net::TcpStream,
    status: u16,
    connection: usize,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let Ok(mut made) = h2::server::handshake(socket).await else { return };
    while let Some(Ok((request, mut respond))) = made.accept().await {
        let line = format!("{connection}: {} {}", request.method(), request.uri());
        seen.lock().expect("no panic").push(line);
        tokio::spawn(async move {
            let response = Response::builder().status(status).body(()).expect("a response");
            let mut send = respond.send_response(response, false)?;
            let mut body = request.into_body();
            let mut all = b"far: ".to_vec();
            while let Some(part) = body.data().await {
                let part = part?;
                body.flow_control().release_capacity(part.len())?;
                all.extend_from_slice(&part);
            }
            send.send_data(Bytes::from(all), true)
        });
    }
}

/// A gateway whose connections go to a proxy that speaks HTTP/2.
fn through_streams(port: u16, rule: &str) -> Gateway {
    let proxy = entry("proxy", port).replace("protocol: TCP", "protocol: HTTP2");
    let plan = world(&(one_server(9000, "TCP", "*", "") + &proxy + &tcp_to("proxy") + rule));
    plan.ports(&[9000]).flag("--workers=1").start()
}

#[test]
fn a_proxy_that_speaks_http2_is_asked_on_streams_of_one_connection() {
    for (method, line) in
        [("CONNECT", "1: CONNECT far.example:443"), ("POST", "1: POST http://far.example:443/")]
    {
        let proxy = Http2Proxy::answering(200);
        let gateway = through_streams(proxy.port, &tunnel(method, ""));
        let long = vec![b'x'; 300_000];
        for _ in 0..2 {
            let answer = exchange(gateway.address(9000), &long);
            assert!(answer == [b"far: ", &long[..]].concat(), "{} bytes", answer.len());
        }
        assert_eq!(proxy.asked(), [line, line]);
        assert_eq!(counter(&gateway, &format!("{CLUSTER}.upstream_cx_http2_total")), 1);
    }
}

#[test]
fn on_a_stream_only_200_is_a_yes() {
    let proxy = Http2Proxy::answering(201);
    let gateway = through_streams(proxy.port, &tunnel("CONNECT", ""));
    assert_eq!(exchange(gateway.address(9000), b"hello"), b"");
    gateway.prints("the answer was 201");
    assert_eq!(counter(&gateway, &format!("{CLUSTER}.upstream_cx_connect_attempts_exceeded")), 1);
}
