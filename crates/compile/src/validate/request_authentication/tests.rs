//! Token rules, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::Kind;
use serde_json::{Value, json};

use crate::validate::testing::{healthy, refused, warned};

fn policy(rule: Value) -> Value {
    json!({"jwtRules": [rule]})
}

fn refuses(rule: Value, field: &str, words: &[&str]) {
    let place = format!("spec.jwtRules[0]{field}");
    refused(Kind::RequestAuthentication, policy(rule), &place, words);
}

const PUBLIC: &str = r#"{"keys": [{"kty": "RSA", "n": "AQ", "e": "AQAB"}]}"#;

#[test]
fn a_rule_names_an_issuer_and_keys_that_can_be_read() {
    let uri = json!({"issuer": "a", "jwksUri": "https://a.com:8443/keys"});
    healthy(Kind::RequestAuthentication, policy(uri));
    healthy(Kind::RequestAuthentication, policy(json!({"issuer": "a", "jwks": PUBLIC})));
    refuses(json!({}), "", &["neither an issuer"]);
    refuses(json!({"issuer": "a", "jwksUri": "ftp://a"}), ".jwksUri", &["https://"]);
    refuses(json!({"issuer": "a", "jwks": "{"}), ".jwks", &["no JSON Web Key"]);
}

#[test]
fn keys_are_public_and_given_once() {
    let both = policy(json!({"issuer": "a", "jwks": PUBLIC, "jwksUri": "https://a/k"}));
    let place = "spec.jwtRules[0].jwks";
    warned(Kind::RequestAuthentication, both, place, &["never asked"]);
    let private = r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}"#;
    let secret = policy(json!({"issuer": "a", "jwks": private}));
    warned(Kind::RequestAuthentication, secret, place, &["private key"]);
}

#[test]
fn locations_and_claims_are_named() {
    let rule = json!({"issuer": "a", "audiences": [""], "fromHeaders": [{}], "fromParams": [""],
        "fromCookies": [""], "outputClaimToHeaders": [{"header": "x y", "claim": "sub"}, {}]});
    refuses(rule.clone(), ".audiences[0]", &["empty"]);
    refuses(rule.clone(), ".fromHeaders[0]", &["no name"]);
    refuses(rule.clone(), ".fromParams[0]", &["empty"]);
    refuses(rule.clone(), ".fromCookies[0]", &["empty"]);
    refuses(rule.clone(), ".outputClaimToHeaders[0].header", &["no header name"]);
    refuses(rule, ".outputClaimToHeaders[1]", &["both"]);
}

#[test]
fn modes_of_single_ports_need_a_selector() {
    let spec = json!({"portLevelMtls": {"0": {"mode": "STRICT"}}});
    refused(Kind::PeerAuthentication, spec.clone(), "spec.portLevelMtls", &["selector"]);
    refused(Kind::PeerAuthentication, spec, "spec.portLevelMtls.0", &["65535"]);
}
