//! A name server that answers as it is told, also badly, and counts what it is asked.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::namespace::Namespace;

/// A name server; it answers for as long as the test runs.
#[derive(Clone)]
pub(crate) struct Names(Arc<Mutex<Zone>>);

#[derive(Default)]
struct Zone {
    known: HashMap<String, Says>,
    questions: HashMap<(String, u8), usize>,
}

/// What it says about a name.
#[derive(Clone)]
pub(crate) enum Says {
    /// These addresses, valid for so many seconds; of a family without any, that there are none.
    Addresses { v4: Vec<Ipv4Addr>, v6: Vec<Ipv6Addr>, ttl: u8 },
    /// This response code of RFC 1035 section 4.1.1.
    Fails(u8),
    /// Nothing at all.
    Nothing,
}

/// SERVFAIL.
pub(crate) const SERVER_FAILURE: u8 = 2;
/// NXDOMAIN.
pub(crate) const NO_SUCH_NAME: u8 = 3;
/// The type of questions for IPv4 addresses.
pub(crate) const A: u8 = 1;
/// The type of questions for IPv6 addresses.
pub(crate) const AAAA: u8 = 28;

impl Says {
    /// These addresses, for a second: a test that changes them need not wait.
    pub(crate) fn addresses(v4: &[Ipv4Addr]) -> Self {
        Self::Addresses { v4: v4.to_vec(), v6: Vec::new(), ttl: 1 }
    }
}

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

    /// Says this about a name from now on.
    pub(crate) fn set(&self, name: &str, says: Says) {
        self.0.lock().expect("no panic with it").known.insert(name.to_owned(), says);
    }

    /// How often it was asked for a name's addresses of one type.
    pub(crate) fn questions(&self, name: &str, kind: u8) -> usize {
        let zone = self.0.lock().expect("no panic with it");
        zone.questions.get(&(name.to_owned(), kind)).copied().unwrap_or_default()
    }

    /// RFC 1035 section 4: the header and the question come back, then a record per address.
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
        let kind = packet[at + 2];
        let says = {
            let mut zone = self.0.lock().expect("no panic with it");
            *zone.questions.entry((name.clone(), kind)).or_default() += 1;
            zone.known.get(&name).cloned().unwrap_or(Says::Fails(NO_SUCH_NAME))
        };
        let (code, records) = match says {
            Says::Nothing => return None,
            Says::Fails(code) => (code, Vec::new()),
            Says::Addresses { v4, v6, ttl } => (0, records(kind, &v4, &v6, ttl)),
        };
        let mut answer = packet[..2].to_vec();
        let count = u8::try_from(records.len()).ok()?;
        answer.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
        answer.extend(question);
        answer.extend(records.concat());
        Some(answer)
    }
}

fn records(kind: u8, v4: &[Ipv4Addr], v6: &[Ipv6Addr], ttl: u8) -> Vec<Vec<u8>> {
    let record = |octets: &[u8]| {
        let len = u8::try_from(octets.len()).expect("an address");
        [&[0xc0, 12, 0, kind, 0, 1, 0, 0, 0, ttl, 0, len], octets].concat()
    };
    match kind {
        A => v4.iter().map(|address| record(&address.octets())).collect(),
        AAAA => v6.iter().map(|address| record(&address.octets())).collect(),
        _ => Vec::new(),
    }
}
