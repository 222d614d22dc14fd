//! What a TLS connection reads, in which steps, and what it says of an end or of broken records.

use std::collections::VecDeque;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::*;

/// A connection in memory.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) arrived: RefCell<VecDeque<u8>>,
    ended: Cell<bool>,
    reads: Cell<usize>,
    pub(crate) sent: RefCell<Vec<u8>>,
    pub(crate) writes: Cell<usize>,
}

impl Io for Line {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.arrived.borrow().is_empty() && !self.ended.get() {
            true => Poll::Pending,
            false => Poll::Ready(Ok(())),
        }
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_readable(cx))?;
        self.reads.set(self.reads.get() + 1);
        Poll::Ready(self.arrived.borrow_mut().read(buf))
    }

    fn poll_write(&self, _: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.writes.set(self.writes.get() + 1);
        Poll::Ready(self.sent.borrow_mut().write_vectored(slices))
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn shutdown_write(&self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&self) {}
}

/// A client and a server that trust each other and have not said anything yet.
pub(crate) fn strangers() -> (ClientConnection, ServerConnection) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let name = "a.example".try_into().unwrap();
    let client = ClientConnection::new(Arc::new(client), name).unwrap();
    (client, ServerConnection::new(Arc::new(server)).unwrap())
}

/// The server's stream and the client it shook hands with.
fn pair() -> (TlsStream<Line>, ClientConnection) {
    let (mut client, mut server) = strangers();
    while client.is_handshaking() || server.is_handshaking() {
        feed(&waiting(&mut client), |from| server.read_tls(from).unwrap());
        server.process_new_packets().unwrap();
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        feed(&bytes, |from| client.read_tls(from).unwrap());
        client.process_new_packets().unwrap();
    }
    (TlsStream::new(Line::default(), Connection::Server(server)).unwrap(), client)
}

pub(crate) fn feed(mut bytes: &[u8], mut take: impl FnMut(&mut dyn Read) -> usize) {
    while !bytes.is_empty() {
        take(&mut bytes);
    }
}

/// What a client has to send.
pub(crate) fn waiting(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// Ciphertext of what a client writes.
fn sealed(client: &mut ClientConnection, plaintext: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in plaintext.chunks(16 * 1024) {
        client.writer().write_all(part).unwrap();
        bytes.extend(waiting(client));
    }
    bytes
}

fn read(stream: &TlsStream<Line>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
    stream.poll_read(&mut Context::from_waker(Waker::noop()), buf)
}

/// Reads with a buffer of so many bytes until nothing more is there.
fn read_all(stream: &TlsStream<Line>, room: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buf = vec![0; room];
    while let Poll::Ready(read) = read(stream, &mut buf) {
        match read.unwrap() {
            0 => break,
            read => all.extend_from_slice(&buf[..read]),
        }
    }
    all
}

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[test]
fn a_long_upload_is_read_in_large_steps() {
    let (stream, mut client) = pair();
    let sent = text(100_000);
    stream.io.arrived.borrow_mut().extend(sealed(&mut client, &sent));
    let mut buf = vec![0; CIPHERTEXT_BUFFER_BYTES];
    assert!(matches!(read(&stream, &mut buf), Poll::Ready(Ok(100_000))));
    assert_eq!(buf[..100_000], sent);
    assert_eq!(stream.io.reads.get(), 1);
    assert!(read(&stream, &mut buf).is_pending());
}

#[test]
fn nothing_is_lost_between_buffers_of_any_size() {
    for room in [1, 100, 4_095, 4_096, 5_000, 16_384, 16_407, 70_000, 200_000] {
        let (stream, mut client) = pair();
        let sent = text(150_000);
        let sealed = sealed(&mut client, &sent);
        let mut got = Vec::new();
        // Records are cut anywhere.
        for part in sealed.chunks(33_333) {
            stream.io.arrived.borrow_mut().extend(part);
            got.extend(read_all(&stream, room));
        }
        assert!(got == sent, "with a buffer of {room} bytes");
    }
}

#[test]
fn bytes_before_a_broken_record_are_handed_out_before_the_error() {
    let (stream, mut client) = pair();
    let mut bytes = sealed(&mut client, b"whole");
    let mut broken = sealed(&mut client, b"broken");
    *broken.last_mut().unwrap() ^= 1;
    bytes.extend(broken);
    stream.io.arrived.borrow_mut().extend(bytes);
    let mut buf = vec![0; 8192];
    assert!(matches!(read(&stream, &mut buf), Poll::Ready(Ok(5))));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(stream.poll_readable(&mut cx).is_ready(), "or nobody would come to hear of it");
    assert!(matches!(read(&stream, &mut buf), Poll::Ready(Err(_))));
    assert!(!stream.io.sent.borrow().is_empty(), "the client is told by an alert");
}

#[test]
fn a_goodbye_right_behind_the_last_bytes_is_seen_while_the_connection_stays_open() {
    let (stream, mut client) = pair();
    client.writer().write_all(b"last").unwrap();
    client.send_close_notify();
    let bytes = waiting(&mut client);
    stream.io.arrived.borrow_mut().extend(bytes);
    let mut buf = vec![0; 8192];
    assert!(matches!(read(&stream, &mut buf), Poll::Ready(Ok(4))));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(stream.poll_readable(&mut cx).is_ready());
    assert!(matches!(read(&stream, &mut buf), Poll::Ready(Ok(0))));
}

#[test]
fn an_end_without_a_goodbye_is_an_end() {
    let (stream, mut client) = pair();
    stream.io.arrived.borrow_mut().extend(sealed(&mut client, b"last"));
    stream.io.ended.set(true);
    let mut buf = vec![0; 8192];
    assert!(matches!(read(&stream, &mut buf), Poll::Ready(Ok(4))));
    assert!(matches!(read(&stream, &mut buf), Poll::Ready(Ok(0))));
}
