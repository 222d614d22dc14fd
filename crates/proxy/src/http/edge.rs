//! What the edge of the mesh does to a request head before anything is decided: refuses what has no
//! meaning here, normalises the path, strips what only the gateway may say, and says it itself.
//!
//! Every client is external, as for Envoy with `use_remote_address` and no internal addresses.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use propylon_snapshot::{ClientCertificate, HttpSettings, Line, Reason, Scheme, normalize};

use super::incoming::{Incoming, Protocol};
use crate::http1::emit::write_decimal;
use crate::http1::{HeadLine, Known, Method, Upgrade};

/// What a head was admitted as.
#[derive(Debug)]
pub(super) struct Admitted<'h> {
    /// The normalised path, without query.
    pub(super) path: Cow<'h, str>,
    /// The client asks for a WebSocket.
    pub(super) websocket: bool,
}

/// Admits a head that the codec accepted, or says why not.
///
/// # Errors
/// HTTP/1.0 where it is not enabled, targets without a route, upgrades other than WebSocket (`h2c`
/// is overlooked), and paths that cannot be normalised.
pub(super) fn admit<'h>(
    head: &'h impl Incoming,
    settings: &HttpSettings,
) -> Result<Admitted<'h>, Reason> {
    if head.protocol() == Protocol::Http10 && !settings.accept_http10 {
        return Err(Reason::LowVersion);
    }
    // Envoy has a route for neither, however much a rule may catch.
    if head.method() == Method::Connect || head.is_asterisk() {
        return Err(Reason::NoRoute);
    }
    let path = head.path();
    let path = normalize(path, settings.path_normalization).map_err(|_| Reason::BadPath)?;
    let websocket = match head.upgrade() {
        Upgrade::None | Upgrade::H2c => false,
        Upgrade::WebSocket => true,
        Upgrade::Other => return Err(Reason::UpgradeFailed),
    };
    Ok(Admitted { path, websocket })
}

/// The values of headers that the gateway makes for one request, in one text.
#[derive(Debug, Default)]
pub(super) struct Marks {
    text: Vec<u8>,
    forwarded_for: Range<usize>,
    address: Range<usize>,
    request_id: Range<usize>,
    certificates: Range<usize>,
    client: Option<SocketAddr>,
    /// What the connection itself speaks.
    over: Scheme,
    /// What a trusted proxy in front says.
    scheme: Option<Scheme>,
}

impl Marks {
    /// Makes the values for a request that came from `peer`, which has shown this certificate.
    pub(super) fn make(
        &mut self,
        head: &impl Incoming,
        (peer, certificate): (Option<SocketAddr>, Option<&[u8]>),
        settings: &HttpSettings,
        over: Scheme,
    ) {
        self.text.clear();
        self.certificates = self.chain(head, settings, certificate);
        let start = self.text.len();
        self.client = client_address(head, peer, settings.trusted_proxies);
        self.over = over;
        self.scheme = trusted_scheme(head, settings);
        let mut separator: &[u8] = b"";
        let told = head.values(Known::XForwardedFor);
        for value in told.filter(|value| !value.is_empty()) {
            self.text.extend_from_slice(separator);
            self.text.extend_from_slice(value);
            separator = b",";
        }
        if let Some(peer) = peer {
            self.text.extend_from_slice(separator);
            write_ip(&mut self.text, peer.ip());
        }
        self.forwarded_for = start..self.text.len();
        let start = self.text.len();
        if let Some(client) = self.client {
            write_ip(&mut self.text, client.ip());
        }
        self.address = start..self.text.len();
        let start = self.text.len();
        if !settings.no_request_id {
            write_uuid(&mut self.text, fastrand::u128(..));
        }
        self.request_id = start..self.text.len();
    }

    /// APPEND_FORWARD: what the client says of those before it, and behind that the client itself.
    fn chain(
        &mut self,
        head: &impl Incoming,
        settings: &HttpSettings,
        certificate: Option<&[u8]>,
    ) -> Range<usize> {
        let Some(own) = certificate else { return 0..0 };
        if settings.client_certificate != ClientCertificate::AppendForward {
            return 0..0;
        }
        let told = head.values(Known::XForwardedClientCert).filter(|value| !value.is_empty());
        for value in told {
            self.text.extend_from_slice(value);
            self.text.push(b',');
        }
        self.text.extend_from_slice(own);
        0..self.text.len()
    }

    /// The client as far as it is trusted: the peer, or what a trusted proxy in front says, with
    /// port 0 then.
    pub(super) fn client(&self) -> Option<SocketAddr> {
        self.client
    }

    /// The scheme that routing sees.
    pub(super) fn scheme(&self) -> Scheme {
        self.scheme.unwrap_or(self.over)
    }

    /// Appends the lines that routing and the upstream see: the client's, without those that only
    /// the gateway may say, then the gateway's own, in Envoy's order.
    pub(super) fn fill<'l>(
        &'l self,
        head: &'l impl Incoming,
        settings: &HttpSettings,
        certificate: Option<&'l [u8]>,
        lines: &mut Vec<Line<'l>>,
    ) {
        let mutual = certificate.is_some();
        let kept = |line: &HeadLine<'l>| !is_stripped(line, settings, mutual);
        lines.extend(head.lines().filter(kept).map(|line| line.line));
        self.push("x-forwarded-for", &self.forwarded_for, lines);
        let told = head.values(Known::XForwardedProto).next().is_some();
        if settings.trusted_proxies == 0 || !told {
            lines.push(Line { name: "x-forwarded-proto", value: self.over.as_str().as_bytes() });
        }
        self.push("x-envoy-external-address", &self.address, lines);
        self.push("x-request-id", &self.request_id, lines);
        self.push("x-forwarded-client-cert", &self.certificates, lines);
        let set = settings.client_certificate == ClientCertificate::SanitizeSet;
        if let Some(value) = certificate.filter(|_| set) {
            lines.push(Line { name: "x-forwarded-client-cert", value });
        }
    }

    fn push<'l>(&'l self, name: &'static str, range: &Range<usize>, lines: &mut Vec<Line<'l>>) {
        let value = &self.text[range.clone()];
        if !value.is_empty() {
            lines.push(Line { name, value });
        }
    }
}

/// Envoy's `x-forwarded-for` trust: with N trusted proxies, the Nth address from the right.
fn client_address(
    head: &impl Incoming,
    peer: Option<SocketAddr>,
    trusted: u32,
) -> Option<SocketAddr> {
    let Some(skip) = trusted.checked_sub(1) else {
        return peer;
    };
    let lines: Vec<&[u8]> = head.values(Known::XForwardedFor).collect();
    let mut from_the_right = lines
        .iter()
        .rev()
        .flat_map(|line| line.rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    let told = usize::try_from(skip).ok().and_then(|skip| from_the_right.nth(skip));
    let ip = told.and_then(|text| str::from_utf8(text).ok()).and_then(|text| text.parse().ok());
    ip.map_or(peer, |ip: IpAddr| Some(SocketAddr::new(ip, 0)))
}

fn trusted_scheme(head: &impl Incoming, settings: &HttpSettings) -> Option<Scheme> {
    if settings.trusted_proxies == 0 {
        return None;
    }
    let told = head.values(Known::XForwardedProto).next()?;
    if told.eq_ignore_ascii_case(b"https") {
        return Some(Scheme::Https);
    }
    told.eq_ignore_ascii_case(b"http").then_some(Scheme::Http)
}

/// True for what an external client may not say (Envoy's edge sanitising), and for what the
/// gateway says anew. `mutual`: the client has shown a certificate.
fn is_stripped(line: &HeadLine<'_>, settings: &HttpSettings, mutual: bool) -> bool {
    match line.known {
        Known::XForwardedFor
        | Known::XEnvoyExternalAddress
        | Known::XEnvoyInternal
        | Known::XEnvoyRetryOn
        | Known::XEnvoyRetryGrpcOn
        | Known::XEnvoyMaxRetries
        | Known::XEnvoyUpstreamRqTimeoutMs
        | Known::XEnvoyUpstreamRqPerTryTimeoutMs
        | Known::XEnvoyExpectedRqTimeoutMs
        | Known::XEnvoyForceTrace
        | Known::XEnvoyDecoratorOperation
        | Known::XEnvoyOriginalPath => true,
        Known::XForwardedClientCert => match settings.client_certificate {
            ClientCertificate::Sanitize
            | ClientCertificate::SanitizeSet
            | ClientCertificate::AppendForward => true,
            ClientCertificate::ForwardOnly => !mutual,
            ClientCertificate::AlwaysForwardOnly => false,
        },
        Known::XForwardedProto => settings.trusted_proxies == 0,
        Known::XRequestId => !settings.no_request_id,
        Known::XEnvoyAttemptCount => !settings.no_attempt_count,
        Known::Other => {
            let rest = line.line.name.strip_prefix("x-envoy-");
            rest.is_some_and(|rest| INTERNAL.contains(&rest))
        }
        _ => false,
    }
}

/// Names behind `x-envoy-` that Envoy removes from external requests, beside the known ones.
const INTERNAL: [&str; 10] = [
    "downstream-service-cluster",
    "downstream-service-node",
    "hedge-on-per-try-timeout",
    "ip-tags",
    "original-host",
    "retriable-header-names",
    "retriable-status-codes",
    "upstream-alt-stat-name",
    "upstream-rq-timeout-alt-response",
    "upstream-stream-duration-ms",
];

fn write_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        // By hand: this happens twice per request, and formatting costs several times as much.
        IpAddr::V4(ip) => {
            for (index, octet) in ip.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                write_decimal(out, u64::from(octet));
            }
        }
        IpAddr::V6(ip) => out.extend_from_slice(ip.to_string().as_bytes()),
    }
}

/// Writes a random number as a UUID of version 4 (RFC 9562 section 5.4).
fn write_uuid(out: &mut Vec<u8>, random: u128) {
    let versioned = random & !(0xf << 76) | 0x4 << 76;
    let bits = versioned & !(0x3 << 62) | 0x2 << 62;
    for (index, byte) in bits.to_be_bytes().into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests;
