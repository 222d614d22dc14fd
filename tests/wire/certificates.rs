//! Certificates as operators meet them: what is said of them at the start and later, `propylon
//! certs`, `/certs`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::harness::certificates::{Authority, Pair};
use super::harness::eventually;
use super::harness::gateway::{self, Gateway};

/// A Gateway with a server for each of these names, whose files are called after it.
fn servers(names: &[&str]) -> String {
    let list = names.iter().map(|name| {
        format!(
            "  - port: {{number: 443, name: {name}, protocol: HTTPS}}
    hosts: [{name}.example]
    tls: {{mode: SIMPLE, serverCertificate: {name}.crt, privateKey: {name}.key}}
"
        )
    });
    "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web}
spec:
  selector: {istio: ingressgateway}
  servers:
"
    .to_owned()
        + &list.collect::<String>()
        + "---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all}
spec:
  hosts: [\"*\"]
  gateways: [web]
  http: [{directResponse: {status: 200, body: {string: here}}}]
"
}

fn start(pairs: &[(&str, &Pair)]) -> Gateway {
    let names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
    let mut files = vec![("world.yaml".to_owned(), servers(&names))];
    for (name, pair) in pairs {
        files.push((format!("{name}.crt"), pair.certificate.clone()));
        files.push((format!("{name}.key"), pair.key.clone()));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    gateway::files(&files).ports(&[443]).start()
}

#[test]
fn a_revocation_list_that_has_ended_or_cannot_be_read_is_told() {
    let authority = Authority::new("authority");
    let own = authority.server(&["web.example"]);
    let mutual = servers(&["web"])
        .replace("{mode: SIMPLE,", "{mode: MUTUAL, caCertificates: ca.crt, caCrl: ca.crl,");
    let gateway = gateway::files(&[
        ("world.yaml", &mutual),
        ("web.crt", &own.certificate),
        ("web.key", &own.key),
        ("ca.crt", &authority.pem),
        ("ca.crl", &authority.revokes_until(7, 2021)),
    ]);
    let gateway = gateway.ports(&[443]).start();
    gateway.prints("ca.crl: the revocation list ENDED on 2021-01-01T00:00:00Z; the client");
    let noise = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
    gateway.replace("ca.crl", noise);
    gateway.prints("ca.crl: the revocation list cannot be read: it must be of version 2");
}

fn json(gateway: &Gateway, path: &str) -> Value {
    let text = gateway.control(gateway.admin, path).body.text();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_start_says_which_certificates_are_broken_or_expired_and_serves_the_others() {
    let authority = Authority::new("authority");
    let good = authority.server_between("good.example", 2020, 4000);
    let old = authority.server_between("old.example", 2020, 2021);
    let early = authority.server_between("early.example", 3000, 4000);
    let broken = Pair { certificate: "no certificate".to_owned(), key: good.key.clone() };
    let gateway = start(&[("good", &good), ("old", &old), ("early", &early), ("broken", &broken)]);
    gateway.prints("old.crt and old.key: the certificate EXPIRED on 2021-01-01T00:00:00Z");
    gateway.prints("the certificate is not valid before 3000-01-01T00:00:00Z");
    gateway.prints("there is no certificate in PEM; TLS handshakes for broken.example fail");
    assert!(!gateway.log().contains("good.crt"), "{}", gateway.log());
    let config = json(&gateway, "/config");
    assert_eq!((&config["errors"], &config["warnings"]), (&Value::from(1), &Value::from(2)));
    // Whoever mends it is told, and of the rotation too.
    let mended = authority.server_between("broken.example", 2020, 4000);
    gateway.write("broken.key", &mended.key);
    gateway.write("broken.crt", &mended.certificate);
    gateway.prints("certificate of broken.example rotated");
    gateway.prints("solved[GW0205]: Gateway default/web: broken.crt and broken.key");
    // A mistake from now on costs no handshake.
    gateway.write("broken.crt", "no certificate");
    gateway.prints("the certificate before it is shown for broken.example until it is mended");
    for text in [gateway.log(), config.to_string()] {
        assert!(!text.contains("PRIVATE KEY"), "{text}");
    }
}

#[test]
fn admin_lists_certificates_as_envoy_does_and_rotated_ones_at_once() {
    let authority = Authority::new("authority");
    let first = authority.server_between("a.example", 2020, 4000);
    let gateway = start(&[("a", &first)]);
    let certs = json(&gateway, "/certs");
    let own = &certs["certificates"][0]["cert_chain"][0];
    assert_eq!(own["path"], "a.crt and a.key");
    assert_eq!(own["subject_alt_names"], serde_json::json!([{"dns": "a.example"}]));
    assert_eq!(own["valid_from"], "2020-01-01T00:00:00Z");
    assert_eq!(own["expiration_time"], "4000-01-01T00:00:00Z");
    assert!(own["days_until_expiration"].as_str().is_some_and(|days| days.len() == 6), "{own}");
    assert_eq!(certs["certificates"][0]["ca_cert"], serde_json::json!([]));
    let serial = own["serial_number"].clone();
    let second = authority.server_between("a.example", 2020, 4000);
    gateway.write("a.key", &second.key);
    gateway.write("a.crt", &second.certificate);
    eventually("the new certificate is listed", || {
        json(&gateway, "/certs")["certificates"][0]["cert_chain"][0]["serial_number"] != serial
    });
}

fn certs(folder: &Path, flags: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_propylon"));
    let output = command.arg("certs").args(flags).current_dir(folder).output().expect("run it");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

#[test]
fn the_command_shows_names_dates_days_and_sources_and_fails_for_a_broken_one() {
    let authority = Authority::new("authority");
    let folder = tempfile::TempDir::new().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("write a file");
    };
    let old = authority.server_between("old.example", 2020, 2021);
    write("old.crt", &old.certificate);
    write("old.key", &old.key);
    let mutual =
        servers(&["old"]).replace("mode: SIMPLE,", "mode: MUTUAL, caCertificates: clients.crt,");
    write("world.yaml", &mutual);
    write("clients.crt", &authority.pem);
    let (text, code) = certs(folder.path(), &[]);
    assert_eq!(code, Some(0), "{text}");
    for part in [
        "0.0.0.0:443 old.example",
        "server     EXPIRED  until 2021-01-01, ",
        " days ago ",
        "old.crt and old.key",
        "authority  valid",
        "CN=authority,O=Acme",
        "clients.crt",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    write("old.crt", "no certificate");
    let (text, code) = certs(folder.path(), &["--json"]);
    assert_eq!(code, Some(1), "{text}");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    let (own, authority) = (&all["certificates"][0], &all["certificates"][1]);
    assert_eq!(own["state"], "broken");
    assert_eq!(own["problem"], "there is no certificate in PEM");
    assert_eq!(authority["role"], "authority");
    assert_eq!(authority["sha256"].as_str().map(str::len), Some(64));
    assert!(!text.contains("PRIVATE KEY"), "{text}");
}
