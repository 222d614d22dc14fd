//! Headers as a real Envoy sends them, and as our own reader reads them.

use std::net::SocketAddr;

use propylon_snapshot::ProxyHeader;

use super::{Ends, header};
use crate::listener::proxy_protocol::{self, Outcome};

const OWN: &str = "127.0.0.1:40000";

fn at(text: &str) -> Option<SocketAddr> {
    Some(text.parse().unwrap())
}

fn own() -> Ends {
    (at(OWN), at("127.0.0.1:80"))
}

#[test]
fn both_versions_are_byte_for_byte_those_of_envoy() {
    let ends = (at("127.0.0.1:50398"), at("127.0.0.1:29911"));
    let text = b"PROXY TCP4 127.0.0.1 127.0.0.1 50398 29911\r\n";
    assert_eq!(header(ProxyHeader::V1, ends, own()), text);
    let ends = (at("127.0.0.1:37590"), at("127.0.0.1:29912"));
    let bytes = b"\r\n\r\n\x00\r\nQUIT\n!\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\x92\xd6t\xd8";
    assert_eq!(header(ProxyHeader::V2, ends, own()), bytes);
}

#[test]
fn what_is_written_is_read_again_as_it_was() {
    for (from, to) in [
        ("192.0.2.7:1", "10.0.0.1:65535"),
        ("[2001:db8::1]:443", "[::1]:80"),
        ("[::ffff:192.0.2.7]:1", "10.0.0.1:2"),
    ] {
        for version in [ProxyHeader::V1, ProxyHeader::V2] {
            let written = header(version, (at(from), at(to)), own());
            let plain = |end: &str| {
                let end: SocketAddr = end.parse().unwrap();
                SocketAddr::new(end.ip().to_canonical(), end.port())
            };
            let ends = Some(proxy_protocol::Ends { source: plain(from), destination: plain(to) });
            let whole = Outcome::Header { len: written.len(), ends };
            assert_eq!(proxy_protocol::read(&written), whole, "{from} {to}");
        }
    }
}

#[test]
fn where_nobody_is_known_the_gateway_speaks_for_itself() {
    let text = b"PROXY TCP4 127.0.0.1 127.0.0.1 40000 80\r\n";
    assert_eq!(header(ProxyHeader::V1, (None, None), own()), text);
    assert_eq!(header(ProxyHeader::V1, (None, None), (None, None)), b"PROXY UNKNOWN\r\n");
    let local = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00";
    assert_eq!(header(ProxyHeader::V2, (None, None), own()), local);
    let mixed = (at("192.0.2.7:1"), at("[::1]:80"));
    assert_eq!(header(ProxyHeader::V2, mixed, own()), local);
}
