//! Servers that stand outside, or beside a gateway: they say who they are, what was asked for and
//! who asked, in plaintext or behind TLS.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates::Pair;
use crate::namespace::Namespace;

/// A server, for as long as the test runs.
#[derive(Clone, Default)]
pub(crate) struct Web {
    connections: Arc<AtomicUsize>,
    secret: Arc<Mutex<Option<Arc<ServerConfig>>>>,
}

impl Web {
    /// An HTTP server at this address and port.
    pub(crate) fn serve(namespace: &Namespace, name: &'static str, at: &str) -> Self {
        let web = Self::default();
        web.listen(namespace, at, move |stream, _| {
            let peer = stream.peer_addr()?.ip();
            answer(stream, |line, host| format!("{name} {host}{} for {peer}", target(line)))
        });
        web
    }

    /// An HTTPS server with this certificate; it tells the server name as well.
    pub(crate) fn serve_tls(
        namespace: &Namespace,
        name: &'static str,
        at: &str,
        pair: &Pair,
    ) -> Self {
        let web = Self::default();
        web.shows(pair);
        web.listen(namespace, at, move |mut stream, settings| {
            let Some(settings) = settings else { return Ok(()) };
            let mut session = ServerConnection::new(settings).map_err(io::Error::other)?;
            while session.is_handshaking() {
                session.complete_io(&mut stream)?;
            }
            let by = session.server_name().unwrap_or("no name").to_owned();
            answer(StreamOwned::new(session, stream), |line, host| {
                format!("{name} {host}{} by {by}", target(line))
            })
        });
        web
    }

    /// A server that greets before it is spoken to, then repeats what it hears.
    pub(crate) fn serve_echo(namespace: &Namespace, at: &str) -> Self {
        let web = Self::default();
        web.listen(namespace, at, |mut stream, _| {
            stream.write_all(b"welcome\n")?;
            let mut heard = [0; 1024];
            loop {
                let len = stream.read(&mut heard)?;
                if len == 0 {
                    return Ok(());
                }
                stream.write_all(&heard[..len])?;
            }
        });
        web
    }

    /// Shows this certificate from now on.
    pub(crate) fn shows(&self, pair: &Pair) {
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
        let chain = CertificateDer::from_pem_slice(pair.certificate.as_bytes());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![chain.expect("a certificate")], key)
            .expect("a certificate and its key");
        *self.secret.lock().expect("no panic with it") = Some(Arc::new(config));
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn listen(
        &self,
        namespace: &Namespace,
        at: &str,
        converse: impl Fn(TcpStream, Option<Arc<ServerConfig>>) -> io::Result<()>
        + Send
        + Sync
        + 'static,
    ) {
        let at: SocketAddr = at.parse().expect("an address");
        let listener = namespace.inside(|| TcpListener::bind(at).expect("bind a server"));
        let (web, converse) = (self.clone(), Arc::new(converse));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                web.connections.fetch_add(1, Ordering::Relaxed);
                let settings = web.secret.lock().expect("no panic with it").clone();
                let converse = Arc::clone(&converse);
                // Whoever leaves in the middle is judged by what it got.
                thread::spawn(move || drop(converse(stream, settings)));
            }
        });
    }
}

/// Answers requests without a body until the client is gone; what it says depends on the request
/// line and the host.
fn answer(mut stream: impl Read + Write, says: impl Fn(&str, &str) -> String) -> io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        head.clear();
        let host = text.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("host").then(|| value.to_ascii_lowercase())
        });
        let body = says(text.lines().next().unwrap_or_default(), &host.unwrap_or_default());
        let len = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {len}\r\n\r\n{body}")?;
        stream.flush()?;
    }
    Ok(())
}

fn target(line: &str) -> &str {
    line.split(' ').nth(1).unwrap_or_default()
}
