//! An ordered list of rules, first match wins, and the way to that first match.

use crate::{Head, Rule};

/// An ordered list of rules, first match wins. Shared by all hosts that use it.
#[derive(Debug, Clone)]
pub struct RuleList {
    rules: Vec<Rule>,
}

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
        Self { rules }
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
        self.rules.iter().position(|rule| rule.matcher.matches(head))
    }
}
