//! Locality settings, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::Kind;
use serde_json::{Value, json};

use crate::validate::testing::{healthy, refused, warned};

fn rule(setting: Value, outlier: bool) -> Value {
    let mut policy = json!({"loadBalancer": {"localityLbSetting": setting}});
    if outlier {
        policy["outlierDetection"] = json!({});
    }
    json!({"host": "a", "trafficPolicy": policy})
}

fn refuses(setting: Value, field: &str, words: &[&str]) {
    let place = format!("spec.trafficPolicy.loadBalancer.localityLbSetting{field}");
    refused(Kind::DestinationRule, rule(setting, true), &place, words);
}

#[test]
fn shares_add_up_to_a_hundred_without_overlap() {
    let to = |to: Value| json!({"distribute": [{"from": "a/*", "to": to}]});
    healthy(Kind::DestinationRule, rule(to(json!({"a/b": 60, "a/c": 40})), false));
    refuses(to(json!({"a": 60})), ".distribute[0].to", &["60"]);
    refuses(to(json!({"a": 0, "b": 100})), ".distribute[0].to.a", &["1 and 100"]);
    refuses(to(json!({"a": 50, "a/b": 50})), ".distribute[0].to", &["overlap"]);
    refuses(to(json!({"*/b": 100})), ".distribute[0].to", &["no locality"]);
}

#[test]
fn a_region_fails_over_to_another_region() {
    let failover = |from: &str, to: &str| json!({"failover": [{"from": from, "to": to}]});
    refuses(failover("a", "a"), ".failover[0].to", &["itself"]);
    refuses(failover("a/b", "c"), ".failover[0].from", &["write `a`"]);
    refuses(failover("a", "*"), ".failover[0].to", &["no wildcards"]);
    let place = "spec.trafficPolicy.loadBalancer.localityLbSetting";
    let spec = rule(failover("a", "b"), false);
    warned(Kind::DestinationRule, spec, place, &["outlierDetection"]);
}

#[test]
fn shares_fail_over_and_topology_exclude_each_other() {
    let both = json!({"distribute": [{"from": "a", "to": {"a": 100}}],
        "failover": [{"from": "a", "to": "b"}]});
    refuses(both, ".failover", &["contradict"]);
    let topology = json!({"failover": [{"from": "a", "to": "b"}],
        "failoverPriority": ["topology.kubernetes.io/region"]});
    refuses(topology, ".failoverPriority[0]", &["repeats"]);
}
