//! Shadow problems, as sentences.

use propylon_model::Severity::Warning;

use crate::analyze::testing::{GATEWAY, WEB, finds, healthy, lacks, problems, routes};

fn world(http: &str) -> String {
    format!("{GATEWAY}{WEB}{}", routes(http))
}

const TO_WEB: &str = "route: [{destination: {host: web}}]";

#[test]
fn a_rule_behind_a_catch_all_is_never_reached() {
    let yaml = world(&format!(
        "
  - match: [{{uri: {{prefix: /}}}}]
    {TO_WEB}
  - match: [{{uri: {{prefix: /api}}}}]
    {TO_WEB}"
    ));
    let words = ["never reached", "http[0]", "move it before"];
    finds(&yaml, Warning, "IST0130", "spec.http[1].match[0].uri", &words);
    let note = &problems(&yaml)[0].notes[0];
    assert_eq!(note.field.to_string(), "spec.http[0].match[0].uri");
    assert_eq!(note.text, "this takes every request");
}

#[test]
fn a_rule_behind_one_without_match_is_never_reached() {
    let yaml = world(&format!("  - {TO_WEB}\n  - {TO_WEB}"));
    finds(&yaml, Warning, "IST0130", "spec.http[1]", &["never reached"]);
}

#[test]
fn a_match_behind_a_broader_one_is_never_reached() {
    let yaml = world(&format!(
        "
  - match: [{{uri: {{prefix: /api}}}}]
    {TO_WEB}
  - match: [{{uri: {{prefix: /api/v1}}}}, {{uri: {{prefix: /b}}}}]
    {TO_WEB}"
    ));
    finds(&yaml, Warning, "IST0131", "spec.http[1].match[0].uri", &["http[0]"]);
    lacks(&yaml, "IST0130");
}

#[test]
fn a_match_that_its_own_rule_repeats_is_superfluous() {
    let yaml = world(&format!(
        "
  - match: [{{uri: {{prefix: /a}}}}, {{uri: {{exact: /a/b}}}}]
    {TO_WEB}"
    ));
    finds(&yaml, Warning, "IST0131", "spec.http[0].match[1].uri", &["superfluous"]);
}

#[test]
fn rules_from_narrow_to_broad_are_healthy() {
    healthy(&world(&format!(
        "
  - match: [{{uri: {{exact: /api}}}}, {{uri: {{prefix: /api/}}, method: {{exact: GET}}}}]
    {TO_WEB}
  - match: [{{uri: {{prefix: /api/}}}}]
    {TO_WEB}
  - {TO_WEB}"
    )));
}
