//! Nearest problems, as sentences.

use super::{distance, is_slip, nearest};

#[test]
fn swaps_insertions_deletions_and_replacements_count_one_each() {
    assert_eq!(distance("reviews", "reveiws"), 1);
    assert_eq!(distance("reviews", "review"), 1);
    assert_eq!(distance("abc", "axc"), 1);
    assert_eq!(distance("", "ab"), 2);
    assert_eq!(distance("same", "same"), 0);
}

#[test]
fn the_nearest_candidate_is_suggested_and_another_word_is_not() {
    let names = ["ratings", "reviews", "details"];
    assert_eq!(nearest("reveiws", names.into_iter()), Some("reviews"));
    assert_eq!(nearest("productpage", names.into_iter()), None);
    assert_eq!(nearest("v1", ["v2", "v10", "other"].into_iter()), Some("v10"));
}

#[test]
fn a_slip_is_one_edit() {
    assert!(is_slip("ingresgateway", "ingressgateway"));
    assert!(!is_slip("egressgateway", "ingressgateway"));
    assert!(!is_slip("same", "same"));
}
