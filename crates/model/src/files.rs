//! Files that objects name: certificates and keys beside the YAML. Their contents are part of the
//! world, so that the compiler reads no disk.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::kubernetes::SecretBytes;
use crate::{Source, World};

/// Contents of named files, or why a file could not be read.
pub type Files = BTreeMap<FileKey, Result<SecretBytes, String>>;

/// Which file is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKey {
    /// Written as an absolute path, which a gateway may look up below a directory of its own.
    Absolute(PathBuf),
    /// Written as a relative path: beside the object's own file.
    Beside(PathBuf),
}

impl FileKey {
    /// The file that an object of `source` means by a path.
    #[must_use]
    pub fn of(source: &Source, written: &str) -> Self {
        let Source::File { path, .. } = source;
        match path.parent() {
            _ if written.starts_with('/') => Self::Absolute(PathBuf::from(written)),
            Some(folder) => Self::Beside(folder.join(written)),
            None => Self::Beside(PathBuf::from(written)),
        }
    }
}

impl World {
    /// The content of a file that an object of `source` names.
    ///
    /// # Errors
    /// A sentence that says why it was not read.
    pub fn file(&self, source: &Source, written: &str) -> Result<&SecretBytes, String> {
        match self.files.get(&FileKey::of(source, written)) {
            Some(Ok(bytes)) => Ok(bytes),
            Some(Err(why)) => Err(why.clone()),
            None => Err("it was not read".to_owned()),
        }
    }
}
