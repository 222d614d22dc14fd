//! Which rules of a long list can match a path: those that name it exactly, those that name one of
//! its prefixes, and those of which the path alone does not tell.

use std::collections::HashMap;

use crate::{PathMatch, Rule};

/// Positions of rules that share a text, ascending.
type Positions = Vec<usize>;

/// Prefix lengths that get a hash map of their own. Every one costs a hash per look-up; rules of
/// rarer lengths are tried one by one.
const MAX_LENGTHS: usize = 30;

/// The lists of one look-up: one per prefix length, the exact path's, and the unindexed rest.
const MAX_LISTS: usize = MAX_LENGTHS + 2;

#[derive(Debug, Clone)]
pub(super) struct Index {
    exact: HashMap<Box<str>, Positions>,
    /// By length in bytes, ascending.
    prefixes: Vec<(usize, HashMap<Box<str>, Positions>)>,
    /// Rules without a path test, with an expression, or with one that ignores case.
    rest: Positions,
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let lengths = indexed_lengths(rules);
        let mut index = Self {
            exact: HashMap::new(),
            prefixes: lengths.iter().map(|length| (*length, HashMap::new())).collect(),
            rest: Vec::new(),
        };
        for (position, rule) in rules.iter().enumerate() {
            index.list_for(&rule.matcher.path).push(position);
        }
        index
    }

    fn list_for(&mut self, path: &PathMatch) -> &mut Positions {
        match path {
            PathMatch::Exact { text, ignore_case: false } => {
                self.exact.entry(text.clone()).or_default()
            }
            PathMatch::Prefix { text, ignore_case: false } => {
                match self.prefixes.binary_search_by_key(&text.len(), |(length, _)| *length) {
                    Ok(at) => self.prefixes[at].1.entry(text.clone()).or_default(),
                    Err(_) => &mut self.rest,
                }
            }
            _ => &mut self.rest,
        }
    }

    /// Positions of the rules whose path test can succeed, ascending.
    pub(super) fn candidates(&self, path: &str) -> Candidates<'_> {
        let mut candidates = Candidates { lists: [&[]; MAX_LISTS], used: 0 };
        candidates.add(&self.rest);
        if let Some(list) = self.exact.get(path) {
            candidates.add(list);
        }
        for (length, map) in self.prefixes.iter().take_while(|(length, _)| *length <= path.len()) {
            if let Some(list) = path.get(..*length).and_then(|prefix| map.get(prefix)) {
                candidates.add(list);
            }
        }
        candidates
    }
}

/// The prefix lengths with the most rules, ascending.
fn indexed_lengths(rules: &[Rule]) -> Vec<usize> {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for rule in rules {
        if let PathMatch::Prefix { text, ignore_case: false } = &rule.matcher.path {
            *counts.entry(text.len()).or_default() += 1;
        }
    }
    let mut lengths: Vec<(usize, usize)> = counts.into_iter().collect();
    lengths.sort_by_key(|(length, count)| (std::cmp::Reverse(*count), *length));
    let mut lengths: Vec<usize> = lengths.into_iter().map(|(length, _)| length).collect();
    lengths.truncate(MAX_LENGTHS);
    lengths.sort_unstable();
    lengths
}

/// A merge of ascending lists; every position is in one list only.
pub(super) struct Candidates<'i> {
    lists: [&'i [usize]; MAX_LISTS],
    used: usize,
}

impl<'i> Candidates<'i> {
    /// There are no more maps than slots, so none is ever missing.
    fn add(&mut self, list: &'i [usize]) {
        if let Some(slot) = self.lists.get_mut(self.used) {
            *slot = list;
            self.used += 1;
        }
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let lists = &mut self.lists[..self.used];
        let least = lists.iter_mut().filter(|list| !list.is_empty()).min_by_key(|list| list[0])?;
        let (first, rest) = least.split_first()?;
        *least = rest;
        Some(*first)
    }
}
