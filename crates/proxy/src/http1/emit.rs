//! Heads and chunks written into byte vectors. Framing is made anew for every hop; what a parsed
//! head holds is written as it is, what configuration made is made safe first.
//! It decides nothing: which lines go out is its caller's.

use super::{Known, Version};

/// How a message announces the length of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingLine {
    /// Not at all: there is no body, or the connection's end is its end.
    None,
    /// `content-length`.
    Length(u64),
    /// `transfer-encoding: chunked`.
    Chunked,
}

/// The head of one chunk, to be written in front of its data; behind the data goes [`CRLF`].
#[derive(Debug, Clone, Copy)]
pub struct ChunkHead {
    bytes: [u8; CHUNK_HEAD_BYTES],
    start: usize,
}

/// Ends a line, a chunk's data, a head, and the trailer section.
pub const CRLF: &[u8] = b"\r\n";

/// Ends the content of a chunked body. Trailer lines may follow, then [`CRLF`].
pub const LAST_CHUNK: &[u8] = b"0\r\n";

/// The end of a chunked body without trailers.
pub const CHUNKED_END: &[u8] = b"0\r\n\r\n";

/// The head of a message that is to be sent before its final response when a client waits for it.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Sixteen digits and the line end.
const CHUNK_HEAD_BYTES: usize = 18;

/// Writes `METHOD path?query HTTP/1.1` and its line end. Path and query come from a parsed head or
/// from a rewrite, which keeps blanks and controls out.
pub fn write_request_line(out: &mut Vec<u8>, method: &str, path: &str, query: Option<&str>) {
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    write_target_part(out, path.as_bytes());
    if let Some(query) = query {
        out.push(b'?');
        write_target_part(out, query.as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Writes `HTTP/1.x status phrase` and its line end. The phrase is the status's own, as Envoy
/// writes it; an upstream's phrase is not passed on.
pub fn write_status_line(out: &mut Vec<u8>, version: Version, status: u16) {
    if (version, status) == (Version::Http11, 200) {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.extend_from_slice(version.as_str().as_bytes());
    out.push(b' ');
    write_decimal(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(phrase(status).as_bytes());
    out.extend_from_slice(CRLF);
}

/// Writes a line whose name and value were parsed, so hold no line ends.
pub fn write_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(CRLF);
}

/// Writes a line whose value was made from a format or a program. Controls in it become spaces (RFC
/// 9110 section 5.5), so that no value can start another line.
pub fn write_made_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    let is_control = |byte: u8| byte.is_ascii_control() && byte != b'\t';
    out.extend(value.iter().map(|byte| if is_control(*byte) { b' ' } else { *byte }));
    out.extend_from_slice(CRLF);
}

/// Writes the line that announces the body's length, if there is one.
pub fn write_framing(out: &mut Vec<u8>, framing: FramingLine) {
    match framing {
        FramingLine::None => {}
        FramingLine::Length(length) => {
            out.extend_from_slice(b"content-length: ");
            write_decimal(out, length);
            out.extend_from_slice(CRLF);
        }
        FramingLine::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
}

/// Writes the two lines of a WebSocket handshake or of its acceptance.
pub fn write_websocket_upgrade(out: &mut Vec<u8>) {
    out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
}

/// Writes the empty line at a head's end.
pub fn end_head(out: &mut Vec<u8>) {
    out.extend_from_slice(CRLF);
}

/// Writes one chunk; nothing for no data, which would end the body.
pub fn write_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    out.extend_from_slice(ChunkHead::new(data.len() as u64).as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(CRLF);
}

/// Writes a number in decimal digits.
pub fn write_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// True for lines that end at this hop (RFC 9110 section 7.6.1): hop-by-hop by their name, or named
/// by `connection_options`, the values of the message's Connection lines. What Connection may not
/// name, [`super::RequestHead::parse`] refuses; a parsed head's `forwarded` has applied all this,
/// so only lines from elsewhere need it.
#[must_use]
pub fn is_hop_by_hop<'a>(
    known: Known,
    name: &str,
    connection_options: impl IntoIterator<Item = &'a [u8]>,
) -> bool {
    known.is_hop_by_hop()
        || (known != Known::Te
            && connection_options
                .into_iter()
                .flat_map(super::lines::list)
                .any(|option| option.eq_ignore_ascii_case(name.as_bytes())))
}

/// The reason phrase of a status, as Envoy has them; `Unknown` for others.
#[must_use]
pub fn phrase(status: u16) -> &'static str {
    match PHRASES.binary_search_by_key(&status, |(status, _)| *status) {
        Ok(at) => PHRASES[at].1,
        Err(_) => "Unknown",
    }
}

impl ChunkHead {
    /// The head of a chunk of `len` bytes. `len` must not be 0: that would end the body.
    #[must_use]
    pub fn new(len: u64) -> Self {
        let mut bytes = [0_u8; CHUNK_HEAD_BYTES];
        let mut start = CHUNK_HEAD_BYTES - CRLF.len();
        bytes[start..].copy_from_slice(CRLF);
        let mut rest = len;
        loop {
            start -= 1;
            bytes[start] = b"0123456789abcdef"[(rest & 15) as usize];
            rest >>= 4;
            if rest == 0 {
                break;
            }
        }
        Self { bytes, start }
    }

    /// The digits and the line end.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// A rewrite is free text of the configuration: a blank or control in it would end the target, a
/// fragment does not belong into it.
fn write_target_part(out: &mut Vec<u8>, part: &[u8]) {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'#';
    if part.iter().all(is_plain) {
        out.extend_from_slice(part);
        return;
    }
    for byte in part {
        if is_plain(byte) {
            out.push(*byte);
        } else {
            let hex = b"0123456789ABCDEF";
            out.push(b'%');
            out.push(hex[usize::from(byte >> 4)]);
            out.push(hex[usize::from(byte & 15)]);
        }
    }
}

/// Sorted by status.
const PHRASES: &[(u16, &str)] = &[
    (100, "Continue"),
    (101, "Switching Protocols"),
    (102, "Processing"),
    (103, "Early Hints"),
    (200, "OK"),
    (201, "Created"),
    (202, "Accepted"),
    (203, "Non-Authoritative Information"),
    (204, "No Content"),
    (205, "Reset Content"),
    (206, "Partial Content"),
    (207, "Multi-Status"),
    (208, "Already Reported"),
    (226, "IM Used"),
    (300, "Multiple Choices"),
    (301, "Moved Permanently"),
    (302, "Found"),
    (303, "See Other"),
    (304, "Not Modified"),
    (305, "Use Proxy"),
    (307, "Temporary Redirect"),
    (308, "Permanent Redirect"),
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (402, "Payment Required"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (406, "Not Acceptable"),
    (407, "Proxy Authentication Required"),
    (408, "Request Timeout"),
    (409, "Conflict"),
    (410, "Gone"),
    (411, "Length Required"),
    (412, "Precondition Failed"),
    (413, "Payload Too Large"),
    (414, "URI Too Long"),
    (415, "Unsupported Media Type"),
    (416, "Range Not Satisfiable"),
    (417, "Expectation Failed"),
    (421, "Misdirected Request"),
    (422, "Unprocessable Entity"),
    (423, "Locked"),
    (424, "Failed Dependency"),
    (426, "Upgrade Required"),
    (428, "Precondition Required"),
    (429, "Too Many Requests"),
    (431, "Request Header Fields Too Large"),
    (500, "Internal Server Error"),
    (501, "Not Implemented"),
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
    (504, "Gateway Timeout"),
    (505, "HTTP Version Not Supported"),
    (506, "Variant Also Negotiates"),
    (507, "Insufficient Storage"),
    (508, "Loop Detected"),
    (510, "Not Extended"),
    (511, "Network Authentication Required"),
];

#[cfg(test)]
mod tests;
