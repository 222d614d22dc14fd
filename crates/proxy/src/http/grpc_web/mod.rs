//! Requests of browsers in gRPC-Web, translated as Envoy's `grpc_web` filter does: upstreams see
//! gRPC, clients what they can read. Wraps the client's side of one request and its body, so that
//! whatever forwards and relays knows nothing of it, and other requests pay nothing for it.
//!
//! `body` is what goes up, `answer` what comes down.

mod answer;
mod body;

use propylon_snapshot::Line;

pub(super) use self::answer::Translated;
pub(super) use self::body::TranslatedBody;
use super::edits;
use crate::http1::FramingLine;

/// How a request and its answer are translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Translation {
    /// The request's messages are in base64.
    reads_text: bool,
    /// The answer's are wanted so.
    writes_text: bool,
}

impl Translation {
    /// The translation that a request asks for by its lines; `None` for other requests.
    pub(super) fn of(lines: &[Line<'_>]) -> Option<Self> {
        let only = |name: &str| {
            let mut values = lines.iter().filter(|line| line.name == name).map(|line| line.value);
            values.next().filter(|_| values.next().is_none())
        };
        let kind = only("content-type")?;
        (kind == BINARY[0] || kind == BINARY[1] || is_text(kind)).then(|| Self {
            reads_text: is_text(kind),
            writes_text: only("accept").is_some_and(is_text),
        })
    }

    /// Makes the lines of a gRPC request.
    pub(super) fn apply(lines: &mut Vec<Line<'_>>) {
        edits::drop_name(lines, "content-length");
        edits::set(lines, "content-type", b"application/grpc");
        edits::set(lines, "te", b"trailers");
        if !lines.iter().any(|line| line.name == ACCEPTED_ENCODINGS) {
            lines.push(Line { name: ACCEPTED_ENCODINGS, value: b"identity" });
        }
    }

    /// How an HTTP/1 upstream is told where the body ends: its length is another one now.
    pub(super) fn framing(framing: FramingLine) -> FramingLine {
        match framing {
            FramingLine::Length(0) | FramingLine::None => FramingLine::None,
            FramingLine::Length(_) | FramingLine::Chunked => FramingLine::Chunked,
        }
    }
}

const ACCEPTED_ENCODINGS: &str = "grpc-accept-encoding";

/// Content types of messages as they are.
const BINARY: [&[u8]; 2] = [b"application/grpc-web", b"application/grpc-web+proto"];
/// Content types of messages in base64.
const TEXT: [&[u8]; 2] = [b"application/grpc-web-text", b"application/grpc-web-text+proto"];

fn is_text(kind: &[u8]) -> bool {
    TEXT.contains(&kind)
}

#[cfg(test)]
mod tests;
