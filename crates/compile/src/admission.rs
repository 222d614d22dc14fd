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
    good: BTreeMap<ObjectKey, Admitted>,
    reading: u64,
}

#[derive(Debug)]
struct Admitted {
    object: AnyObject,
    /// The reading that first had this version.
    since: u64,
}

impl Ledger {
    /// The number of the latest reading; the first is 1.
    #[must_use]
    pub fn reading(&self) -> u64 {
        self.reading
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
        self.reading += 1;
        let mut before = std::mem::take(&mut self.good);
        let mut problems = Vec::new();
        let mut seen = HashSet::new();
        for object in objects {
            let key = object.meta().key.clone();
            if !seen.insert(key.clone()) {
                continue;
            }
            let found = validate::object(&object);
            let rejected = found.iter().any(|problem| problem.severity == Severity::Error);
            problems.extend(found);
            let last = before.remove(&key);
            let admitted = match (rejected, last) {
                (false, Some(last)) if last.object == object => last,
                (false, _) => Admitted { object, since: self.reading },
                (true, Some(last)) => {
                    problems.push(stays(object.meta(), last.since));
                    last
                }
                (true, None) => continue,
            };
            self.good.insert(key, admitted);
        }
        before.retain(|_, last| {
            let Source::File { path, .. } = &last.object.meta().source;
            // A directory that could not be listed stands for all below it.
            unread_files.iter().any(|unread| path.starts_with(unread))
        });
        self.good.append(&mut before);
        let world = World::from_objects(self.good.values().map(|one| one.object.clone()));
        (world, problems)
    }
}

fn stays(meta: &Meta, since: u64) -> Problem {
    Problem {
        severity: Severity::Info,
        code: propylon_model::Code(code::LAST_GOOD),
        object: Some(meta.key.clone()),
        source: meta.source.clone(),
        field: FieldPath::root(),
        at_key: false,
        message: format!("{} is not valid, so its version of generation {since} stays", meta.key),
        help: String::new(),
        position: None,
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
