//! An origin behind TLS, by rustls: it answers every request with what it knows of the connection
//! that it came over. One thread a connection; it ends with the test.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{Acceptor, WebPkiClientVerifier};
use rustls::{
    HandshakeKind, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection, Stream, version,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::certificates::{Authority, Pair};

/// A server behind the gateway that speaks TLS.
pub(crate) struct TlsOrigin {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
    settings: Arc<Mutex<Arc<ServerConfig>>>,
}

/// How it speaks TLS.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    pub(crate) pair: &'a Pair,
    /// Whom it wants certificates of.
    pub(crate) clients: Option<&'a Authority>,
    /// `1.2`, `1.3`, or both when empty.
    pub(crate) version: &'a str,
    pub(crate) alpn: &'a [&'a str],
}

impl<'a> Manner<'a> {
    /// Accepts everybody in every version.
    pub(crate) fn of(pair: &'a Pair) -> Self {
        Self { pair, clients: None, version: "", alpn: &[] }
    }

    pub(crate) fn config(self) -> Arc<ServerConfig> {
        let versions: &[_] = match self.version {
            "1.2" => &[&version::TLS12],
            "1.3" => &[&version::TLS13],
            _ => &[&version::TLS12, &version::TLS13],
        };
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(versions).expect("versions");
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(certificate(&authority.pem)).expect("an authority");
                let roots = Arc::new(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let key = PrivateKeyDer::from_pem_slice(self.pair.key.as_bytes()).expect("a key");
        let chain = vec![certificate(&self.pair.certificate)];
        let mut config = builder.with_single_cert(chain, key).expect("a certificate and its key");
        config.alpn_protocols = self.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

impl TlsOrigin {
    /// An origin that answers with `sni=… offered=… alpn=… tls=… client=… resumed=…`, and closes
    /// after a request with the line `x-last`.
    pub(crate) fn new(manner: Manner<'_>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind an origin");
        let address = listener.local_addr().expect("the origin's address");
        let (connections, stopped) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let settings = Arc::new(Mutex::new(manner.config()));
        let origin = Self {
            address,
            connections: Arc::clone(&connections),
            stopped: Arc::clone(&stopped),
            settings: Arc::clone(&settings),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                connections.fetch_add(1, Ordering::AcqRel);
                let settings = settings.lock().unwrap_or_else(PoisonError::into_inner).clone();
                thread::spawn(move || {
                    // The gateway may refuse; what it says then is what the test looks at.
                    let _ = converse(stream, settings);
                });
            }
        });
        origin
    }

    /// From now on it speaks TLS in another manner.
    pub(crate) fn changes_to(&self, manner: Manner<'_>) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = manner.config();
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }
}

impl Drop for TlsOrigin {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address); // Wakes the accept loop so that it sees the flag.
    }
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}

fn converse(mut stream: TcpStream, settings: Arc<ServerConfig>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut acceptor = Acceptor::default();
    let accepted = loop {
        if acceptor.read_tls(&mut stream)? == 0 {
            return Ok(());
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => break accepted,
            Ok(None) => {}
            Err(_) => return Ok(()),
        }
    };
    let hello = accepted.client_hello();
    let sni = hello.server_name().unwrap_or("-").to_owned();
    let offered: Vec<String> = hello
        .alpn()
        .into_iter()
        .flatten()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    let mut session = match accepted.into_connection(settings) {
        Ok(session) => session,
        Err((_, mut alert)) => return alert.write_all(&mut stream),
    };
    let mut tls = Stream::new(&mut session, &mut stream);
    let mut head = Vec::new();
    let mut byte = [0];
    while tls.read(&mut byte)? == 1 {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            let ends = String::from_utf8_lossy(&head).contains("\r\nx-last: ");
            head.clear();
            let text = format!("sni={sni} offered={} {}", offered.join(","), facts(tls.conn));
            let len = text.len();
            let close = if ends { "connection: close\r\n" } else { "" };
            write!(tls, "HTTP/1.1 200 OK\r\n{close}content-length: {len}\r\n\r\n{text}")?;
            tls.flush()?;
            if ends {
                tls.conn.send_close_notify();
                return tls.flush();
            }
        }
    }
    Ok(())
}

fn facts(session: &ServerConnection) -> String {
    let tls = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        _ => "-",
    };
    let alpn = session.alpn_protocol().map_or("-".into(), String::from_utf8_lossy);
    let client = session.peer_certificates().map_or(0, <[_]>::len);
    let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    format!("alpn={alpn} tls={tls} client={client} resumed={resumed}")
}
