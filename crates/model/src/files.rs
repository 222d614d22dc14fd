//! Files that objects name: certificates and keys beside the YAML. Their contents are part of the
//! world, so that the compiler reads no disk.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::kubernetes::SecretBytes;
use crate::{Source, World};

/// Contents of named files, or why a file could not be read.
pub type Files = BTreeMap<PathBuf, Result<SecretBytes, String>>;

/// Where a path that an object of `source` names is kept in [`Files`]: an absolute path as
/// written, a relative one beside the object's own file.
#[must_use]
pub fn file_key(source: &Source, written: &str) -> PathBuf {
    let Source::File { path, .. } = source;
    match path.parent() {
        Some(folder) => folder.join(written),
        None => PathBuf::from(written),
    }
}

impl World {
    /// The content of a file that an object of `source` names.
    ///
    /// # Errors
    /// A sentence that says why it was not read.
    pub fn file(&self, source: &Source, written: &str) -> Result<&SecretBytes, String> {
        match self.files.get(&file_key(source, written)) {
            Some(Ok(bytes)) => Ok(bytes),
            Some(Err(why)) => Err(why.clone()),
            None => Err("it was not read".to_owned()),
        }
    }
}
