//! Long lists, as sentences. Equality with the naive matcher is a property test of its own.

use super::index::Index;
use super::{INDEXED_FROM, RuleList};
use crate::samples::{exact, head, prefix, respond, rule};
use crate::{Matcher, Rule};

fn rules(matchers: Vec<Matcher>) -> Vec<Rule> {
    matchers.into_iter().map(|matcher| rule("", matcher, respond(200))).collect()
}

#[test]
fn only_rules_whose_path_can_match_are_asked_in_order() {
    let list = rules(vec![
        prefix("/a/b"),
        exact("/a"),
        Matcher::any(),
        prefix("/a"),
        exact("/a/b"),
        prefix("/c"),
        prefix(""),
    ]);
    let index = Index::new(&list);
    assert_eq!(index.candidates("/a/b").collect::<Vec<_>>(), [0, 2, 3, 4, 6]);
    assert_eq!(index.candidates("/a").collect::<Vec<_>>(), [1, 2, 3, 6]);
    assert_eq!(index.candidates("/").collect::<Vec<_>>(), [2, 6]);
}

#[test]
fn more_prefix_lengths_than_maps_are_still_all_asked() {
    let longest = 100;
    let list = rules((1..=longest).map(|length| prefix(&"/".repeat(length))).collect());
    let index = Index::new(&list);
    let all: Vec<_> = (0..longest).collect();
    assert_eq!(index.candidates(&"/".repeat(longest)).collect::<Vec<_>>(), all);
}

#[test]
fn a_list_finds_its_first_match_on_both_sides_of_the_index() {
    for length in [INDEXED_FROM - 1, INDEXED_FROM, 10 * INDEXED_FROM] {
        let last = length - 1;
        let list = (0..length).map(|number| exact(&format!("/{number}"))).collect();
        let list = RuleList::new(rules(list));
        assert_eq!(list.position(&head("a.com", &format!("/{last}?q"), &[])), Some(last));
        assert_eq!(list.position(&head("a.com", "/none", &[])), None);
    }
}

#[test]
fn a_prefix_inside_a_letter_matches_nothing() {
    let mut list = rules(vec![prefix("/é"); INDEXED_FROM]);
    list.push(rule("", prefix("/"), respond(200)));
    let list = RuleList::new(list);
    assert_eq!(list.position(&head("a.com", "/è", &[])), Some(INDEXED_FROM));
}
