//! Destinations that whoever asks names itself: the address that a captured connection was meant
//! for, or a name that is resolved because a request or handshake asks for it. It decides what may
//! be reached that way; resolving and connecting are others' business.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::virtual_host::lower_case;

/// Istio's name of the cluster that leads captured connections wherever they were meant to go,
/// though no object defines it.
pub const PASSTHROUGH: &str = "PassthroughCluster";

/// Endpoints that are asked for (ServiceEntry resolution NONE and DYNAMIC_DNS, and Istio's
/// `PassthroughCluster`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Captured connections go on to the very address that they were meant for.
    pub original: bool,
    /// Names that are resolved when they are asked for: `a.com` or `*.a.com`, in lower case.
    pub names: Box<[Box<str>]>,
    /// The port of addresses that names resolve to, whatever port was asked for.
    pub port: u16,
    /// Addresses that names may lead to although they are not public.
    pub allowed: Box<[IpNet]>,
}

impl Asked {
    /// True if this name may be resolved for whoever asks. Letters are compared without case.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        let name = lower_case(name);
        self.names.iter().any(|pattern| match pattern.strip_prefix('*') {
            Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
            None => **pattern == *name,
        })
    }

    /// True if a name may lead to this address: one that is public or listed. A client that
    /// chooses the name must not reach what only this machine or its network can reach.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        self.lists(address) || is_public(address)
    }

    /// True if this address is listed.
    #[must_use]
    pub fn lists(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|block| block.contains(&address))
    }
}

/// True for addresses of the public Internet: none of the blocks that RFC 6890 and its successors
/// set aside for a machine, a network, a group or nobody. Documentation blocks lead nowhere and
/// harm nobody.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let this_network = a == 0;
    let shared = a == 100 && (64..128).contains(&b);
    let protocols = (a, b, c) == (192, 0, 0);
    let benchmarks = a == 198 && (b == 18 || b == 19);
    let reserved = a >= 224;
    !(this_network
        || shared
        || protocols
        || benchmarks
        || reserved
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let last = |from: usize| {
        let [a, b] = parts[from].to_be_bytes();
        let [c, d] = parts[from + 1].to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match parts {
        // Mapped, compatible, and the unspecified and loopback addresses.
        [0, 0, 0, 0, 0, 0, _, _] => false,
        [0, 0, 0, 0, 0, 0xffff, _, _] => is_public_v4(last(6)),
        // Translated (RFC 6052) and tunnelled (RFC 3056): what counts is the address inside.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => is_public_v4(last(6)),
        [0x64, 0xff9b, ..] => false,
        [0x2002, ..] => is_public_v4(last(1)),
        // Unique local, link-local, site-local, multicast.
        [first, ..] => {
            first & 0xfe00 != 0xfc00 && first & 0xff80 != 0xfe80 && first & 0xff00 != 0xff00
        }
    }
}

#[cfg(test)]
mod tests;
