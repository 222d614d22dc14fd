//! Conditions, as sentences.

use crate::samples::{exact, head, line, prefix};
use crate::{
    HeaderMatch, Line, Matcher, Mismatch, PathMatch, Pattern, QueryMatch, Scheme, StringMatch,
};

fn regex(expression: &str) -> StringMatch {
    StringMatch::Regex(Pattern::full(expression).unwrap())
}

fn header(test: Option<StringMatch>, invert: bool, lines: &[Line<'_>]) -> bool {
    let headers = vec![HeaderMatch { name: "x-a".into(), test, invert }];
    Matcher { headers, ..Matcher::any() }.matches(&head("a.com", "/", lines))
}

fn query(name: &str, test: Option<StringMatch>, target: &str) -> bool {
    let query = vec![QueryMatch { name: name.into(), test }];
    Matcher { query, ..Matcher::any() }.matches(&head("a.com", target, &[]))
}

fn equals(text: &str) -> Option<StringMatch> {
    Some(StringMatch::Exact(text.into()))
}

#[test]
fn a_prefix_is_plain_text_and_no_segment() {
    assert!(prefix("/q").matches(&head("a.com", "/qfoo", &[])));
    assert!(!prefix("/q/").matches(&head("a.com", "/q", &[])));
    assert!(prefix("").matches(&head("a.com", "/", &[])));
}

#[test]
fn the_query_takes_no_part_in_a_path_test() {
    assert!(exact("/a").matches(&head("a.com", "/a?b=1", &[])));
    let path = PathMatch::Regex(Pattern::full("/rx/[0-9]+").unwrap());
    assert!(path.matches("/rx/12"));
    assert!(!path.matches("/rx/12/x"));
}

#[test]
fn case_is_ignored_only_where_asked_for() {
    let text: Box<str> = "/foo".into();
    assert!(!exact("/foo").path.matches("/FOO"));
    assert!(PathMatch::Exact { text: text.clone(), ignore_case: true }.matches("/FOO"));
    let prefix = PathMatch::Prefix { text, ignore_case: true };
    assert!(prefix.matches("/FooBar"));
    assert!(!prefix.matches("/fo"));
}

#[test]
fn the_authority_is_compared_with_its_port_and_with_case() {
    let matcher = Matcher { authority: equals("m.com"), ..Matcher::any() };
    assert!(matcher.matches(&head("m.com", "/", &[])));
    assert!(!matcher.matches(&head("m.com:77", "/", &[])));
    assert!(!matcher.matches(&head("M.com", "/", &[])));
}

#[test]
fn method_and_scheme_are_tested() {
    let matcher =
        Matcher { method: Some(regex("GET|PUT")), scheme: equals("https"), ..Matcher::any() };
    let plain = head("a.com", "/", &[]);
    assert_eq!(matcher.mismatch(&plain), Some(Mismatch::Scheme));
    assert!(matcher.matches(&crate::Head { scheme: Scheme::Https, ..plain }));
    let post = crate::Head { method: "POST", ..plain };
    assert_eq!(matcher.mismatch(&post), Some(Mismatch::Method));
}

#[test]
fn any_line_of_a_header_may_satisfy_the_test_and_lines_are_not_joined() {
    let lines = [line("x-a", "1"), line("x-b", "9"), line("x-a", "2")];
    assert!(header(equals("2"), false, &lines));
    assert!(!header(equals("1,2"), false, &lines));
    assert!(header(equals("1,2"), false, &[line("x-a", "1,2")]));
}

#[test]
fn presence_includes_the_empty_value() {
    assert!(header(None, false, &[line("x-a", "")]));
    assert!(!header(None, false, &[line("x-b", "")]));
}

#[test]
fn values_are_compared_with_case_and_expressions_cover_them() {
    assert!(!header(equals("A"), false, &[line("x-a", "a")]));
    assert!(!header(Some(regex("abc")), false, &[line("x-a", "zabcz")]));
    assert!(header(Some(StringMatch::Prefix("ab".into())), false, &[line("x-a", "abc")]));
}

#[test]
fn a_forbidden_header_may_be_absent_or_different() {
    assert!(header(equals("1"), true, &[]));
    assert!(header(equals("1"), true, &[line("x-a", "2")]));
    assert!(!header(equals("1"), true, &[line("x-a", "2"), line("x-a", "1")]));
    assert!(header(None, true, &[]));
    assert!(!header(None, true, &[line("x-a", "")]));
}

#[test]
fn a_forbidden_header_that_is_absent_counts_as_empty() {
    assert!(!header(Some(regex(".*")), true, &[]));
    assert!(!header(Some(StringMatch::Prefix("".into())), true, &[]));
}

#[test]
fn the_first_occurrence_of_a_parameter_counts_undecoded() {
    assert!(query("k", equals("v"), "/?k=v&k=1"));
    assert!(!query("k", equals("v"), "/?k=1&k=v"));
    assert!(!query("k", equals("v"), "/?k=%76"));
    assert!(!query("k", equals("v"), "/?K=v"));
    assert!(query("k", equals("a=b"), "/?x&k=a=b"));
}

#[test]
fn a_parameter_without_a_value_is_empty() {
    assert!(query("k", equals(""), "/?k"));
    assert!(query("k", equals(""), "/?&&k="));
    assert!(query("k", None, "/?k"));
    assert!(!query("k", None, "/?kk=1"));
    assert!(!query("k", None, "/"));
}

#[test]
fn a_mismatch_names_the_condition_and_how_it_failed() {
    let present = HeaderMatch { name: "x-a".into(), test: equals("1"), invert: false };
    let absent = HeaderMatch { name: "x-b".into(), test: None, invert: false };
    let forbidden = HeaderMatch { name: "x-c".into(), test: None, invert: true };
    let parameter = QueryMatch { name: "k".into(), test: equals("v") };
    let matcher = Matcher {
        headers: vec![present.clone(), absent.clone(), forbidden.clone()],
        query: vec![parameter.clone()],
        ..exact("/a")
    };
    let lines = [line("x-a", "2"), line("x-c", "")];
    let head = head("a.com", "/b?k=w", &lines);
    let mismatches: Vec<_> = matcher.mismatches(&head).collect();
    assert_eq!(
        mismatches,
        [
            Mismatch::Path(&matcher.path),
            Mismatch::HeaderDiffers(&present),
            Mismatch::HeaderAbsent(&absent),
            Mismatch::HeaderForbidden(&forbidden),
            Mismatch::QueryDiffers(&parameter),
        ]
    );
}
