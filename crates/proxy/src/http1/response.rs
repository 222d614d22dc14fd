//! Response heads of upstreams: the same strictness as for requests, since a response that two
//! parsers read differently ends in the wrong client's hands. `forward` hands the bytes in.

use std::mem::MaybeUninit;

use super::lines::Progress;
use super::{
    Framing, FramingLine, HEAD_BYTES_MAX, HEAD_LINES_MAX, Lines, Method, Parsed, Refusal, Upgrade,
    Version,
};

/// The index over one response head; used like [`super::RequestHead`].
#[derive(Debug, Clone)]
pub struct ResponseHead {
    status: u16,
    version: Version,
    lines: Lines,
    progress: Progress,
}

impl ResponseHead {
    /// An empty index. It gets room for the largest head with its first message.
    #[must_use]
    pub fn new() -> Self {
        Self {
            status: 0,
            version: Version::Http11,
            lines: Lines::default(),
            progress: Progress::default(),
        }
    }

    /// Looks for a whole head at the start of `buf`, as [`super::RequestHead::parse`] does.
    ///
    /// # Errors
    /// Every [`Refusal`]; the connection must be closed. Empty lines before the head are refused:
    /// they are the rest of something else.
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
        let Some(head_len) = self.index(&buf[..window])? else {
            let full = window == HEAD_BYTES_MAX;
            return if full { Err(Refusal::HeadTooLarge) } else { Ok(Parsed::NeedMore) };
        };
        let head = &mut buf[..head_len];
        self.lines.settle(head)?;
        self.lines.drop_nominated(head);
        if self.version == Version::Http10 && self.lines.is_chunked() {
            return Err(Refusal::TransferEncoding);
        }
        // Zero is a common mistake and says nothing wrong; Envoy papers over it too.
        let length = self.lines.is_chunked() || self.lines.content_length().unwrap_or(0) > 0;
        if length && (self.is_interim() || self.status == 204 || self.status == 101) {
            return Err(Refusal::LengthWithoutBody);
        }
        Ok(Parsed::Complete { head_len })
    }

    fn index(&mut self, window: &[u8]) -> Result<Option<usize>, Refusal> {
        if let Some(b'\r' | b'\n') = window.first() {
            return Err(Refusal::LineEnd);
        }
        let mut found = [const { MaybeUninit::uninit() }; HEAD_LINES_MAX];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let status = config.parse_response_with_uninit_headers(&mut response, window, &mut found);
        let version = response.version;
        self.version = if version == Some(0) { Version::Http10 } else { Version::Http11 };
        let head_len = match status.map_err(refusal)? {
            httparse::Status::Complete(len) => len,
            httparse::Status::Partial => return Ok(None),
        };
        self.status = match response.code {
            Some(status @ 100..) => status,
            _ => return Err(Refusal::Status),
        };
        self.lines.index(window, response.headers);
        Ok(Some(head_len))
    }
}

impl ResponseHead {
    /// The status, 100 to 999.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The protocol version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The header lines.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// True for 1xx but 101: another head follows for the same request.
    #[must_use]
    pub fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }

    /// What a 101 response switches to; `None` for every other response.
    #[must_use]
    pub fn upgrade(&self) -> Upgrade {
        if self.status == 101 { self.lines.upgrade() } else { Upgrade::None }
    }

    /// True for a response whose head is all there is, whatever its lines say (RFC 9112 section
    /// 6.3, rule 1).
    #[must_use]
    pub fn has_no_body(&self, asked: Method) -> bool {
        asked == Method::Head || matches!(self.status, 100 | 102..=199 | 204 | 304)
    }

    /// True for a response whose lines announce a body that it must not have: to a HEAD request, or
    /// a 304. Faulty servers send that body all the same, right behind the head or a moment later;
    /// on a connection that is used again it would be taken for the next response.
    #[must_use]
    pub fn withholds_body(&self, asked: Method) -> bool {
        self.has_no_body(asked)
            && (self.lines.is_chunked() || self.lines.content_length().unwrap_or(0) > 0)
    }

    /// How to read the body of the response to a request of method `asked` (RFC 9112 section 6.3).
    /// After a 101, and after a 2xx to CONNECT, what follows is a tunnel: [`Framing::UntilClose`].
    #[must_use]
    pub fn framing(&self, asked: Method) -> Framing {
        if self.has_no_body(asked) {
            return Framing::None;
        }
        if self.is_tunnel(asked) {
            return Framing::UntilClose;
        }
        match self.lines.content_length() {
            Some(length) => Framing::Length(length),
            None if self.lines.is_chunked() => Framing::chunked(),
            None => Framing::UntilClose,
        }
    }

    /// How to announce the body to an HTTP/1.1 client. A response to HEAD keeps the length that a
    /// GET would have had; without one it says `chunked`, and so does a body that ends with the
    /// upstream's connection. A 304 keeps its length. An HTTP/1.0 client has to be told by closing.
    #[must_use]
    pub fn framing_line(&self, asked: Method) -> FramingLine {
        if self.is_interim() || self.status == 204 || self.is_tunnel(asked) {
            return FramingLine::None;
        }
        match self.lines.content_length() {
            Some(length) => FramingLine::Length(length),
            None if self.status == 304 => FramingLine::None,
            None => FramingLine::Chunked,
        }
    }

    /// True when the connection can carry another request once the body was read to its end and
    /// nothing lies behind it. Bytes behind it are junk: the caller must not reuse the connection.
    #[must_use]
    pub fn is_reusable(&self, asked: Method) -> bool {
        let wanted = match self.version {
            Version::Http10 => self.lines.says_keep_alive() && !self.lines.says_close(),
            Version::Http11 => !self.lines.says_close(),
        };
        wanted && !matches!(self.framing(asked), Framing::UntilClose)
    }

    fn is_tunnel(&self, asked: Method) -> bool {
        self.status == 101 || (asked == Method::Connect && matches!(self.status, 200..=299))
    }
}

impl Default for ResponseHead {
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
        httparse::Error::Status => Refusal::Status,
        httparse::Error::Token => Refusal::FirstLine,
    }
}

#[cfg(test)]
mod tests;
