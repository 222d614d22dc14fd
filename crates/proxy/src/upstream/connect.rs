//! Making a connection to an endpoint within its time.

use std::io;
use std::time::Duration;

use propylon_snapshot::{Address, Reason};
use tokio::net::{TcpStream, UnixStream};

use super::conduit::Conduit;
use crate::io::Stream;

/// How a connection failed to come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectFailure {
    /// The cluster's connect timeout passed.
    #[error("timed out")]
    Timeout,
    /// The kernel or the peer said no.
    #[error("{0}")]
    Refused(#[source] io::Error),
}

/// A connection that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("connect to {endpoint:?} failed within {limit:?}: {failure}")]
pub(crate) struct ConnectError {
    /// Whom it was for.
    pub endpoint: Address,
    /// The time it had.
    pub limit: Duration,
    /// What went wrong.
    pub failure: ConnectFailure,
}

impl ConnectError {
    /// What the client is told.
    #[must_use]
    pub(crate) fn reason(&self) -> Reason {
        match self.failure {
            ConnectFailure::Timeout => Reason::ConnectTimeout,
            ConnectFailure::Refused(_) => Reason::ConnectFailure,
        }
    }
}

/// Connects within `limit`.
pub(super) async fn connect(address: &Address, limit: Duration) -> Result<Conduit, ConnectError> {
    let failure = match tokio::time::timeout(limit, open(address)).await {
        Ok(Ok(stream)) => return Ok(Conduit::Plain(stream)),
        Ok(Err(error)) => ConnectFailure::Refused(error),
        Err(_) => ConnectFailure::Timeout,
    };
    Err(ConnectError { endpoint: address.clone(), limit, failure })
}

async fn open(address: &Address) -> io::Result<Stream> {
    match address {
        Address::Ip(address) => Stream::from_tcp(TcpStream::connect(address).await?),
        Address::Unix(path) => UnixStream::connect(path).await.map(Stream::from_unix),
        // Tokio's form of such a name.
        Address::Abstract(name) => {
            UnixStream::connect(format!("\0{name}")).await.map(Stream::from_unix)
        }
    }
}
