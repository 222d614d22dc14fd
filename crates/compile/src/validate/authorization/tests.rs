//! Authorization rules that match too much or nothing, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::Kind;
use serde_json::{Value, json};

use crate::validate::testing::{healthy, refused, warned};

fn refuses(spec: Value, field: &str, words: &[&str]) {
    refused(Kind::AuthorizationPolicy, spec, &format!("spec{field}"), words);
}

fn rule(rule: Value) -> Value {
    json!({"rules": [rule]})
}

#[test]
fn policies_that_match_nothing_by_mistake_are_refused() {
    healthy(Kind::AuthorizationPolicy, json!({}));
    refuses(json!({"action": "DENY"}), "", &["`rules: [{}]`"]);
    refuses(json!({"action": "CUSTOM"}), "", &["`rules: [{}]`"]);
    refuses(json!({"action": "CUSTOM", "rules": [{}]}), "", &["provider"]);
    refuses(json!({"provider": {"name": "x"}}), ".provider", &["action: CUSTOM"]);
}

#[test]
fn sources_and_operations_are_not_empty() {
    refuses(rule(json!({"from": [{}]})), ".rules[0].from[0]", &["no `source`"]);
    let empty = rule(json!({"from": [{"source": {}}], "to": [{"operation": {}}]}));
    refuses(empty.clone(), ".rules[0].from[0].source", &["everybody"]);
    refuses(empty, ".rules[0].to[0].operation", &["every request"]);
    let value = rule(json!({"to": [{"operation": {"methods": [""]}}]}));
    refuses(value, ".rules[0].to[0].operation.methods[0]", &["empty value"]);
}

#[test]
fn values_are_addresses_ports_accounts_and_paths() {
    let source = |source: Value| rule(json!({"from": [{"source": source}]}));
    let place = ".rules[0].from[0].source";
    refuses(source(json!({"ipBlocks": ["x"]})), &format!("{place}.ipBlocks[0]"), &["CIDR"]);
    let account = source(json!({"serviceAccounts": ["a/*"]}));
    refuses(account, &format!("{place}.serviceAccounts[0]"), &["no wildcards"]);
    let both = source(json!({"serviceAccounts": ["a/b"], "namespaces": ["c"]}));
    refuses(both, &format!("{place}.namespaces"), &["contradicts"]);
    let domain = source(json!({"trustDomains": ["a/b"]}));
    refuses(domain, &format!("{place}.trustDomains[0]"), &["no trust domain"]);
    let operation = |op: Value| rule(json!({"to": [{"operation": op}]}));
    let place = ".rules[0].to[0].operation";
    refuses(operation(json!({"ports": ["99999"]})), &format!("{place}.ports[0]"), &["port"]);
    let paths = format!("{place}.paths[0]");
    refuses(operation(json!({"paths": ["/a/{x}"]})), &paths, &["{*}"]);
    refuses(operation(json!({"paths": ["/{**}/{*}"]})), &paths, &["template"]);
    healthy(Kind::AuthorizationPolicy, operation(json!({"paths": ["/a/{*}/b/{**}"]})));
}

#[test]
fn conditions_have_a_known_key_and_values() {
    let when = |when: Value| rule(json!({"when": [when]}));
    refuses(when(json!({"values": ["a"]})), ".rules[0].when[0]", &["no key"]);
    refuses(when(json!({"key": "source.ip"})), ".rules[0].when[0]", &["no values"]);
    let unknown = when(json!({"key": "request.path", "values": ["a"]}));
    refuses(unknown, ".rules[0].when[0].key", &["not known"]);
    let bare = when(json!({"key": "request.headers", "values": ["a"]}));
    refuses(bare, ".rules[0].when[0].key", &["brackets"]);
    let fine = when(json!({"key": "request.auth.claims[iss]", "values": ["a"]}));
    healthy(Kind::AuthorizationPolicy, fine);
}

#[test]
fn external_authorizers_are_not_selected_by_identity() {
    let spec = json!({"action": "CUSTOM", "provider": {"name": "x"}, "rules": [{
        "from": [{"source": {"namespaces": ["a"]}}],
        "when": [{"key": "source.principal", "values": ["a"]}]}]});
    refuses(spec.clone(), ".rules[0].from[0].source.namespaces", &["external authorizer"]);
    refuses(spec, ".rules[0].when[0].key", &["external authorizer"]);
}

#[test]
fn a_deny_with_http_conditions_denies_all_tcp() {
    let deny = |operation: Value| {
        json!({"action": "DENY", "rules": [{
        "to": [{"operation": operation}]}]})
    };
    let words = ["every connection", "`ports:`"];
    warned(Kind::AuthorizationPolicy, deny(json!({"paths": ["/admin"]})), "spec.rules[0]", &words);
    let ported = deny(json!({"paths": ["/admin"], "ports": ["80"]}));
    healthy(Kind::AuthorizationPolicy, ported);
}

#[test]
fn a_policy_is_attached_in_one_way() {
    let target = json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "x"}]);
    healthy(Kind::AuthorizationPolicy, json!({"targetRefs": target}));
    let both = json!({"selector": {"matchLabels": {"a": "b"}}, "targetRefs": target});
    refuses(both, ".targetRefs", &["either"]);
    let istio = json!({"targetRefs": [{"group": "networking.istio.io", "kind": "Gateway",
        "name": "x"}]});
    refuses(istio, ".targetRefs[0].kind", &["`selector`"]);
    let wild = json!({"selector": {"matchLabels": {"app": "*"}}});
    refuses(wild, ".selector.matchLabels.app", &["no wildcards"]);
}
