//! Gateway reference problems, as sentences.

use propylon_model::Severity::{Error, Warning};
use propylon_model::{AnyObject, World};

use crate::Options;
use crate::analyze::analyze;
use crate::analyze::testing::{GATEWAY, WEB, finds, healthy, routes, service, world};

const TO_WEB: &str = "  - route: [{destination: {host: web}}]";

#[test]
fn a_gateway_that_exists_is_found_by_both_forms_of_its_name() {
    healthy(&format!("{GATEWAY}{WEB}{}", routes(TO_WEB)));
    let full = service("vs", "[a.example.com]", "[default/gw]", TO_WEB);
    healthy(&format!("{GATEWAY}{WEB}{full}"));
}

#[test]
fn a_bare_name_does_not_find_a_gateway_of_another_namespace() {
    let yaml = format!(
        "{}{WEB}{}",
        GATEWAY.replace("{name: gw}", "{name: istio-egressgateway, namespace: istio-system}"),
        service("vs", "[a.example.com]", "[mesh, istio-egressgateway]", TO_WEB)
    );
    let words = [
        "no Gateway default/istio-egressgateway exists",
        "write `istio-system/istio-egressgateway`",
    ];
    finds(&yaml, Error, "IST0101", "spec.gateways[1]", &words);
}

#[test]
fn a_misspelt_name_is_corrected() {
    let yaml = format!("{GATEWAY}{WEB}{}", service("vs", "[a.example.com]", "[gv]", TO_WEB));
    finds(&yaml, Error, "IST0101", "spec.gateways[0]", &["did you mean `gw`?"]);
}

#[test]
fn a_match_can_only_narrow_the_gateways() {
    let http = "
  - match: [{gateways: [mesh]}, {gateways: [missing]}]
    route: [{destination: {host: web}}]";
    let yaml = format!("{GATEWAY}{WEB}{}", routes(http));
    let place = "spec.http[0].match";
    finds(&yaml, Warning, "GW2004", &format!("{place}[0].gateways[0]"), &["not bound to `mesh`"]);
    finds(&yaml, Error, "IST0101", &format!("{place}[1].gateways[0]"), &["default/missing"]);
}

#[test]
fn what_follows_from_an_object_that_is_not_valid_is_not_said_again() {
    let http = "  - route: [{destination: {host: web, subset: v1}}]";
    let mut world = world(&format!("{GATEWAY}{WEB}{}", routes(http)));
    let codes = |world: &World| -> Vec<&str> {
        let found = analyze(world, &Options::default());
        found.iter().map(|problem| problem.code.0).collect()
    };
    assert_eq!(codes(&world), ["IST0101"], "the subset is not defined");
    world.rejected = world.gateways.drain(..).map(AnyObject::Gateway).collect();
    world.rejected.extend(world.services.drain(..).map(AnyObject::Service));
    assert!(codes(&world).is_empty());
}
