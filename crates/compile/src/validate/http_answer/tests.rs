//! Rewrites, redirects and direct responses, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::Kind;
use serde_json::{Value, json};

use crate::validate::testing::{healthy, refused, warned};

fn service(route: Value) -> Value {
    json!({"hosts": ["a.com"], "gateways": ["gw"], "http": [route]})
}

fn refuses(route: Value, field: &str, words: &[&str]) {
    refused(Kind::VirtualService, service(route), &format!("spec.http[0].{field}"), words);
}

fn redirect(redirect: Value) -> Value {
    json!({"redirect": redirect})
}

#[test]
fn redirects_go_somewhere_with_a_status_that_clients_follow() {
    refuses(redirect(json!({})), "redirect", &["nowhere"]);
    let code = json!({"uri": "/", "redirectCode": 304});
    refuses(redirect(code), "redirect.redirectCode", &["301, 302, 303, 307 or 308"]);
    refuses(redirect(json!({"scheme": "ftp"})), "redirect.scheme", &["ftp"]);
    refuses(redirect(json!({"port": 70000})), "redirect.port", &["65535"]);
    healthy(Kind::VirtualService, service(redirect(json!({"derivePort": "FROM_REQUEST_PORT"}))));
}

#[test]
fn a_prefix_is_rewritten_only_where_one_was_matched() {
    let both = redirect(json!({"uri": "/", "prefixRewrite": "/b"}));
    refuses(both, "redirect.prefixRewrite", &["contradict"]);
    let exact = json!({"match": [{"uri": {"exact": "/a"}}], "redirect": {"prefixRewrite": "/b"}});
    refuses(exact, "redirect.prefixRewrite", &["a match of this route has none"]);
    let fine = json!({"match": [{"uri": {"prefix": "/a"}}, {"port": 80}],
        "redirect": {"prefixRewrite": "/b"}});
    healthy(Kind::VirtualService, service(fine));
}

#[test]
fn direct_responses_have_a_status_and_a_small_body() {
    let answer = |status: u32, bytes: usize| {
        let body = json!({"string": "x".repeat(bytes)});
        json!({"directResponse": {"status": status, "body": body}})
    };
    healthy(Kind::VirtualService, service(answer(599, 10)));
    refuses(answer(600, 0), "directResponse.status", &["200 to 599"]);
    refuses(answer(200, 1024 * 1024 + 1), "directResponse.body", &["1048577"]);
    let large = service(answer(200, 100 * 1024 + 1));
    warned(Kind::VirtualService, large, "spec.http[0].directResponse.body", &["backend"]);
}

#[test]
fn rewrites_change_something_in_one_way() {
    let rewrite =
        |rewrite: Value| json!({"rewrite": rewrite, "route": [{"destination": {"host": "a"}}]});
    refuses(rewrite(json!({"uri": ""})), "rewrite", &["changes nothing"]);
    let regex = json!({"match": "^/a/(.*)$", "rewrite": "/\\1"});
    healthy(Kind::VirtualService, service(rewrite(json!({"uriRegexRewrite": regex}))));
    let both = json!({"uri": "/", "uriRegexRewrite": regex});
    refuses(rewrite(both), "rewrite.uriRegexRewrite", &["keep one"]);
    let half = json!({"uriRegexRewrite": {"match": "a"}});
    refuses(rewrite(half), "rewrite.uriRegexRewrite", &["both"]);
    let group = json!({"uriRegexRewrite": {"match": "a", "rewrite": "\\1"}});
    refuses(rewrite(group), "rewrite.uriRegexRewrite.rewrite", &["group"]);
}
