//! Path trap problems, as sentences.

use propylon_model::Severity::Warning;

use crate::analyze::testing::{GATEWAY, WEB, finds, lacks, routes};

fn world(uri: &str, rewrite: &str) -> String {
    let http = format!(
        "
  - match: [{{uri: {uri}}}]
    rewrite: {rewrite}
    route: [{{destination: {{host: web}}}}]"
    );
    format!("{GATEWAY}{WEB}{}", routes(&http))
}

const REWRITE: &str = "spec.http[0].rewrite.uri";
const URI: &str = "spec.http[0].match[0].uri";

#[test]
fn a_rewrite_that_doubles_or_loses_a_slash_shows_what_comes_out() {
    let words = ["`/q/a` becomes `//a`", "match `/q/`"];
    finds(&world("{prefix: /q}", "{uri: /}"), Warning, "GW2009", REWRITE, &words);
    let words = ["`/q/a` becomes `/newa`", "`uri: /new/`"];
    finds(&world("{prefix: /q/}", "{uri: /new}"), Warning, "GW2009", REWRITE, &words);
    for (uri, rewrite) in [("/q/", "/"), ("/q", "/new"), ("/", "/new/")] {
        lacks(&world(&format!("{{prefix: {uri}}}"), &format!("{{uri: {rewrite}}}")), "GW2009");
    }
}

#[test]
fn a_test_that_starts_without_slash_never_holds() {
    let world = |uri: &str| world(uri, "{authority: b.com}");
    let field = |kind: &str| format!("{URI}.{kind}");
    finds(&world("{prefix: api}"), Warning, "GW2010", &field("prefix"), &["write `/api`"]);
    finds(&world("{exact: api}"), Warning, "GW2010", &field("exact"), &["write `/api`"]);
    finds(&world("{regex: api}"), Warning, "GW2010", &field("regex"), &["whole path", "/.*api.*"]);
    for fine in ["{regex: 'a|/b'}", "{regex: 'a?/b'}", "{regex: '.*b'}", "{exact: '*'}"] {
        lacks(&world(fine), "GW2010");
    }
}
