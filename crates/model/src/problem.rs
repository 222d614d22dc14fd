//! What is wrong with the user's configuration, said so that they can mend it.

use std::fmt;

use crate::{FieldPath, ObjectKey, Source};

/// How much of what the author intended does not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Traffic that the author intended cannot flow, or protection they asked for is missing.
    Error,
    /// It works, but probably not as the author thinks.
    Warning,
    /// Worth knowing; nothing is lost.
    Info,
}

/// A stable name of a kind of problem: Istio's analyzer code where there is one (`IST0101`), else
/// `GW` and four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A second place that explains a problem, e.g. the earlier rule that shadows this one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Note {
    /// The object it is in.
    pub object: ObjectKey,
    /// Where that object came from.
    pub source: Source,
    /// The field in it.
    pub field: FieldPath,
    /// What it has to do with the problem; one phrase.
    pub text: String,
}

/// One problem: what, where, with which consequence, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// Its stable name.
    pub code: Code,
    /// The object at fault; `None` where a file could not be read as objects at all.
    pub object: Option<ObjectKey>,
    /// Where it came from.
    pub source: Source,
    /// The field at fault.
    pub field: FieldPath,
    /// True: the position is that of the field's key, not of its value (an unknown or misplaced
    /// field).
    pub at_key: bool,
    /// What is wrong and what follows from it; one sentence, lower-case, no full stop.
    pub message: String,
    /// What to change; empty where the message says it.
    pub help: String,
    /// A line and a column (both 1-based) where no field can be named, as in broken YAML.
    pub position: Option<(usize, usize)>,
    /// Other places that explain it.
    pub notes: Vec<Note>,
}

impl Problem {
    /// A problem of one field of one object.
    #[must_use]
    pub fn of<S>(
        severity: Severity,
        code: &'static str,
        object: &crate::Object<S>,
        field: FieldPath,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code: Code(code),
            object: Some(object.meta.key.clone()),
            source: object.meta.source.clone(),
            field,
            at_key: false,
            message: message.into(),
            help: String::new(),
            position: None,
            notes: Vec::new(),
        }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn help(mut self, advice: impl Into<String>) -> Self {
        self.help = advice.into();
        self
    }

    /// The same problem, placed at the field's key.
    #[must_use]
    pub fn at_key(mut self) -> Self {
        self.at_key = true;
        self
    }

    /// The same problem with a second place.
    #[must_use]
    pub fn note<S>(
        mut self,
        object: &crate::Object<S>,
        field: FieldPath,
        text: impl Into<String>,
    ) -> Self {
        self.notes.push(Note {
            object: object.meta.key.clone(),
            source: object.meta.source.clone(),
            field,
            text: text.into(),
        });
        self
    }
}
