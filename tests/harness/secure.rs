//! A TLS client in the test's own process, by rustls: what it offers is said exactly, and how a
//! handshake ends is told apart.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, Error, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};

use super::PATIENCE;
use super::certificates::Pair;

/// What a client offers.
pub(crate) struct Offer<'a> {
    /// The name that it asks for; none if empty.
    pub(crate) name: &'a str,
    /// The certificate that it shows.
    pub(crate) shown: Option<&'a Pair>,
    pub(crate) version: &'static SupportedProtocolVersion,
    /// The authority of the server's certificate, in PEM.
    pub(crate) trusted: &'a str,
}

/// How a visit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Visit {
    /// With these bytes.
    Answered(Vec<u8>),
    /// With an alert.
    Alert(AlertDescription),
    /// With the end of the connection before anything was said.
    Closed,
}

/// Sends bytes over TLS and reads until the end.
pub(crate) fn visit(address: SocketAddr, offer: &Offer<'_>, bytes: &[u8]) -> Visit {
    match try_visit(address, offer, bytes) {
        Ok(answer) if answer.is_empty() => Visit::Closed,
        Ok(answer) => Visit::Answered(answer),
        Err(error) => match error.get_ref().and_then(|it| it.downcast_ref::<Error>()) {
            Some(Error::AlertReceived(alert)) => Visit::Alert(*alert),
            Some(other) => panic!("{}: {other}", offer.name),
            None => Visit::Closed,
        },
    }
}

fn try_visit(address: SocketAddr, offer: &Offer<'_>, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let name = if offer.name.is_empty() { "no-name.example" } else { offer.name };
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let session = ClientConnection::new(Arc::new(config(offer)), name).expect("a session");
    let mut stream = StreamOwned::new(session, stream);
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if answer.is_empty() => Err(error),
        _ => Ok(answer),
    }
}

fn config(offer: &Offer<'_>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(offer.trusted) {
        roots.add(certificate).expect("a root");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[offer.version])
        .expect("a version")
        .with_root_certificates(roots);
    let mut client = match offer.shown {
        None => client.with_no_client_auth(),
        Some(pair) => {
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
            let chain = certificates(&pair.certificate);
            client.with_client_auth_cert(chain, key).expect("a client's certificate")
        }
    };
    client.enable_sni = !offer.name.is_empty();
    client
}

/// The certificates of a PEM text.
pub(crate) fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(|it| it.expect("a certificate")).collect()
}
