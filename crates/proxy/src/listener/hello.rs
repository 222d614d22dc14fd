//! Reads the ClientHello of a TLS connection without taking part in it: the server name and the
//! protocols a client offers, which choose the chain that answers.
//!
//! Sans-IO: bytes in, an outcome out. It checks the shape of what it reads (RFC 8446 sections 4.1.2
//! and 5.1, RFC 6066 section 3, RFC 7301) and nothing else; whether TLS is then spoken, and how, is
//! for whoever ends it.

use std::net::IpAddr;

use crate::limits::HELLO_BYTES_MAX;

/// What a client says before anything is answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Hello {
    /// The name it asks for, in lower case; `None` without one, or where it is an IP address, which
    /// RFC 6066 does not allow.
    pub(crate) server_name: Option<Box<str>>,
    /// The application protocols it offers, in its order.
    pub(crate) alpn: Vec<Box<[u8]>>,
}

/// What came of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The message is not whole yet.
    NeedMore,
    /// It is whole.
    Hello(Hello),
    /// The first bytes are no TLS record: plaintext, or something else.
    NotTls,
    /// TLS, but no ClientHello that can be understood, or one beyond [`HELLO_BYTES_MAX`].
    Bad,
}

/// Reads one ClientHello, over as many TCP segments and TLS records as it comes in.
#[derive(Debug, Default)]
pub(crate) struct HelloReader {
    /// Bytes of whole records that were taken over.
    taken: usize,
    /// The handshake message, as far as these records hold it.
    message: Vec<u8>,
}

/// Content type of a handshake record.
const HANDSHAKE: u8 = 22;
/// Handshake type of a ClientHello.
const CLIENT_HELLO: u8 = 1;
/// Major version of TLS 1.0 to 1.3 on the wire.
const MAJOR: u8 = 3;
/// Type, version and length in front of a record.
const RECORD_HEAD: usize = 5;
/// Type and length in front of a handshake message.
const MESSAGE_HEAD: usize = 4;
/// RFC 8446 section 5.1: a record's plaintext is no longer.
const RECORD_BYTES_MAX: usize = 1 << 14;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;

impl HelloReader {
    /// Reads on. `bytes` is everything received so far, from the first byte. A record is looked at
    /// once, when it is whole: many small segments cost no more than one.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Outcome {
        // Nothing beyond the bound counts, so that the outcome does not depend on segments.
        let bytes = &bytes[..bytes.len().min(HELLO_BYTES_MAX)];
        match self.read_records(bytes) {
            Outcome::NeedMore if bytes.len() >= HELLO_BYTES_MAX => Outcome::Bad,
            outcome => outcome,
        }
    }

    fn read_records(&mut self, bytes: &[u8]) -> Outcome {
        loop {
            let rest = bytes.get(self.taken..).unwrap_or_default();
            let known = [HANDSHAKE, MAJOR];
            if rest.iter().zip(known).any(|(byte, wanted)| *byte != wanted) {
                return if self.taken == 0 { Outcome::NotTls } else { Outcome::Bad };
            }
            let Some((head, body)) = rest.split_at_checked(RECORD_HEAD) else {
                return Outcome::NeedMore;
            };
            let len = usize::from(u16::from_be_bytes([head[3], head[4]]));
            // Empty handshake records are forbidden, and would cost time without an end.
            if len == 0 || len > RECORD_BYTES_MAX {
                return Outcome::Bad;
            }
            let Some(fragment) = body.get(..len) else {
                return self.outlook(body);
            };
            self.message.extend_from_slice(fragment);
            self.taken += RECORD_HEAD + len;
            if let Some(outcome) = self.parse() {
                return outcome;
            }
        }
    }

    /// What can be said of a record that is not whole: whether it may become a ClientHello.
    fn outlook(&self, body: &[u8]) -> Outcome {
        match self.message.first().or(body.first()) {
            Some(&kind) if kind != CLIENT_HELLO => Outcome::Bad,
            _ => Outcome::NeedMore,
        }
    }

    /// `None` while the message is not whole.
    fn parse(&self) -> Option<Outcome> {
        let mut head = Cursor(&self.message);
        if head.u8().is_some_and(|kind| kind != CLIENT_HELLO) {
            return Some(Outcome::Bad);
        }
        let len = head.u24()?;
        if len > HELLO_BYTES_MAX {
            return Some(Outcome::Bad);
        }
        let body = self.message.get(MESSAGE_HEAD..MESSAGE_HEAD + len)?;
        // Bytes of another message behind this one cannot be: the client has no answer yet.
        if self.message.len() > MESSAGE_HEAD + len {
            return Some(Outcome::Bad);
        }
        Some(client_hello(body).map_or(Outcome::Bad, Outcome::Hello))
    }
}

/// The message's body; `None` if it is malformed.
fn client_hello(body: &[u8]) -> Option<Hello> {
    let mut body = Cursor(body);
    let _version = body.take(2)?;
    let _random = body.take(32)?;
    let session = body.list8()?;
    let suites = body.list16()?;
    let compressions = body.list8()?;
    if session.0.len() > 32 || compressions.is_empty() {
        return None;
    }
    if suites.is_empty() || suites.0.len() % 2 != 0 {
        return None;
    }
    let mut hello = Hello::default();
    // Clients of TLS 1.0 may send no extensions at all.
    if body.is_empty() {
        return Some(hello);
    }
    let mut extensions = body.list16()?;
    if !body.is_empty() {
        return None;
    }
    let (mut seen_name, mut seen_alpn) = (false, false);
    while !extensions.is_empty() {
        let kind = extensions.u16()?;
        let content = extensions.list16()?;
        // What is not needed here (GREASE, ECH, key shares ...) is passed over unread.
        match kind {
            SERVER_NAME if !std::mem::replace(&mut seen_name, true) => {
                hello.server_name = server_name(content)?;
            }
            ALPN if !std::mem::replace(&mut seen_alpn, true) => hello.alpn = alpn(content)?,
            SERVER_NAME | ALPN => return None,
            _ => {}
        }
    }
    Some(hello)
}

/// The host name of RFC 6066 section 3. A list of one: no other type of name exists.
fn server_name(mut content: Cursor<'_>) -> Option<Option<Box<str>>> {
    let mut names = content.list16()?;
    let kind = names.u8()?;
    let name = names.list16()?;
    if kind != 0 || !names.is_empty() || !content.is_empty() {
        return None;
    }
    let is_name =
        !name.is_empty() && name.0.len() <= 255 && name.0.iter().all(u8::is_ascii_graphic);
    let text = std::str::from_utf8(name.0).ok().filter(|_| is_name)?;
    if text.parse::<IpAddr>().is_ok() {
        return Some(None);
    }
    Some(Some(text.to_ascii_lowercase().into()))
}

/// RFC 7301 section 3.1: at least one protocol, none of them empty.
fn alpn(mut content: Cursor<'_>) -> Option<Vec<Box<[u8]>>> {
    let mut list = content.list16()?;
    if list.is_empty() || !content.is_empty() {
        return None;
    }
    let mut protocols = Vec::new();
    while !list.is_empty() {
        let protocol = list.list8()?;
        if protocol.is_empty() {
            return None;
        }
        protocols.push(protocol.0.into());
    }
    Some(protocols)
}

/// What is left to read.
#[derive(Clone, Copy)]
struct Cursor<'b>(&'b [u8]);

impl<'b> Cursor<'b> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn u24(&mut self) -> Option<usize> {
        let bytes = self.take(3)?;
        Some(bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    }

    /// A list with its length in one byte.
    fn list8(&mut self) -> Option<Self> {
        let len = self.u8()?;
        self.take(len.into()).map(Cursor)
    }

    /// A list with its length in two bytes.
    fn list16(&mut self) -> Option<Self> {
        let len = self.u16()?;
        self.take(len.into()).map(Cursor)
    }
}

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
