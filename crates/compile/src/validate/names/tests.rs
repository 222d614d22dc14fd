//! Small values that many fields share, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::{Kind, Severity};
use serde_json::json;

use super::is_subnet;
use crate::validate::testing::{has, problems, refused};

#[test]
fn subnets_are_addresses_or_blocks() {
    for text in ["10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"] {
        assert!(is_subnet(text), "{text}");
    }
    for text in ["10.0.0", "10.0.0.0/33", "::/129", "a.b", "10.0.0.0/", "10.0.0.0/+8"] {
        assert!(!is_subnet(text), "{text}");
    }
}

fn timed(timeout: &str) -> serde_json::Value {
    json!({"hosts": ["a.com"], "gateways": ["gw"], "http": [
        {"timeout": timeout, "route": [{"destination": {"host": "a"}}]}]})
}

#[test]
fn a_timeout_of_zero_is_refused_and_the_help_says_to_leave_it_out() {
    refused(Kind::VirtualService, timed("0s"), "spec.http[0].timeout", &["1ms", "leave `timeout`"]);
}

#[test]
fn durations_are_whole_milliseconds() {
    let words = ["finer", "`1ms`"];
    refused(Kind::VirtualService, timed("1.5ms"), "spec.http[0].timeout", &words);
    refused(Kind::VirtualService, timed("10us"), "spec.http[0].timeout", &["shorter than 1ms"]);
}

fn exported(list: serde_json::Value) -> serde_json::Value {
    json!({"host": "a", "exportTo": list})
}

#[test]
fn export_to_names_each_namespace_once() {
    let found = problems(Kind::DestinationRule, exported(json!([".", "default"])));
    has(&found, Severity::Error, "spec.exportTo[1]", &["second time"]);
}

#[test]
fn a_star_in_export_to_stands_alone() {
    refused(Kind::DestinationRule, exported(json!(["*", "a"])), "spec.exportTo", &["`*` alone"]);
}

#[test]
fn only_service_entries_are_exported_to_nobody() {
    refused(Kind::DestinationRule, exported(json!(["~"])), "spec.exportTo[0]", &["no namespace"]);
    let entry = json!({"hosts": ["a.com"], "resolution": "DNS", "exportTo": ["~"]});
    assert!(problems(Kind::ServiceEntry, entry).is_empty());
}

#[test]
fn labels_follow_kubernetes() {
    let rule =
        json!({"host": "a", "subsets": [{"name": "v1", "labels": {"a b": "x", "app": "-"}}]});
    let found = problems(Kind::DestinationRule, rule);
    has(&found, Severity::Error, "spec.subsets[0].labels.a b", &["label key"]);
    has(&found, Severity::Error, "spec.subsets[0].labels.app", &["label value"]);
}
