//! Selection problems, as sentences.

use propylon_model::Severity::{Info, Warning};

use crate::analyze::testing::{GATEWAY, WEB, finds, routes, service};

const TO_WEB: &str = "  - route: [{destination: {host: web}}]";

#[test]
fn a_gateway_for_another_workload_says_how_to_serve_it() {
    let other = GATEWAY.replace("istio: ingressgateway", "istio: egressgateway");
    let words = ["istio=egressgateway", "--label istio=egressgateway"];
    finds(&other, Warning, "IST0127", "spec.selector", &words);
    let other = other.replace("{name: gw}", "{name: other}");
    finds(&format!("{GATEWAY}{other}"), Info, "IST0127", "spec.selector", &words);
}

#[test]
fn a_misspelt_selector_is_corrected() {
    let typo = GATEWAY.replace("istio: ingressgateway", "istio: ingresgateway");
    let words = ["did you mean `istio: ingressgateway`?"];
    finds(&typo, Warning, "IST0127", "spec.selector", &words);
}

#[test]
fn routes_for_sidecars_only_are_not_served_here() {
    let mesh = service("vs", "[b.other.com]", "[mesh]", TO_WEB);
    let yaml = format!("{GATEWAY}{WEB}{mesh}");
    finds(&yaml, Info, "GW2002", "spec.gateways", &["sidecars only"]);
}

#[test]
fn a_forgotten_gateway_is_named() {
    let mesh = service("vs", "[a.example.com]", "[]", TO_WEB);
    let yaml = format!("{GATEWAY}{WEB}{mesh}");
    finds(&yaml, Warning, "GW2002", "spec.hosts", &["`gateways: [gw]`"]);
}

#[test]
fn the_legs_of_a_way_out_may_be_two_objects() {
    let mesh = service("vs-mesh", "[a.example.com]", "[]", TO_WEB);
    let yaml = format!("{GATEWAY}{WEB}{mesh}{}", routes(TO_WEB));
    finds(&yaml, Info, "GW2002", "spec.hosts", &["sidecars only"]);
    let said = mesh.replace("gateways: []", "gateways: [mesh]");
    finds(&format!("{GATEWAY}{WEB}{said}"), Info, "GW2002", "spec.gateways", &["sidecars only"]);
}

#[test]
fn a_delegate_that_nobody_names_is_unused() {
    let delegate = service("part", "[]", "[]", TO_WEB);
    finds(&delegate, Warning, "GW2007", "spec", &["nothing delegates", "delegate: {name: part}"]);
    let root = routes("  - delegate: {name: part}");
    let found = crate::analyze::testing::problems(&format!("{GATEWAY}{WEB}{root}{delegate}"));
    assert!(found.is_empty(), "{found:#?}");
}
