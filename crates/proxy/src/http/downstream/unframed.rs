//! HTTP/1 bodies without their framing, and trailers as both protocols have them.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::http1::emit::write_line;
use crate::http1::{Framing, Piece, Refusal, is_forbidden_trailer};

/// A body, or a part of one, that HTTP/1 framed.
#[derive(Debug, Default)]
pub(in crate::http) struct Unframed {
    /// The content.
    pub(in crate::http) bytes: Vec<u8>,
    trailers: Vec<u8>,
}

impl Unframed {
    /// Takes content and trailers out of their framing, up to the body's end. Returns how many
    /// bytes they were in.
    ///
    /// # Errors
    /// A malformed chunked body.
    pub(in crate::http) fn take(
        &mut self,
        framing: &mut Framing,
        bytes: &[u8],
    ) -> Result<usize, Refusal> {
        let mut consumed = 0;
        loop {
            let rest = &bytes[consumed..];
            let step = framing.piece(rest)?;
            consumed += step.consumed;
            match step.piece {
                Some(Piece::Data(range)) => self.bytes.extend_from_slice(&rest[range]),
                Some(Piece::Trailers(range)) => self.trailers.extend_from_slice(&rest[range]),
                Some(Piece::End) | None => return Ok(consumed),
            }
            if framing.is_done() {
                return Ok(consumed);
            }
        }
    }

    /// The trailers that were found; `None` if there are none.
    pub(in crate::http) fn trailers(&self) -> Option<HeaderMap> {
        trailers(&self.trailers)
    }
}

/// The trailer lines of an HTTP/1 body as a field section; `None` if there are none.
pub(super) fn trailers(text: &[u8]) -> Option<HeaderMap> {
    let mut trailers = HeaderMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            trailers.append(name, value);
        }
    }
    (!trailers.is_empty()).then_some(trailers)
}

/// Writes trailers as the lines behind the last chunk of an HTTP/1 body. Those that HTTP/1 must not
/// have there are left out.
pub(super) fn write_trailers(trailers: Option<&HeaderMap>, out: &mut Vec<u8>) {
    for (name, value) in trailers.into_iter().flatten() {
        if !is_forbidden_trailer(name.as_str().as_bytes()) {
            write_line(out, name.as_str(), value.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_gives_its_content_and_its_trailers() {
        let text = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nA-b: 1\r\nc:\r\n\r\nmore";
        for portion in 1..text.len() {
            let (mut framing, mut body) = (Framing::chunked(), Unframed::default());
            let mut consumed = 0;
            for bytes in text.chunks(portion) {
                if !framing.is_done() {
                    consumed += body.take(&mut framing, bytes).unwrap();
                }
            }
            assert_eq!((&body.bytes[..], consumed), (&b"abcde"[..], text.len() - 4));
            let trailers = body.trailers().unwrap();
            assert_eq!(
                (&trailers["a-b"], &trailers["c"], trailers.len()),
                (&HeaderValue::from_static("1"), &HeaderValue::from_static(""), 2,)
            );
        }
    }

    #[test]
    fn trailers_that_http1_forbids_are_not_written() {
        let mut trailers = HeaderMap::new();
        for name in ["grpc-status", "content-length", "x-forwarded-for", "host"] {
            trailers.append(name, HeaderValue::from_static("0"));
        }
        let mut out = Vec::new();
        write_trailers(Some(&trailers), &mut out);
        assert_eq!(out, b"grpc-status: 0\r\n");
    }
}
