//! ServiceEntries and WorkloadEntries, as sentences.

use propylon_model::{Kind, Severity};
use serde_json::{Value, json};

use crate::validate::testing::{has, healthy, only, problems, refused, warned};

fn entry(extra: Value) -> Value {
    let mut spec = json!({"hosts": ["api.example.com"], "resolution": "DNS",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}]});
    if let (Value::Object(spec), Value::Object(extra)) = (&mut spec, extra) {
        spec.extend(extra);
    }
    spec
}

fn refuses(extra: Value, field: &str, words: &[&str]) {
    refused(Kind::ServiceEntry, entry(extra), &format!("spec{field}"), words);
}

#[test]
fn the_entries_of_tutorials_are_healthy() {
    healthy(Kind::ServiceEntry, entry(json!({})));
    healthy(
        Kind::ServiceEntry,
        entry(json!({"addresses": ["192.168.1.1"], "endpoints": [
        {"address": "www.google.com", "ports": {"http": 80}, "locality": "us-west1/zone1"}]})),
    );
    healthy(Kind::ServiceEntry, entry(json!({"resolution": "NONE", "hosts": ["*.bar.com"]})));
    healthy(
        Kind::ServiceEntry,
        entry(json!({"resolution": "STATIC", "endpoints": [
        {"address": "unix:///run/a.sock"}]})),
    );
}

#[test]
fn hosts_are_named_and_not_everything() {
    refuses(json!({"hosts": []}), "", &["no hosts"]);
    refuses(json!({"hosts": ["*"]}), ".hosts[0]", &["every host"]);
    let partial = entry(json!({"hosts": ["*foo.com"], "resolution": "NONE"}));
    warned(Kind::ServiceEntry, partial, "spec.hosts[0]", &["partial wildcard"]);
}

#[test]
fn dns_looks_up_no_wildcards_and_round_robin_one_name() {
    let wild = json!({"hosts": ["*.example.com"]});
    refuses(wild, ".hosts[0]", &["knows no wildcards"]);
    let two = json!({"resolution": "DNS_ROUND_ROBIN",
        "endpoints": [{"address": "a.com"}, {"address": "b.com"}]});
    refuses(two, ".endpoints", &["one name only"]);
    let bad = json!({"endpoints": [{"address": "a_b", "ports": {"grpc": 80}}]});
    refuses(bad.clone(), ".endpoints[0].address", &["neither"]);
    refuses(bad, ".endpoints[0].ports.grpc", &["no port named", "write one of http"]);
}

#[test]
fn static_takes_addresses_and_none_takes_nothing() {
    let name = json!({"resolution": "STATIC", "endpoints": [{"address": "a.com"}]});
    refuses(name, ".endpoints[0].address", &["`resolution: DNS`"]);
    let none = json!({"resolution": "NONE", "endpoints": [{"address": "10.0.0.1"}]});
    refuses(none, ".endpoints", &["STATIC"]);
    let socket = json!({"resolution": "STATIC", "ports": [
        {"number": 80, "name": "a", "protocol": "HTTP"},
        {"number": 81, "name": "b", "protocol": "HTTP"}],
        "endpoints": [{"address": "unix:///a", "ports": {"a": 1}}]});
    refuses(socket.clone(), ".endpoints[0].ports", &["no ports"]);
    refuses(socket, ".endpoints[0].address", &["exactly one"]);
}

#[test]
fn dynamic_dns_is_for_wildcards_over_http_and_tls() {
    let dynamic = json!({"resolution": "DYNAMIC_DNS", "addresses": ["10.0.0.1"],
        "ports": [{"number": 9, "name": "t", "protocol": "TCP"}]});
    refuses(dynamic.clone(), ".hosts[0]", &["one fixed name"]);
    refuses(dynamic.clone(), ".addresses", &["contradicts"]);
    refuses(dynamic, ".ports[0].protocol", &["HTTP, HTTP2, GRPC or TLS"]);
    let fine = json!({"resolution": "DYNAMIC_DNS", "hosts": ["*.example.com"]});
    healthy(Kind::ServiceEntry, entry(fine));
}

#[test]
fn ports_are_unique_and_known() {
    let ports = json!({"ports": [{"number": 80, "name": "a", "protocol": "HTTP"},
        {"number": 80, "name": "a", "protocol": "FOO", "targetPort": 70000}]});
    let found = problems(Kind::ServiceEntry, entry(ports));
    has(&found, Severity::Error, "spec.ports[1].name", &["already"]);
    has(&found, Severity::Error, "spec.ports[1].number", &["already"]);
    has(&found, Severity::Error, "spec.ports[1].protocol", &["FOO"]);
    has(&found, Severity::Error, "spec.ports[1].targetPort", &["65535"]);
}

#[test]
fn tcp_without_addresses_is_a_warning_and_several_tcp_hosts_are_an_error() {
    let tcp = json!({"ports": [{"number": 9, "name": "t", "protocol": "TCP"}]});
    let found = problems(Kind::ServiceEntry, entry(tcp));
    only(&found, Severity::Warning, "spec.ports[0]", &["sidecars"]);
    assert_eq!(found[0].code.0, "IST0134");
    let hosts = json!({"hosts": ["a.com", "b.com"], "addresses": ["10.0.0.1"],
        "ports": [{"number": 9, "name": "t", "protocol": "MONGO"}]});
    refuses(hosts, ".hosts", &["told apart"]);
}

#[test]
fn endpoints_are_listed_or_selected() {
    let both = json!({"resolution": "STATIC", "endpoints": [{"address": "10.0.0.1"}],
        "workloadSelector": {"labels": {"a": "b"}}});
    refuses(both, ".endpoints", &["not both"]);
    let blocks = json!({"addresses": ["10.0.0.0/8"]});
    refuses(blocks, ".addresses[0]", &["resolution DNS"]);
}

#[test]
fn a_workload_entry_may_have_a_name_as_address() {
    healthy(Kind::WorkloadEntry, json!({"address": "vm.example.com"}));
    refused(Kind::WorkloadEntry, json!({}), "spec", &["no address"]);
    refused(Kind::WorkloadEntry, json!({"address": "a b"}), "spec.address", &["neither"]);
}
