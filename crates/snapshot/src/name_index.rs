//! Which of several patterns fits a host name best: exact first, then the longest `*suffix`, then
//! `*`. Virtual hosts and TLS server names are both found by it. It knows positions, not what
//! stands there.

use std::collections::HashMap;

/// Patterns with the position of what each stands for. Of two equal patterns the first counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct NameIndex {
    exact: HashMap<Box<str>, usize>,
    /// Suffixes (patterns without their `*`), grouped by length, longest first.
    suffixes: Vec<(usize, HashMap<Box<str>, usize>)>,
    any: Option<usize>,
}

impl NameIndex {
    /// An index of lower-case patterns: `a.com`, `*.a.com` or `*`.
    pub(crate) fn new<'p>(patterns: impl Iterator<Item = (&'p str, usize)>) -> Self {
        let mut index = Self::default();
        for (pattern, position) in patterns {
            match pattern.strip_prefix('*') {
                None => {
                    index.exact.entry(pattern.into()).or_insert(position);
                }
                Some("") => {
                    index.any.get_or_insert(position);
                }
                Some(suffix) => {
                    let groups = &mut index.suffixes;
                    let group = groups.iter().position(|(length, _)| *length == suffix.len());
                    let group = group.unwrap_or_else(|| {
                        groups.push((suffix.len(), HashMap::new()));
                        groups.len() - 1
                    });
                    groups[group].1.entry(suffix.into()).or_insert(position);
                }
            }
        }
        index.suffixes.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        index
    }

    /// The position of the pattern that fits a lower-case name best.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        if let Some(position) = self.exact.get(name) {
            return Some(*position);
        }
        self.suffix_position(name).or(self.any)
    }

    /// The position of `*`.
    pub(crate) fn any(&self) -> Option<usize> {
        self.any
    }

    /// `*.a.com` needs at least one byte in front of `.a.com` (Envoy's rule).
    fn suffix_position(&self, name: &str) -> Option<usize> {
        self.suffixes.iter().filter(|(length, _)| *length < name.len()).find_map(
            |(length, group)| {
                // A cut inside a multi-byte letter can match nothing.
                group.get(name.get(name.len() - length..)?).copied()
            },
        )
    }
}
