//! Sentences for values that their fields cannot have.

use propylon_model::destination_rule::DestinationRule;
use propylon_model::gateway::Gateway;
use propylon_model::security::PeerAuthentication;
use propylon_model::virtual_service::{StringMatch, VirtualService};
use propylon_model::{FieldPath, MeshConfig, Service};
use serde::Deserialize;

use super::{Decoded, Strictness, decode};
use crate::file::yaml::{Node, parse};

fn tree(text: &str) -> Node {
    parse(text).remove(0).root.unwrap().unwrap()
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    let Decoded { result, unknown } = decode(&tree(text), &FieldPath::spec(), Strictness::Message);
    assert!(unknown.is_empty());
    result.unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// `path: message | help` of each fault.
fn faults<T: for<'de> Deserialize<'de>>(text: &str) -> Vec<String> {
    let decoded: Decoded<T> = decode(&tree(text), &FieldPath::spec(), Strictness::Message);
    let faults = decoded
        .result
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|fault| format!("{}: {} | {}", fault.path.unwrap(), fault.message, fault.help));
    faults.collect()
}

#[test]
fn a_list_written_as_a_mapping_says_where_the_dash_belongs() {
    assert_eq!(
        faults::<VirtualService>("http:\n    route:\n    - destination: {host: a}\n"),
        ["spec.http: `http` is a list: put `- ` before `route` | each entry of a list begins \
          with `- `; what follows is indented under it"]
    );
}

#[test]
fn a_list_written_as_a_text_says_how_to_write_it() {
    assert_eq!(
        faults::<VirtualService>("hosts: \"*\""),
        ["spec.hosts: `hosts` is a list, not the text `\"*\"` | write `[\"*\"]`"]
    );
}

#[test]
fn a_number_where_a_text_is_wanted_must_be_quoted() {
    assert_eq!(
        faults::<DestinationRule>("subsets:\n- labels: {version: 1.10}"),
        ["spec.subsets[0].labels.version: `version` must be a text, but `1.10` is a number and \
          must be quoted | write \"1.10\""]
    );
    assert_eq!(faults::<Gateway>("selector: {a: yes}").len(), 1);
    assert_eq!(faults::<Gateway>("selector: {a: 010}").len(), 1);
}

#[test]
fn a_quoted_number_where_a_number_is_wanted_must_not_be_quoted() {
    assert_eq!(
        faults::<Gateway>("servers: [{port: {number: \"80\"}}]"),
        ["spec.servers[0].port.number: `number` must be a whole number, not the text `\"80\"` | \
          leave out the quotes: 80"]
    );
}

#[test]
fn numbers_are_checked_against_their_range() {
    let fault = &faults::<Gateway>("servers: [{port: {number: -1}}]")[0];
    assert!(fault.contains("a whole number between 0 and 4294967295, not `-1`"), "{fault}");
    let fault = &faults::<Gateway>("servers: [{port: {number: 1.5}}]")[0];
    assert!(fault.contains("must be a whole number, not `1.5`"), "{fault}");
    let gateway: Gateway = read("servers: [{port: {number: 8e1}}]");
    assert_eq!(gateway.servers[0].port.number, 80);
}

#[test]
fn words_are_booleans_only_where_a_boolean_is_wanted() {
    let gateway: Gateway = read("servers: [{tls: {httpsRedirect: on}}]");
    assert!(gateway.servers[0].tls.as_ref().unwrap().https_redirect);
    let mesh: MeshConfig = read("ingressControllerMode: OFF\nenableTracing: no");
    assert_eq!(mesh.ingress_controller_mode.name(), "OFF");
    assert_eq!(mesh.enable_tracing, Some(false));
}

#[test]
fn a_mapping_written_as_a_value_names_its_fields() {
    assert_eq!(
        faults::<VirtualService>("http: [{route: [{destination: {host: a, port: 80}}]}]"),
        ["spec.http[0].route[0].destination.port: `port` must be a mapping, not `80` | write \
          `{number: 80}`"]
    );
    let fault = &faults::<VirtualService>("http: [{match: [{uri: /a}]}]")[0];
    assert!(fault.ends_with("| its fields are `exact`, `prefix`, `regex`"), "{fault}");
}

#[test]
fn fields_without_a_value_count_as_absent() {
    let service: VirtualService = read("hosts:\nhttp: [{timeout: , match: [{uri: {prefix: /}}]}]");
    assert!(service.hosts.is_empty() && service.http[0].timeout.is_none());
}

#[test]
fn a_condition_without_a_value_is_a_fault_and_an_empty_one_is_presence() {
    let fault = &faults::<VirtualService>("http: [{match: [{headers: {x-a: }}]}]")[0];
    assert!(fault.starts_with("spec.http[0].match[0].headers.x-a: `x-a` is empty"), "{fault}");
    let service: VirtualService = read("http: [{match: [{headers: {x-a: {}}}]}]");
    assert_eq!(service.http[0].r#match[0].headers["x-a"], StringMatch::Unset);
}

#[test]
fn keys_that_are_numbers_are_read() {
    let policy: PeerAuthentication = read("portLevelMtls: {8080: {mode: DISABLE}}");
    assert!(policy.port_level_mtls.contains_key(&8080));
    let fault = &faults::<PeerAuthentication>("portLevelMtls: {http: {mode: DISABLE}}")[0];
    assert!(fault.contains("the key `http` must be a number"), "{fault}");
}

#[test]
fn paths_are_spelt_as_istio_spells_them() {
    let fault = &faults::<VirtualService>("http: [{direct_response: {status: x}}]")[0];
    assert!(fault.starts_with("spec.http[0].directResponse.status: "), "{fault}");
}

#[test]
fn all_unknown_fields_and_all_faults_are_found_at_once() {
    let text = "hosts: a\ngateway: b\nhttp:\n- timeout: 5\n  retrys: {}\n- rewrite: []\n  x: y\n";
    let decoded: Decoded<VirtualService> =
        decode(&tree(text), &FieldPath::spec(), Strictness::Message);
    let names: Vec<_> = decoded.unknown.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["gateway", "retrys", "x"]);
    assert_eq!(decoded.result.unwrap_err().len(), 3);
}

#[test]
fn kubernetes_objects_may_have_fields_that_nobody_knows() {
    let node = tree("ipFamilies: [IPv4]\nports: [{port: 80, extra: }]\nselector:\n");
    let decoded: Decoded<Service> = decode(&node, &FieldPath::spec(), Strictness::Partial);
    assert!(decoded.unknown.is_empty());
    assert_eq!(decoded.result.unwrap().ports[0].port, 80);
}
