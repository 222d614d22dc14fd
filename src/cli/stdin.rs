//! The path `-`: standard input, kept in a file of its own for as long as the command runs, because
//! positions are found by reading a second time. Readers see it as `<stdin>`.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Paths of a command line, one of which may have been `-`.
#[derive(Debug)]
pub(super) struct Inputs {
    /// What to read.
    pub(super) paths: Vec<PathBuf>,
    spooled: Option<Spooled>,
}

impl Inputs {
    /// Reads standard input if `-` is among the paths.
    ///
    /// # Errors
    /// When it cannot be read or kept, or is larger than any configuration.
    pub(super) fn of(paths: &[PathBuf]) -> io::Result<Self> {
        if !paths.iter().any(|path| path == Path::new("-")) {
            return Ok(Self { paths: paths.to_vec(), spooled: None });
        }
        let spooled = Spooled::read(io::stdin().lock(), &std::env::temp_dir())?;
        let real = |path: &PathBuf| match path == Path::new("-") {
            true => spooled.0.clone(),
            false => path.clone(),
        };
        Ok(Self { paths: paths.iter().map(real).collect(), spooled: Some(spooled) })
    }

    /// A text about the inputs, with standard input under the name that its reader knows.
    pub(super) fn named(&self, text: String) -> String {
        match &self.spooled {
            Some(Spooled(path)) => text.replace(&*path.to_string_lossy(), "<stdin>"),
            None => text,
        }
    }
}

/// A file that is removed when dropped. Its path is found in no text by accident.
#[derive(Debug)]
struct Spooled(PathBuf);

impl Spooled {
    fn read(input: impl Read, folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("propylon-stdin-{}.yaml", std::process::id()));
        // Only its owner reads it, as it may hold secrets; what is there already is someone else's.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let spooled = Self(path);
        if io::copy(&mut input.take(INPUT_BYTES_MAX + 1), &mut file)? > INPUT_BYTES_MAX {
            let text = format!("standard input is larger than {INPUT_BYTES_MAX} bytes");
            return Err(io::Error::other(text));
        }
        Ok(spooled)
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Bytes of standard input; as much as a file may have.
const INPUT_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_vanishes_with_its_owner_and_is_named_stdin() {
        let folder = tempfile::tempdir().unwrap();
        let spooled = Spooled::read(&b"kind: Gateway\n"[..], folder.path()).unwrap();
        let path = spooled.0.clone();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "kind: Gateway\n");
        let inputs = Inputs { paths: vec![path.clone()], spooled: Some(spooled) };
        assert_eq!(inputs.named(format!(" --> {}:1:2", path.display())), " --> <stdin>:1:2");
        drop(inputs);
        assert!(!path.exists());
    }
}
