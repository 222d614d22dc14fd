//! Rule trap problems, as sentences.

use propylon_model::Severity::{Info, Warning};

use crate::analyze::testing::{GATEWAY, WEB, finds, lacks, routes};

const TO_WEB: &str = "  - route: [{destination: {host: web}}]";

fn rule(name: &str, spec: &str) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}}}
spec: {{host: web.default.svc.cluster.local, {spec}}}
---
"
    )
}

#[test]
fn settings_of_a_port_drop_those_of_the_rule() {
    let policy = "trafficPolicy: {outlierDetection: {maxEjectionPercent: 100}, \
                  loadBalancer: {simple: RANDOM}, portLevelSettings: \
                  [{port: {number: 8000}, loadBalancer: {simple: ROUND_ROBIN}}]}";
    let yaml = format!("{WEB}{}", rule("rule", policy));
    let words = ["port 8000", "outlierDetection of the rule does not apply", "repeat"];
    let field = "spec.trafficPolicy.portLevelSettings[0]";
    finds(&yaml, Warning, "GW2016", field, &words);
}

#[test]
fn of_two_rules_for_one_host_the_older_policy_and_subset_hold() {
    let a = rule("a", "trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: v1}]");
    let b = rule("b", "trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: v1}]");
    let yaml = format!("{WEB}{a}{b}");
    let words = ["DestinationRule default/a holds"];
    finds(&yaml, Warning, "GW2017", "spec.trafficPolicy", &words);
    let words = ["already defined by DestinationRule default/a"];
    finds(&yaml, Warning, "GW2017", "spec.subsets[0].name", &words);
    let apart = rule("b", "subsets: [{name: v2}]");
    lacks(&format!("{WEB}{a}{apart}"), "GW2017");
}

#[test]
fn a_private_rule_of_the_gateways_namespace_replaces_that_of_the_service() {
    let near = rule("near", "exportTo: ['.'], trafficPolicy: {loadBalancer: {simple: RANDOM}}")
        .replace("{name: near}", "{name: near, namespace: istio-system}");
    let far = rule("far", "subsets: [{name: v1}]");
    let words = ["DestinationRule istio-system/near holds", "merge them"];
    finds(&format!("{WEB}{near}{far}"), Warning, "GW2017", "spec.host", &words);
}

#[test]
fn a_rule_that_is_not_exported_here_is_told_so() {
    let root = rule("root", "trafficPolicy: {loadBalancer: {simple: RANDOM}}")
        .replace("{name: root}", "{name: root, namespace: istio-system}");
    let hidden = rule("hidden", "exportTo: ['.'], subsets: [{name: v1}]");
    let words = ["DestinationRule istio-system/root holds", "`exportTo` hides it", "istio-system`"];
    finds(&format!("{WEB}{root}{hidden}"), Warning, "GW2017", "spec.host", &words);
}

#[test]
fn a_rule_of_a_third_namespace_does_not_hold_here() {
    let third = rule("third", "trafficPolicy: {loadBalancer: {simple: RANDOM}}")
        .replace("{name: third}", "{name: third, namespace: other}");
    let words = ["does not hold at this gateway", "put it into default or istio-system"];
    let yaml = format!("{GATEWAY}{WEB}{third}");
    finds(&format!("{yaml}{}", routes(TO_WEB)), Info, "GW2017", "spec.host", &words);
    // Nothing goes there from here.
    lacks(&yaml, "GW2017");
}

#[test]
fn a_rule_for_a_service_beside_the_gateway_has_one_place_to_be_in() {
    let third = rule("third", "trafficPolicy: {loadBalancer: {simple: RANDOM}}")
        .replace("web.default", "web.istio-system");
    let near = WEB.replace("name: web", "name: web, namespace: istio-system");
    let to = TO_WEB.replace("host: web", "host: web.istio-system.svc.cluster.local");
    let words = ["rules of namespace default are for", "put it into istio-system"];
    let yaml = format!("{GATEWAY}{near}{third}{}", routes(&to));
    finds(&yaml, Info, "GW2017", "spec.host", &words);
}
