//! What files said when they were last read, so that a reload parses only what changed: where one
//! of thousands of files changes, the others cost a comparison of their bytes.
//! Knows texts and what became of them; opens no file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::Collected;

/// Files as they were at the last reading, with what became of them.
#[derive(Debug, Default)]
pub struct Memory {
    /// The namespace of objects that name none; another one changes what texts mean.
    namespace: Option<Arc<str>>,
    files: HashMap<PathBuf, Known>,
}

/// One file.
#[derive(Debug)]
struct Known {
    bytes: Vec<u8>,
    collected: Collected,
}

impl Memory {
    /// Takes everything out, to be put back file by file as it is read again: what is gone is
    /// forgotten.
    pub(super) fn turn(&mut self, namespace: &Arc<str>) -> Self {
        let before = std::mem::take(self);
        self.namespace = Some(Arc::clone(namespace));
        if before.namespace == self.namespace { before } else { Self::default() }
    }

    /// What became of a file, if it said exactly the same before.
    pub(super) fn recall(&mut self, path: &Path, bytes: &[u8]) -> Option<Collected> {
        let known = self.files.remove(path)?;
        (known.bytes == bytes).then_some(known.collected)
    }

    /// Remembers a file.
    pub(super) fn keep(&mut self, path: PathBuf, bytes: Vec<u8>, collected: Collected) {
        self.files.insert(path, Known { bytes, collected });
    }
}
