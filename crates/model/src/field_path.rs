//! The way from an object's root to one of its fields, e.g. `spec.http[0].match[1].uri`.
//! Sources turn it into a line and a column, and only when someone asks.

use std::fmt;

/// One step of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A key of a mapping, as Istio spells it (lowerCamelCase).
    Key(String),
    /// A zero-based position in a list.
    Index(usize),
}

/// A path of keys and positions from an object's root. Empty: the object itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FieldPath(Vec<Step>);

impl FieldPath {
    /// The object itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// `spec`, where nearly every path starts.
    #[must_use]
    pub fn spec() -> Self {
        Self::root().key("spec")
    }

    /// This path and one key more.
    #[must_use]
    pub fn key(&self, name: impl Into<String>) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(name.into()));
        Self(steps)
    }

    /// This path and one list position more.
    #[must_use]
    pub fn index(&self, position: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(position));
        Self(steps)
    }

    /// The steps from the root.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl FromIterator<Step> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
