//! Reads a PROXY protocol header, versions 1 and 2: who the client is, as the load balancer in
//! front says it before the client's own bytes.
//!
//! Sans-IO and strict: what HAProxy's specification does not allow is refused, because whoever
//! writes this header says where a request comes from. Whether one is wanted is the listener's
//! business; where it is wanted and missing, Envoy closes the connection, and so do we.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::limits::PROXY_HEADER_BYTES_MAX;

/// The two ends of the client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The client.
    pub(crate) source: SocketAddr,
    /// Where it connected to.
    pub(crate) destination: SocketAddr,
}

/// What came of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The header is not whole yet.
    NeedMore,
    /// It is whole.
    Header {
        /// Its length; the client's own bytes follow.
        len: usize,
        /// `None` where the sender speaks for itself or does not know (`LOCAL`, `UNKNOWN`): the
        /// connection's own ends count then.
        ends: Option<Ends>,
    },
    /// No header, or one that breaks the rules.
    Bad,
}

/// Reads the header at the start of `bytes`, which is everything received so far.
pub(crate) fn read(bytes: &[u8]) -> Outcome {
    if agrees(bytes, SIGNATURE) {
        return version_2(bytes);
    }
    if agrees(bytes, b"PROXY ") {
        return version_1(bytes);
    }
    Outcome::Bad
}

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, its end included, by the specification.
const LINE_BYTES_MAX: usize = 107;

/// Signature, version and command, family, length.
const FIXED_BYTES: usize = 16;

/// True if `bytes` begin as `start` does, as far as they go.
fn agrees(bytes: &[u8], start: &[u8]) -> bool {
    bytes.iter().zip(start).all(|(one, other)| one == other)
}

/// `PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n`.
fn version_1(bytes: &[u8]) -> Outcome {
    let line = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = line.iter().position(|byte| *byte == b'\n') else {
        return if line.len() < LINE_BYTES_MAX { Outcome::NeedMore } else { Outcome::Bad };
    };
    let text = line[..end].strip_suffix(b"\r").and_then(|text| std::str::from_utf8(text).ok());
    let Some(rest) = text.and_then(|text| text.strip_prefix("PROXY ")) else { return Outcome::Bad };
    let len = end + 1;
    // What follows UNKNOWN is to be ignored.
    if rest == "UNKNOWN" || rest.starts_with("UNKNOWN ") {
        return Outcome::Header { len, ends: None };
    }
    match line_ends(rest) {
        Some(ends) => Outcome::Header { len, ends: Some(ends) },
        None => Outcome::Bad,
    }
}

fn line_ends(text: &str) -> Option<Ends> {
    let mut words = text.split(' ');
    let family = words.next()?;
    let address = |word: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => word.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => word.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let source = address(words.next()?)?;
    let destination = address(words.next()?)?;
    let (source_port, port) = (decimal(words.next()?)?, decimal(words.next()?)?);
    if words.next().is_some() {
        return None;
    }
    Some(Ends { source: (source, source_port).into(), destination: (destination, port).into() })
}

/// A port without sign or leading zero.
fn decimal(word: &str) -> Option<u16> {
    let plain = word.bytes().all(|byte| byte.is_ascii_digit());
    let no_zero = word == "0" || !word.starts_with('0');
    word.parse().ok().filter(|_| plain && no_zero)
}

fn version_2(bytes: &[u8]) -> Outcome {
    let Some(fixed) = bytes.get(..FIXED_BYTES) else { return Outcome::NeedMore };
    let (command, family) = (fixed[12], fixed[13]);
    let len = FIXED_BYTES + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if command >> 4 != 2 || len > PROXY_HEADER_BYTES_MAX {
        return Outcome::Bad;
    }
    let is_local = match command & 0x0f {
        0 => true,
        1 => false,
        _ => return Outcome::Bad,
    };
    let Some(header) = bytes.get(..len) else { return Outcome::NeedMore };
    let addresses = &header[FIXED_BYTES..];
    // Families that are no pair of IP addresses (UNSPEC, UNIX) count as unknown, as in Envoy.
    // What follows the addresses are additions (TLV) for others.
    let ends = match family {
        _ if is_local => Some(None),
        0x11 | 0x12 => ends_v4(addresses).map(Some),
        0x21 | 0x22 => ends_v6(addresses).map(Some),
        0x00 | 0x31 | 0x32 => Some(None),
        _ => None,
    };
    ends.map_or(Outcome::Bad, |ends| Outcome::Header { len, ends })
}

fn ends_v4(bytes: &[u8]) -> Option<Ends> {
    let (source, rest) = bytes.split_first_chunk::<4>()?;
    let (destination, rest) = rest.split_first_chunk::<4>()?;
    ends(Ipv4Addr::from(*source).into(), Ipv4Addr::from(*destination).into(), rest)
}

fn ends_v6(bytes: &[u8]) -> Option<Ends> {
    let (source, rest) = bytes.split_first_chunk::<16>()?;
    let (destination, rest) = rest.split_first_chunk::<16>()?;
    ends(Ipv6Addr::from(*source).into(), Ipv6Addr::from(*destination).into(), rest)
}

fn ends(source: IpAddr, destination: IpAddr, ports: &[u8]) -> Option<Ends> {
    let (ports, _additions) = ports.split_first_chunk::<4>()?;
    let port = |high, low| u16::from_be_bytes([high, low]);
    let [a, b, c, d] = *ports;
    Some(Ends {
        source: (source, port(a, b)).into(),
        destination: (destination, port(c, d)).into(),
    })
}

#[cfg(test)]
mod tests;
