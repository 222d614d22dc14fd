//! Making a connection to an endpoint, TLS included, within its time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use propylon_snapshot::{Address, Keepalive, ProxyHeader, Reason};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};

use super::conduit::{Conduit, Sealed};
use super::herald::{self, Ends};
use crate::io::{Stream, write_all};
use crate::tls::{self, BadCredential, Originator, Purpose, Sessions, Trouble};

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
    /// The endpoint was reached, and TLS with it came to nothing.
    #[error("TLS: {0}")]
    Tls(#[source] Box<Trouble>),
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
            ConnectFailure::Tls(_) => Reason::ConnectTls,
        }
    }
}

/// A connection that was made.
pub(super) struct Connected {
    /// The bytes' way.
    pub(super) conduit: Conduit,
    /// An earlier TLS session was resumed.
    pub(super) resumed: bool,
}

/// What TLS with an endpoint needs: the cluster's settings and what is remembered of the endpoint,
/// or why there is nothing.
pub(super) type Secured<'a> = Result<(&'a Arc<Originator>, &'a Sessions), BadCredential>;

/// What comes before the first byte of a request or handshake.
pub(super) struct Before {
    /// Whether the kernel probes the connection.
    pub(super) keepalive: Option<Keepalive>,
    /// The header that announces a client connection.
    pub(super) header: Option<(ProxyHeader, Ends)>,
}

/// Connects within `limit`, and shakes hands where TLS is asked for: with what is needed, for what
/// purpose, and for which host alone, if it is only for one.
pub(super) async fn connect(
    address: &Address,
    limit: Duration,
    secured: Option<(Secured<'_>, Purpose<'_>, Option<&str>)>,
    before: Before,
) -> Result<Connected, ConnectError> {
    let opening = async {
        let secured = match secured {
            None => None,
            Some((Ok((originator, sessions)), purpose, host)) => {
                Some((originator, sessions, purpose, host))
            }
            Some((Err(bad), ..)) => return Err(broken(Trouble::Credential(bad))),
        };
        let stream = open(address, before).await.map_err(ConnectFailure::Refused)?;
        let Some((originator, sessions, purpose, host)) = secured else {
            return Ok(Connected { conduit: Conduit::Plain(stream), resumed: false });
        };
        let made = tls::originate(stream, originator, sessions, address, purpose).await;
        let made = made.map_err(broken)?;
        let sealed = Sealed { stream: made.stream, host: host.map(Box::from) };
        Ok(Connected { conduit: Conduit::Tls(Box::new(sealed)), resumed: made.resumed })
    };
    let failure = match tokio::time::timeout(limit, opening).await {
        Ok(Ok(connected)) => return Ok(connected),
        Ok(Err(failure)) => failure,
        Err(_) => ConnectFailure::Timeout,
    };
    Err(ConnectError { endpoint: address.clone(), limit, failure })
}

fn broken(trouble: Trouble) -> ConnectFailure {
    ConnectFailure::Tls(Box::new(trouble))
}

async fn open(address: &Address, before: Before) -> io::Result<Stream> {
    let Before { keepalive, header } = before;
    let stream = reach(address, keepalive).await?;
    if let Some((version, ends)) = header {
        let own = (stream.local(), stream.peer());
        write_all(&stream, &herald::header(version, ends, own)).await?;
    }
    Ok(stream)
}

async fn reach(address: &Address, keepalive: Option<Keepalive>) -> io::Result<Stream> {
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
