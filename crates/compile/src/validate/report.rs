//! Where validation stands in an object, and what it has found there.
//!
//! A place is a chain on the stack: walking a healthy object allocates nothing. It becomes a
//! field path only when there is something to say.

use propylon_model::{Code, FieldPath, Meta, Problem, Severity, Step};

/// A field on the way from an object's root.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    parent: Option<&'a Self>,
    step: PlaceStep<'a>,
}

#[derive(Clone, Copy)]
enum PlaceStep<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// A key of the object itself: `spec`, `metadata`.
    pub(crate) fn top(key: &'a str) -> Self {
        Self { parent: None, step: PlaceStep::Key(key) }
    }

    /// A key below this place.
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: PlaceStep::Key(key) }
    }

    /// A list position below this place.
    pub(crate) fn index(&'a self, position: usize) -> Self {
        Self { parent: Some(self), step: PlaceStep::Index(position) }
    }

    /// This place as a field path.
    pub(crate) fn path(&self) -> FieldPath {
        let mut steps = Vec::new();
        let mut place = Some(self);
        while let Some(here) = place {
            steps.push(match here.step {
                PlaceStep::Key(key) => Step::Key(key.to_owned()),
                PlaceStep::Index(position) => Step::Index(position),
            });
            place = here.parent;
        }
        steps.into_iter().rev().collect()
    }
}

/// The problems of one object.
pub(crate) struct Findings<'a> {
    meta: &'a Meta,
    problems: Vec<Problem>,
}

impl<'a> Findings<'a> {
    /// No problems yet.
    pub(crate) fn new(meta: &'a Meta) -> Self {
        Self { meta, problems: Vec::new() }
    }

    /// The object that is looked at.
    pub(crate) fn meta(&self) -> &'a Meta {
        self.meta
    }

    /// The object is rejected.
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        place: &Place<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Error, code, place, message.into(), help.into());
    }

    /// The object is accepted, but does not do what its author thinks.
    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        place: &Place<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Warning, code, place, message.into(), help.into());
    }

    /// All problems, in the order they were found.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        place: &Place<'_>,
        message: String,
        help: String,
    ) {
        self.problems.push(Problem {
            severity,
            code: Code(code),
            object: Some(self.meta.key.clone()),
            source: self.meta.source.clone(),
            field: place.path(),
            at_key: false,
            message,
            help,
            position: None,
            notes: Vec::new(),
        });
    }
}
