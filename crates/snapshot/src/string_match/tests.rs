//! Tests of texts, as sentences.

use crate::{Pattern, StringMatch};

#[test]
fn exact_and_prefix_compare_bytes() {
    assert!(StringMatch::Exact("a".into()).matches(b"a"));
    assert!(!StringMatch::Exact("a".into()).matches(b"A"));
    assert!(StringMatch::Prefix("a".into()).matches(b"ab"));
    assert!(StringMatch::Prefix("".into()).matches(b""));
    assert!(!StringMatch::Prefix("ab".into()).matches(b"a"));
}

#[test]
fn values_need_not_be_text() {
    let any = StringMatch::Regex(Pattern::full("a.*").unwrap());
    assert!(any.matches(b"a\xff"));
}

#[test]
fn a_full_match_and_a_search_of_the_same_source_differ() {
    assert_ne!(Pattern::full("a").unwrap(), Pattern::search("a").unwrap());
    assert_eq!(Pattern::full("a").unwrap(), Pattern::full("a").unwrap());
}

#[test]
fn a_bad_expression_says_why() {
    let error = Pattern::full("(a").unwrap_err();
    assert!(error.to_string().contains("missing )"), "{error}");
}
