//! TLS to an endpoint: the server name and protocols that are asked for, and the handshake.

use std::net::IpAddr;
use std::sync::Arc;

use propylon_snapshot::{Address, Offers, ServerCheck, SniName};
use rustls::{ClientConfig, ClientConnection, Connection, HandshakeKind};
use rustls_pki_types::ServerName;

use super::handshake::{Broken, complete};
use super::originator::{Ear, Originator, Sessions};
use super::stream::TlsStream;
use super::trouble::Trouble;
use crate::io::Io;

/// What a connection is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose<'a> {
    /// HTTP/1.1 requests for the host of this authority.
    Http1(&'a str),
    /// HTTP/2 requests for the host of this authority.
    Http2(&'a str),
    /// Bytes that are handed on.
    Bytes,
    /// HTTP/2 streams of bytes that are handed on.
    Streams,
}

impl<'a> Purpose<'a> {
    /// The host that requests are for.
    pub(crate) fn host(self) -> Option<&'a str> {
        match self {
            Self::Http1(authority) | Self::Http2(authority) => Some(host(authority)),
            Self::Bytes | Self::Streams => None,
        }
    }
}

/// A TLS connection to an endpoint.
#[derive(Debug)]
pub(crate) struct Originated<I> {
    /// The decrypted bytes.
    pub(crate) stream: TlsStream<I>,
    /// An earlier session was resumed.
    pub(crate) resumed: bool,
}

/// Shakes hands with an endpoint.
///
/// # Errors
/// See [`Trouble`].
pub(crate) async fn originate<I: Io>(
    io: I,
    originator: &Arc<Originator>,
    sessions: &Sessions,
    address: &Address,
    purpose: Purpose<'_>,
) -> Result<Originated<I>, Trouble> {
    let settings = originator.settings();
    let (config, name) = match (&settings.asks_for, purpose.host()) {
        (SniName::Fixed(name), Some(_)) => (&sessions.requests, server_name(name)),
        (SniName::Fixed(name), None) => (&sessions.connections, server_name(name)),
        (SniName::OfRequest, Some(host)) => {
            let name = server_name(host);
            let judged = matches!(settings.servers, ServerCheck::Verify { of_request: true, .. });
            if name.is_none() && judged {
                return Err(Trouble::Name(host.into()));
            }
            (&sessions.requests, name)
        }
        (SniName::OfRequest, None) => (&sessions.connections, None),
    };
    // Addresses are never sent as server names; this one only stands for what is remembered.
    let name = name.unwrap_or_else(|| ServerName::IpAddress(stand_in(address).into()));
    let session = session(config, name, protocols(settings.offers, purpose))
        .map_err(|error| Trouble::of(error, originator.authorities()))?;
    let mut session = Connection::Client(session);
    match complete(&io, &mut session).await {
        Ok(()) => {}
        Err(Broken::Tls(error)) => return Err(Trouble::of(error, originator.authorities())),
        Err(Broken::Io(error)) => return Err(Trouble::Broken(error)),
    }
    let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    let stream = TlsStream::new(io, session).map_err(Trouble::Broken)?;
    let ear = Ear { originator: Arc::clone(originator), endpoint: shown(address).into() };
    let stream = stream.heard_by(ear);
    Ok(Originated { stream, resumed })
}

/// An address, for people.
pub(crate) fn shown(address: &Address) -> String {
    match address {
        Address::Ip(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
        Address::Abstract(name) => format!("unix:@{name}"),
    }
}

fn session(
    config: &Arc<ClientConfig>,
    name: ServerName<'static>,
    protocols: &[&str],
) -> Result<ClientConnection, rustls::Error> {
    let protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    ClientConnection::new_with_alpn(Arc::clone(config), name, protocols)
}

/// The protocols that are offered, by what is spoken. Istio's sidecars tell each other by names of
/// their own; its `istio-peer-exchange` is left out, as it promises an exchange of metadata.
fn protocols(offers: Offers, purpose: Purpose<'_>) -> &'static [&'static str] {
    match (offers, purpose) {
        (Offers::Plain, Purpose::Http2(_) | Purpose::Streams) | (Offers::Http2, _) => &["h2"],
        (Offers::Plain, _) => &[],
        (Offers::Mesh, Purpose::Http2(_)) => &["istio-h2", "istio", "h2"],
        (Offers::Mesh, Purpose::Http1(_)) => &["istio-http/1.1", "istio", "http/1.1"],
        (Offers::Mesh, Purpose::Bytes) => &["istio"],
        (Offers::Mesh, Purpose::Streams) => &["istio", "h2"],
    }
}

/// The host of an authority, without port and brackets.
fn host(authority: &str) -> &str {
    if let Some((address, _)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

fn server_name(name: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).ok()
}

fn stand_in(address: &Address) -> IpAddr {
    match address {
        Address::Ip(address) => address.ip(),
        Address::Unix(_) | Address::Abstract(_) => IpAddr::from([0, 0, 0, 0]),
    }
}

#[cfg(test)]
mod tests;
