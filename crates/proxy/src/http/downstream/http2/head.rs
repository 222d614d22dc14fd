//! The head of an HTTP/2 request as the rest of the gateway wants to see it.
//!
//! The h2 crate has refused malformed pseudo-headers, upper case, and lines of a connection
//! (RFC 9113 section 8). Here the rules are added that HTTP/1 heads are held to, so that neither
//! protocol gets further than the other.

use h2::ext::Protocol as Upgraded;
use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::request::Parts;
use propylon_snapshot::Line;

use crate::http::incoming::{Incoming, Protocol};
use crate::http1::{
    FramingLine, HEAD_LINES_MAX, HeadLine, Known, Method, Refusal, Upgrade, is_authority,
    is_origin_form,
};

/// A request head of a stream.
pub(super) struct StreamHead<'h> {
    parts: &'h Parts,
    method: Method,
    authority: &'h str,
    upgrade: Upgrade,
    framing: FramingLine,
    /// The crumbs of a divided cookie, joined (RFC 9113 section 8.2.3); empty for a whole one.
    cookie: Vec<u8>,
    /// What a WebSocket handshake has in HTTP/1 and not in HTTP/2.
    key: String,
}

impl<'h> StreamHead<'h> {
    /// Reads a head, and says why it is to be refused, if it is. `ended`: no body follows.
    pub(super) fn read(parts: &'h Parts, ended: bool) -> (Self, Option<Refusal>) {
        let tunnel = parts.extensions.get::<Upgraded>().map(Upgraded::as_str);
        // RFC 8441: what HTTP/1 asks for with Upgrade. Envoy makes it that, too.
        let (method, upgrade) = match (Method::of(parts.method.as_str()), tunnel) {
            (Some(Method::Connect), Some("websocket")) => (Some(Method::Get), Upgrade::WebSocket),
            (Some(Method::Connect), Some(_)) => (Some(Method::Get), Upgrade::Other),
            (method, _) => (method, Upgrade::None),
        };
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let authority = parts.uri.authority().map(|authority| authority.as_str()).or(host);
        let length = parts.headers.get(CONTENT_LENGTH).and_then(|text| text.to_str().ok());
        let framing = match length.and_then(|text| text.parse().ok()) {
            _ if upgrade != Upgrade::None => FramingLine::None,
            Some(length) => FramingLine::Length(length),
            None if ended => FramingLine::None,
            None => FramingLine::Chunked,
        };
        let head = Self {
            parts,
            method: method.unwrap_or(Method::Get),
            authority: authority.unwrap_or_default(),
            upgrade,
            framing,
            cookie: whole_cookie(parts),
            key: if upgrade == Upgrade::WebSocket { random_key() } else { String::new() },
        };
        let refusal = match method {
            None => Some(Refusal::UnknownMethod),
            Some(_) => head.refusal().err(),
        };
        (head, refusal)
    }

    fn refusal(&self) -> Result<(), Refusal> {
        if self.authority.is_empty() {
            return Err(Refusal::NoHost);
        }
        if !is_authority(self.authority) {
            return Err(Refusal::BadHost);
        }
        if self.parts.headers.get_all(HOST).iter().nth(1).is_some() {
            return Err(Refusal::SeveralHosts);
        }
        let target = self.parts.uri.path_and_query().map_or("", |target| target.as_str());
        let known = self.is_asterisk() || self.method == Method::Connect;
        if !known && !is_origin_form(target) {
            return Err(Refusal::Target);
        }
        if self.parts.headers.len() > HEAD_LINES_MAX {
            return Err(Refusal::TooManyLines);
        }
        Ok(())
    }

    fn all(&self) -> impl Iterator<Item = HeadLine<'_>> {
        self.parts.headers.iter().map(|(name, value)| {
            let known = Known::of(name.as_str().as_bytes());
            let value = match known {
                Known::Te => b"trailers",
                _ => value.as_bytes(),
            };
            HeadLine { line: Line { name: name.as_str(), value }, known }
        })
    }
}

fn whole_cookie(parts: &Parts) -> Vec<u8> {
    let mut crumbs = parts.headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return Vec::new() };
    let mut whole = first.as_bytes().to_vec();
    for crumb in std::iter::once(second).chain(crumbs) {
        whole.extend_from_slice(b"; ");
        whole.extend_from_slice(crumb.as_bytes());
    }
    whole
}

/// Sixteen random bytes in base64 (RFC 6455 section 4.1): 21 digits, one for the last two bits.
fn random_key() -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut key: String = (0..21).map(|_| char::from(DIGITS[fastrand::usize(..64)])).collect();
    key.push(char::from(DIGITS[fastrand::usize(..4) * 16]));
    key.push_str("==");
    key
}

impl Incoming for StreamHead<'_> {
    fn protocol(&self) -> Protocol {
        Protocol::Http2
    }

    fn method(&self) -> Method {
        self.method
    }

    fn authority(&self) -> &str {
        self.authority
    }

    fn path(&self) -> &str {
        self.parts.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.parts.uri.query()
    }

    fn is_asterisk(&self) -> bool {
        self.method == Method::Options && self.parts.uri.path() == "*"
    }

    fn upgrade(&self) -> Upgrade {
        self.upgrade
    }

    fn keeps_alive(&self) -> bool {
        true
    }

    fn framing_line(&self) -> FramingLine {
        self.framing
    }

    fn lines(&self) -> impl Iterator<Item = HeadLine<'_>> {
        let crumbs = !self.cookie.is_empty();
        let kept = move |line: &HeadLine<'_>| match line.known {
            Known::Host => false,
            Known::Cookie => !crumbs,
            known => !known.is_hop_by_hop(),
        };
        let made = [
            (Known::Cookie, "cookie", self.cookie.as_slice()),
            (Known::Other, "sec-websocket-key", self.key.as_bytes()),
        ];
        let made = made.into_iter().filter(|(_, _, value)| !value.is_empty());
        let made = made.map(|(known, name, value)| HeadLine { line: Line { name, value }, known });
        self.all().filter(kept).chain(made)
    }

    fn values(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.all().filter(move |line| line.known == known).map(|line| line.line.value)
    }
}

#[cfg(test)]
mod tests;
