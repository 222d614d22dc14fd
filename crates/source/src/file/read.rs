//! Reads files and directories into objects and problems.
//!
//! Total: an unreadable file or document is a problem, and says so to the caller, who keeps the
//! last good objects of it. The order of files decides nothing but which of two equal names wins.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use propylon_model::{AnyObject, Code, FieldPath, ObjectKey, Problem, Severity, Source};

use super::document::{self, Collected};
use super::listing::list;
use super::memory::Memory;
use super::{codes, yaml};

/// How to read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The namespace of objects that name none.
    pub default_namespace: Arc<str>,
    /// Takes files only as they are when nobody wrote to them for this long, and when something
    /// is in them. Another file is left out without a problem and as not wholly read, so that its
    /// last good objects stay: whoever writes in place empties the file first, and on a full disk
    /// it stays empty. Objects go when their file goes, or says something else. `None` takes every
    /// file as it is.
    pub settled_for: Option<Duration>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { default_namespace: "default".into(), settled_for: None }
    }
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// The objects, in order of files and documents; each key once.
    pub objects: Vec<AnyObject>,
    /// What is wrong, in the same order.
    pub problems: Vec<Problem>,
    /// The files and directories, and whether each was read wholly.
    pub files: Vec<FileRead>,
}

/// A file, or a directory that could not be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRead {
    /// Its path, as in [`Source::File`].
    pub path: PathBuf,
    /// False: some of it could not be read, so objects missing from it may not be gone.
    pub ok: bool,
}

/// Reads files, and directories with all that is in them.
#[must_use]
pub fn read(paths: &[PathBuf], options: &ReadOptions) -> Read {
    read_again(paths, options, &mut Memory::default())
}

/// The same, where files that say what they said at the last reading are not parsed again. The
/// result is that of [`read`].
#[must_use]
pub fn read_again(paths: &[PathBuf], options: &ReadOptions, memory: &mut Memory) -> Read {
    let listing = list(paths);
    let mut reading = Reading::new(options);
    for (path, error) in listing.failures {
        reading.unreadable(path, &error);
    }
    let mut before = memory.turn(&options.default_namespace);
    for path in listing.files {
        match read_file(&path, options.settled_for) {
            Ok(Some(bytes)) => {
                let known = before.recall(&path, &bytes);
                let found = known.unwrap_or_else(|| reading.parse(&path, &bytes));
                reading.take(path.clone(), found.clone());
                memory.keep(path, bytes, found);
            }
            Ok(None) => reading.files.push(FileRead { path, ok: false }),
            Err(error) => reading.unreadable(path, &error),
        }
    }
    reading.finish()
}

/// Reads one text that is in no file.
pub(crate) fn read_bytes(bytes: &[u8]) -> Read {
    let options = ReadOptions::default();
    let mut reading = Reading::new(&options);
    let path = PathBuf::from("-");
    let found = reading.parse(&path, bytes);
    reading.take(path, found);
    reading.finish()
}

/// The bytes of a file; `None` while somebody writes it.
fn read_file(path: &Path, settled_for: Option<Duration>) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let before = file.metadata()?;
    if !before.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    (&file).take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if let Some(quiet) = settled_for {
        let after = file.metadata()?;
        let same = before.modified()? == after.modified()? && before.len() == after.len();
        // A time in the future is a clock's matter, not a writer's.
        let young = after.modified()?.elapsed().is_ok_and(|age| age < quiet);
        let empty = bytes.trim_ascii().is_empty();
        if young || empty || !same {
            return Ok(None);
        }
    }
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(Some(bytes))
}

struct Reading<'r> {
    options: &'r ReadOptions,
    collected: Collected,
    files: Vec<FileRead>,
}

impl<'r> Reading<'r> {
    fn new(options: &'r ReadOptions) -> Self {
        Self { options, collected: Collected::default(), files: Vec::new() }
    }

    /// What the bytes of a file come to.
    fn parse(&self, path: &Path, bytes: &[u8]) -> Collected {
        let mut found = Collected::default();
        let shared = Arc::new(path.to_path_buf());
        let (text, fault) = text(bytes);
        if let Some(fault) = fault {
            found.problems.push(fault_problem(&shared, 0, fault));
        }
        for (position, parsed) in yaml::parse(text).into_iter().enumerate() {
            match parsed.root {
                Ok(None) => {}
                Ok(Some(root)) if root.is_null() => {}
                Ok(Some(root)) => {
                    let source =
                        Source::File { path: shared.clone(), document: position, item: None };
                    let namespace = &self.options.default_namespace;
                    document::read(&root, &source, namespace, &mut found);
                }
                Err(faults) => {
                    let problem = |fault| fault_problem(&shared, position, fault);
                    found.problems.extend(faults.into_iter().map(problem));
                }
            }
        }
        found
    }

    /// Adds what a file came to.
    fn take(&mut self, path: PathBuf, found: Collected) {
        let ok = !found.problems.iter().any(|problem| problem.severity == Severity::Error);
        self.collected.objects.extend(found.objects);
        self.collected.problems.extend(found.problems);
        self.files.push(FileRead { path, ok });
    }

    fn unreadable(&mut self, path: PathBuf, error: &io::Error) {
        let message = format!("cannot read {}: {error}", path.display());
        let source = Source::File { path: Arc::new(path.clone()), document: 0, item: None };
        let problem = file_problem(codes::UNREADABLE, source, None, message, String::new());
        self.collected.problems.push(problem);
        self.files.push(FileRead { path, ok: false });
    }

    /// Drops objects that are there already.
    fn finish(self) -> Read {
        let Self { collected: Collected { objects, mut problems }, files, .. } = self;
        let mut first: HashMap<ObjectKey, Source> = HashMap::with_capacity(objects.len());
        let mut kept = Vec::with_capacity(objects.len());
        for object in objects {
            let meta = object.meta();
            match first.entry(meta.key.clone()) {
                Entry::Vacant(slot) => {
                    slot.insert(meta.source.clone());
                    kept.push(object);
                }
                Entry::Occupied(slot) => problems.push(twice(&object, slot.get())),
            }
        }
        Read { objects: kept, problems, files }
    }
}

fn fault_problem(path: &Arc<PathBuf>, document: usize, fault: yaml::Fault) -> Problem {
    let yaml::Fault { code, mark, message, help } = fault;
    let source = Source::File { path: path.clone(), document, item: None };
    let position = Some((mark.line as usize, mark.column as usize));
    file_problem(code, source, position, message, help)
}

fn twice(object: &AnyObject, first: &Source) -> Problem {
    let meta = object.meta();
    let name = FieldPath::root().key("metadata").key("name");
    let message = format!("{} is there twice; the first one stays in force", meta.key);
    let help = "remove one of them, or give them different names".to_owned();
    Problem {
        object: Some(meta.key.clone()),
        field: name.clone(),
        notes: vec![propylon_model::Note {
            object: meta.key.clone(),
            source: first.clone(),
            field: name,
            text: "the first one is here".to_owned(),
        }],
        ..file_problem(codes::DUPLICATE_OBJECT, meta.source.clone(), None, message, help)
    }
}

fn file_problem(
    code: &'static str,
    source: Source,
    position: Option<(usize, usize)>,
    message: String,
    help: String,
) -> Problem {
    Problem {
        severity: Severity::Error,
        code: Code(code),
        object: None,
        source,
        field: FieldPath::root(),
        at_key: false,
        message,
        help,
        position,
        notes: Vec::new(),
    }
}

/// The part of a file that is text, and a fault where it is not all of it.
fn text(bytes: &[u8]) -> (&str, Option<yaml::Fault>) {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return (text, None),
        Err(error) => error,
    };
    let good = &bytes[..error.valid_up_to()];
    let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = good.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mark =
        yaml::Mark { offset: narrow(good.len()), line: narrow(line), column: narrow(column) };
    let message = "the file is not text in UTF-8, so none of it is read".to_owned();
    let help = "save it in UTF-8".to_owned();
    ("", Some(yaml::Fault { code: codes::SYNTAX, mark, message, help }))
}

/// Bytes of one file: ten times the largest configuration that we test, and far from what offsets
/// can count.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests;
