//! What people and programs see of problems.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{render, render_json};
use crate::file::{Positions, ReadOptions, read};

/// The reports of all problems of a text, with the directory's name left out.
fn rendered(text: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.yaml"), text).unwrap();
    let problems = read(&[dir.path().to_path_buf()], &ReadOptions::default()).problems;
    let mut positions = Positions::new();
    let prefix = format!("{}/", dir.path().display());
    problems.iter().map(|p| positions.render(p, false).replace(&prefix, "")).collect()
}

#[test]
fn a_problem_shows_its_source_line_and_advice() {
    let text = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: \
                a}\nspec:\n  hosts: [a]\n  gateway: [b]\n";
    assert_eq!(
        rendered(text),
        ["\
error[IST0106]: unknown field `gateway` in `spec`
 --> a.yaml:6:3
  |
6 |   gateway: [b]
  |   ^^^^^^^
  |
  = help: did you mean `gateways`?"]
    );
}

#[test]
fn a_second_place_nearby_is_shown_in_the_same_excerpt() {
    let object = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n";
    assert_eq!(
        rendered(&format!("{object}---\n{object}")),
        ["\
error[GW0009]: Service default/a is there twice; the first one stays in force
 --> a.yaml:9:9
  |
4 |   name: a
  |         - the first one is here
...
9 |   name: a
  |         ^
  |
  = help: remove one of them, or give them different names"]
    );
}

#[test]
fn a_second_place_far_away_is_a_note_of_its_own() {
    let object = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n";
    let gap = "#\n".repeat(100);
    let report = rendered(&format!("{object}---\n{gap}{object}")).remove(0);
    assert!(report.contains("note: the first one is here (Service default/a)"), "{report}");
}

#[test]
fn broken_yaml_is_shown_where_it_breaks() {
    assert_eq!(
        rendered("a: b: c\n"),
        ["\
error[GW0002]: this is not YAML: mapping values are not allowed in this context
 --> a.yaml:1:5
  |
1 | a: b: c
  |     ^
  |
  = help: check the indentation, and put values that contain `: ` in quotes"]
    );
}

#[test]
fn lines_of_secrets_are_not_shown() {
    let whole = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 987654}\n";
    let broken = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: a: 987654\n";
    for text in [whole, broken] {
        let reports = rendered(text).concat();
        assert!(reports.contains("a.yaml:4:") && !reports.contains("987654"), "{reports}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let problems = read(&["/nonexistent/x".into()], &ReadOptions::default()).problems;
    let report = render(&problems[0], false);
    assert!(report.starts_with("error[GW0001]: cannot read /nonexistent/x: "), "{report}");
}

#[test]
fn colours_are_there_only_when_asked_for() {
    let problems = read(&["/nonexistent/x".into()], &ReadOptions::default()).problems;
    assert!(render(&problems[0], true).contains("\u{1b}["));
    assert!(!render(&problems[0], false).contains("\u{1b}["));
}

#[test]
fn a_configuration_on_one_long_line_is_named_and_not_shown() {
    let filler = "x".repeat(100_000);
    let reports = rendered(&format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {{\"x\": \"{filler}\"}}}}"
    ));
    assert!(reports[0].len() < 1000);
}

#[test]
fn a_problem_as_json_has_all_that_programs_need() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.yaml");
    let text = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\nspec:\n  \
                servers:\n  - port: {number: http}\n";
    fs::write(&path, text).unwrap();
    let problems = read(std::slice::from_ref(&path), &ReadOptions::default()).problems;
    assert_eq!(
        render_json(&problems[0]),
        json!({
            "file": Path::new(&path).display().to_string(),
            "line": 6,
            "column": 20,
            "end": { "line": 6, "column": 24 },
            "severity": "error",
            "code": "IST0106",
            "object": "Gateway default/a",
            "field": "spec.servers[0].port.number",
            "message": "`number` must be a whole number, not `http`",
            "help": "",
            "notes": [],
        })
    );
}
