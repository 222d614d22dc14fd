//! What stands outside: a name server that answers as it is told, and web servers that say who
//! asked them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::namespace::Namespace;

/// A name server; it answers for as long as the test runs.
#[derive(Clone)]
pub(crate) struct Names(Arc<Mutex<HashMap<String, Vec<Ipv4Addr>>>>);

impl Names {
    /// A name server at this address.
    pub(crate) fn serve(namespace: &Namespace, at: &str) -> Self {
        let at: SocketAddr = format!("{at}:53").parse().expect("an address");
        let socket = namespace.inside(|| UdpSocket::bind(at).expect("bind a name server"));
        let names = Self(Arc::default());
        let known = names.clone();
        thread::spawn(move || {
            let mut packet = [0; 1500];
            while let Ok((len, from)) = socket.recv_from(&mut packet) {
                if let Some(answer) = known.answer(&packet[..len]) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        names
    }

    /// Lets a name lead to these addresses.
    pub(crate) fn set(&self, name: &str, addresses: &[Ipv4Addr]) {
        let mut known = self.0.lock().expect("no panic with it");
        known.insert(name.to_owned(), addresses.to_vec());
    }

    /// RFC 1035 section 4: the header and the question come back, then an A record per address.
    fn answer(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let mut name = String::new();
        let mut at = 12;
        while *packet.get(at)? != 0 {
            let len = usize::from(packet[at]);
            let label = packet.get(at + 1..at + 1 + len)?;
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
            at += 1 + len;
        }
        let question = packet.get(12..at + 5)?;
        let is_a = packet.get(at + 1..at + 3)? == [0, 1];
        let known = self.0.lock().expect("no panic with it");
        let found = known.get(&name);
        let addresses = found.filter(|_| is_a).map_or(&[][..], Vec::as_slice);
        let code = if found.is_some() { 0x80 } else { 0x83 };
        let mut answer = packet[..2].to_vec();
        answer.extend([0x81, code, 0, 1, 0, u8::try_from(addresses.len()).ok()?, 0, 0, 0, 0]);
        answer.extend(question);
        for address in addresses {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, TTL_SECONDS, 0, 4]);
            answer.extend(address.octets());
        }
        Some(answer)
    }
}

/// How long answers hold: short, so that a test that changes them need not wait.
const TTL_SECONDS: u8 = 1;

/// A web server that says its name, the host asked for and who asked.
#[derive(Clone, Default)]
pub(crate) struct Web {
    connections: Arc<AtomicUsize>,
}

impl Web {
    /// A web server at this address and port.
    pub(crate) fn serve(namespace: &Namespace, name: &'static str, at: &str) -> Self {
        let at: SocketAddr = at.parse().expect("an address");
        let listener = namespace.inside(|| TcpListener::bind(at).expect("bind a web server"));
        let web = Self::default();
        let counted = web.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.connections.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || answer(&stream, name));
            }
        });
        web
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn answer(stream: &TcpStream, name: &str) {
    let peer = stream.peer_addr().expect("a peer").ip();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    loop {
        let (mut host, mut first) = (String::new(), String::new());
        loop {
            let Some(line) = lines.next() else { return };
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("host: ") {
                host = value.to_owned();
            }
            if first.is_empty() {
                first = line;
            }
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        let body = format!("{name} {host}{path} for {peer}");
        let len = body.len();
        let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {len}\r\n\r\n{body}");
        let mut stream = stream;
        if stream.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}
