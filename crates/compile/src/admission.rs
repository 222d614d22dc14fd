//! Which version of each object is in force: the newest one that is valid.
//! It remembers and validates; it neither reads nor compiles. Sits between a source and `compile`.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use propylon_model::{AnyObject, FieldPath, Meta, ObjectKey, Problem, Severity, Source, World};

use crate::problems::code;
use crate::validate;

/// The last good version of every object.
#[derive(Debug, Default)]
pub struct Ledger {
    good: BTreeMap<ObjectKey, AnyObject>,
    held: Vec<ObjectKey>,
}

impl Ledger {
    /// The objects that the latest reading could not replace, so that an earlier version of them is
    /// in force; sorted.
    #[must_use]
    pub fn held(&self) -> &[ObjectKey] {
        &self.held
    }

    /// Admits one reading of all sources: the objects found, and the files that could not be read
    /// wholly. Returns the objects in force and what is wrong with those that are not.
    ///
    /// An object with errors is replaced by its last good version, if there was one. Objects that
    /// were in an unreadable file stay. Objects that are gone from readable files are gone. Of two
    /// objects with one key the first counts.
    pub fn admit(
        &mut self,
        objects: Vec<AnyObject>,
        unread_files: &[PathBuf],
    ) -> (World, Vec<Problem>) {
        let mut before = std::mem::take(&mut self.good);
        let mut problems = Vec::new();
        let mut seen = HashSet::new();
        let mut rejected = Vec::new();
        self.held.clear();
        for object in objects {
            let key = object.meta().key.clone();
            if !seen.insert(key.clone()) {
                continue;
            }
            let found = validate::object(&object);
            let refused = found.iter().any(|problem| problem.severity == Severity::Error);
            problems.extend(found);
            let last = before.remove(&key);
            let admitted = match (refused, last) {
                (false, Some(last)) if last == object => last,
                (false, _) => object,
                (true, Some(last)) => {
                    problems.push(stays(object.meta()));
                    self.held.push(key.clone());
                    last
                }
                (true, None) => {
                    rejected.push(object);
                    continue;
                }
            };
            self.good.insert(key, admitted);
        }
        before.retain(|_, last| {
            let Source::File { path, .. } = &last.meta().source;
            // A directory that could not be listed stands for all below it.
            unread_files.iter().any(|unread| path.starts_with(unread))
        });
        self.held.extend(before.keys().cloned());
        self.held.sort();
        self.good.append(&mut before);
        let mut world = World::from_objects(self.good.values().cloned());
        world.rejected = rejected;
        (world, problems)
    }
}

fn stays(meta: &Meta) -> Problem {
    Problem {
        severity: Severity::Info,
        code: propylon_model::Code(code::LAST_GOOD),
        object: Some(meta.key.clone()),
        source: meta.source.clone(),
        field: FieldPath::root(),
        at_key: false,
        message: "the last good version of this object stays in force".to_owned(),
        help: String::new(),
        position: None,
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
