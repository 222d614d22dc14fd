//! Which files the given paths mean.
//!
//! A file counts whatever its name; a directory means its YAML and JSON files, its directories'
//! included. Names that begin with a dot are passed over: a mounted ConfigMap keeps its versions
//! in `..2026_01_01...` and links the files of the current one.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files, in order of their paths; the directories they were found in; and what could not be
/// listed.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) directories: Vec<PathBuf>,
    pub(crate) failures: Vec<(PathBuf, io::Error)>,
}

/// Lists the files of some paths; each file once, however many ways lead to it.
pub(crate) fn list(paths: &[PathBuf]) -> Listing {
    let mut found = Found::default();
    for path in paths {
        match fs::metadata(path) {
            Err(error) => found.failures.push((path.clone(), error)),
            Ok(metadata) if metadata.is_dir() => found.directory(path),
            Ok(_) => found.file(path.clone()),
        }
    }
    let mut files: Vec<PathBuf> = found.files.into_values().collect();
    files.sort();
    Listing { files, directories: found.directories, failures: found.failures }
}

#[derive(Default)]
struct Found {
    /// By real path; of several ways to a file, the first in order counts.
    files: BTreeMap<PathBuf, PathBuf>,
    directories: Vec<PathBuf>,
    /// Real paths of the directories: links may lead to the same one, or around in circles.
    visited: HashSet<PathBuf>,
    failures: Vec<(PathBuf, io::Error)>,
}

impl Found {
    fn file(&mut self, path: PathBuf) {
        match fs::canonicalize(&path) {
            Err(error) => self.failures.push((path, error)),
            Ok(real) => {
                let way = self.files.entry(real).or_insert_with(|| path.clone());
                if path < *way {
                    *way = path;
                }
            }
        }
    }

    fn directory(&mut self, path: &Path) {
        let listed = fs::canonicalize(path).and_then(|real| Ok((real, fs::read_dir(path)?)));
        let (real, entries) = match listed {
            Ok(listed) => listed,
            Err(error) => {
                self.failures.push((path.to_owned(), error));
                return;
            }
        };
        if !self.visited.insert(real) {
            return;
        }
        self.directories.push(path.to_owned());
        let mut names = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => names.push(entry.file_name()),
                Err(error) => self.failures.push((path.to_owned(), error)),
            }
        }
        // The file system's order must not decide which way to a directory counts.
        names.sort_unstable();
        for name in names {
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = path.join(name);
            // Follows links, as `kubectl` does.
            match fs::metadata(&path) {
                // It was removed meanwhile, or the link leads nowhere: there is nothing to read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.failures.push((path, error)),
                Ok(metadata) if metadata.is_dir() => self.directory(&path),
                Ok(_) if is_configuration(&path) => self.file(path),
                Ok(_) => {}
            }
        }
    }
}

pub(crate) fn is_configuration(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}
