//! From a tree to typed values: a serde deserializer that knows where it is.
//!
//! Errors carry the path of their field and say what to write instead. Unknown fields are
//! collected, so that one reading names them all; unwritten values count as absent.

mod key;
mod outline;
mod reader;

use std::cell::RefCell;
use std::fmt;

use propylon_model::{FieldPath, Step};
use serde::Deserialize;

use super::yaml::Node;
pub(crate) use outline::{Outline, outline};
use reader::Reader;

/// What was read, or the values that cannot be; and all unknown fields.
pub(crate) struct Decoded<T> {
    pub(crate) result: Result<T, Vec<Fault>>,
    pub(crate) unknown: Vec<UnknownField>,
}

/// How to treat what a type does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Istio's messages: unknown fields are faults, and so are entries without a value.
    Message,
    /// `metadata`: unknown fields are faults, a label without a value is an empty one.
    Metadata,
    /// Kubernetes objects: only some of their fields are known.
    Partial,
}

impl Strictness {
    fn knows_all_fields(self) -> bool {
        self != Self::Partial
    }

    fn takes_null_as_empty(self) -> bool {
        self != Self::Message
    }
}

/// Reads a typed value.
///
/// serde ends at the first fault, so a faulty tree is read again without the value at fault,
/// until nothing more is found.
pub(crate) fn decode<T: for<'de> Deserialize<'de>>(
    node: &Node,
    at: &FieldPath,
    strictness: Strictness,
) -> Decoded<T> {
    let mut findings = Findings { strictness, unknown: RefCell::default(), without: Vec::new() };
    let trail = Trail { parent: Parent::Root(at), step: None };
    let mut faults = Vec::new();
    loop {
        let result = T::deserialize(Reader::new(node, trail, &findings));
        let unknown = findings.unknown.take();
        let fault = match result {
            Ok(value) if faults.is_empty() => return Decoded { result: Ok(value), unknown },
            Ok(_) => return Decoded { result: Err(faults), unknown },
            Err(fault) => fault.at(&trail),
        };
        let path = fault.path.clone().unwrap_or_default();
        faults.push(fault);
        let again = path != *at && !findings.without.contains(&path);
        if !again || faults.len() == FAULTS_MAX {
            return Decoded { result: Err(faults), unknown };
        }
        findings.without.push(path);
    }
}

/// A field that its message does not have.
#[derive(Debug)]
pub(crate) struct UnknownField {
    /// The message that it is in.
    pub(crate) parent: FieldPath,
    /// The field as written.
    pub(crate) name: String,
    /// The fields that the message has, in both spellings.
    pub(crate) known: &'static [&'static str],
}

/// A value that its field cannot have.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The field; `None` until the reader that was in it fills it in.
    pub(crate) path: Option<FieldPath>,
    pub(crate) message: String,
    pub(crate) help: String,
    /// True: the key is at fault and not its value.
    pub(crate) at_key: bool,
}

impl Fault {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { path: None, message: message.into(), help: help.into(), at_key: false }
    }

    fn key(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { at_key: true, ..Self::new(message, help) }
    }

    /// The innermost reader knows best.
    fn at(mut self, trail: &Trail<'_>) -> Self {
        self.path.get_or_insert_with(|| trail.path());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string(), "")
    }

    fn invalid_type(found: serde::de::Unexpected<'_>, wanted: &dyn serde::de::Expected) -> Self {
        Self::new(format!("{wanted} is wanted here, not {found}"), "")
    }

    fn invalid_value(found: serde::de::Unexpected<'_>, wanted: &dyn serde::de::Expected) -> Self {
        Self::new(format!("{found} cannot be here: {wanted} is wanted"), "")
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is written twice, in both of its spellings"), "keep one")
    }
}

/// What one reading collects beside its result.
struct Findings {
    strictness: Strictness,
    unknown: RefCell<Vec<UnknownField>>,
    /// Values that are known to be at fault and count as absent.
    without: Vec<FieldPath>,
}

impl Findings {
    fn leaves_out(&self, trail: &Trail<'_>) -> bool {
        !self.without.is_empty() && self.without.contains(&trail.path())
    }
}

/// Faults that one document may show; each costs another reading.
const FAULTS_MAX: usize = 20;

/// The way from the root to a node, as a chain of stack frames: it costs nothing until it is asked
/// for.
#[derive(Clone, Copy)]
struct Trail<'t> {
    parent: Parent<'t>,
    step: Option<TrailStep<'t>>,
}

#[derive(Clone, Copy)]
enum Parent<'t> {
    Root(&'t FieldPath),
    Trail(&'t Trail<'t>),
}

#[derive(Clone, Copy)]
enum TrailStep<'t> {
    Key(&'t str),
    Index(usize),
}

impl<'t> Trail<'t> {
    fn key(&'t self, key: &'t str) -> Self {
        Self { parent: Parent::Trail(self), step: Some(TrailStep::Key(key)) }
    }

    fn index(&'t self, index: usize) -> Self {
        Self { parent: Parent::Trail(self), step: Some(TrailStep::Index(index)) }
    }

    fn path(&self) -> FieldPath {
        let mut steps = Vec::new();
        let mut trail = self;
        loop {
            match trail.step {
                Some(TrailStep::Key(key)) => steps.push(Step::Key(key.to_owned())),
                Some(TrailStep::Index(index)) => steps.push(Step::Index(index)),
                None => {}
            }
            match trail.parent {
                Parent::Trail(parent) => trail = parent,
                Parent::Root(root) => {
                    let steps = root.steps().iter().cloned().chain(steps.into_iter().rev());
                    return steps.collect();
                }
            }
        }
    }

    /// What people call this node: `` `hosts` `` or "an entry of `hosts`".
    fn called(&self) -> String {
        let last = match self.step {
            Some(TrailStep::Key(key)) => return format!("`{key}`"),
            Some(TrailStep::Index(_)) => match self.parent {
                Parent::Trail(parent) => parent.called(),
                Parent::Root(_) => return "an entry of the list".to_owned(),
            },
            None => {
                let Parent::Root(root) = self.parent else { return "the value".to_owned() };
                return match root.steps().last() {
                    Some(Step::Key(key)) => format!("`{key}`"),
                    Some(Step::Index(_)) => "the entry".to_owned(),
                    None => "the document".to_owned(),
                };
            }
        };
        format!("an entry of {last}")
    }
}

#[cfg(test)]
mod tests;
