//! The PROXY protocol header that a connection to an endpoint begins with, before TLS: whose
//! requests it carries, as HAProxy's specification writes it and Envoy sends it. Such a connection
//! serves the client connection that it was announced for and no other.

use std::net::{IpAddr, SocketAddr};

use propylon_snapshot::ProxyHeader;

/// A client connection's two ends, the client's first; `None` for Unix sockets.
pub(crate) type Ends = (Option<SocketAddr>, Option<SocketAddr>);

/// What a connection must have been made for to carry a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit<'a> {
    /// The host; `None` where it does not matter.
    pub(super) host: Option<&'a str>,
    /// The client connection; `None` where it does not matter.
    pub(super) ends: Option<Ends>,
}

/// The header for a client connection. `own` are the ends of the connection that it is written on.
pub(super) fn header(version: ProxyHeader, ends: Ends, own: Ends) -> Vec<u8> {
    match version {
        // Envoy speaks for itself where nobody is known.
        ProxyHeader::V1 => version_1(both(ends).or_else(|| both(own))),
        ProxyHeader::V2 => version_2(both(ends)),
    }
}

/// Two ends of one family. IPv4 addresses written as IPv6 are IPv4.
fn both((one, other): Ends) -> Option<(SocketAddr, SocketAddr)> {
    let plain = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
    let (one, other) = (plain(one?), plain(other?));
    (one.is_ipv4() == other.is_ipv4()).then_some((one, other))
}

fn version_1(ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let Some((source, destination)) = ends else { return b"PROXY UNKNOWN\r\n".to_vec() };
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.ip(), destination.ip());
    let ports = (source.port(), destination.port());
    format!("PROXY {family} {from} {to} {} {}\r\n", ports.0, ports.1).into_bytes()
}

fn version_2(ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    let Some((source, destination)) = ends else {
        header.extend([LOCAL, UNSPECIFIED, 0, 0]);
        return header;
    };
    let mut addresses = Vec::with_capacity(ADDRESS_BYTES_MAX);
    for end in [source, destination] {
        match end.ip() {
            IpAddr::V4(ip) => addresses.extend(ip.octets()),
            IpAddr::V6(ip) => addresses.extend(ip.octets()),
        }
    }
    addresses.extend(source.port().to_be_bytes());
    addresses.extend(destination.port().to_be_bytes());
    let family = if source.is_ipv4() { TCP4 } else { TCP6 };
    let length = u16::try_from(addresses.len()).unwrap_or_default();
    header.extend([PROXY, family]);
    header.extend(length.to_be_bytes());
    header.extend(addresses);
    header
}

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, and the sender speaks for itself.
const LOCAL: u8 = 0x20;
/// Version 2, and the sender speaks for another.
const PROXY: u8 = 0x21;
/// No family, no protocol.
const UNSPECIFIED: u8 = 0x00;
/// IPv4, a stream.
const TCP4: u8 = 0x11;
/// IPv6, a stream.
const TCP6: u8 = 0x21;
/// Two IPv6 addresses and two ports.
const ADDRESS_BYTES_MAX: usize = 36;

#[cfg(test)]
mod tests;
