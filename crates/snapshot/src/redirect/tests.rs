//! Rewrites and locations, byte for byte as measured on Envoy.

use std::sync::Arc;

use crate::samples::{exact, head, prefix};
use crate::{
    DirectResponse, Head, Matcher, PathMatch, PathRewrite, Pattern, Redirect, RedirectPath,
    RedirectPort, Scheme,
};

fn rewritten(rewrite: &PathRewrite, matcher: &Matcher, path: &str) -> String {
    let mut out = String::new();
    rewrite.apply(matcher, path, &mut out);
    out
}

fn by_prefix(from: &str, to: &str, path: &str) -> String {
    assert!(prefix(from).path.matches(path));
    rewritten(&PathRewrite::Uri(to.into()), &prefix(from), path)
}

fn keeping() -> Redirect {
    Redirect {
        status: 301,
        scheme: None,
        authority: None,
        port: RedirectPort::Keep,
        path: RedirectPath::Keep,
    }
}

fn location(redirect: &Redirect, head: &Head<'_>) -> String {
    redirect.location(&prefix("/q"), head)
}

#[test]
fn a_prefix_is_replaced_without_mending_slashes() {
    assert_eq!(by_prefix("/q", "/", "/q/foo"), "//foo");
    assert_eq!(by_prefix("/q", "/", "/qfoo"), "/foo");
    assert_eq!(by_prefix("/s/", "/new", "/s/foo"), "/newfoo");
    assert_eq!(by_prefix("/p/", "/", "/p/foo"), "/foo");
}

#[test]
fn an_exact_or_regex_match_is_replaced_whole() {
    let rewrite = PathRewrite::Uri("/new".into());
    assert_eq!(rewritten(&rewrite, &exact("/exact"), "/exact"), "/new");
    let path = PathMatch::Regex(Pattern::full("/rx/.*").unwrap());
    assert_eq!(rewritten(&rewrite, &Matcher { path, ..Matcher::any() }, "/rx/abc"), "/new");
}

#[test]
fn a_rule_without_a_path_test_is_a_prefix_of_one_slash() {
    assert_eq!(rewritten(&PathRewrite::Uri("/v1/".into()), &Matcher::any(), "/a/b"), "/v1/a/b");
}

#[test]
fn an_expression_replaces_every_match_with_its_groups() {
    let swap = PathRewrite::regex("^/one/(.*)/(.*)$", r"/\2/\1/one").unwrap();
    assert_eq!(rewritten(&swap, &Matcher::any(), "/one/two/three"), "/three/two/one");
    let every = PathRewrite::regex("[0-9]", r"<\0>").unwrap();
    assert_eq!(rewritten(&every, &Matcher::any(), "/a1/b22"), "/a<1>/b<2><2>");
    let literal = PathRewrite::regex("b*", r"$1\\").unwrap();
    assert_eq!(rewritten(&literal, &Matcher::any(), "ab"), r"$1\a$1\");
}

#[test]
fn a_replacement_that_names_no_group_of_the_expression_is_refused() {
    assert!(PathRewrite::regex("(a)", r"\2").is_err());
    assert!(PathRewrite::regex("(a)", r"\x").is_err());
    assert!(PathRewrite::regex("(a)", "a\\").is_err());
    assert!(PathRewrite::regex("(a", "").is_err());
}

#[test]
fn a_redirect_keeps_the_path_and_query() {
    let redirect = Redirect { authority: Some("new.com".into()), ..keeping() };
    assert_eq!(location(&redirect, &head("ex.com", "/q/x?y=1", &[])), "http://new.com/q/x?y=1");
}

#[test]
fn a_replaced_path_keeps_the_query_unless_it_brings_one() {
    let redirect = |path: &str| Redirect { path: RedirectPath::Replace(path.into()), ..keeping() };
    let head = head("ex.com", "/q?y=2", &[]);
    assert_eq!(location(&redirect("/to"), &head), "http://ex.com/to?y=2");
    assert_eq!(location(&redirect("/n?z=1"), &head), "http://ex.com/n?z=1");
    assert_eq!(location(&redirect("no-slash"), &head), "http://ex.com/no-slash?y=2");
}

#[test]
fn a_replaced_prefix_keeps_the_rest() {
    let redirect = Redirect { path: RedirectPath::Prefix("x".into()), ..keeping() };
    assert_eq!(location(&redirect, &head("ex.com", "/q/1?z", &[])), "http://ex.com/x/1?z");
}

#[test]
fn the_default_port_of_the_old_scheme_goes_with_it_and_others_stay() {
    let to_https = Redirect { scheme: Some(Scheme::Https), ..keeping() };
    for (authority, host) in [
        ("e.com:80", "e.com"),
        ("e.com:443", "e.com:443"),
        ("e.com:8080", "e.com:8080"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
    ] {
        let expected = format!("https://{host}/q");
        assert_eq!(location(&to_https, &head(authority, "/q", &[])), expected);
    }
    assert_eq!(location(&keeping(), &head("e.com:80", "/q", &[])), "http://e.com:80/q");
    let secure = Head { scheme: Scheme::Https, ..head("e.com:443", "/q", &[]) };
    let to_http = Redirect { scheme: Some(Scheme::Http), ..keeping() };
    assert_eq!(location(&to_http, &secure), "http://e.com/q");
}

#[test]
fn a_port_of_its_own_replaces_any_other() {
    let port = RedirectPort::Number(8443);
    let redirect = Redirect { scheme: Some(Scheme::Https), port, ..keeping() };
    assert_eq!(location(&redirect, &head("ex.com:8080", "/q", &[])), "https://ex.com:8443/q");
    let redirect = Redirect { authority: Some("h:1".into()), ..redirect };
    assert_eq!(location(&redirect, &head("ex.com", "/q", &[])), "https://h:8443/q");
}

#[test]
fn a_direct_answer_of_201_or_3xx_names_the_requested_url() {
    let head = head("ex.com:1", "/a?b", &[]);
    for (status, named) in [(200, false), (201, true), (302, true), (404, false)] {
        let response = DirectResponse { status, body: Arc::from(&b""[..]) };
        let location = named.then(|| "http://ex.com:1/a?b".to_owned());
        assert_eq!(response.location(&head), location);
    }
}
