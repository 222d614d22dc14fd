//! Which examples can be served together: folders with exchanges whose objects do not collide.
//! The others are named with the reason, so that each can be served by itself.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use propylon_model::ObjectKey;
use propylon_source::file::{self, ReadOptions};

use super::exchange::Exchanges;

/// One example: a folder of YAML and its exchanges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Example {
    /// Its folder.
    pub path: PathBuf,
    /// What to try.
    pub exchanges: Exchanges,
}

/// What a folder offers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Picked {
    /// Served together.
    pub together: Vec<Example>,
    /// Not served with them, and why.
    pub apart: Vec<(PathBuf, String)>,
}

/// The example in `folder`, or the examples in its subfolders.
///
/// # Errors
/// When a folder cannot be read or its exchanges are not understood.
pub(crate) fn pick(folder: &Path) -> io::Result<Picked> {
    if let Some(exchanges) = exchanges(folder)? {
        let only = Example { path: folder.to_owned(), exchanges };
        return Ok(Picked { together: vec![only], apart: Vec::new() });
    }
    let mut subfolders: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    subfolders.sort();
    let mut picked = Picked::default();
    let mut taken: BTreeSet<ObjectKey> = BTreeSet::new();
    for path in subfolders.into_iter().filter(|path| path.is_dir()) {
        let Some(exchanges) = exchanges(&path)? else { continue };
        if !exchanges.flags.is_empty() {
            let why = format!("it wants a gateway with {}", exchanges.flags.join(" "));
            picked.apart.push((path, why));
            continue;
        }
        let keys = keys(&path);
        if let Some(key) = keys.iter().find(|key| taken.contains(key)) {
            let why = format!("it has a {key} of its own");
            picked.apart.push((path, why));
            continue;
        }
        taken.extend(keys);
        picked.together.push(Example { path, exchanges });
    }
    if picked.together.is_empty() {
        // YAML without exchanges can be served just as well; there is only nothing to try.
        let exchanges = Exchanges::default();
        picked.together.push(Example { path: folder.to_owned(), exchanges });
    }
    Ok(picked)
}

fn exchanges(folder: &Path) -> io::Result<Option<Exchanges>> {
    let path = folder.join("exchanges.txt");
    match std::fs::read_to_string(&path) {
        Ok(text) => Exchanges::parse(&text)
            .map(Some)
            .map_err(|why| io::Error::other(format!("{}: {why}", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn keys(folder: &Path) -> BTreeSet<ObjectKey> {
    let read = file::read(&[folder.to_owned()], &ReadOptions::default());
    read.objects.iter().map(|object| object.meta().key.clone()).collect()
}

#[cfg(test)]
mod tests;
