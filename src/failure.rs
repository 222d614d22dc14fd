//! Why a command of the program came to nothing.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a command could not do its work, as a sentence for people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A path on the command line leads nowhere.
    #[error("cannot read {}: {source}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An address given by a flag cannot be served on.
    #[error(
        "cannot serve {what} on {address}: {}; move it with {flag} ADDRESS, or {flag} off",
        holder.as_ref().map_or_else(|| source.to_string(), |holder| format!("in use by {holder}"))
    )]
    Bind {
        /// What would be served there.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// The flag that chooses it.
        flag: &'static str,
        /// The process that holds the address, where it can be seen.
        holder: Option<String>,
        /// What the system said.
        source: io::Error,
    },
    /// The program itself could not be started or could not print.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Anything else that a sentence says best.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// Standard input cannot be read.
    pub(crate) fn stdin(source: &io::Error) -> Self {
        Self::Other(format!("cannot read standard input: {source}"))
    }
}
