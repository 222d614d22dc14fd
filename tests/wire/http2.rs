//! HTTP/2 from clients: who speaks it is found out, what they ask goes to HTTP/1.1 origins and
//! comes back, connections end with grace.

use std::io;
use std::process::Command;
use std::sync::{Mutex, mpsc};

use http::{HeaderMap, Method, Request};

use crate::harness::certificates::Authority;
use crate::harness::eventually;
use crate::harness::gateway::{Gateway, files, world};
use crate::harness::http2::{
    ACK, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM,
    SETTINGS, Session, WINDOW_UPDATE, frame, get,
};
use crate::harness::origin::{Conversation, Origin, ok};
use crate::harness::world::{everything_to, one_service, service};

const SERVERS: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [web.example]
    tls: {mode: SIMPLE, serverCertificate: server.crt, privateKey: server.key}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: default}
spec:
  hosts: ['*']
  gateways: [web]
  http: [{route: [{destination: {host: origin}}]}]
";

fn serving(origin: &Origin) -> Gateway {
    world(&one_service(origin.port(), &everything_to("origin"))).start()
}

fn request(method: &str, path: &str) -> Request<()> {
    let method: Method = method.parse().expect("a method");
    let url = format!("http://a.example{path}");
    Request::builder().method(method).uri(url).body(()).expect("a request")
}

#[test]
fn both_protocols_are_served_on_one_plaintext_port() {
    let origin = Origin::says("hello");
    let gateway = serving(&origin);
    let mut session = Session::connect(gateway.http());
    for _ in 0..3 {
        let reply = session.get("http://a.example/path?query=1");
        assert_eq!((reply.status, reply.text().as_str()), (200, "hello"));
        assert_eq!(reply.header("server"), Some("istio-envoy"));
        assert!(
            reply.header("date").is_some()
                && reply.header("x-envoy-upstream-service-time").is_some()
        );
    }
    gateway.get("/").is(200).says("hello");
    let received = &origin.received()[0];
    assert_eq!(received.line(), "GET /path?query=1 HTTP/1.1");
    assert_eq!(received.header("host"), Some("a.example"));
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
    assert!(received.header("x-request-id").is_some());
}

#[test]
fn the_preface_may_come_byte_by_byte() {
    let origin = Origin::says("hello");
    let gateway = serving(&origin);
    let mut client = Frames::silent(gateway.http());
    for byte in PREFACE.iter().chain(&frame(SETTINGS, 0, 0, &[])) {
        client.write(&[*byte]);
    }
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &get("/"));
    assert_eq!(client.until(HEADERS).stream, 1);
    assert_eq!(client.until(DATA).payload, b"hello");
}

#[test]
fn what_only_begins_like_the_preface_is_read_as_http1() {
    let origin = Origin::says("hello");
    let gateway = serving(&origin);
    gateway.raw("PRI * HTTP/1.1\r\nhost: a\r\n\r\n").is(400);
    gateway.raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r!").is(400);
    gateway.raw("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").is(200);
}

#[test]
fn an_upgrade_to_h2c_is_overlooked() {
    let origin = Origin::says("hello");
    let gateway = serving(&origin);
    let head = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\n\
        upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n";
    gateway.raw(head).is(200).says("hello");
}

#[test]
fn settings_and_windows_are_those_of_istios_gateways() {
    let origin = Origin::says("hello");
    let gateway = serving(&origin);
    let mut client = Frames::connect(gateway.http());
    let settings = client.until(SETTINGS);
    assert_eq!(settings.flags & ACK, 0);
    let told: Vec<(u16, u32)> = settings
        .payload
        .chunks(6)
        .map(|pair| {
            let id = u16::from_be_bytes([pair[0], pair[1]]);
            (id, u32::from_be_bytes([pair[2], pair[3], pair[4], pair[5]]))
        })
        .collect();
    for expected in [(1, 4096), (3, 1024), (4, 16_777_216), (6, 61_440), (8, 1)] {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
    let widened = client.until(WINDOW_UPDATE);
    assert_eq!((widened.stream, widened.payload), (0, 25_100_289_u32.to_be_bytes().to_vec()));
}

#[test]
fn bodies_pass_both_ways_with_and_without_an_announced_length() {
    let origin = Origin::replies(|received| ok(&received.body.text()));
    let gateway = serving(&origin);
    let mut session = Session::connect(gateway.http());
    let body = "0123456789".repeat(30_000);
    let reply = session.ask(request("POST", "/"), body.as_bytes());
    assert_eq!((reply.status, reply.text() == body), (200, true));
    let mut announced = request("POST", "/");
    announced.headers_mut().insert("content-length", body.len().into());
    let reply = session.ask(announced, body.as_bytes());
    assert_eq!((reply.status, reply.text() == body), (200, true));
    let received = origin.received();
    assert_eq!(received[0].header("transfer-encoding"), Some("chunked"));
    assert_eq!(received[1].header("content-length"), Some("300000"));
}

#[test]
fn trailers_pass_both_ways() {
    let origin = Origin::answers(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: grpc-status\r\n\r\n\
         2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\n",
    );
    let gateway = serving(&origin);
    let mut session = Session::connect(gateway.http());
    let mut stream = session.open(request("POST", "/"), false);
    stream.send(b"hello", false);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", "abc".parse().expect("a value"));
    stream.send_trailers(trailers);
    let reply = stream.reply();
    assert_eq!((reply.status, reply.text().as_str()), (200, "hi"));
    let trailers = reply.trailers.expect("trailers");
    assert_eq!(trailers.get("grpc-status").map(|value| value.as_bytes()), Some(&b"0"[..]));
    let received = origin.only();
    assert_eq!(received.body.text(), "hello");
    assert!(format!("{:?}", received.body).contains("x-checksum"), "{:?}", received.body);
}

#[test]
fn many_streams_of_one_connection_are_answered_beside_each_other() {
    let origin = Origin::talks(|conversation| {
        while let Some(received) = conversation.request()? {
            if received.target() == "/never" {
                conversation.rest()?;
                return Ok(());
            }
            conversation.write(ok(received.target()))?;
        }
        Ok(())
    });
    let gateway = serving(&origin);
    let mut client = Frames::connect(gateway.http());
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &get("/never"));
    for index in 1..200 {
        client.send(HEADERS, END_HEADERS | END_STREAM, index * 2 + 1, &get("/"));
    }
    let mut answered: Vec<u32> = (1..200).map(|_| client.until(HEADERS).stream).collect();
    answered.sort_unstable();
    assert_eq!(answered, (1..200).map(|index| index * 2 + 1).collect::<Vec<_>>());
}

#[test]
fn a_request_that_is_taken_back_is_given_up_at_the_origin() {
    let origin = Origin::talks(|conversation| {
        let Some(received) = conversation.head()? else { return Ok(()) };
        conversation.recorded(received, Default::default());
        let rest = conversation.rest();
        conversation.recorded(Default::default(), Default::default());
        rest.map(|_| ())
    });
    let gateway = serving(&origin);
    let mut session = Session::connect(gateway.http());
    let mut stream = session.open(request("GET", "/slow"), true);
    origin.received_at_least(1);
    stream.reset(h2::Reason::CANCEL);
    // The origin sees its connection close.
    origin.received_at_least(2);
}

#[test]
fn an_answer_that_breaks_off_is_told_as_broken() {
    let origin = Origin::talks(|conversation| {
        conversation.request()?;
        conversation.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this")?;
        conversation.close();
        Ok(())
    });
    let gateway = serving(&origin);
    let mut session = Session::connect(gateway.http());
    // Twice: the connection goes on.
    for _ in 0..2 {
        let reply = session.get("http://a.example/");
        assert_eq!((reply.status, reply.broken), (200, Some(h2::Reason::INTERNAL_ERROR)));
    }
}

#[test]
fn answers_of_the_gateway_itself_come_as_grpc_statuses_to_grpc_clients() {
    let gateway = world(&one_service(1, &everything_to("origin"))).start();
    let mut session = Session::connect(gateway.http());
    let mut call = request("POST", "/pkg.Service/Method");
    call.headers_mut().insert("content-type", "application/grpc".parse().expect("a value"));
    let reply = session.ask(call, b"\0\0\0\0\0");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("grpc-status"), Some("14"));
    assert_eq!(reply.header("content-type"), Some("application/grpc"));
    assert!(reply.body.is_empty());
    assert_eq!(session.get("http://a.example/").status, 503);
}

#[test]
fn a_connection_that_is_told_to_end_finishes_what_it_has() {
    let (go_on, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let origin = Origin::talks(move |conversation: &mut Conversation| -> io::Result<()> {
        conversation.request()?;
        conversation.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfi")?;
        let _ = wait.lock().expect("nobody panics with it").recv();
        conversation.write("ne")
    });
    let gateway = serving(&origin);
    let mut client = Frames::connect(gateway.http());
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &get("/long"));
    origin.received_at_least(1);
    gateway.signal("TERM");
    let mut body = Vec::new();
    let mut told = 0;
    while let Some(frame) = client.next() {
        match frame.kind {
            DATA => body.extend(frame.payload),
            GOAWAY if told == 0 => {
                let last = &frame.payload[..4];
                assert_eq!(last, 0x7fff_ffff_u32.to_be_bytes(), "the first names no stream");
                told = 1;
                go_on.send(()).expect("the origin waits");
            }
            PING if frame.flags & ACK == 0 => client.send(PING, ACK, 0, &frame.payload),
            GOAWAY => {
                assert_eq!(frame.payload[..4], 1_u32.to_be_bytes(), "the last one names it");
                told = 2;
            }
            RST_STREAM => panic!("{frame:?}"),
            _ => {}
        }
    }
    assert_eq!((body.as_slice(), told), (&b"fine"[..], 2));
    eventually("the gateway ends", || gateway.exit_status().is_some());
}

#[test]
fn over_tls_the_protocol_is_agreed_upon() {
    let servers = Authority::new("servers");
    let own = servers.server(&["web.example"]);
    let origin = Origin::says("hello");
    let gateway = files(&[
        ("gateway.yaml", SERVERS),
        ("origin.yaml", &service("origin", origin.port())),
        ("server.crt", &own.certificate),
        ("server.key", &own.key),
    ]);
    let gateway = gateway.ports(&[443]).start();
    let address = gateway.address(443);
    let url = format!("https://web.example:{}/", address.port());
    let resolve = format!("web.example:{}:127.0.0.1", address.port());
    for (flag, spoken) in [("--http2", "2"), ("--http1.1", "1.1"), ("--no-alpn", "1.1")] {
        let output = Command::new("curl")
            .args(["-sk", flag, "--resolve", &resolve, "-w", " %{http_version}", &url])
            .output()
            .expect("curl is installed");
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("hello {spoken}"), "{flag}");
    }
    assert_eq!(origin.received()[0].header("x-forwarded-proto"), Some("https"));
}

#[test]
fn a_websocket_over_a_stream_becomes_one_of_http1_at_the_origin() {
    let origin = Origin::talks(|conversation| {
        let Some(head) = conversation.head()? else { return Ok(()) };
        if head.get("upgrade").is_none() {
            conversation.recorded(head, Default::default());
            return conversation.write(ok("no websocket"));
        }
        conversation.recorded(head, Default::default());
        conversation.write(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-accept: x\r\nx-more: 1\r\n\r\nearly",
        )?;
        loop {
            let echo = conversation.exactly(1)?;
            conversation.write(echo)?;
        }
    });
    let gateway = serving(&origin);
    let mut session = Session::connect(gateway.http());
    // The gateway must have said that it takes extended CONNECT.
    assert_eq!(session.get("http://a.example/").status, 200);
    let mut connect = request("CONNECT", "/chat");
    connect.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    connect.headers_mut().insert("sec-websocket-version", "13".parse().expect("a value"));
    let mut stream = session.open(connect, false);
    let head = stream.head();
    assert_eq!((head.status, head.header("x-more")), (200, Some("1")));
    assert_eq!((head.header("upgrade"), head.header("sec-websocket-accept")), (None, None));
    stream.send(b"frames", false);
    let mut got = Vec::new();
    while got.len() < 11 {
        got.extend_from_slice(&stream.data().expect("open").expect("whole"));
    }
    assert_eq!(got, b"earlyframes");
    stream.send(b"", true);
    let handshake = origin.received_at_least(2).remove(1);
    assert_eq!(handshake.line(), "GET /chat HTTP/1.1");
    assert_eq!(handshake.header("upgrade"), Some("websocket"));
    assert!(handshake.header("sec-websocket-key").is_some());
}

#[test]
fn a_host_of_another_tls_server_is_misdirected_on_a_shared_connection() {
    let servers = Authority::new("servers");
    let own = servers.server(&["web.example"]);
    let origin = Origin::says("hello");
    let mutual = SERVERS.replace(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService",
        "  - port: {number: 443, name: mutual, protocol: HTTPS}
    hosts: [mutual.example]
    tls: {mode: MUTUAL, serverCertificate: server.crt, privateKey: server.key,
          caCertificates: server.crt}
---\napiVersion: networking.istio.io/v1\nkind: VirtualService",
    );
    let gateway = files(&[
        ("gateway.yaml", &mutual),
        ("origin.yaml", &service("origin", origin.port())),
        ("server.crt", &own.certificate),
        ("server.key", &own.key),
    ]);
    let gateway = gateway.ports(&[443]).start();
    let port = gateway.address(443).port();
    let (url, resolve) =
        (format!("https://web.example:{port}/"), format!("web.example:{port}:127.0.0.1"));
    for (host, status) in
        [("web.example", "200"), ("mutual.example", "421"), ("none.example", "404")]
    {
        let output = Command::new("curl")
            .args(["-sk", "--http2", "-o", "/dev/null", "-w", "%{http_code} %{http_version}"])
            .args(["-H", &format!("host: {host}"), "--resolve", &resolve, &url])
            .output()
            .expect("curl is installed");
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{status} 2"), "{host}");
    }
}
