//! The client's end of one connection, plain or TLS 1.3. Every proxy is offered the same: X25519
//! and AES-128-GCM. Certificates are not verified: what the client spends is in nobody's figure,
//! and what it saves is load for the proxies.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, HandshakeKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The name that every proxy answers for.
pub const HOST: &str = "bench.local";

/// TLS settings of a client.
pub type Settings = Arc<ClientConfig>;

/// A connection to a proxy.
pub struct Link {
    socket: TcpStream,
    tls: Option<Box<Tls>>,
}

struct Tls {
    session: ClientConnection,
    /// Ciphertext that was read and not looked at yet.
    wire: Vec<u8>,
    taken: usize,
    filled: usize,
    out: Vec<u8>,
}

/// The client's TLS settings, offering one application protocol. With `resuming`, each connection
/// but the first continues the session of an earlier one made with the same settings.
pub fn tls(protocol: &str, resuming: bool) -> io::Result<Settings> {
    let provider = CryptoProvider {
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![aws_lc_rs::kx_group::X25519],
        ..aws_lc_rs::default_provider()
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unverified))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    config.resumption = match resuming {
        true => Resumption::in_memory_sessions(8),
        false => Resumption::disabled(),
    };
    Ok(Arc::new(config))
}

impl Link {
    /// Connects; with TLS, shakes hands.
    pub async fn connect(port: u16, tls: Option<&Settings>) -> io::Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.set_nodelay(true)?;
        let mut link = Self { socket, tls: None };
        if let Some(config) = tls {
            let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
            let mut session =
                ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
            session.set_buffer_limit(None);
            link.tls = Some(Box::new(Tls {
                session,
                wire: Vec::new(),
                taken: 0,
                filled: 0,
                out: Vec::new(),
            }));
            link.shake_hands().await?;
        }
        Ok(link)
    }

    /// True if the proxy took an earlier session up again.
    pub fn is_resumed(&self) -> bool {
        let kind = self.tls.as_ref().and_then(|tls| tls.session.handshake_kind());
        kind == Some(HandshakeKind::Resumed)
    }

    /// Sends all bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return self.socket.write_all(bytes).await };
        tls.session.writer().write_all(bytes)?;
        tls.flush(&mut self.socket).await
    }

    /// Receives some bytes; 0 at the end.
    pub async fn receive(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(buf).await };
        loop {
            match tls.session.reader().read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            tls.take_in(&mut self.socket).await?;
        }
    }

    /// Says goodbye where the protocol has words for it.
    pub async fn close(mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.session.send_close_notify();
            tls.flush(&mut self.socket).await?;
        }
        Ok(())
    }

    /// Gives the memory back that only busy connections need.
    pub fn rest(&mut self) {
        if let Some(tls) = &mut self.tls
            && tls.taken == tls.filled
        {
            (tls.wire, tls.out) = (Vec::new(), Vec::new());
            (tls.taken, tls.filled) = (0, 0);
        }
    }

    async fn shake_hands(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        while tls.session.is_handshaking() {
            tls.flush(&mut self.socket).await?;
            if tls.session.is_handshaking() {
                tls.take_in(&mut self.socket).await?;
            }
        }
        tls.flush(&mut self.socket).await
    }
}

impl Tls {
    async fn flush(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.out)?;
        }
        let written = match self.out.is_empty() {
            true => Ok(()),
            false => socket.write_all(&self.out).await,
        };
        self.out.clear();
        written
    }

    /// Takes in what the proxy has sent, waiting for it if need be.
    async fn take_in(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        if self.taken == self.filled {
            self.wire.resize(WIRE_BYTES, 0);
            (self.taken, self.filled) = (0, socket.read(&mut self.wire).await?);
        }
        let mut waiting = &self.wire[self.taken..self.filled];
        // Without any bytes this tells the session of the connection's end.
        self.taken += self.session.read_tls(&mut waiting)?;
        self.session.process_new_packets().map_err(io::Error::other)?;
        match self.filled {
            0 if self.session.is_handshaking() => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Ciphertext read at once: a few records.
const WIRE_BYTES: usize = 64 * 1024;

#[derive(Debug)]
struct Unverified;

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        vec![rustls::SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
