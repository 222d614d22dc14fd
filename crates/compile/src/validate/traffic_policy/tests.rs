//! Traffic policies, of rules, subsets and ports, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::{Kind, Severity};
use serde_json::{Value, json};

use crate::validate::testing::{has, healthy, problems, refused, warned};

fn rule(policy: Value) -> Value {
    json!({"host": "a", "trafficPolicy": policy})
}

fn refuses(policy: Value, field: &str, words: &[&str]) {
    let place = format!("spec.trafficPolicy{field}");
    refused(Kind::DestinationRule, rule(policy), &place, words);
}

#[test]
fn a_policy_is_not_empty() {
    refuses(json!({}), "", &["empty"]);
    refuses(json!({"connectionPool": {}}), ".connectionPool", &["neither"]);
    let list = json!({"portLevelSettings": [{"tls": {"mode": "SIMPLE"}}, {"port": {"number": 1}}]});
    refuses(list.clone(), ".portLevelSettings[0]", &["need the port"]);
    refuses(list, ".portLevelSettings[1]", &["empty"]);
}

#[test]
fn a_tunnel_goes_to_a_host_without_proxy_protocol() {
    let tunnel = json!({"targetHost": "a.com", "targetPort": 443});
    healthy(Kind::DestinationRule, rule(json!({"tunnel": tunnel})));
    refuses(json!({"tunnel": tunnel, "proxyProtocol": {}}), ".proxyProtocol", &["tunnel"]);
    let bad = json!({"tunnel": {"protocol": "GET", "targetHost": "", "targetPort": 0}});
    refuses(bad.clone(), ".tunnel.protocol", &["CONNECT"]);
    refuses(bad.clone(), ".tunnel.targetHost", &["empty"]);
    refuses(bad, ".tunnel.targetPort", &["65535"]);
}

#[test]
fn outlier_detection_counts_what_it_splits() {
    let local = json!({"outlierDetection": {"consecutiveLocalOriginFailures": 3}});
    let field = ".outlierDetection.consecutiveLocalOriginFailures";
    refuses(local, field, &["splitExternalLocalOriginErrors"]);
    let percent = json!({"outlierDetection": {"maxEjectionPercent": 101}});
    refuses(percent, ".outlierDetection.maxEjectionPercent", &["0 to 100"]);
    let old = rule(json!({"outlierDetection": {"consecutiveErrors": 7}}));
    let place = "spec.trafficPolicy.outlierDetection.consecutiveErrors";
    warned(Kind::DestinationRule, old, place, &["`consecutive5xxErrors: 7`"]);
}

#[test]
fn pools_have_limits_and_times() {
    let pool = json!({"connectionPool": {
        "tcp": {"maxConnections": -1, "connectTimeout": "0s", "idleTimeout": "0s"},
        "http": {"h2UpgradePolicy": "UPGRADE", "useClientProtocol": true, "http2KeepAlive": {}}}});
    refuses(pool.clone(), ".connectionPool.tcp.maxConnections", &["no limit"]);
    refuses(pool.clone(), ".connectionPool.tcp.connectTimeout", &["10s"]);
    refuses(pool.clone(), ".connectionPool.http.useClientProtocol", &["HTTP/2"]);
    refuses(pool.clone(), ".connectionPool.http.http2KeepAlive", &["`interval`"]);
    let found = problems(Kind::DestinationRule, rule(pool));
    let idle = found.iter().any(|problem| problem.field.to_string().ends_with("tcp.idleTimeout"));
    assert!(!idle, "an idle timeout of 0 switches it off");
}

#[test]
fn hashes_have_a_prime_table_and_a_named_cookie() {
    let hash = |hash: Value| json!({"loadBalancer": {"consistentHash": hash}});
    let place = ".loadBalancer.consistentHash";
    let cookie = json!({"httpCookie": {"attributes": [{"name": "A"}, {"name": "A"}, {}]}});
    refuses(hash(cookie.clone()), &format!("{place}.httpCookie"), &["no name"]);
    let attribute = format!("{place}.httpCookie.attributes[1].name");
    refuses(hash(cookie), &attribute, &["twice"]);
    for (size, words) in [(0, "no size"), (100, "not prime"), (5_000_011, "too large")] {
        let maglev = json!({"useSourceIp": true, "maglev": {"tableSize": size}});
        let field = if size == 0 { "maglev" } else { "maglev.tableSize" };
        refuses(hash(maglev), &format!("{place}.{field}"), &[words]);
    }
    let both = json!({"useSourceIp": true, "ringHash": {}, "minimumRingSize": 5});
    refuses(hash(both), &format!("{place}.minimumRingSize"), &["contradicts"]);
    healthy(
        Kind::DestinationRule,
        rule(hash(json!({"useSourceIp": true, "maglev": {"tableSize": 65537}}))),
    );
}

#[test]
fn a_warm_up_has_a_duration_and_a_slope() {
    let warmup = json!({"loadBalancer": {"warmup": {"minimumPercent": 101, "aggression": 0}}});
    let place = ".loadBalancer.warmup";
    refuses(warmup.clone(), place, &["no duration"]);
    refuses(warmup.clone(), &format!("{place}.minimumPercent"), &["0 to 100"]);
    refuses(warmup, &format!("{place}.aggression"), &["above 0"]);
}

#[test]
fn client_tls_says_what_it_lacks_and_what_contradicts() {
    let tls = |tls: Value| json!({"tls": tls});
    refuses(tls(json!({"mode": "MUTUAL"})), ".tls", &["`clientCertificate` is missing"]);
    let both = json!({"mode": "SIMPLE", "credentialName": "x", "caCertificates": "/ca"});
    refuses(tls(both), ".tls.caCertificates", &["Secret"]);
    let skip = json!({"mode": "SIMPLE", "insecureSkipVerify": true, "subjectAltNames": ["a"]});
    refuses(tls(skip), ".tls.subjectAltNames", &["verifies nothing"]);
    let mesh = json!({"mode": "ISTIO_MUTUAL", "caCertificates": "/ca"});
    refuses(tls(mesh), ".tls.caCertificates", &["mesh's own"]);
    let map = json!({"mode": "SIMPLE", "credentialName": "configmap://other/x"});
    refuses(tls(map), ".tls.credentialName", &["configmap://default/name"]);
    healthy(Kind::DestinationRule, rule(tls(json!({"mode": "SIMPLE", "sni": "a.com"}))));
}

#[test]
fn subsets_and_ports_are_checked_alike() {
    let spec = json!({"host": "a", "subsets": [{"name": "v1", "trafficPolicy": {
        "portLevelSettings": [{"port": {"number": 80}, "connectionPool": {}}]}}]});
    let found = problems(Kind::DestinationRule, spec);
    let place = "spec.subsets[0].trafficPolicy.portLevelSettings[0].connectionPool";
    has(&found, Severity::Error, place, &["neither"]);
}
