//! Which matches of a delegate fit into those of its root, as tables.

use propylon_model::virtual_service::HttpMatch;
use serde_json::{Value, json};

use super::{conflicts, merge_match};

fn matching(value: Value) -> HttpMatch {
    serde_json::from_value(value).unwrap()
}

#[track_caller]
fn fit(root: Value, leaf: Value) {
    let said = format!("{root} {leaf}");
    assert!(!conflicts(&matching(root), &matching(leaf)), "{said}");
}

#[track_caller]
fn clash(root: Value, leaf: Value) {
    let said = format!("{root} {leaf}");
    assert!(conflicts(&matching(root), &matching(leaf)), "{said}");
}

#[test]
fn a_path_of_the_delegate_lies_within_the_roots_prefix() {
    fit(json!({"uri": {"prefix": "/a"}}), json!({"uri": {"prefix": "/a/b"}}));
    fit(json!({"uri": {"prefix": "/a"}}), json!({"uri": {"exact": "/abc"}}));
    clash(json!({"uri": {"prefix": "/a/b"}}), json!({"uri": {"prefix": "/a"}}));
    clash(json!({"uri": {"prefix": "/a"}}), json!({"uri": {"exact": "/b"}}));
}

#[test]
fn an_exact_root_admits_the_same_text_only() {
    fit(json!({"method": {"exact": "GET"}}), json!({"method": {"exact": "GET"}}));
    clash(json!({"method": {"exact": "GET"}}), json!({"method": {"exact": "PUT"}}));
    clash(json!({"uri": {"exact": "/a"}}), json!({"uri": {"prefix": "/a"}}));
}

#[test]
fn an_expression_fits_with_nothing_on_the_other_side() {
    clash(json!({"uri": {"regex": ".*"}}), json!({"uri": {"prefix": "/a"}}));
    clash(json!({"headers": {"x": {"exact": "1"}}}), json!({"headers": {"x": {"regex": "1"}}}));
    fit(json!({"uri": {"regex": ".*"}}), json!({"headers": {"x": {"regex": "1"}}}));
}

#[test]
fn what_only_one_side_asks_for_never_clashes() {
    fit(json!({"headers": {"x": {"exact": "1"}}}), json!({"headers": {"y": {"exact": "2"}}}));
    fit(json!({"port": 80}), json!({}));
    fit(json!({}), json!({"gateways": ["g"], "sourceLabels": {"a": "b"}}));
}

#[test]
fn ports_labels_namespaces_gateways_and_case_must_agree() {
    clash(json!({"port": 80}), json!({"port": 81}));
    clash(json!({"sourceLabels": {"a": "1"}}), json!({"sourceLabels": {"a": "2"}}));
    clash(json!({"sourceNamespace": "a"}), json!({"sourceNamespace": "b"}));
    clash(json!({"gateways": ["a"]}), json!({"gateways": ["a", "b"]}));
    fit(json!({"gateways": ["a", "b"]}), json!({"gateways": ["b"]}));
    clash(json!({"ignoreUriCase": true}), json!({}));
}

#[test]
fn a_merged_match_prefers_the_delegate_and_joins_names_and_maps() {
    let root = json!({
        "name": "r", "uri": {"prefix": "/a"}, "headers": {"x": {"prefix": "1"}, "y": {}},
        "port": 80
    });
    let leaf = json!({"name": "d", "uri": {"prefix": "/a/b"}, "headers": {"x": {"exact": "12"}}});
    let merged = merge_match(&matching(root), &matching(leaf));
    let expected = json!({
        "name": "r-d", "uri": {"prefix": "/a/b"}, "headers": {"x": {"exact": "12"}, "y": {}},
        "port": 80
    });
    assert_eq!(merged, matching(expected));
}
