//! The header lines of one head, as offsets into the read buffer, and what they say about the
//! message: its length, its connection, its upgrade. Shared by requests and responses; it knows no
//! first line. Filled again for every message without allocating.

use std::mem;

use propylon_snapshot::Line;

use super::{HEAD_BYTES_MAX, HEAD_LINES_MAX, Known, Parsed, Refusal};

mod read;

/// Envoy's bound: a request whose Connection header has ten options or more is refused, since each
/// costs a walk over the lines.
const CONNECTION_OPTIONS_MAX: usize = 9;

/// A part of the buffer that a head was read from. 16 bits are enough for [`HEAD_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) start: u16,
    pub(super) len: u16,
}

/// One header line with its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLine<'a> {
    /// Name and value.
    pub line: Line<'a>,
    /// The id of the name.
    pub known: Known,
}

/// What a message's Upgrade header asks for, or a 101 response agrees to. Without `upgrade` in
/// Connection it asks for nothing, and neither does an HTTP/1.0 message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Upgrade {
    /// Nothing.
    #[default]
    None,
    /// `websocket` and nothing else.
    WebSocket,
    /// `h2c` and nothing else: Envoy drops the header and goes on with HTTP/1.1.
    H2c,
    /// Anything else.
    Other,
}

/// The index over a head's lines and what they mean together.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    index: Vec<Entry>,
    host: Option<Span>,
    hosts: usize,
    content_length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    connection_upgrade: bool,
    upgrade: Upgrade,
    expects_continue: bool,
    trailers_accepted: bool,
    nominates: bool,
}

/// Storage for the borrowed lines of one head, kept from message to message so that
/// `propylon_snapshot::Head` costs no allocation: take it, fill it, put it back.
#[derive(Debug, Default)]
pub struct LineShelf(Vec<Line<'static>>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Span,
    value: Span,
    known: Known,
    /// Ends at this hop: hop-by-hop by its name, or nominated by Connection.
    dropped: bool,
}

// === impl Span ===

impl Span {
    /// The place of `part` in `whole`, which it must be borrowed from.
    pub(super) fn within(whole: &[u8], part: &[u8]) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        // Heads are cut off at `HEAD_BYTES_MAX` before they are indexed, so both fit.
        Self { start: start as u16, len: part.len() as u16 }
    }

    /// A part of this part.
    pub(super) fn slice(self, from: usize, to: usize) -> Self {
        Self { start: self.start + from as u16, len: (to - from) as u16 }
    }

    pub(super) fn bytes(self, buf: &[u8]) -> &[u8] {
        let start = usize::from(self.start);
        buf.get(start..start + usize::from(self.len)).unwrap_or_default()
    }

    /// The text of a part that was found to be ASCII.
    pub(super) fn text(self, buf: &[u8]) -> &str {
        str::from_utf8(self.bytes(buf)).unwrap_or_default()
    }

    fn bytes_mut(self, buf: &mut [u8]) -> &mut [u8] {
        let start = usize::from(self.start);
        buf.get_mut(start..start + usize::from(self.len)).unwrap_or_default()
    }
}

// === impl Lines ===

impl Lines {
    /// Every line in order of arrival. `buf` is the buffer that the head was parsed from.
    pub fn all<'a>(&'a self, buf: &'a [u8]) -> impl Iterator<Item = HeadLine<'a>> {
        self.index.iter().map(|entry| entry.read(buf))
    }

    /// The lines that go on to the next hop, in order: without Host and without what says how long
    /// the body is (both are written anew), without hop-by-hop lines and what Connection nominates;
    /// of `te` only `trailers` is kept, as Envoy does.
    pub fn forwarded<'a>(&'a self, buf: &'a [u8]) -> impl Iterator<Item = HeadLine<'a>> {
        self.kept(buf).filter(|line| line.known != Known::ContentLength)
    }

    /// The lines that routing sees: as [`Self::forwarded`], and `content-length`.
    pub fn routed<'a>(&'a self, buf: &'a [u8]) -> impl Iterator<Item = HeadLine<'a>> {
        self.kept(buf)
    }

    /// Appends the lines that routing sees: as [`Self::forwarded`], and `content-length`.
    pub fn fill<'a>(&'a self, buf: &'a [u8], lines: &mut Vec<Line<'a>>) {
        lines.extend(self.kept(buf).map(|line| line.line));
    }

    /// The values of a known header, in order.
    pub fn values<'a>(&'a self, buf: &'a [u8], known: Known) -> impl Iterator<Item = &'a [u8]> {
        let entries = self.index.iter().filter(move |entry| entry.known == known);
        entries.map(|entry| entry.value.bytes(buf))
    }

    /// The first value of a known header.
    #[must_use]
    pub fn value<'a>(&'a self, buf: &'a [u8], known: Known) -> Option<&'a [u8]> {
        self.values(buf, known).next()
    }

    /// How many lines the head has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// True for a head without lines.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The number in Content-Length.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// True when Transfer-Encoding says `chunked`.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        self.chunked
    }

    /// Connection says `close`.
    #[must_use]
    pub fn says_close(&self) -> bool {
        self.close
    }

    /// Connection says `keep-alive`.
    #[must_use]
    pub fn says_keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Expect says `100-continue`.
    pub(super) fn says_expect_continue(&self) -> bool {
        self.expects_continue
    }

    /// What Upgrade says, if Connection says `upgrade`.
    pub(super) fn upgrade(&self) -> Upgrade {
        if self.connection_upgrade { self.upgrade } else { Upgrade::None }
    }

    /// The value of the one Host line.
    pub(super) fn host(&self) -> Result<Span, Refusal> {
        match (self.hosts, self.host) {
            (0, _) | (_, None) => Err(Refusal::NoHost),
            (1, Some(host)) if host.len == 0 => Err(Refusal::NoHost),
            (1, Some(host)) => Ok(host),
            _ => Err(Refusal::SeveralHosts),
        }
    }

    fn kept<'a>(&'a self, buf: &'a [u8]) -> impl Iterator<Item = HeadLine<'a>> {
        self.index.iter().filter(|entry| !entry.dropped).map(|entry| {
            let mut line = entry.read(buf);
            if line.known == Known::Te {
                line.line.value = b"trailers";
            }
            line
        })
    }
}

// === impl Entry ===

impl Entry {
    fn read<'a>(&self, buf: &'a [u8]) -> HeadLine<'a> {
        // The table has the name as text already; others were found to be tokens, so ASCII.
        let name = self.known.name().unwrap_or_else(|| self.name.text(buf));
        HeadLine { line: Line { name, value: self.value.bytes(buf) }, known: self.known }
    }
}

// === impl LineShelf ===

impl LineShelf {
    /// The empty storage. Until it is put back the shelf is empty and another `take` allocates.
    #[must_use]
    pub fn take<'a>(&mut self) -> Vec<Line<'a>> {
        mem::take(&mut self.0)
    }

    /// Puts the storage back. Its lines are forgotten, its capacity is kept.
    pub fn put(&mut self, mut lines: Vec<Line<'_>>) {
        lines.clear();
        // Collecting an emptied vector into one of the same layout reuses its allocation; this is
        // how safe code gives a vector another lifetime.
        self.0 = lines.into_iter().map(|_| Line { name: "", value: b"" }).collect();
    }
}

/// The elements of a comma-separated list (RFC 9110 section 5.6.1), without empty ones.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

/// Remembers how far an unfinished head was looked at, so that a peer that sends it byte by byte
/// cannot make the gateway read it again for every byte: only a new line or the limit is a reason.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    seen: usize,
}

impl Progress {
    pub(super) fn is_worth_a_look(self, buf: &[u8]) -> bool {
        let fresh = buf.get(self.seen..).unwrap_or(buf);
        self.seen == 0 || buf.len() >= HEAD_BYTES_MAX || fresh.contains(&b'\n')
    }

    pub(super) fn note(&mut self, outcome: &Result<Parsed, Refusal>, looked_at: usize) {
        self.seen = match outcome {
            Ok(Parsed::NeedMore) => looked_at,
            Ok(Parsed::Complete { .. }) | Err(_) => 0,
        };
    }
}

#[cfg(test)]
mod tests;
