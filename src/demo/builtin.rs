//! Examples that travel inside the binary, for a demo far from the source tree.
//! They are the repository's own files; unpacked, they can be edited and reload like any other.

use std::io;
use std::path::{Path, PathBuf};

/// A folder of unpacked examples; removed when dropped.
#[derive(Debug)]
pub(crate) struct Unpacked(PathBuf);

impl Unpacked {
    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Unpacks the examples below `parent`, into a folder that nobody else made.
///
/// # Errors
/// When the folder exists already or cannot be written.
pub(crate) fn unpack(parent: &Path) -> io::Result<Unpacked> {
    let folder = parent.join(format!("propylon-demo-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let unpacked = Unpacked(folder);
    for (name, text) in FILES {
        let path = unpacked.path().join(name);
        if let Some(example) = path.parent() {
            std::fs::create_dir_all(example)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(unpacked)
}

/// Path and text of each file.
macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../examples/", $path)))),+]
    };
}

const FILES: &[(&str, &str)] = files![
    "bookinfo/exchanges.txt",
    "bookinfo/gateway.yaml",
    "bookinfo/services.yaml",
    "bookinfo/virtualservice.yaml",
    "httpbin/exchanges.txt",
    "httpbin/httpbin.yaml",
    "httpbin/httpbin_gw.yaml",
    "httpbin/httpbin_vs.yaml",
    "httpbin/services.yaml",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_examples_are_served_together_and_vanish_afterwards() {
        let parent = tempfile::tempdir().unwrap();
        let unpacked = unpack(parent.path()).unwrap();
        let picked = crate::demo::pick::pick(unpacked.path()).unwrap();
        assert_eq!(picked.together.len(), 2);
        assert!(picked.apart.is_empty(), "{:?}", picked.apart);
        assert!(picked.together.iter().all(|example| !example.exchanges.list.is_empty()));
        assert!(unpack(parent.path()).is_err(), "a folder of someone else is not written to");
        drop(unpacked);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
