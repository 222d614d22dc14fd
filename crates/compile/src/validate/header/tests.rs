//! Names and values of headers, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::Kind;
use serde_json::{Value, json};

use super::{is_claim, is_token};
use crate::validate::testing::{healthy, refused};

fn service(headers: Value) -> Value {
    json!({"hosts": ["a.com"], "gateways": ["gw"], "http": [{
        "headers": headers, "route": [{"destination": {"host": "a"}, "headers": headers}]}]})
}

fn refuses(headers: Value, field: &str, words: &[&str]) {
    let spec = service(headers);
    refused(Kind::VirtualService, spec.clone(), &format!("spec.http[0].headers.{field}"), words);
    let place = format!("spec.http[0].route[0].headers.{field}");
    refused(Kind::VirtualService, spec, &place, words);
}

#[test]
fn requests_may_be_given_another_host_and_responses_may_not() {
    healthy(Kind::VirtualService, service(json!({"request": {"set": {"host": "b.com"}}})));
    let words = ["only a request's set and add"];
    refuses(json!({"response": {"set": {"host": "b.com"}}}), "response.set.host", &words);
    refuses(json!({"request": {"remove": ["Host"]}}), "request.remove[0]", &words);
}

#[test]
fn names_are_tokens_without_colon() {
    refuses(json!({"request": {"set": {":path": "/"}}}), "request.set.:path", &["request line"]);
    refuses(json!({"request": {"add": {"": "x"}}}), "request.add.", &["no name"]);
    refuses(json!({"response": {"add": {"a b": "x"}}}), "response.add.a b", &["letters"]);
}

#[test]
fn values_are_format_strings() {
    let fine = json!({"request": {"set": {"x-a": "%REQ(host)%", "x-b": "100%%"}}});
    healthy(Kind::VirtualService, service(fine));
    refuses(json!({"request": {"set": {"x-a": "100%"}}}), "request.set.x-a", &["`%%`"]);
    refuses(json!({"request": {"set": {"x-a": "%REQ(a"}}}), "request.set.x-a", &["%REQ(a"]);
    refuses(json!({"request": {"set": {"x-a": "a\r\nb: c"}}}), "request.set.x-a", &["one line"]);
}

#[test]
fn the_host_is_rewritten_in_one_place() {
    let spec = json!({"hosts": ["a.com"], "gateways": ["gw"], "http": [{
        "rewrite": {"authority": "b.com"},
        "headers": {"request": {"set": {"Host": "c.com"}}},
        "route": [{"destination": {"host": "a"}}]}]});
    let place = "spec.http[0].headers.request.set.Host";
    refused(Kind::VirtualService, spec, place, &["`b.com`", "`c.com`"]);
}

#[test]
fn claims_are_dotted_or_bracketed() {
    assert!(is_claim("@request.auth.claims.sub"));
    assert!(is_claim("@request.auth.claims[a][b]"));
    assert!(!is_claim("@request.auth.claims"));
    assert!(!is_token("@request"));
}
