//! TLS at the gateway, asked by OpenSSL and curl as they are installed and by rustls: modes, client
//! certificates, versions and server names; rotation; what a client's certificate tells the
//! upstream.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;

use crate::harness::certificates::{Authority, Pair};
use crate::harness::eventually;
use crate::harness::gateway::{Gateway, Plan, files};
use crate::harness::origin::{Origin, ok};
use crate::harness::secure::{Offer, Visit, visit};
use crate::harness::world::service;

/// What a client of the matrix comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// An answer.
    Served,
    /// A TLS alert or a broken connection; no answer.
    Refused,
    /// A reset before anything of TLS was said.
    Closed,
}

const SERVERS: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 443, name: simple, protocol: HTTPS}
    hosts: [simple.example]
    tls: {mode: SIMPLE, serverCertificate: server.crt, privateKey: server.key}
  - port: {number: 443, name: wild, protocol: HTTPS}
    hosts: ['*.wild.example']
    tls: {mode: SIMPLE, serverCertificate: server.crt, privateKey: server.key}
  - port: {number: 443, name: mutual, protocol: HTTPS}
    hosts: [mutual.example]
    tls: {mode: MUTUAL, serverCertificate: server.crt, privateKey: server.key,
          caCertificates: clients.crt}
  - port: {number: 443, name: optional, protocol: HTTPS}
    hosts: [optional.example]
    tls: {mode: OPTIONAL_MUTUAL, serverCertificate: server.crt, privateKey: server.key,
          caCertificates: clients.crt}
  - port: {number: 443, name: named, protocol: HTTPS}
    hosts: [named.example]
    tls: {mode: MUTUAL, serverCertificate: server.crt, privateKey: server.key,
          caCertificates: clients.crt, subjectAltNames: ['spiffe://td/ns/a/sa/b']}
  - port: {number: 443, name: skip, protocol: HTTPS}
    hosts: [skip.example]
    tls: {mode: MUTUAL, serverCertificate: server.crt, privateKey: server.key,
          caCertificates: clients.crt, insecureSkipVerify: true}
  - port: {number: 443, name: new, protocol: HTTPS}
    hosts: [new.example]
    tls: {mode: SIMPLE, serverCertificate: server.crt, privateKey: server.key,
          minProtocolVersion: TLSV1_3}
  - port: {number: 443, name: old, protocol: HTTPS}
    hosts: [old.example]
    tls: {mode: SIMPLE, serverCertificate: server.crt, privateKey: server.key,
          maxProtocolVersion: TLSV1_2}
  - port: {number: 443, name: lost, protocol: HTTPS}
    hosts: [lost.example, lost.wild.example]
    tls: {mode: SIMPLE, credentialName: nowhere}
  - port: {number: 443, name: admin, protocol: HTTPS}
    hosts: [admin.wild.example]
    tls: {mode: MUTUAL, serverCertificate: server.crt, privateKey: server.key,
          caCertificates: clients.crt}
  - port: {number: 443, name: through, protocol: TLS}
    hosts: [through.wild.example]
    tls: {mode: PASSTHROUGH}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: default}
spec:
  hosts: ['*']
  gateways: [web]
  http: [{route: [{destination: {host: origin}}]}]
  tls: [{match: [{sniHosts: [through.wild.example]}], route: [{destination: {host: origin}}]}]
";

/// A gateway, and a folder with what its clients need.
struct Stage {
    gateway: Gateway,
    folder: TempDir,
    _origin: Origin,
}

fn stage(respond: fn(&crate::harness::origin::Received) -> String) -> Stage {
    stage_with(respond, &[])
}

fn stage_with(respond: fn(&crate::harness::origin::Received) -> String, flags: &[&str]) -> Stage {
    let servers = Authority::new("servers");
    let clients = Authority::new("clients");
    let strangers = Authority::new("strangers");
    let own = servers.server(&NAMES);
    let origin = Origin::replies(respond);
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("ca.crt"), &servers.pem).expect("write");
    let middle = clients.below("middle");
    let chained = middle.client("chained", &["f.example"], &[]);
    let certificate = chained.certificate + &middle.pem;
    write_pair(folder.path(), "chained", &Pair { certificate, key: chained.key });
    std::fs::write(folder.path().join("chained.above"), &middle.pem).expect("write");
    write_pair(folder.path(), "expired", &clients.server_between("expired", 2020, 2021));
    write_pair(folder.path(), "good", &clients.client("good", &["c.example"], &[SPIFFE]));
    write_pair(folder.path(), "other", &clients.client("other", &["d.example"], &[]));
    write_pair(folder.path(), "stranger", &strangers.client("stranger", &["e.example"], &[]));
    let plan = plan(&own, &clients, &origin).ports(&[443]);
    let gateway = flags.iter().fold(plan, |plan, flag| plan.flag(flag)).start();
    Stage { gateway, folder, _origin: origin }
}

/// Every name that a client of the matrix may ask for.
const NAMES: [&str; 10] = [
    "simple.example",
    "*.wild.example",
    "b.a.wild.example",
    "mutual.example",
    "optional.example",
    "named.example",
    "skip.example",
    "new.example",
    "old.example",
    "lost.example",
];

fn plan(own: &Pair, clients: &Authority, origin: &Origin) -> Plan {
    files(&[
        ("gateway.yaml", SERVERS),
        ("origin.yaml", &service("origin", origin.port())),
        ("server.crt", &own.certificate),
        ("server.key", &own.key),
        ("clients.crt", &clients.pem),
    ])
}

fn write_pair(folder: &Path, name: &str, pair: &Pair) {
    std::fs::write(folder.join(format!("{name}.crt")), &pair.certificate).expect("write");
    std::fs::write(folder.join(format!("{name}.key")), &pair.key).expect("write");
}

impl Stage {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// One request by `openssl s_client`.
    fn openssl(&self, flags: &[&str], client: &str, host: &str) -> Output {
        let mut command = Command::new("openssl");
        let address = self.gateway.address(443).to_string();
        command.args(["s_client", "-quiet", "-connect", &address]).args(flags);
        if !client.is_empty() {
            command.arg("-cert").arg(self.file(&format!("{client}.crt")));
            command.arg("-key").arg(self.file(&format!("{client}.key")));
        }
        if client == "chained" {
            command.arg("-cert_chain").arg(self.file("chained.above"));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("openssl is installed");
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let mut input = child.stdin.take().expect("its input");
        // It may have ended before it reads.
        let _ = input.write_all(request.as_bytes());
        let output = child.wait_with_output().expect("its output");
        drop(input);
        output
    }

    fn outcome(&self, sni: &str, client: &str, version: &str) -> Outcome {
        let mut flags = vec![version];
        if sni.is_empty() {
            flags.push("-noservername")
        } else {
            flags.extend(["-servername", sni])
        }
        let output =
            self.openssl(&flags, client, if sni.is_empty() { "simple.example" } else { sni });
        let said = String::from_utf8_lossy(&output.stderr);
        if String::from_utf8_lossy(&output.stdout).starts_with("HTTP/1.1 200") {
            Outcome::Served
        } else if said.contains("alert") {
            Outcome::Refused
        } else {
            Outcome::Closed
        }
    }
}

impl Stage {
    /// The same visit by another client of TLS.
    fn outcome_by_rustls(
        &self,
        sni: &str,
        client: &str,
        version: &'static SupportedProtocolVersion,
    ) -> Outcome {
        let text = |name: &str| std::fs::read_to_string(self.file(name)).expect("a file");
        let shown = (!client.is_empty()).then(|| Pair {
            certificate: text(&format!("{client}.crt")),
            key: text(&format!("{client}.key")),
        });
        let trusted = text("ca.crt");
        let offer = Offer { name: sni, shown: shown.as_ref(), version, trusted: &trusted };
        let request = format!("GET / HTTP/1.1\r\nhost: {sni}\r\nconnection: close\r\n\r\n");
        match visit(self.gateway.address(443), &offer, request.as_bytes()) {
            Visit::Answered(answer) if answer.starts_with(b"HTTP/1.1 200") => Outcome::Served,
            Visit::Answered(answer) => panic!("{sni}: {}", String::from_utf8_lossy(&answer)),
            Visit::Alert(_) => Outcome::Refused,
            Visit::Closed => Outcome::Closed,
        }
    }
}

#[test]
fn modes_client_certificates_versions_and_names_come_to_what_istio_says() {
    use Outcome::{Closed, Refused, Served};
    let stage = stage(|_| ok("hi"));
    let both = ["-tls1_2", "-tls1_3"];
    for (sni, client, [tls12, tls13]) in [
        ("simple.example", "", [Served, Served]),
        ("SIMPLE.example", "", [Served, Served]),
        ("simple.example", "stranger", [Served, Served]),
        ("a.wild.example", "", [Served, Served]),
        ("b.a.wild.example", "", [Served, Served]),
        ("wild.example", "", [Closed, Closed]),
        ("unknown.example", "", [Closed, Closed]),
        ("", "", [Closed, Closed]),
        ("mutual.example", "", [Refused, Refused]),
        ("mutual.example", "good", [Served, Served]),
        ("mutual.example", "stranger", [Refused, Refused]),
        ("mutual.example", "chained", [Served, Served]),
        ("mutual.example", "expired", [Refused, Refused]),
        ("optional.example", "", [Served, Served]),
        ("optional.example", "good", [Served, Served]),
        ("optional.example", "stranger", [Refused, Refused]),
        ("named.example", "good", [Served, Served]),
        ("named.example", "other", [Refused, Refused]),
        ("optional.example", "expired", [Refused, Refused]),
        ("named.example", "", [Refused, Refused]),
        ("skip.example", "stranger", [Served, Served]),
        ("skip.example", "expired", [Served, Served]),
        ("skip.example", "", [Refused, Refused]),
        ("new.example", "", [Refused, Served]),
        ("old.example", "", [Served, Refused]),
        ("lost.example", "", [Closed, Closed]),
    ] {
        let found = both.map(|version| stage.outcome(sni, client, version));
        assert_eq!(found, [tls12, tls13], "{sni:?} with {client:?} by openssl");
        let found = [&TLS12, &TLS13].map(|it| stage.outcome_by_rustls(sni, client, it));
        assert_eq!(found, [tls12, tls13], "{sni:?} with {client:?} by rustls");
    }
}

#[test]
fn an_unknown_name_can_get_an_alert_instead_of_a_reset() {
    let stage = stage_with(|_| ok("hi"), &["--alert-unknown-names"]);
    let said = |flags: &[&str]| {
        let output = stage.openssl(flags, "", "simple.example");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let named = said(&["-servername", "unknown.example"]);
    assert!(named.contains("unrecognized name"), "{named}");
    assert_eq!(stage.outcome("", "", "-tls1_3"), Outcome::Closed);
    assert_eq!(stage.outcome("simple.example", "", "-tls1_3"), Outcome::Served);
}

#[test]
fn a_client_of_tls_1_1_is_told_which_versions_there_are_if_its_name_has_a_server() {
    let stage = stage(|_| ok("hi"));
    let said = |name: &str| {
        let mut client = TcpStream::connect(stage.gateway.address(443)).expect("a connection");
        client.write_all(&hello_of_tls_1_1(name)).expect("to write");
        let mut said = Vec::new();
        client.read_to_end(&mut said).map(|_| said)
    };
    let alert = said("simple.example").expect("an end");
    assert_eq!((alert[0], alert.get(5..)), (21, Some(&[2, 70][..])), "{alert:?}");
    assert!(said("unknown.example").is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
}

/// A ClientHello with one cipher suite and a server name.
fn hello_of_tls_1_1(name: &str) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
    let name = sized(&[&[0], &sized(name.as_bytes())[..]].concat());
    let extensions = sized(&[&[0, 0], &sized(&name)[..]].concat());
    let random = [7; 32];
    let body = [&[3, 2], &random[..], &[0, 0, 2, 0xc0, 0x0a, 1, 0], &extensions].concat();
    let message = [&[1, 0][..], &sized(&body)].concat();
    [&[22, 3, 1][..], &sized(&message)].concat()
}

#[test]
fn a_host_of_another_server_is_served_only_if_both_end_tls_alike() {
    let stage = stage(|_| ok("hi"));
    for (sni, host, status) in [
        ("simple.example", "a.wild.example", "200"),
        ("simple.example", "mutual.example", "421"),
        ("simple.example", "new.example", "421"),
        ("simple.example", "unknown.example", "404"),
        ("a.wild.example", "B.wild.example:443", "200"),
        ("a.wild.example", "simple.example", "200"),
        ("a.wild.example", "lost.wild.example", "200"),
        ("a.wild.example", "admin.wild.example", "421"),
        ("a.wild.example", "through.wild.example", "421"),
        ("simple.example", "admin.wild.example", "421"),
    ] {
        let output = stage.openssl(&["-servername", sni], "", host);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{sni} {host}: {said}");
    }
}

#[test]
fn plaintext_on_a_tls_port_gets_no_byte() {
    let stage = stage(|_| ok("hi"));
    let mut client = crate::harness::client::Client::connect(stage.gateway.address(443));
    client.send("GET / HTTP/1.1\r\nhost: simple.example\r\n\r\n");
    assert!(client.is_closed());
}

#[test]
fn the_protocol_is_the_first_of_ours_that_the_client_offers() {
    let stage = stage(|_| ok("hi"));
    for (offer, chosen) in [
        ("h2", "ALPN protocol: h2"),
        ("http/1.1,h2", "ALPN protocol: h2"),
        ("http/1.1", "ALPN protocol: http/1.1"),
        ("spdy/3", "No ALPN negotiated"),
    ] {
        let mut command = Command::new("openssl");
        let address = stage.gateway.address(443).to_string();
        command.args(["s_client", "-connect", &address, "-servername", "simple.example"]);
        let output = command.args(["-alpn", offer]).stdin(Stdio::null()).output().expect("openssl");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("BEGIN CERTIFICATE"), "{said}");
        assert!(said.contains(chosen), "{offer}: {said}");
    }
}

#[test]
fn an_upstream_learns_of_https_and_of_the_clients_certificate() {
    let stage = stage(|received| {
        let of = |name: &str| received.header(name).unwrap_or("none").to_owned();
        ok(&format!("{} {}", of("x-forwarded-proto"), of("x-forwarded-client-cert")))
    });
    let body = |client: &str, host: &str| {
        let output = stage.openssl(&["-servername", host], client, host);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let with = body("good", "optional.example");
    assert!(with.contains("https Hash="), "{with}");
    assert!(with.contains(";Cert=\"-----BEGIN%20CERTIFICATE-----%0A"), "{with}");
    assert!(with.contains(&format!(";Subject=\"CN=good,O=Acme\";URI={SPIFFE};DNS=c.example")));
    let without = body("", "optional.example");
    assert!(without.contains("https none"), "{without}");
}

#[test]
fn what_an_upstream_learns_of_certificates_is_the_topologys_to_say() {
    let stage = stage(|received| {
        ok(&format!("[{}]", received.header("x-forwarded-client-cert").unwrap_or_default()))
    });
    let body = |client: &str| {
        let host = "optional.example\r\nx-forwarded-client-cert: Hash=a;URI=b";
        let output = stage.openssl(&["-servername", "optional.example"], client, host);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for (details, with, without) in [
        ("SANITIZE", "[]", "[]"),
        ("FORWARD_ONLY", "[Hash=a;URI=b]", "[]"),
        ("APPEND_FORWARD", "[Hash=a;URI=b,Hash=", "[]"),
        ("SANITIZE_SET", "[Hash=", "[]"),
        ("ALWAYS_FORWARD_ONLY", "[Hash=a;URI=b]", "[Hash=a;URI=b]"),
    ] {
        let before = stage.gateway.reloads();
        let topology = format!("gatewayTopology: {{forwardClientCertDetails: {details}}}");
        let mesh = format!("defaultConfig: {{{topology}}}");
        let name = "metadata: {name: istio, namespace: istio-system}";
        let map = format!("{{apiVersion: v1, kind: ConfigMap, {name}, data: {{mesh: '{mesh}'}}}}");
        stage.gateway.replace("mesh.yaml", &map);
        stage.gateway.reloads_after(before);
        for (client, expected) in [("good", with), ("", without)] {
            let said = body(client);
            assert!(said.contains(expected), "{details}, client {client:?}: {said}");
        }
    }
}

#[test]
fn curl_verifies_the_certificate_and_keeps_its_connection() {
    let servers = Authority::new("servers");
    let clients = Authority::new("clients");
    let origin = Origin::replies(|_| ok("hi"));
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("ca.crt"), &servers.pem).expect("write");
    let own = servers.server(&["simple.example"]);
    let gateway = plan(&own, &clients, &origin).ports(&[443]).start();
    let to = format!("::{}", gateway.address(443));
    let url = "https://simple.example/";
    let output = Command::new("curl")
        .args(["-sS", "--connect-to", &to, "-w", "%{num_connects} ", url, url])
        .arg("--cacert")
        .arg(folder.path().join("ca.crt"))
        .output()
        .expect("curl is installed");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hi1 hi0 ", "{output:?}");
}

#[test]
fn a_rotation_is_in_force_soon_and_costs_no_request() {
    let servers = Authority::new("servers");
    let clients = Authority::new("clients");
    let origin = Origin::replies(|_| ok("hi"));
    let first = servers.server(&["simple.example"]);
    let second = servers.server(&["simple.example", "rotated.example"]);
    let gateway = plan(&first, &clients, &origin).ports(&[443]).start();
    let address = gateway.address(443).to_string();
    let over = AtomicBool::new(false);
    let requests = AtomicUsize::new(0);
    let ask = |url: &str| {
        let to = format!("::{address}");
        Command::new("curl").args(["-sSk", "--connect-to", &to, url]).output().expect("curl")
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Acquire) {
                    let output = ask("https://simple.example/");
                    assert_eq!(output.stdout, b"hi", "{output:?}");
                    requests.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        // Certificate and key come one after the other, as most tools write them.
        gateway.replace("server.crt", &second.certificate);
        let at_least = requests.load(Ordering::Acquire) + 10;
        eventually("requests between the two files", || {
            requests.load(Ordering::Acquire) >= at_least
        });
        gateway.replace("server.key", &second.key);
        eventually("the new certificate", || {
            let mut command = Command::new("openssl");
            command.args(["s_client", "-connect", &address, "-servername", "simple.example"]);
            let output = command.stdin(Stdio::null()).output().expect("openssl");
            let shown = String::from_utf8_lossy(&output.stdout).replace('\n', "");
            let lines: Vec<&str> = second.certificate.lines().collect();
            shown.contains(&lines[1..lines.len() - 1].concat())
        });
        over.store(true, Ordering::Release);
    });
}

const SPIFFE: &str = "spiffe://td/ns/a/sa/b";
