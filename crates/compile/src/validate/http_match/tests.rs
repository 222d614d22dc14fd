//! Conditions that cannot hold or do not compile, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::Kind;
use serde_json::{Value, json};

use crate::validate::testing::{healthy, refused, warned};

fn service(condition: Value) -> Value {
    json!({"hosts": ["a.com"], "gateways": ["gw"], "http": [{
        "match": [condition], "route": [{"destination": {"host": "a"}}]}]})
}

fn refuses(condition: Value, field: &str, words: &[&str]) {
    refused(
        Kind::VirtualService,
        service(condition),
        &format!("spec.http[0].match[0].{field}"),
        words,
    );
}

#[test]
fn an_empty_path_prefix_is_the_only_empty_prefix_allowed() {
    healthy(Kind::VirtualService, service(json!({"uri": {"prefix": ""}})));
    refuses(json!({"method": {"prefix": ""}}), "method.prefix", &["empty prefix"]);
    refuses(json!({"headers": {"x": {"prefix": ""}}}), "headers.x.prefix", &["empty prefix"]);
    refuses(json!({"queryParams": {"q": {"prefix": ""}}}), "queryParams.q.prefix", &["`{}`"]);
}

#[test]
fn expressions_are_re2() {
    refuses(json!({"uri": {"regex": "/(?!x).*"}}), "uri.regex", &["look-around"]);
    refuses(json!({"uri": {"regex": "*.html"}}), "uri.regex", &["`.*`"]);
    refuses(json!({"uri": {"regex": ""}}), "uri.regex", &["empty expression"]);
    refuses(json!({"uri": {"regex": "a".repeat(1025)}}), "uri.regex", &["1024"]);
    healthy(Kind::VirtualService, service(json!({"uri": {"regex": "/v[0-9]+/.*"}})));
}

#[test]
fn a_star_and_an_empty_test_ask_for_presence() {
    let condition = json!({"headers": {"x-a": {}, "x-b": {"regex": "*"}},
        "withoutHeaders": {"x-c": {"regex": "*"}}, "queryParams": {"q": {"regex": "*"}}});
    healthy(Kind::VirtualService, service(condition));
}

#[test]
fn header_names_are_tokens() {
    refuses(json!({"headers": {"x y": {"exact": "1"}}}), "headers.x y", &["no header name"]);
    refuses(json!({"withoutHeaders": {"": {}}}), "withoutHeaders.", &["no header name"]);
    let ignored = service(json!({"headers": {"method": {"exact": "GET"}}}));
    let place = "spec.http[0].match[0].headers.method";
    warned(Kind::VirtualService, ignored, place, &["ignored among headers"]);
}

#[test]
fn ports_labels_and_namespaces_are_checked() {
    refuses(json!({"port": 65536}), "port", &["65535"]);
    refuses(json!({"sourceNamespace": "a.b"}), "sourceNamespace", &["no DNS label"]);
    refuses(json!({"sourceLabels": {"a b": "c"}}), "sourceLabels.a b", &["label key"]);
    refuses(json!({"gateways": ["a/"]}), "gateways[0]", &["names no Gateway"]);
}

#[test]
fn ignoring_case_does_nothing_for_expressions() {
    let spec = service(json!({"uri": {"regex": "/a.*"}, "ignoreUriCase": true}));
    let place = "spec.http[0].match[0].ignoreUriCase";
    warned(Kind::VirtualService, spec, place, &["`regex: (?i)/a.*`"]);
}
