//! Gateways that the webhook refuses, and those it takes, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::{Kind, Severity};
use serde_json::{Value, json};

use crate::validate::object;
use crate::validate::testing::{has, healthy, named, only, problems, refused, warned};

fn server(port: Value, extra: Value) -> Value {
    let mut server = json!({"port": port, "hosts": ["a.example.com"]});
    if let (Value::Object(server), Value::Object(extra)) = (&mut server, extra) {
        server.extend(extra);
    }
    json!({"servers": [server]})
}

fn http(extra: Value) -> Value {
    server(json!({"number": 80, "name": "http", "protocol": "HTTP"}), extra)
}

fn https(tls: Value) -> Value {
    server(json!({"number": 443, "name": "https", "protocol": "HTTPS"}), json!({"tls": tls}))
}

#[test]
fn a_plain_gateway_is_healthy() {
    healthy(Kind::Gateway, http(json!({})));
    healthy(Kind::Gateway, http(json!({"hosts": ["*", "./*.foo.com", "*/a.com", "ns/b.com"]})));
    healthy(Kind::Gateway, http(json!({"tls": {"httpsRedirect": true}})));
    healthy(Kind::Gateway, https(json!({"mode": "SIMPLE", "credentialName": "web"})));
}

#[test]
fn a_gateway_needs_servers_and_a_server_hosts() {
    refused(Kind::Gateway, json!({}), "spec", &["no servers"]);
    refused(Kind::Gateway, http(json!({"hosts": []})), "spec.servers[0]", &["no hosts"]);
}

#[test]
fn a_gateways_name_has_no_dots() {
    let found = object(&named(Kind::Gateway, "my.gateway", http(json!({}))));
    only(&found, Severity::Error, "metadata.name", &["my.gateway", "`my-gateway`"]);
}

#[test]
fn a_host_with_a_port_or_a_scheme_is_refused_with_the_bare_host_as_help() {
    let place = "spec.servers[0].hosts[0]";
    refused(Kind::Gateway, http(json!({"hosts": ["a.com:8080"]})), place, &["`a.com`"]);
    refused(Kind::Gateway, http(json!({"hosts": ["bad_host.com"]})), place, &["bad-host.com"]);
    refused(Kind::Gateway, http(json!({"hosts": ["/a.com"]})), place, &["lacks its namespace"]);
    refused(Kind::Gateway, http(json!({"hosts": ["n_s/a.com"]})), place, &["no namespace"]);
}

#[test]
fn server_hosts_are_whole_names() {
    let place = "spec.servers[0].hosts[0]";
    refused(Kind::Gateway, http(json!({"hosts": ["localhost"]})), place, &["short name"]);
    refused(Kind::Gateway, http(json!({"hosts": ["*foo.com"]})), place, &["partial wildcard"]);
}

#[test]
fn ports_have_a_number_a_known_protocol_and_a_name() {
    let port = |port: Value| server(port, json!({}));
    let place = "spec.servers[0].port";
    refused(Kind::Gateway, port(json!({})), "spec.servers[0]", &["no port"]);
    let zero = json!({"number": 0, "name": "a", "protocol": "HTTP"});
    refused(Kind::Gateway, port(zero), &format!("{place}.number"), &["1 to 65535"]);
    let odd = json!({"number": 80, "name": "a", "protocol": "HTTP3"});
    refused(Kind::Gateway, port(odd), &format!("{place}.protocol"), &["HTTP3", "HTTPS"]);
    let nameless = json!({"number": 80, "protocol": "http"});
    refused(Kind::Gateway, port(nameless), place, &["no name", "`name: http-80`"]);
    let target = json!({"number": 80, "name": "a", "protocol": "HTTP", "targetPort": 8080});
    refused(Kind::Gateway, port(target), &format!("{place}.targetPort"), &["no effect"]);
}

#[test]
fn port_names_are_unique_in_a_gateway() {
    let server = |number: u16| {
        json!({
        "port": {"number": number, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]})
    };
    let found = problems(Kind::Gateway, json!({"servers": [server(80), server(81)]}));
    only(&found, Severity::Error, "spec.servers[1].port.name", &["servers[0]"]);
}

#[test]
fn binds_are_addresses_or_sockets_without_port() {
    let place = "spec.servers[0].bind";
    refused(Kind::Gateway, http(json!({"bind": "eth0"})), place, &["no address"]);
    refused(Kind::Gateway, http(json!({"bind": "unix://run/x"})), place, &["absolute path"]);
    let socket = http(json!({"bind": "unix:///run/x"}));
    refused(Kind::Gateway, socket, "spec.servers[0].port.number", &["`number: 0`"]);
}

#[test]
fn https_needs_tls_and_http_has_none() {
    let bare = server(json!({"number": 443, "name": "s", "protocol": "HTTPS"}), json!({}));
    refused(Kind::Gateway, bare, "spec.servers[0]", &["needs `tls`", "credentialName"]);
    let tls = json!({"tls": {"mode": "SIMPLE", "credentialName": "x"}});
    refused(Kind::Gateway, http(tls.clone()), "spec.servers[0].tls", &["protocol: HTTPS"]);
    let tcp = server(json!({"number": 9, "name": "t", "protocol": "TCP"}), tls);
    refused(Kind::Gateway, tcp, "spec.servers[0].tls", &["protocol: TLS"]);
}

#[test]
fn https_redirect_belongs_to_plaintext() {
    let tls = json!({"mode": "SIMPLE", "credentialName": "x", "httpsRedirect": true});
    warned(Kind::Gateway, https(tls), "spec.servers[0].tls.httpsRedirect", &["plaintext"]);
}

#[test]
fn there_is_one_source_of_certificates() {
    let tls = json!({"mode": "SIMPLE", "credentialName": "x", "serverCertificate": "/a",
        "privateKey": "/b"});
    refused(Kind::Gateway, https(tls), "spec.servers[0].tls.credentialName", &["keep one"]);
}

#[test]
fn each_tls_mode_says_what_it_lacks() {
    let place = "spec.servers[0].tls";
    refused(Kind::Gateway, https(json!({"mode": "SIMPLE"})), place, &["certificate", "Secret"]);
    let mutual = json!({"mode": "MUTUAL", "serverCertificate": "/a", "privateKey": "/b"});
    refused(Kind::Gateway, https(mutual), place, &["no authority"]);
    let mesh = json!({"mode": "ISTIO_MUTUAL", "credentialName": "x"});
    let field = format!("{place}.credentialName");
    refused(Kind::Gateway, https(mesh), &field, &["mesh's own"]);
    let crl = json!({"mode": "SIMPLE", "serverCertificate": "/a", "privateKey": "/b",
        "caCrl": "/c"});
    refused(Kind::Gateway, https(crl), &format!("{place}.caCrl"), &["nothing to revoke"]);
}

#[test]
fn certificates_under_passthrough_are_reported_as_ignored() {
    let tls = json!({"credentialName": "x"});
    let words = ["PASSTHROUGH", "mode: SIMPLE"];
    warned(Kind::Gateway, https(tls), "spec.servers[0].tls.credentialName", &words);
}

#[test]
fn unknown_and_repeated_cipher_suites_are_reported_as_ignored() {
    let suites = json!({"mode": "SIMPLE", "credentialName": "x", "minProtocolVersion": "TLSV1_0",
        "cipherSuites": ["AES128-SHA", "AES128-SHA", "TLS_FOO"]});
    let found = problems(Kind::Gateway, https(suites));
    has(&found, Severity::Warning, "spec.servers[0].tls.cipherSuites[1]", &["twice"]);
    has(&found, Severity::Warning, "spec.servers[0].tls.cipherSuites[2]", &["TLS_FOO"]);
    let old = json!({"mode": "SIMPLE", "credentialName": "x", "minProtocolVersion": "TLSV1_0"});
    let place = "spec.servers[0].tls.minProtocolVersion";
    warned(Kind::Gateway, https(old), place, &["older clients"]);
}
