//! Request heads: parsed in place, indexed, and refused wherever they are ambiguous.
//! First stop of a request: `serve` hands the bytes in and reads the decision's `Head` out.

use std::mem::MaybeUninit;

use super::lines::{Progress, Span};
use super::target::{Port, Target, check_authority};
use super::{
    Framing, FramingLine, HEAD_BYTES_MAX, HEAD_LINES_MAX, Lines, Method, Parsed, Refusal,
    TargetForm, Upgrade, Version,
};

/// The index over one request head. It owns no bytes: every accessor wants the buffer that the head
/// was parsed from, unchanged, starting at the same byte. Keep one per connection or worker; after
/// the first message it allocates nothing.
#[derive(Debug, Clone)]
pub struct RequestHead {
    method: Method,
    version: Version,
    target: Target,
    host: Span,
    lines: Lines,
    progress: Progress,
}

impl RequestHead {
    /// An empty index. It gets room for the largest head with its first message.
    #[must_use]
    pub fn new() -> Self {
        Self {
            method: Method::Get,
            version: Version::Http11,
            target: Target::default(),
            host: Span::default(),
            lines: Lines::default(),
            progress: Progress::default(),
        }
    }

    /// Looks for a whole head at the start of `buf`. Header names are lower-cased in the buffer
    /// once the head is whole; nothing else is changed.
    ///
    /// After [`Parsed::NeedMore`] the same bytes with more behind them are expected (call
    /// [`Self::restart`] otherwise); after [`Parsed::Complete`] the next call starts a new message.
    /// However the bytes arrive, the outcome is the same; only a fault in a line that has not ended
    /// yet may be found with the line's end. Looking again costs nothing until there is one.
    ///
    /// # Errors
    /// Every [`Refusal`]; the connection must not be read any further. Only [`Self::version`] may
    /// be asked then: Envoy answers a client that speaks HTTP/1.0 with 426 before it misses Host.
    pub fn parse(&mut self, buf: &mut [u8]) -> Result<Parsed, Refusal> {
        if !self.progress.is_worth_a_look(buf) {
            return Ok(Parsed::NeedMore);
        }
        let outcome = self.read(buf);
        self.progress.note(&outcome, buf.len());
        outcome
    }

    /// Forgets an unfinished head: the next call starts with other bytes.
    pub fn restart(&mut self) {
        self.progress = Progress::default();
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<Parsed, Refusal> {
        let window = buf.len().min(HEAD_BYTES_MAX);
        let Some((target, head_len)) = self.index(&buf[..window])? else {
            let full = window == HEAD_BYTES_MAX;
            return if full { Err(Refusal::HeadTooLarge) } else { Ok(Parsed::NeedMore) };
        };
        let head = &mut buf[..head_len];
        self.lines.settle(head)?;
        self.lines.refuse_bad_nominations(head)?;
        self.lines.drop_nominated(head);
        if self.version == Version::Http10 && self.lines.is_chunked() {
            return Err(Refusal::TransferEncoding);
        }
        self.target = Target::read(self.method, target, target.bytes(head))?;
        // A valid Host is wanted even where the target's authority replaces it (RFC 9112 3.2.2).
        let host = self.lines.host()?;
        check_authority(host.bytes(head), Port::Optional)?;
        self.host = self.target.authority.unwrap_or(host);
        self.check_handshake()?;
        Ok(Parsed::Complete { head_len })
    }

    /// Runs httparse over the head; the target's place and the head's length when it is whole.
    fn index(&mut self, window: &[u8]) -> Result<Option<(Span, usize)>, Refusal> {
        // One empty line before the request line is a known habit of old clients, and RFC 9112
        // section 2.2 asks to ignore it. More of them, or half of one, is not.
        let skipped = match window {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', b'\r' | b'\n', ..] | [b'\n', ..] => return Err(Refusal::LineEnd),
            [b'\r', b'\n', ..] => 2,
            _ => 0,
        };
        let text = &window[skipped..];
        let mut found = [const { MaybeUninit::uninit() }; HEAD_LINES_MAX];
        let mut request = httparse::Request::new(&mut []);
        let status = request.parse_with_uninit_headers(text, &mut found);
        let version = request.version;
        self.version = if version == Some(0) { Version::Http10 } else { Version::Http11 };
        let head_len = match status.map_err(refusal)? {
            httparse::Status::Complete(len) => skipped + len,
            httparse::Status::Partial => return Ok(None),
        };
        let method = request.method.unwrap_or_default();
        self.method = Method::of(method).ok_or(Refusal::UnknownMethod)?;
        let target = Span::within(window, request.path.unwrap_or_default().as_bytes());
        self.lines.index(window, request.headers);
        Ok(Some((target, head_len)))
    }

    /// RFC 6455 section 4.1: a handshake is a GET, and what follows its head is the client's first
    /// frames only after a 101. A body between the two could be read as either.
    fn check_handshake(&self) -> Result<(), Refusal> {
        let has_body = self.lines.is_chunked() || self.lines.content_length().unwrap_or(0) > 0;
        if self.upgrade() == Upgrade::WebSocket && (self.method != Method::Get || has_body) {
            return Err(Refusal::Handshake);
        }
        Ok(())
    }
}

impl RequestHead {
    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The protocol version; meaningful after a refusal too, as far as it was read.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The form of the request target.
    #[must_use]
    pub fn target_form(&self) -> TargetForm {
        self.target.form
    }

    /// Host with port as the client wrote it: the target's authority if it has one, else Host.
    #[must_use]
    pub fn authority<'a>(&self, buf: &'a [u8]) -> &'a str {
        self.host.text(buf)
    }

    /// The path as sent, not normalised: starts with `/`; `*` in asterisk form; empty for CONNECT.
    #[must_use]
    pub fn path<'a>(&self, buf: &'a [u8]) -> &'a str {
        match self.target.form {
            TargetForm::Absolute if self.target.path.len == 0 => "/",
            _ => self.target.path.text(buf),
        }
    }

    /// The query without its question mark; `None` where there is no question mark.
    #[must_use]
    pub fn query<'a>(&self, buf: &'a [u8]) -> Option<&'a str> {
        self.target.query.map(|query| query.text(buf))
    }

    /// The header lines.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// How to read the body.
    #[must_use]
    pub fn framing(&self) -> Framing {
        match self.lines.content_length() {
            Some(length) => Framing::Length(length),
            None if self.lines.is_chunked() => Framing::chunked(),
            None => Framing::None,
        }
    }

    /// How to announce the same body to the next hop.
    #[must_use]
    pub fn framing_line(&self) -> FramingLine {
        match self.lines.content_length() {
            Some(length) => FramingLine::Length(length),
            None if self.lines.is_chunked() => FramingLine::Chunked,
            None => FramingLine::None,
        }
    }

    /// True when the client wants to keep the connection (RFC 9112 section 9.3).
    #[must_use]
    pub fn keeps_alive(&self) -> bool {
        match self.version {
            Version::Http10 => self.lines.says_keep_alive() && !self.lines.says_close(),
            Version::Http11 => !self.lines.says_close(),
        }
    }

    /// The protocol that the client wants to switch to.
    #[must_use]
    pub fn upgrade(&self) -> Upgrade {
        match self.version {
            Version::Http10 => Upgrade::None,
            Version::Http11 => self.lines.upgrade(),
        }
    }

    /// True when the client waits for a 100 before it sends its body (RFC 9110 section 10.1.1; an
    /// HTTP/1.0 client cannot).
    #[must_use]
    pub fn expects_continue(&self) -> bool {
        self.version == Version::Http11 && self.lines.says_expect_continue()
    }
}

impl Default for RequestHead {
    fn default() -> Self {
        Self::new()
    }
}

/// The rule that stands behind an error of httparse, which reads from left to right.
fn refusal(error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::HeaderName => Refusal::LineName,
        httparse::Error::HeaderValue => Refusal::LineValue,
        httparse::Error::NewLine => Refusal::LineEnd,
        httparse::Error::TooManyHeaders => Refusal::TooManyLines,
        httparse::Error::Version => Refusal::Version,
        httparse::Error::Token | httparse::Error::Status => Refusal::FirstLine,
    }
}

#[cfg(test)]
mod tests;
