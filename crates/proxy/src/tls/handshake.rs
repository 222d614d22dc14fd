//! From the first byte of a TLS connection to its stream: reads the ClientHello, lets the caller
//! choose a server by name, and shakes hands. A client that no server answers for gets no byte.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Poll, ready};

use propylon_snapshot::ServerTls;
use rustls::server::{Accepted, AcceptedAlert, Acceptor};
use rustls::{Connection, Error, HandshakeKind, PeerIncompatible, ProtocolVersion};

use super::certificate::{self, CertificateFacts};
use super::stream::{TlsStream, Wire, write_out};
use super::terminator::{HTTP1, HTTP2, Ready, Terminator};
use crate::io::Io;

/// A connection after its handshake.
#[derive(Debug)]
pub(crate) struct Handshake<I> {
    /// The decrypted bytes.
    pub(crate) stream: TlsStream<I>,
    /// The server name that the client asked for.
    pub(crate) server_name: Option<Box<str>>,
    /// The settings that it was made by.
    pub(crate) settings: Arc<ServerTls>,
    /// What `x-forwarded-client-cert` says about the client; `None` without a certificate.
    pub(crate) client: Option<Box<[u8]>>,
    /// An earlier session was resumed.
    pub(crate) resumed: bool,
    /// What both sides agreed to speak; `None` if the client left that open.
    pub(crate) protocol: Option<Protocol>,
}

/// What may be agreed upon in a handshake (ALPN).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `http/1.1`.
    Http1,
    /// `h2`.
    Http2,
}

/// Why there was no handshake.
#[derive(Debug)]
pub(crate) enum Refused {
    /// No server of this listener answers for the name.
    UnknownName,
    /// The server's own credentials cannot be used.
    Credential,
    /// The client sent no certificate where one is required.
    NoCertificate,
    /// The client's certificate is not accepted.
    BadCertificate,
    /// Anything else that TLS does not allow.
    Protocol,
    /// The connection broke.
    Io,
}

/// Shakes hands with a client whose ClientHello the listener has read, and found a server for.
/// `choose` gets the server name once more and returns the terminator that answers for it; `now` is
/// in seconds since 1970. Without a choice the connection ends by a reset and without an alert, as
/// Istio's gateway does it.
///
/// # Errors
/// See [`Refused`].
pub(crate) async fn accept<I: Io>(
    io: I,
    now: i64,
    choose: impl FnOnce(Option<&str>) -> Option<Arc<Terminator>>,
) -> Result<Handshake<I>, Refused> {
    let accepted = match hello(&io).await {
        Ok(accepted) => accepted,
        Err(Unread::Io) => {
            io.abort();
            return Err(Refused::Io);
        }
        Err(Unread::Refused(error, alert)) => return Err(tell(&io, &error, alert).await),
    };
    let server_name: Option<Box<str>> = accepted.client_hello().server_name().map(Into::into);
    let Some(terminator) = choose(server_name.as_deref()) else {
        io.abort();
        return Err(Refused::UnknownName);
    };
    let Ok(ready) = terminator.ready(now) else {
        io.abort();
        return Err(Refused::Credential);
    };
    // A client that offers only what we do not speak is served as if it had offered nothing.
    let offers_known = accepted
        .client_hello()
        .alpn()
        .is_some_and(|mut offers| offers.any(|offer| offer == HTTP1 || offer == HTTP2));
    let config = if offers_known { &ready.with_alpn } else { &ready.without_alpn };
    let mut session = match accepted.into_connection(Arc::clone(config)) {
        Ok(session) => Connection::Server(session),
        Err((error, alert)) => return Err(tell(&io, &error, alert).await),
    };
    complete(&io, &mut session).await.map_err(|broken| match broken {
        Broken::Tls(error) => refusal(&error),
        Broken::Io(_) => Refused::Io,
    })?;
    let client = forwarded(&session, ready);
    let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    let protocol = match session.alpn_protocol() {
        Some(HTTP1) => Some(Protocol::Http1),
        Some(HTTP2) => Some(Protocol::Http2),
        _ => None,
    };
    let settings = Arc::clone(terminator.settings());
    let stream = TlsStream::new(io, session).map_err(|_| Refused::Protocol)?;
    Ok(Handshake { stream, server_name, settings, client, resumed, protocol })
}

/// The alert `protocol_version` (70), fatal, in a record as clients of TLS 1.0 and 1.1 read them.
const PROTOCOL_VERSION: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];

/// Says in an alert why there is no handshake.
async fn tell<I: Io>(io: &I, error: &Error, mut alert: AcceptedAlert) -> Refused {
    let mut bytes = Vec::new();
    match error {
        // The library misses this extension of TLS 1.2 before it looks at the version.
        Error::PeerIncompatible(PeerIncompatible::SignatureAlgorithmsExtensionRequired) => {
            bytes.extend_from_slice(&PROTOCOL_VERSION);
        }
        _ => drop(alert.write_all(&mut bytes)),
    }
    let _ = crate::io::write_all(io, &bytes).await;
    let _ = io.shutdown_write();
    refusal(error)
}

/// Why there is no ClientHello.
enum Unread {
    /// The connection broke.
    Io,
    /// The library does not take it, and says so to the client.
    Refused(Error, AcceptedAlert),
}

/// Reads until the ClientHello is whole.
async fn hello<I: Io>(io: &I) -> Result<Accepted, Unread> {
    let mut acceptor = Acceptor::default();
    loop {
        let read = poll_fn(|cx| match acceptor.read_tls(&mut Wire { io, cx }) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            read => Poll::Ready(read),
        });
        if read.await.map_err(|_| Unread::Io)? == 0 {
            return Err(Unread::Io);
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => return Ok(accepted),
            Ok(None) => {}
            Err((error, alert)) => return Err(Unread::Refused(error, alert)),
        }
    }
}

/// What ended a handshake.
#[derive(Debug)]
pub(super) enum Broken {
    /// One side did not like what the other said.
    Tls(Error),
    /// The connection broke.
    Io(io::Error),
}

/// Runs the handshake of either side to its end. A failure is told to the peer in an alert.
pub(super) async fn complete<I: Io>(io: &I, session: &mut Connection) -> Result<(), Broken> {
    let mut failed = None;
    let mut asked = false;
    let end = poll_fn(|cx| {
        let mut wire = Wire { io, cx };
        loop {
            if asked && only_tickets_wait(session) {
                return Poll::Ready(Ok(()));
            }
            ready!(write_out(session, &mut wire)?);
            if failed.is_some() || !session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            match session.read_tls(&mut wire) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
            match session.process_new_packets() {
                Ok(state) => asked = state.plaintext_bytes_to_read() > 0,
                Err(error) => failed = Some(error),
            }
        }
    });
    let end: io::Result<()> = end.await;
    match (failed, end) {
        (Some(error), _) => {
            // The alert must arrive: a close with unread bytes would overtake it as a reset.
            let _ = io.shutdown_write();
            Err(Broken::Tls(error))
        }
        (None, Err(error)) => Err(Broken::Io(error)),
        (None, Ok(())) => Ok(()),
    }
}

/// True if nothing that the peer waits for is left to be sent. A request that came along with the
/// end of the handshake has an answer, and tickets leave with that.
fn only_tickets_wait(session: &Connection) -> bool {
    matches!(session, Connection::Server(_))
        && session.protocol_version() == Some(ProtocolVersion::TLSv1_3)
        && !session.is_handshaking()
}

fn refusal(error: &Error) -> Refused {
    tracing::debug!(%error, "TLS handshake failed");
    match error {
        Error::NoCertificatesPresented => Refused::NoCertificate,
        Error::InvalidCertificate(_) => Refused::BadCertificate,
        _ => Refused::Protocol,
    }
}

fn forwarded(session: &Connection, ready: &Ready) -> Option<Box<[u8]>> {
    let der = session.peer_certificates()?.first()?;
    let facts = CertificateFacts::parse(der)?;
    Some(certificate::forwarded(&ready.own_uris, der, &facts).into())
}

#[cfg(test)]
mod tests;
