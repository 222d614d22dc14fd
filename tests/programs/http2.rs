//! HTTP/2 as its users know it: curl, nghttp and h2load towards the gateway, in plaintext with
//! prior knowledge and over TLS by ALPN, with HTTP/1.1 clients on the same ports.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tempfile::TempDir;

use crate::harness::certificates::{Authority, Pair};
use crate::harness::eventually;
use crate::harness::gateway::{Gateway, files};
use crate::harness::origin::{Origin, ok};
use crate::harness::world::service;
use crate::program::{both, curl, succeeds, written};
use crate::runner::Test;
use crate::test;

pub(crate) const TESTS: &[Test] = &[
    test!(curl_speaks_either_protocol_on_one_port needs Curl),
    test!(curl_moves_large_bodies_both_ways needs Curl),
    test!(curl_reuses_one_connection_for_names_that_one_server_ends needs Curl),
    test!(nghttp_sees_the_settings_of_istio needs Nghttp),
    test!(h2load_loses_nothing_while_files_and_certificates_change needs H2load OpenSsl),
];

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ['*']
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: ['*.shop.example']
    tls: {mode: SIMPLE, serverCertificate: server.crt, privateKey: server.key}
  - port: {number: 443, name: other, protocol: HTTPS}
    hosts: [own.example]
    tls: {mode: SIMPLE, serverCertificate: server.crt, privateKey: server.key,
          minProtocolVersion: TLSV1_3}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ['*.shop.example', own.example]
  gateways: [web]
  http: [{route: [{destination: {host: shop}}]}]
";

/// A gateway before an origin, and the authority that clients trust.
struct Stage {
    gateway: Gateway,
    folder: TempDir,
    authority: Authority,
    origin: Origin,
}

impl Stage {
    fn new(origin: Origin) -> Self {
        let authority = Authority::new("authority");
        let own = pair(&authority);
        let folder = TempDir::new().expect("a folder");
        written(folder.path(), "ca.crt", &authority.pem);
        let gateway = files(&[
            ("gateway.yaml", GATEWAY),
            ("shop.yaml", &service("shop", origin.port())),
            ("server.crt", &own.certificate),
            ("server.key", &own.key),
        ]);
        let gateway = gateway.ports(&[80, 443]).start();
        Self { gateway, folder, authority, origin }
    }

    /// `curl` with every connection led to this port of the gateway.
    fn curl(&self, declared: u16) -> Command {
        let mut command = curl();
        command.args(["--connect-to", &format!("::{}", self.gateway.address(declared))]);
        command.arg("--cacert").arg(self.folder.path().join("ca.crt"));
        command
    }
}

fn pair(authority: &Authority) -> Pair {
    authority.server(&["*.shop.example", "own.example"])
}

fn curl_speaks_either_protocol_on_one_port() {
    let stage = Stage::new(Origin::replies(|received| ok(received.line())));
    for (flag, url, expected) in [
        ("--http2-prior-knowledge", "http://a.shop.example/x", "GET /x HTTP/1.1 2 200"),
        ("--http1.1", "http://a.shop.example/x", "GET /x HTTP/1.1 1.1 200"),
        // An upgrade that is not taken: HTTP/1.1 goes on.
        ("--http2", "http://a.shop.example/x", "GET /x HTTP/1.1 1.1 200"),
        ("--http2", "https://a.shop.example/x", "GET /x HTTP/1.1 2 200"),
        ("--http1.1", "https://a.shop.example/x", "GET /x HTTP/1.1 1.1 200"),
        ("--http2-prior-knowledge", "http://nowhere.example/", "2 404"),
    ] {
        let port = if url.starts_with("https") { 443 } else { 80 };
        let mut command = stage.curl(port);
        let said = succeeds(command.args(["-w", " %{http_version} %{http_code}", flag, url]));
        assert_eq!(said.trim(), expected, "{flag} {url}");
    }
    let received = stage.origin.received();
    assert!(received.iter().all(|it| it.header("host") == Some("a.shop.example")));
}

/// More than any window of the protocol's defaults.
const LARGE: usize = 40 << 20;

fn curl_moves_large_bodies_both_ways() {
    let stage = Stage::new(Origin::replies(|received| match received.body.bytes.len() {
        0 => ok(&"abcdefgh".repeat(LARGE / 8)),
        length => ok(&length.to_string()),
    }));
    let body = stage.folder.path().join("body");
    fs::write(&body, vec![b'x'; LARGE]).expect("write the body");
    for (flag, declared, scheme) in
        [("--http2-prior-knowledge", 80, "http"), ("--http2", 443, "https")]
    {
        let url = format!("{scheme}://a.shop.example/");
        let upload = format!("@{}", body.display());
        let mut command = stage.curl(declared);
        let said = succeeds(command.args([flag, "--data-binary", &upload, &url]));
        assert_eq!(said, LARGE.to_string(), "{url}");
        let said = succeeds(stage.curl(declared).args([flag, &url]));
        assert!(said.len() == LARGE && said.ends_with("abcdefgh"), "{} bytes", said.len());
    }
}

/// The certificate covers both names, so a client may use the connection of one for the other; a
/// name whose server ends TLS otherwise is told to come on a connection of its own.
fn curl_reuses_one_connection_for_names_that_one_server_ends() {
    let stage = Stage::new(Origin::replies(|_| ok("hi")));
    let write = "%{num_connects} %{http_code}\n";
    let mut command = stage.curl(443);
    command.args(["--http2", "-o", "/dev/null", "-o", "/dev/null", "-w", write]);
    let said = succeeds(command.args(["https://a.shop.example/", "https://a.shop.example/again"]));
    assert_eq!(said, "1 200\n0 200\n");
    let mut command = stage.curl(443);
    command.args(["--http2", "-o", "/dev/null", "-w", write, "-H", "host: own.example"]);
    assert_eq!(succeeds(command.arg("https://a.shop.example/")), "1 421\n");
    let mut command = stage.curl(443);
    command.args(["--http2", "-o", "/dev/null", "-w", write, "-H", "host: b.shop.example"]);
    assert_eq!(succeeds(command.arg("https://a.shop.example/")), "1 200\n");
}

fn nghttp_sees_the_settings_of_istio() {
    let stage = Stage::new(Origin::replies(|_| ok("hi")));
    let output = Command::new("nghttp")
        .args(["-v", "--no-dep", "-H", ":authority: a.shop.example"])
        .arg(format!("http://{}/", stage.gateway.address(80)))
        .stdin(Stdio::null())
        .output()
        .expect("run nghttp");
    let said = both(&output);
    for expected in [
        "SETTINGS_MAX_CONCURRENT_STREAMS(0x03):1024",
        "SETTINGS_INITIAL_WINDOW_SIZE(0x04):16777216",
        "(window_size_increment=25100289)",
        ":status: 200",
        "server: istio-envoy",
    ] {
        assert!(said.contains(expected), "{expected} in\n{said}");
    }
}

/// Requests of one run of h2load.
const REQUESTS: usize = 3_000;

fn h2load_loses_nothing_while_files_and_certificates_change() {
    let stage = Stage::new(Origin::says("hi"));
    let second = pair(&stage.authority);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                let said = loaded(stage.gateway.address(443));
                let expected = format!("{REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout");
                assert!(said.contains(&expected), "{said}");
                assert!(said.contains("Application protocol: h2"), "{said}");
            }
        });
        stage.origin.received_at_least(100);
        stage.gateway.replace("server.crt", &second.certificate);
        stage.gateway.replace("server.key", &second.key);
        let extra = GATEWAY.replace("host: shop}}]", "host: shop}}], name: renamed");
        stage.gateway.replace("gateway.yaml", &extra);
        eventually("the new certificate is shown", || {
            load.is_finished()
                || shown(stage.gateway.address(443)).contains(&body(&second.certificate))
        });
        over.store(true, Ordering::Release);
    });
}

/// What h2load says of one run.
fn loaded(address: SocketAddr) -> String {
    let output = Command::new("h2load")
        .args(["-n", &REQUESTS.to_string(), "-c", "10", "-m", "20"])
        .args(["--connect-to", &address.to_string()])
        .arg("https://a.shop.example/")
        .stdin(Stdio::null())
        .output()
        .expect("run h2load");
    both(&output)
}

/// The certificate of a new connection.
fn shown(address: SocketAddr) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &address.to_string(), "-servername", "a.shop.example"])
        .stdin(Stdio::null())
        .output()
        .expect("run openssl");
    both(&output).replace('\n', "")
}

/// A PEM block's letters without its lines.
fn body(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}
