//! DestinationRules that the webhook refuses, as sentences.

use propylon_model::{Kind, Severity};
use serde_json::json;

use crate::validate::testing::{has, healthy, problems, refused, warned};

#[test]
fn a_plain_rule_is_healthy() {
    let spec = json!({"host": "reviews", "subsets": [
        {"name": "v1", "labels": {"version": "v1"}}, {"name": "all"}]});
    healthy(Kind::DestinationRule, spec);
}

#[test]
fn a_rule_needs_a_host() {
    refused(Kind::DestinationRule, json!({}), "spec", &["no host"]);
    refused(Kind::DestinationRule, json!({"host": "a:80"}), "spec.host", &["`a`"]);
}

#[test]
fn subsets_have_unique_names() {
    let spec = json!({"host": "a", "subsets": [{"name": "v1"}, {"name": "v1"}, {}]});
    let found = problems(Kind::DestinationRule, spec);
    has(&found, Severity::Error, "spec.subsets[1].name", &["subsets[0]"]);
    has(&found, Severity::Error, "spec.subsets[2]", &["no name"]);
}

#[test]
fn a_rule_for_some_clients_stays_in_its_namespace() {
    let spec = json!({"host": "a", "exportTo": ["other"],
        "workloadSelector": {"matchLabels": {"a": "b"}}});
    refused(Kind::DestinationRule, spec, "spec.exportTo", &["own namespace"]);
    let spec = json!({"host": "a", "workloadSelector": {}});
    warned(Kind::DestinationRule, spec, "spec.workloadSelector", &["every workload"]);
}
