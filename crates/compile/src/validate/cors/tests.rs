//! Cross-origin policies, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::Kind;
use serde_json::{Value, json};

use crate::validate::testing::{healthy, refused, warned};

fn service(policy: Value) -> Value {
    json!({"hosts": ["a.com"], "gateways": ["gw"], "http": [{
        "corsPolicy": policy, "route": [{"destination": {"host": "a"}}]}]})
}

fn refuses(policy: Value, field: &str, words: &[&str]) {
    let place = format!("spec.http[0].corsPolicy.{field}");
    refused(Kind::VirtualService, service(policy), &place, words);
}

#[test]
fn origins_are_not_empty_and_expressions_compile() {
    refuses(json!({"allowOrigins": [{}]}), "allowOrigins[0]", &["allows nobody"]);
    refuses(json!({"allowOrigins": [{"regex": "("}]}), "allowOrigins[0].regex", &["RE2"]);
    let old = service(json!({"allowOrigin": ["https://a"]}));
    let place = "spec.http[0].corsPolicy.allowOrigin";
    warned(Kind::VirtualService, old, place, &["allowOrigins: [{exact: \"https://a\"}]"]);
}

#[test]
fn methods_and_names_are_those_of_http() {
    refuses(json!({"allowMethods": ["get"]}), "allowMethods[0]", &["GET"]);
    refuses(json!({"allowHeaders": ["x-a, x-b"]}), "allowHeaders[0]", &["one name per entry"]);
    let fine = json!({"allowMethods": ["*"], "allowHeaders": ["*"], "exposeHeaders": ["x-a"],
        "allowOrigins": [{"exact": "*"}], "maxAge": "24h"});
    healthy(Kind::VirtualService, service(fine));
}

#[test]
fn the_age_is_in_whole_seconds() {
    refuses(json!({"maxAge": "1500ms"}), "maxAge", &["whole seconds", "`1s`"]);
    refuses(json!({"maxAge": "500ms"}), "maxAge", &["`1s` or more"]);
}
