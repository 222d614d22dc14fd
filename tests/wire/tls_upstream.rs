//! TLS towards endpoints: what a DestinationRule's modes send and accept, what the client is told
//! when an endpoint is not accepted, and what the log says then.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::certificates::{Authority, Pair};
use crate::harness::eventually;
use crate::harness::gateway::{Gateway, Plan, files};
use crate::harness::origin::Origin;
use crate::harness::ports;
use crate::harness::tls_origin::{Manner, TlsOrigin};
use crate::harness::world::{every_host, rules, service};

const FAILED: &str = "upstream connect error or disconnect/reset before headers. \
                      retried and the latest reset reason: remote connection failure";

/// One destination of the matrix, at `/<name>`.
struct Case {
    name: &'static str,
    /// The port that its service leads to.
    port: u16,
    /// The DestinationRule's `tls`.
    tls: &'static str,
}

fn rule(name: &str, policy: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}}}
spec: {{host: {name}, trafficPolicy: {policy}}}
---
"
    )
}

fn gateway_yaml(cases: &[Case]) -> String {
    let mut yaml = every_host();
    let mut http = String::new();
    for Case { name, port, tls } in cases {
        yaml += &service(name, *port);
        let pool = "connectionPool: {tcp: {connectTimeout: 2s}}";
        yaml += &rule(name, &format!("{{{pool}, tls: {tls}}}"));
        http += &format!(
            "
         - match: [{{uri: {{exact: /{name}}}}}]
           route: [{{destination: {{host: {name}}}}}]"
        );
    }
    yaml + &rules("rules", "*", &http)
}

fn secret(name: &str, entries: &[(&str, &str)]) -> String {
    let data: String = entries
        .iter()
        .map(|(key, text)| {
            let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
            format!("  {key}: |\n{indented}")
        })
        .collect();
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: istio-system}}
stringData:
{data}---
"
    )
}

/// Authorities and certificates of the matrix.
struct Papers {
    servers: Authority,
    clients: Authority,
    good: Pair,
    client: Pair,
    stranger: Pair,
    itself: Authority,
}

impl Papers {
    fn new() -> Self {
        let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
        Self {
            good: servers.server(&["origin.example", "*.wild.example"]),
            client: clients.client("gateway", &[], &["spiffe://td/ns/a/sa/gateway"]),
            stranger: Authority::new("strangers").server(&["origin.example"]),
            itself: Authority::new("itself"),
            servers,
            clients,
        }
    }

    fn plan(&self, yaml: &str) -> Plan {
        files(&[
            ("gateway.yaml", yaml),
            ("servers.crt", &self.servers.pem),
            ("revoked.crl", &self.servers.revokes(77)),
            ("itself.crt", &self.itself.pem),
            ("client.crt", &self.client.certificate),
            ("client.key", &self.client.key),
        ])
    }
}

#[test]
fn a_verified_endpoint_is_asked_as_the_mode_says() {
    let papers = Papers::new();
    let good = Manner::of(&papers.good);
    let open = TlsOrigin::new(good);
    let old = TlsOrigin::new(Manner { version: "1.2", ..good });
    let mutual = TlsOrigin::new(Manner { clients: Some(&papers.clients), ..good });
    let mutual_old =
        TlsOrigin::new(Manner { clients: Some(&papers.clients), version: "1.2", ..good });
    let strange = TlsOrigin::new(Manner::of(&papers.stranger));
    let own = TlsOrigin::new(Manner::of(&papers.itself.itself()));
    let cases = [
        ("simple", open.port(), "{mode: SIMPLE, caCertificates: servers.crt}"),
        ("old", old.port(), "{mode: SIMPLE, caCertificates: servers.crt}"),
        ("sni", open.port(), "{mode: SIMPLE, caCertificates: servers.crt, sni: other.example}"),
        (
            "san",
            open.port(),
            "{mode: SIMPLE, caCertificates: servers.crt, subjectAltNames: [a.wild.example, x]}",
        ),
        (
            "mutual",
            mutual.port(),
            "{mode: MUTUAL, caCertificates: servers.crt, clientCertificate: client.crt, \
             privateKey: client.key}",
        ),
        (
            "mutual-old",
            mutual_old.port(),
            "{mode: MUTUAL, caCertificates: servers.crt, clientCertificate: client.crt, \
             privateKey: client.key}",
        ),
        ("secret", mutual.port(), "{mode: MUTUAL, credentialName: both}"),
        ("split", mutual.port(), "{mode: MUTUAL, credentialName: apart}"),
        ("authority", open.port(), "{mode: SIMPLE, credentialName: authority}"),
        ("skip", strange.port(), "{mode: SIMPLE, insecureSkipVerify: true}"),
        (
            "unrevoked",
            open.port(),
            "{mode: SIMPLE, caCertificates: servers.crt, caCrl: revoked.crl}",
        ),
        ("itself", own.port(), "{mode: SIMPLE, caCertificates: itself.crt, sni: origin.example}"),
    ];
    let cases = cases.map(|(name, port, tls)| Case { name, port, tls });
    let (chain, key) = (&papers.client.certificate, &papers.client.key);
    let yaml =
        secret("both", &[("tls.crt", chain), ("tls.key", key), ("ca.crt", &papers.servers.pem)])
            + &secret("apart", &[("cert", chain), ("key", key)])
            + &secret("apart-cacert", &[("cacert", &papers.servers.pem)])
            + &secret("authority", &[("ca.crt", &papers.servers.pem)])
            + &gateway_yaml(&cases);
    let gateway = papers.plan(&yaml).start();
    for (name, said) in [
        ("simple", "sni=origin.example offered= alpn=- tls=1.3 client=0"),
        ("old", "sni=origin.example offered= alpn=- tls=1.2 client=0"),
        ("sni", "sni=other.example offered= alpn=- tls=1.3 client=0"),
        ("san", "sni=origin.example offered= alpn=- tls=1.3 client=0"),
        ("mutual", "sni=origin.example offered= alpn=- tls=1.3 client=1"),
        ("mutual-old", "sni=origin.example offered= alpn=- tls=1.2 client=1"),
        ("secret", "sni=origin.example offered= alpn=- tls=1.3 client=1"),
        ("split", "sni=origin.example offered= alpn=- tls=1.3 client=1"),
        ("authority", "sni=origin.example offered= alpn=- tls=1.3 client=0"),
        ("skip", "sni=origin.example offered= alpn=- tls=1.3 client=0"),
        ("unrevoked", "sni=origin.example offered= alpn=- tls=1.3 client=0"),
        ("itself", "sni=origin.example offered= alpn=- tls=1.3 client=0"),
    ] {
        let answer = gateway.get_from("origin.example:8080", &format!("/{name}"));
        assert_eq!(answer.text(), format!("{said} resumed=false"), "{name}");
    }
}

#[test]
fn an_endpoint_that_does_not_verify_gets_no_request_and_the_log_says_why() {
    let papers = Papers::new();
    let good = Manner::of(&papers.good);
    let names = ["origin.example"];
    let expired = papers.servers.server_between("origin.example", 2001, 2002);
    let early = papers.servers.server_between("origin.example", 3001, 3002);
    let revoked = papers.servers.server_of_serial(&names, 77);
    let open = TlsOrigin::new(good);
    let [expired, early, revoked, strange] =
        [&expired, &early, &revoked, &papers.stranger].map(|pair| TlsOrigin::new(Manner::of(pair)));
    let mutual = TlsOrigin::new(Manner { clients: Some(&papers.clients), version: "1.2", ..good });
    let plain =
        Origin::talks(|conversation| conversation.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
    let closing = Origin::talks(|conversation| {
        conversation.close();
        Ok(())
    });
    const TRUSTED: &str = "{mode: SIMPLE, caCertificates: servers.crt}";
    let cases = [
        ("expired", expired.port(), TRUSTED),
        ("early", early.port(), TRUSTED),
        ("strange", strange.port(), TRUSTED),
        ("system", open.port(), "{mode: SIMPLE}"),
        (
            "revoked",
            revoked.port(),
            "{mode: SIMPLE, caCertificates: servers.crt, caCrl: revoked.crl}",
        ),
        (
            "san",
            open.port(),
            "{mode: SIMPLE, caCertificates: servers.crt, \
             subjectAltNames: [other.example, spiffe://x]}",
        ),
        ("no-client", mutual.port(), TRUSTED),
        ("plain", plain.port(), TRUSTED),
        ("closing", closing.port(), TRUSTED),
        ("lost", open.port(), "{mode: MUTUAL, credentialName: nowhere}"),
        ("file", open.port(), "{mode: SIMPLE, caCertificates: nowhere.crt}"),
    ];
    let cases = cases.map(|(name, port, tls)| Case { name, port, tls });
    let gateway = papers.plan(&gateway_yaml(&cases)).start();
    for (name, words) in [
        ("expired", "its certificate expired on Tue, 01 Jan 2002"),
        ("early", "its certificate is not valid before Thu, 01 Jan 3001"),
        ("strange", "its certificate is not signed by an authority of servers.crt"),
        ("system", "is not signed by an authority of the operating system's authorities"),
        ("revoked", "its certificate is revoked"),
        (
            "san",
            "its certificate is for origin.example, *.wild.example, not for other.example or \
             spiffe://x",
        ),
        ("no-client", "it wants a client certificate (mode MUTUAL)"),
        ("plain", "it does not answer in TLS"),
        ("closing", "the endpoint closed the connection during the TLS handshake"),
        ("lost", "Secret istio-system/nowhere: it does not exist"),
        ("file", "nowhere.crt cannot be read"),
    ] {
        let answer = gateway.get_from("origin.example", &format!("/{name}"));
        assert_eq!((answer.status, answer.text()), (503, FAILED.to_owned()), "{name}");
        gateway.prints(words);
        let line = format!("cluster=\"outbound|80||{name}.default.svc.cluster.local\"");
        assert!(gateway.log().contains(&line), "{}", gateway.log());
    }
    assert_eq!(plain.received().len(), 0);
    // The host of the request is the name that is verified where nothing else is named.
    let other = gateway.get_from("elsewhere.example", "/expired");
    assert_eq!(other.status, 503);
}

#[test]
fn an_endpoint_that_misses_a_client_certificate_after_the_handshake_is_understood() {
    let papers = Papers::new();
    let good = Manner::of(&papers.good);
    let origin = TlsOrigin::new(Manner { clients: Some(&papers.clients), version: "1.3", ..good });
    let tls = "{mode: SIMPLE, caCertificates: servers.crt}";
    let gateway =
        papers.plan(&gateway_yaml(&[Case { name: "late", port: origin.port(), tls }])).start();
    // In TLS 1.3 the endpoint's alert follows a handshake that is complete for the client, and a
    // reset may overtake it.
    eventually("the log says why", || {
        assert_eq!(gateway.get_from("origin.example", "/late").status, 503);
        gateway.log().contains("it wants a client certificate (mode MUTUAL)")
    });
    let log = gateway.log();
    assert!(log.contains("cluster=\"outbound|80||late.default.svc.cluster.local\""), "{log}");
}

#[test]
fn a_connection_verified_for_one_host_serves_no_other() {
    let papers = Papers::new();
    let origin = TlsOrigin::new(Manner::of(&papers.good));
    let tls = "{mode: SIMPLE, caCertificates: servers.crt}";
    let case = Case { name: "auto", port: origin.port(), tls };
    let gateway = papers.plan(&gateway_yaml(&[case])).start();
    let mut client = gateway.connect();
    let mut ask = |host: &str| {
        client.send(format!("GET /auto HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        client.answer()
    };
    assert!(ask("origin.example").is(200).text().starts_with("sni=origin.example "));
    assert!(ask("ORIGIN.example:80").is(200).text().starts_with("sni=origin.example "));
    assert_eq!(origin.connections(), 1);
    assert!(ask("a.wild.example").is(200).text().starts_with("sni=a.wild.example "));
    assert_eq!(origin.connections(), 2);
    ask("b.a.wild.example").is(503);
    gateway.prints("its certificate is for origin.example, *.wild.example, not for b.a.wild");
    assert!(ask("origin.example").is(200).text().starts_with("sni=origin.example "));
}

#[test]
fn a_session_is_resumed_with_the_endpoint_that_made_it() {
    for version in ["1.2", "1.3"] {
        let papers = Papers::new();
        let origin = TlsOrigin::new(Manner { version, ..Manner::of(&papers.good) });
        let tls = "{mode: SIMPLE, caCertificates: servers.crt, sni: origin.example}";
        let case = Case { name: "again", port: origin.port(), tls };
        let gateway = papers.plan(&gateway_yaml(&[case])).start();
        let mut client = gateway.connect();
        let mut ask = || {
            client.send("GET /again HTTP/1.1\r\nhost: a\r\nx-last: yes\r\n\r\n");
            client.answer().is(200).text()
        };
        assert!(ask().ends_with("resumed=false"));
        let text = ask();
        assert!(text.ends_with("resumed=true"), "{version}: {text}");
        assert_eq!(origin.connections(), 2);
    }
}

#[test]
fn another_certificate_or_authority_is_in_force_for_the_next_connection() {
    let papers = Papers::new();
    let origin = TlsOrigin::new(Manner::of(&papers.good));
    let tls = "{mode: SIMPLE, caCertificates: servers.crt, sni: origin.example}";
    let case = Case { name: "origin", port: origin.port(), tls };
    let gateway = papers.plan(&gateway_yaml(&[case])).start();
    gateway.get("/origin").is(200);
    let others = Authority::new("others");
    let pair = others.server(&["origin.example"]);
    origin.changes_to(Manner::of(&pair));
    let before = gateway.reloads();
    gateway.replace("servers.crt", &others.pem);
    gateway.reloads_after(before);
    eventually("the new authority counts", || gateway.get("/origin").status == 200);
    let before = gateway.reloads();
    gateway.replace("servers.crt", &papers.servers.pem);
    gateway.reloads_after(before);
    gateway.get("/origin").is(503);
    gateway.prints("is not signed by an authority of servers.crt");
}

#[test]
fn bytes_are_handed_on_in_tls_without_a_name() {
    let papers = Papers::new();
    let origin = TlsOrigin::new(Manner::of(&papers.good));
    let yaml = service("origin", origin.port())
        + &rule("origin", "{tls: {mode: SIMPLE, caCertificates: servers.crt}}")
        + "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 9000, name: tcp, protocol: TCP}, hosts: ['*']}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tcp}
spec:
  hosts: ['*']
  gateways: [web]
  tcp: [{route: [{destination: {host: origin}}]}]
";
    let gateway = papers.plan(&yaml).ports(&[9000]).start();
    let mut client = TcpStream::connect(gateway.address(9000)).expect("connect");
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("write");
    client.shutdown(std::net::Shutdown::Write).expect("half-close");
    let mut text = String::new();
    client.read_to_string(&mut text).expect("an answer");
    assert!(text.ends_with("sni=- offered= alpn=- tls=1.3 client=0 resumed=false"), "{text}");
}

#[test]
fn an_openssl_server_is_verified_and_served() {
    let papers = Papers::new();
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("s.crt"), &papers.good.certificate).expect("write");
    std::fs::write(path("s.key"), &papers.good.key).expect("write");
    let port = ports::free();
    let mut command = Command::new("openssl");
    command.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]);
    command.arg("-cert").arg(path("s.crt")).arg("-key").arg(path("s.key"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _server = Ended(child.expect("openssl is installed"));
    eventually("openssl listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let tls = "{mode: SIMPLE, caCertificates: servers.crt, sni: origin.example}";
    let gateway: Gateway = papers.plan(&gateway_yaml(&[Case { name: "o", port, tls }])).start();
    let answer = gateway.get("/o").is(200);
    assert!(answer.text().contains("TLSv1.3"), "{}", answer.text());
}

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
