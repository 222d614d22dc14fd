//! An ordered list of rules, first match wins, and the way to that first match: one by one in
//! short lists, by an index over paths in long ones. The index only leaves out rules whose path
//! test must fail; which rule wins never depends on it.

mod index;

use index::Index;

use crate::{Head, Rule};

/// Lists shorter than this are searched one by one: a rule costs about 2 ns, a hash about 20.
const INDEXED_FROM: usize = 16;

/// An ordered list of rules, first match wins. Shared by all hosts that use it.
#[derive(Debug, Clone)]
pub struct RuleList {
    rules: Vec<Rule>,
    index: Option<Index>,
}

/// The index follows from the rules, so it takes no part in comparisons.
impl PartialEq for RuleList {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules
    }
}
impl Eq for RuleList {}

impl RuleList {
    /// A list in matching order.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        let index = (rules.len() >= INDEXED_FROM).then(|| Index::new(&rules));
        Self { rules, index }
    }

    /// The rules, in matching order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The first rule that matches.
    #[must_use]
    pub fn first_match(&self, head: &Head<'_>) -> Option<&Rule> {
        self.position(head).map(|position| &self.rules[position])
    }

    /// The position of the first rule that matches.
    #[must_use]
    pub fn position(&self, head: &Head<'_>) -> Option<usize> {
        let matches = |position: &usize| self.rules[*position].matcher.matches(head);
        match &self.index {
            None => (0..self.rules.len()).find(matches),
            Some(index) => index.candidates(head.path).find(matches),
        }
    }
}

#[cfg(test)]
mod tests;
