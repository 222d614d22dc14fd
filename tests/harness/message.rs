//! HTTP/1 messages as tests look at them: read from a socket byte by byte as the RFC frames them,
//! with every header line kept as it came.

use std::io::{self, Read};

/// A request or response head: its first line and its header lines, names lower-cased.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The bytes as they came, the empty line included.
    pub(crate) raw: String,
}

impl Head {
    /// The first line with this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every line with this name, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The names of the header lines, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether the value of a line lists this word, in any case.
    pub(crate) fn lists(&self, name: &str, word: &str) -> bool {
        self.all(name)
            .iter()
            .flat_map(|value| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(word))
    }
}

/// The body of a message, with the trailers that came after it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Body {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Reads messages from a stream, keeping what came after one for the next.
pub(crate) struct Reader<R> {
    stream: R,
    pending: Vec<u8>,
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, pending: Vec::new() }
    }

    /// The next head, or `None` when the stream ends before a byte of it.
    pub(crate) fn head(&mut self) -> io::Result<Option<Head>> {
        let end = loop {
            if let Some(at) = find(&self.pending, b"\r\n\r\n") {
                break at + 4;
            }
            if !self.fill()? {
                if self.pending.is_empty() {
                    return Ok(None);
                }
                return Err(cut("a head"));
            }
        };
        let raw: Vec<u8> = self.pending.drain(..end).collect();
        Ok(Some(parse(&raw)))
    }

    /// The body that this head announces. `lengthless` says what no length means: everything until
    /// the end (a response) or nothing (a request).
    pub(crate) fn body(&mut self, head: &Head, lengthless: Lengthless) -> io::Result<Body> {
        if head.lists("transfer-encoding", "chunked") {
            return self.chunked();
        }
        let bytes = match (head.get("content-length"), lengthless) {
            (Some(length), _) => {
                let length = length.trim().parse().map_err(|_| cut("a content-length"))?;
                self.exactly(length)?
            }
            (None, Lengthless::Nothing) => Vec::new(),
            (None, Lengthless::UntilClose) => self.rest()?,
        };
        Ok(Body { bytes, trailers: Vec::new() })
    }

    /// Exactly this many bytes.
    pub(crate) fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.pending.len() < count {
            if !self.fill()? {
                return Err(cut("a body"));
            }
        }
        Ok(self.pending.drain(..count).collect())
    }

    /// Everything until the stream ends.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? {}
        Ok(std::mem::take(&mut self.pending))
    }

    fn chunked(&mut self) -> io::Result<Body> {
        let mut bytes = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| cut("a chunk size"))?;
            if size == 0 {
                break;
            }
            bytes.extend(self.exactly(size)?);
            if !self.line()?.is_empty() {
                return Err(cut("a chunk"));
            }
        }
        let mut trailers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Body { bytes, trailers });
            }
            trailers.push(header(&line));
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let end = loop {
            if let Some(at) = find(&self.pending, b"\r\n") {
                break at;
            }
            if !self.fill()? {
                return Err(cut("a line"));
            }
        };
        let line: Vec<u8> = self.pending.drain(..end + 2).collect();
        Ok(String::from_utf8_lossy(&line[..end]).into_owned())
    }

    /// Reads more; `false` at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let count = loop {
            match self.stream.read(&mut buffer) {
                // A process that was stopped and continued is told so by every blocking read.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        self.pending.extend_from_slice(&buffer[..count]);
        Ok(count > 0)
    }
}

/// What a message without length and without chunks has for a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lengthless {
    Nothing,
    UntilClose,
}

fn parse(raw: &[u8]) -> Head {
    let text = String::from_utf8_lossy(raw).into_owned();
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let headers = lines.map(header).collect();
    Head { first, headers, raw: text }
}

fn header(line: impl AsRef<str>) -> (String, String) {
    let line = line.as_ref();
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    (name.to_ascii_lowercase(), value.trim().to_owned())
}

fn cut(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the stream ended inside {what}"))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
