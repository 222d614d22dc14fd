//! Filling the index of a head: line ends checked, names lower-cased in place, each line's meaning
//! noted once. Everything two parsers could read differently ends here.

use super::list;
use super::{CONNECTION_OPTIONS_MAX, Entry, HEAD_LINES_MAX, Known, Lines, Refusal, Span, Upgrade};

impl Lines {
    /// Forgets the last head and indexes the lines that httparse found in `head`.
    pub(in super::super) fn index(&mut self, head: &[u8], found: &[httparse::Header<'_>]) {
        let index = std::mem::take(&mut self.index);
        *self = Self { index, ..Self::default() };
        self.index.clear();
        self.index.reserve(HEAD_LINES_MAX);
        self.index.extend(found.iter().map(|line| Entry {
            name: Span::within(head, line.name.as_bytes()),
            value: Span::within(head, line.value),
            known: Known::Other,
            dropped: false,
        }));
    }

    /// Lower-cases the names in the buffer, classifies them and notes what the lines say.
    /// `head` is the whole head, up to the end of its empty line.
    pub(in super::super) fn settle(&mut self, head: &mut [u8]) -> Result<(), Refusal> {
        // httparse takes a bare line feed for a line end. Values cannot hold one and every line
        // starts behind one, so looking behind every line's start finds them all.
        if !head.ends_with(b"\r\n\r\n") {
            return Err(Refusal::LineEnd);
        }
        for position in 0..self.index.len() {
            let entry = self.index[position];
            let start = usize::from(entry.name.start);
            if !head.get(..start).is_some_and(|before| before.ends_with(b"\r\n")) {
                return Err(Refusal::LineEnd);
            }
            let name = entry.name.bytes_mut(head);
            name.make_ascii_lowercase();
            let known = Known::of(name);
            let dropped = known != Known::Other && self.note(known, entry.value, head)?;
            let entry = &mut self.index[position];
            entry.known = known;
            entry.dropped = dropped;
        }
        if self.chunked && self.content_length.is_some() {
            return Err(Refusal::BothLengths);
        }
        Ok(())
    }

    /// Notes what a line says; true when it ends at this hop.
    fn note(&mut self, known: Known, value: Span, head: &[u8]) -> Result<bool, Refusal> {
        let text = value.bytes(head);
        match known {
            Known::Host => {
                self.hosts += 1;
                self.host = Some(value);
                return Ok(true);
            }
            Known::ContentLength => {
                if self.content_length.is_some() {
                    return Err(Refusal::SeveralLengths);
                }
                self.content_length = Some(content_length(text)?);
            }
            Known::TransferEncoding => {
                if self.chunked || !text.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::TransferEncoding);
                }
                self.chunked = true;
            }
            Known::Connection => self.note_connection(text),
            Known::Upgrade => {
                for protocol in list(text) {
                    self.note_upgrade(protocol);
                }
            }
            Known::Expect => self.expects_continue |= text.eq_ignore_ascii_case(b"100-continue"),
            Known::Te => {
                let first = !self.trailers_accepted
                    && list(text).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
                self.trailers_accepted |= first;
                return Ok(!first);
            }
            _ => {}
        }
        Ok(known.is_hop_by_hop())
    }

    fn note_connection(&mut self, value: &[u8]) {
        for option in list(value) {
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                self.connection_upgrade = true;
            } else {
                self.nominates = true;
            }
        }
    }

    fn note_upgrade(&mut self, protocol: &[u8]) {
        self.upgrade = match self.upgrade {
            Upgrade::None if protocol.eq_ignore_ascii_case(b"websocket") => Upgrade::WebSocket,
            Upgrade::None if protocol.eq_ignore_ascii_case(b"h2c") => Upgrade::H2c,
            _ => Upgrade::Other,
        };
    }

    /// Refuses a Connection header that would strip what a proxy in front of us vouches for, as
    /// Envoy does: `x-forwarded-*`, and names that are no names. Host and Content-Length are added
    /// to its list: stripping them changes where and how long the message is.
    pub(in super::super) fn refuse_bad_nominations(&self, head: &[u8]) -> Result<(), Refusal> {
        if !self.nominates {
            return Ok(());
        }
        let mut options = 0;
        for option in self.values(head, Known::Connection).flat_map(list) {
            options += 1;
            let forbidden = option.starts_with(b":")
                || starts_with_ignoring_case(option, b"x-forwarded-")
                || option.eq_ignore_ascii_case(b"host")
                || option.eq_ignore_ascii_case(b"content-length");
            if forbidden || options > CONNECTION_OPTIONS_MAX {
                return Err(Refusal::Connection);
            }
        }
        Ok(())
    }

    /// Drops the lines that Connection nominates (RFC 9110 section 7.6.1), but for those that are
    /// no sender's to strip. Credentials and cookies can be nominated, as in Envoy.
    pub(in super::super) fn drop_nominated(&mut self, head: &[u8]) {
        if !self.nominates {
            return;
        }
        // Options outside, lines inside: a Connection header may fill the whole head, and must not
        // be split again for every line. A response's options are not counted before, so here.
        let mut options = 0;
        for position in 0..self.index.len() {
            let entry = self.index[position];
            if entry.known != Known::Connection {
                continue;
            }
            for option in list(entry.value.bytes(head)) {
                options += 1;
                if options > CONNECTION_OPTIONS_MAX {
                    return;
                }
                self.drop_named(option, head);
            }
        }
    }

    fn drop_named(&mut self, option: &[u8], head: &[u8]) {
        for entry in &mut self.index {
            let name = entry.name.bytes(head);
            if option.eq_ignore_ascii_case(name) && !is_protected(entry.known, name) {
                entry.dropped = true;
            }
        }
    }
}

/// True for lines that a Connection header cannot strip: what tells where a message came from and
/// which it is, what the gateway itself speaks with its neighbours, how long the message is, and
/// `te`, whose `trailers` is kept as Envoy keeps it.
fn is_protected(known: Known, name: &[u8]) -> bool {
    matches!(
        known,
        Known::Host
            | Known::ContentLength
            | Known::Te
            | Known::Forwarded
            | Known::XRequestId
            | Known::XRealIp
            | Known::SetCookie
    ) || name.starts_with(b"x-forwarded-")
        || name.starts_with(b"x-envoy-")
}

/// One number of digits only, at most 2^63-1 (RFC 9110 section 8.6; lists of equal numbers are
/// refused too). The bound keeps every sum of lengths within 64 bits, as Envoy's does.
fn content_length(text: &[u8]) -> Result<u64, Refusal> {
    if text.is_empty() || text.len() > LENGTH_DIGITS_MAX {
        return Err(Refusal::BadLength);
    }
    let mut length = 0_u64;
    for byte in text {
        if !byte.is_ascii_digit() {
            return Err(Refusal::BadLength);
        }
        // Nineteen digits are less than 10^19, so this cannot overflow.
        length = length * 10 + u64::from(byte - b'0');
    }
    if length > i64::MAX as u64 { Err(Refusal::BadLength) } else { Ok(length) }
}

fn starts_with_ignoring_case(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|part| part.eq_ignore_ascii_case(start))
}

/// Digits of 2^63-1.
const LENGTH_DIGITS_MAX: usize = 19;
