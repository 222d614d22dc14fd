//! Nearest problems, as sentences.

use super::{distance, is_slip, question};

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
    let ask = |text| question(text, names.into_iter());
    assert_eq!(ask("reveiws").as_deref(), Some("did you mean `reviews`?"));
    assert_eq!(ask("productpage"), None);
}

#[test]
fn equally_near_candidates_are_all_named_or_none() {
    let ask = |names: &[&'static str]| question("v2", names.iter().copied());
    assert_eq!(ask(&["v3", "v1", "other"]).as_deref(), Some("did you mean `v1` or `v3`?"));
    assert_eq!(ask(&["v1", "v3", "v4"]), None);
}

#[test]
fn a_slip_is_one_edit() {
    assert!(is_slip("ingresgateway", "ingressgateway"));
    assert!(!is_slip("egressgateway", "ingressgateway"));
    assert!(!is_slip("same", "same"));
}
