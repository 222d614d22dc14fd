//! Subset problems, as sentences.

use propylon_model::Severity::{Error, Warning};

use crate::analyze::testing::{GATEWAY, WEB, finds, healthy, lacks, routes};

fn with_rule(host: &str, subsets: &str) -> String {
    let http = "  - route: [{destination: {host: web, subset: v1}}]";
    let rule = format!(
        "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: rule}}
spec: {{host: {host}, subsets: [{subsets}]}}
---
"
    );
    format!("{GATEWAY}{WEB}{}{rule}", routes(http))
}

const FIELD: &str = "spec.http[0].route[0].destination.subset";

#[test]
fn a_subset_needs_a_destination_rule() {
    let http = "  - route: [{destination: {host: web, subset: v1}}]";
    let yaml = format!("{GATEWAY}{WEB}{}", routes(http));
    let words = ["no DestinationRule defines subset `v1`", "503 until one does", "`host: web`"];
    finds(&yaml, Error, "IST0101", FIELD, &words);
    healthy(&with_rule("web", "{name: v1, labels: {version: v1}}"));
}

#[test]
fn a_misspelt_subset_is_corrected() {
    let yaml = with_rule("web", "{name: v2}");
    finds(&yaml, Error, "IST0101", FIELD, &["did you mean `v2`?"]);
}

#[test]
fn a_subset_defined_where_it_does_not_hold_is_named() {
    let hidden = with_rule("web.default.svc.cluster.local", "{name: v1}")
        .replace("{name: rule}", "{name: rule, namespace: other}");
    let words = ["DestinationRule other/rule defines it"];
    finds(&hidden, Error, "IST0101", FIELD, &words);
}

#[test]
fn a_subset_that_selects_nothing_says_what_endpoints_carry() {
    let yaml = with_rule("web", "{name: v1, labels: {version: v9}}, {name: v2, labels: {x: y}}");
    let words = ["none carries version=v9", "endpoints carry version=v1"];
    finds(&yaml, Error, "IST0173", "spec.subsets[0].labels", &words);
    let words = ["no endpoint has the label `x`"];
    finds(&yaml, Warning, "IST0173", "spec.subsets[1].labels", &words);
}

#[test]
fn a_rule_for_an_unknown_host_does_nothing() {
    let yaml = with_rule("wep", "{name: v1}");
    let words = ["does nothing", "did you mean `web`?"];
    finds(&yaml, Warning, "IST0174", "spec.host", &words);
    lacks(&with_rule("'*.default.svc.cluster.local'", "{name: v1}"), "IST0174");
}

#[test]
fn a_subset_that_another_rule_defines_is_not_looked_at() {
    let yaml = with_rule("web", "{name: v1, labels: {version: v1}}")
        + "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: second}
spec: {host: web, subsets: [{name: v1, labels: {version: v9}}]}
---
";
    lacks(&yaml, "IST0173");
}
