//! Which files the given paths mean.
//!
//! A file counts whatever its name; a directory means its YAML and JSON files, its directories'
//! included. Names that begin with a dot are passed over: a mounted ConfigMap keeps its versions
//! in `..2026_01_01...` and links the files of the current one.

use std::collections::BTreeMap;
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
            Ok(metadata) if metadata.is_dir() => found.directory(path, 0),
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

    fn directory(&mut self, path: &Path, depth: usize) {
        if depth > DIRECTORY_DEPTH_MAX {
            let error =
                io::Error::other("directories are nested too deeply, or link to themselves");
            self.failures.push((path.to_owned(), error));
            return;
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => {
                self.failures.push((path.to_owned(), error));
                return;
            }
        };
        self.directories.push(path.to_owned());
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.failures.push((path.to_owned(), error));
                    continue;
                }
            };
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            // Follows links, as `kubectl` does.
            match fs::metadata(&path) {
                // It was removed meanwhile, or the link leads nowhere: there is nothing to read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.failures.push((path, error)),
                Ok(metadata) if metadata.is_dir() => self.directory(&path, depth + 1),
                Ok(_) if is_configuration(&path) => self.file(path),
                Ok(_) => {}
            }
        }
    }
}

fn is_configuration(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// Levels of directories; a link to a parent would have no end.
const DIRECTORY_DEPTH_MAX: usize = 32;
