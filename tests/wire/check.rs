//! `propylon check` on the documents as their readers have them: printed without indentation, with
//! their slips, and the manifests for egress.

use std::process::{Command, Output};

use crate::harness::gateway::root;

struct Checked {
    said: String,
    code: Option<i32>,
}

fn check(arguments: &[&str]) -> Checked {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_propylon"))
        .arg("check")
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    Checked { said, code: status.code() }
}

impl Checked {
    #[track_caller]
    fn fails(self) -> Self {
        assert_eq!(self.code, Some(1), "{}", self.said);
        self
    }

    #[track_caller]
    fn passes(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.said);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(self.said.contains(text), "no {text:?} in\n{}", self.said);
        self
    }
}

#[test]
fn yaml_that_lost_its_indentation_gets_one_clear_error() {
    for seed in ["s0", "s1", "s2", "s3"] {
        let file = format!("tests/wire/seeds/{seed}-as-printed.yaml");
        let checked = check(&[&file]).fails().says("indentation");
        let errors = checked.said.lines().filter(|line| line.starts_with("error[")).count();
        let documents = if seed == "s1" { 3 } else { 1 };
        assert!(
            errors <= documents,
            "{errors} errors for {documents} documents:\n{}",
            checked.said
        );
    }
}

#[test]
fn http_written_as_a_mapping_is_told_with_its_place_and_its_remedy() {
    check(&["tests/wire/seeds/s4-http-as-a-mapping.yaml"])
        .fails()
        .says("s4-http-as-a-mapping.yaml:11:3")
        .says("`http` is a list")
        .says("`- `");
}

#[test]
fn mesh_external_as_a_resolution_is_told_to_be_a_location() {
    check(&["tests/wire/seeds/s4-mesh-external-as-a-resolution.yaml"])
        .fails()
        .says("s4-mesh-external-as-a-resolution.yaml:12:15")
        .says("MESH_EXTERNAL")
        .says("location");
}

#[test]
fn a_gateway_named_from_the_wrong_namespace_is_told_where_it_is() {
    check(&["--label", "istio=egressgateway", "tests/wire/seeds/s2-egress.yaml"])
        .says("IST0101")
        .says("istio-system/istio-egressgateway");
}

#[test]
fn the_egress_manifests_for_cnn_are_understood() {
    check(&["--label", "istio=egressgateway", "tests/wire/seeds/s3-egress.yaml"])
        .says("istio-egressgateway.istio-system.svc.cluster.local");
}

#[test]
fn the_service_entry_for_google_is_valid() {
    check(&["tests/wire/seeds/s4-service-entry.yaml"]).passes();
}

#[test]
fn a_subset_that_nothing_defines_is_told_with_its_consequence() {
    let steps = "examples/httpbin-steps/2-subset-before-its-rule/httpbin_vs.yaml";
    check(&[
        "examples/httpbin/httpbin.yaml",
        "examples/httpbin/httpbin_gw.yaml",
        "examples/httpbin/services.yaml",
        steps,
    ])
    .fails()
    .says("`v1`")
    .says("503")
    .says("DestinationRule")
    .says("httpbin_vs.yaml:19:17");
}

#[test]
fn a_service_without_endpoints_is_told_what_would_supply_them() {
    check(&[
        "examples/httpbin/httpbin.yaml",
        "examples/httpbin/httpbin_gw.yaml",
        "examples/httpbin/httpbin_vs.yaml",
    ])
    .says("httpbin")
    .says("endpoints")
    .says("EndpointSlice");
}

#[test]
fn the_examples_are_free_of_errors() {
    for example in ["bookinfo", "dk-shop", "httpbin-example-com", "httpbin"] {
        check(&[&format!("examples/{example}")]).passes();
    }
}

#[test]
fn problems_are_there_for_programs_too() {
    let checked = check(&["--json", "tests/wire/seeds/s4-mesh-external-as-a-resolution.yaml"]);
    let json = checked.fails().said;
    let start = json.find(['[', '{']).expect("JSON");
    let value: serde_json::Value = serde_json::from_str(&json[start..]).expect("JSON");
    assert!(value.to_string().contains("\"line\":12"), "{value}");
}
