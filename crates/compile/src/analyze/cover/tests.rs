//! Cover problems, as sentences.

use propylon_model::virtual_service::HttpMatch;
use serde_json::{Value, json};

use super::{Earlier, Expressions, covers};

fn says(a: Value, b: Value) -> bool {
    let read = |value: Value| serde_json::from_value::<HttpMatch>(value).unwrap();
    covers(&read(a), &read(b), &Expressions::default())
}

fn uri(kind: &str, text: &str) -> Value {
    json!({"uri": {kind: text}})
}

#[test]
fn a_prefix_covers_longer_prefixes_and_paths_below_it() {
    assert!(says(uri("prefix", "/"), uri("regex", "/x|/y")));
    assert!(says(uri("prefix", ""), json!({})));
    assert!(says(uri("prefix", "/api"), uri("prefix", "/api/v1")));
    assert!(says(uri("prefix", "/api"), uri("exact", "/apis")));
    assert!(!says(uri("prefix", "/api/"), uri("exact", "/api")));
    assert!(!says(uri("prefix", "/api/v1"), uri("prefix", "/api")));
    assert!(!says(uri("exact", "/api"), uri("prefix", "/api")));
}

#[test]
fn expressions_are_compared_as_far_as_it_is_certain() {
    assert!(says(uri("prefix", "/a"), uri("regex", "/ab[0-9]+")));
    assert!(!says(uri("prefix", "/ab"), uri("regex", "/ab?c")));
    assert!(!says(uri("prefix", "/a"), uri("regex", "/a|/b")));
    assert!(says(uri("regex", "/v[0-9]/.*"), uri("exact", "/v1/x")));
    assert!(!says(uri("regex", "/v[0-9]/.*"), uri("prefix", "/v1/")));
    assert!(says(uri("regex", ".*"), uri("prefix", "/v1/")));
    assert!(says(uri("regex", "/x.*"), uri("regex", "/x.*")));
}

#[test]
fn ignoring_case_widens() {
    let folded = json!({"uri": {"prefix": "/API"}, "ignoreUriCase": true});
    assert!(says(folded.clone(), uri("prefix", "/api/x")));
    assert!(!says(uri("prefix", "/api"), json!({"uri": {"exact": "/api"}, "ignoreUriCase": true})));
    assert!(says(folded, json!({"uri": {"exact": "/Api/x"}, "ignoreUriCase": true})));
}

#[test]
fn every_condition_of_the_earlier_must_hold_for_the_later() {
    let get = json!({"method": {"exact": "GET"}});
    assert!(says(json!({}), get.clone()));
    assert!(!says(get.clone(), json!({})));
    assert!(says(get.clone(), json!({"method": {"exact": "GET"}, "uri": {"exact": "/"}})));
    let header = |test: Value| json!({"headers": {"X-A": test}});
    assert!(says(header(json!({})), json!({"headers": {"x-a": {"exact": "1"}}})));
    assert!(!says(header(json!({"exact": "1"})), header(json!({}))));
    assert!(says(header(json!({"prefix": "1"})), header(json!({"exact": "12"}))));
    assert!(!says(header(json!({"exact": "1"})), header(json!({"exact": "2"}))));
    let query = |name: &str| json!({"queryParams": {name: {"exact": "1"}}});
    assert!(!says(query("Q"), query("q")));
    assert!(says(query("q"), query("q")));
}

#[test]
fn absence_is_only_implied_by_the_same_absence() {
    let without = |value: &str| json!({"withoutHeaders": {"x": {"exact": value}}});
    assert!(says(without("1"), without("1")));
    assert!(!says(without("1"), without("2")));
    assert!(!says(without("1"), json!({})));
    assert!(says(json!({}), without("1")));
}

#[test]
fn ports_gateways_and_sources_are_conditions_too() {
    assert!(says(json!({}), json!({"port": 80})));
    assert!(!says(json!({"port": 80}), json!({})));
    assert!(!says(json!({"port": 80}), json!({"port": 81})));
    assert!(!says(json!({"gateways": ["a"]}), json!({})));
    assert!(says(json!({"gateways": ["a", "b"]}), json!({"gateways": ["a"]})));
    let source = json!({"sourceLabels": {"a": "b"}});
    assert!(!says(source.clone(), json!({})));
    assert!(says(source.clone(), source.clone()));
    assert!(!says(source.clone(), json!({"sourceLabels": {"a": "b"}, "gateways": ["x"]})));
}

#[test]
fn a_match_on_claims_covers_nothing() {
    let claim = json!({"headers": {"@request.auth.claims.sub": {"exact": "x"}}});
    assert!(!says(claim.clone(), claim));
}

#[test]
fn whatever_covers_a_match_is_among_its_candidates() {
    let texts = ["", "/", "/a", "/ab", "/a/b", "/A"];
    let mut all = vec![json!({}), json!({"method": {"exact": "GET"}})];
    for text in texts {
        for kind in ["exact", "prefix", "regex"] {
            all.push(uri(kind, text));
            all.push(json!({"uri": {kind: text}, "ignoreUriCase": true}));
            all.push(json!({"uri": {"regex": format!("{text}.*")}}));
        }
    }
    let all: Vec<HttpMatch> =
        all.into_iter().map(|value| serde_json::from_value(value).unwrap()).collect();
    let known = Expressions::default();
    let mut earlier = Earlier::default();
    for (position, one) in all.iter().enumerate() {
        earlier.add(position, Some(one));
    }
    for b in &all {
        let candidates = earlier.candidates(b);
        for (position, a) in all.iter().enumerate() {
            assert!(!covers(a, b, &known) || candidates.contains(&position), "{a:?} {b:?}");
        }
    }
}
