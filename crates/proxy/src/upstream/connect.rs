//! Making a connection to an endpoint within its time.

use std::io;
use std::time::Duration;

use propylon_snapshot::{Address, Keepalive, Reason};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};

use super::conduit::Conduit;
use crate::io::Stream;

/// How a connection failed to come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectFailure {
    /// The cluster's connect timeout passed.
    #[error("timed out")]
    Timeout,
    /// The cluster has as much in use as it may.
    #[error("a bound of the cluster is reached")]
    Overflow,
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
            ConnectFailure::Overflow => Reason::Overflow,
            ConnectFailure::Refused(_) => Reason::ConnectFailure,
        }
    }
}

/// Connects within `limit`.
pub(super) async fn connect(
    address: &Address,
    limit: Duration,
    keepalive: Option<Keepalive>,
) -> Result<Conduit, ConnectError> {
    let failure = match tokio::time::timeout(limit, open(address, keepalive)).await {
        Ok(Ok(stream)) => return Ok(Conduit::Plain(stream)),
        Ok(Err(error)) => ConnectFailure::Refused(error),
        Err(_) => ConnectFailure::Timeout,
    };
    Err(ConnectError { endpoint: address.clone(), limit, failure })
}

async fn open(address: &Address, keepalive: Option<Keepalive>) -> io::Result<Stream> {
    match address {
        Address::Ip(address) => {
            let socket = TcpStream::connect(address).await?;
            if let Some(keepalive) = keepalive {
                keep_alive(&socket, keepalive)?;
            }
            Stream::from_tcp(socket)
        }
        Address::Unix(path) => UnixStream::connect(path).await.map(Stream::from_unix),
        // Tokio's form of such a name.
        Address::Abstract(name) => {
            UnixStream::connect(format!("\0{name}")).await.map(Stream::from_unix)
        }
    }
}

/// Lets the kernel probe the connection.
fn keep_alive(socket: &TcpStream, keepalive: Keepalive) -> io::Result<()> {
    let Keepalive { probes, time, interval } = keepalive;
    let mut asked = TcpKeepalive::new();
    if let Some(probes) = probes {
        asked = asked.with_retries(probes);
    }
    if let Some(time) = time {
        asked = asked.with_time(time);
    }
    if let Some(interval) = interval {
        asked = asked.with_interval(interval);
    }
    let socket = SockRef::from(socket);
    socket.set_keepalive(true)?;
    socket.set_tcp_keepalive(&asked)
}

#[cfg(test)]
mod tests;
