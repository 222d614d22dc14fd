//! RE2 expressions as Envoy 1.40 takes and refuses them.

use proptest::prelude::*;

use crate::{Pattern, fuzz_pattern};

#[track_caller]
fn matches(expression: &str, text: &str) -> bool {
    Pattern::full(expression).unwrap().matches(text.as_bytes())
}

#[test]
fn the_whole_text_must_match() {
    assert!(matches("a|ab", "ab"));
    assert!(!matches("b", "abc"));
    assert!(!matches("^a$", "ab"));
}

#[test]
fn braces_that_are_no_repetition_are_letters() {
    assert!(matches("/users/{id}", "/users/{id}"));
    assert!(matches("a{,2}", "a{,2}"));
    assert!(matches("a{2", "a{2"));
    assert!(matches("a{2,3}", "aaa"));
    assert!(matches(r"\x{41}", "A"));
}

#[test]
fn classes_do_not_nest_and_have_no_operators() {
    assert!(matches("[a[b]+", "a[b"));
    assert!(matches("[a&&b]+", "a&b"));
    assert!(matches("[]a]+", "a]"));
    assert!(matches("[~~]", "~"));
    assert!(matches("[+--]", "-"));
    assert!(matches(r"[\d-a]+", "1-a"));
    assert!(matches("[[:alpha:]1]+", "a1"));
}

#[test]
fn classes_and_borders_are_ascii() {
    assert!(!matches(r"\d", "\u{661}"));
    assert!(!matches(r"\w", "é"));
    assert!(!matches("(?i)k", "\u{212a}"));
}

#[test]
fn matching_is_by_bytes() {
    assert!(matches("é", "é"));
    assert!(!matches(".", "é"));
    assert!(matches("..", "é"));
    assert!(matches("[^a]{2}", "é"));
}

#[test]
fn codes_and_properties_are_those_of_single_bytes() {
    assert!(!matches(r"\x{e9}", "é"));
    assert!(Pattern::full(r"\x{e9}").unwrap().matches(b"\xe9"));
    assert!(!matches(r"\pL", "é"));
    assert!(matches(r"\pL\PL", "é"), "the bytes are the letter 195 and the sign 169");
    assert!(matches(r"[\pN-]+", "1-2"));
    assert!(matches(r"\p{^L}", "1"));
    assert!(!matches(r"\p{Greek}{2}", "α"));
}

#[test]
fn a_hyphen_can_begin_a_range() {
    assert!(matches("[--a]", "K"));
}

#[test]
fn nested_repetitions_multiply() {
    assert!(Pattern::full("(?:a{10}b){100}").is_ok());
    assert!(Pattern::full("(?:a{10}b){101}").is_err());
    assert!(Pattern::full("(a{1000})(b{1000})").is_ok());
}

#[test]
fn quoted_text_is_literal() {
    assert!(matches(r"\Qa.b\E+", "a.bb"));
    assert!(!matches(r"\Qa.b\E", "axb"));
    assert!(matches(r"\Q(*", "(*"));
}

#[test]
fn escaped_angle_brackets_are_letters() {
    assert!(matches(r"\<b\>", "<b>"));
}

#[test]
fn groups_cannot_leave_the_expression() {
    assert!(Pattern::full("a)(?:b").is_err());
    assert!(Pattern::full("(a").is_err());
    assert!(Pattern::full("[a").is_err());
}

#[test]
fn what_re2_refuses_is_refused() {
    for expression in [
        r"(?=a)b",
        r"(?!a)",
        r"(?<=a)b",
        r"(?x)a b",
        r"(?>a)",
        r"\1",
        r"a\Z",
        r"\u0041",
        "a**",
        "a++",
        "*a",
        "a{1001}",
        "a{2}{3}",
        "[z-a]",
        "[a--]",
        "[[:foo:]]",
        r"\p{Foo}",
        r"\p{greek}",
        r"\p",
        r"\x{ffff}",
        r"\xg0",
        "(a{100}){100}",
        "",
        r"\e",
        "(?i",
    ] {
        assert!(Pattern::full(expression).is_err(), "{expression}");
    }
}

#[test]
fn names_of_groups_do_not_matter() {
    assert!(matches("(?P<1a>a)(?P<n>b)(?P<n>c)", "abc"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_expression_panics(
        text in r"[\[\]\\(){}?*+.a-c^$|&~<>:PQEdwx0-9,=! -]{0,14}\n?[a-c]{0,3}",
    ) {
        fuzz_pattern(text.as_bytes());
    }
}
