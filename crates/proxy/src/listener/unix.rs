//! Unix domain sockets to listen on: files, which outlive those who made them, and abstract names,
//! which do not. Who may connect to a file is the umask's and its directory's to say, as with
//! Envoy.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::socket::Socket;

/// The file of a socket that this process made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        let found = std::fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_owned(), device: found.dev(), inode: found.ino() })
    }

    /// Takes the file away, so that nobody can connect any more; the socket itself drains on.
    /// What another process has put in its place stays.
    pub(crate) fn remove(&self) {
        if Self::of(&self.path).is_ok_and(|found| found == *self) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Binds a file. One that nobody answers at is left over from a process that is gone and gives way;
/// one that is no socket does not.
///
/// # Errors
/// What the kernel said; [`io::ErrorKind::AlreadyExists`] where a file is in the way.
pub(super) fn bind_file(path: &Path, workers: usize) -> io::Result<(Vec<Socket>, SocketFile)> {
    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    let file = SocketFile::of(path)?;
    Ok((shared(&listener, workers)?, file))
}

/// Binds a name without a file.
///
/// # Errors
/// What the kernel said.
pub(super) fn bind_abstract(name: &str, workers: usize) -> io::Result<Vec<Socket>> {
    let address = SocketAddr::from_abstract_name(name)?;
    shared(&UnixListener::bind_addr(&address)?, workers)
}

/// Unix sockets cannot be bound twice: all workers accept from one.
fn shared(listener: &UnixListener, workers: usize) -> io::Result<Vec<Socket>> {
    listener.set_nonblocking(true)?;
    (0..workers).map(|_| listener.try_clone().map(Socket::Unix)).collect()
}

#[cfg(test)]
mod tests;
