//! Entry points for fuzzing: plain functions of bytes that panic when the codec breaks a promise.
//! Fuzz targets, property tests and the replay of the kept corpus call the same ones.

use super::{Framing, Parsed, Piece, Refusal, RequestHead, ResponseHead};

/// A request head: no panic, the same outcome however it is split, and what is accepted is sound.
pub fn fuzz_http_head(bytes: &[u8]) {
    let mut head = RequestHead::new();
    let whole = head.parse(&mut bytes.to_vec());
    let mut split = RequestHead::new();
    let in_parts = in_prefixes(bytes, whole, |part| split.parse(part));
    assert_eq!(whole, in_parts, "the outcome depends on how the bytes are split");
    if let Ok(Parsed::Complete { head_len }) = whole {
        let mut buf = bytes.to_vec();
        assert_eq!(head.parse(&mut buf), whole);
        assert!(!head.authority(&buf).is_empty());
        assert!(head.lines().len() <= super::HEAD_LINES_MAX && head_len <= super::HEAD_BYTES_MAX);
        for line in head.lines().forwarded(&buf) {
            assert!(!line.line.name.is_empty());
            assert!(!line.line.value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
        }
    }
}

/// A response head: as [`fuzz_http_head`].
pub fn fuzz_http_response(bytes: &[u8]) {
    let mut head = ResponseHead::new();
    let whole = head.parse(&mut bytes.to_vec());
    let mut split = ResponseHead::new();
    let in_parts = in_prefixes(bytes, whole, |part| split.parse(part));
    assert_eq!(whole, in_parts, "the outcome depends on how the bytes are split");
    if let Ok(Parsed::Complete { .. }) = whole {
        assert!(head.status() >= 100);
    }
}

/// A chunked body: no panic, the same end and content however it is split, and what was accepted
/// is accepted again.
pub fn fuzz_chunked(bytes: &[u8]) {
    let whole = unchunk(bytes, bytes.len().max(1));
    assert_eq!(whole, unchunk(bytes, 1), "the content depends on how the bytes are split");
    assert_eq!(whole, unchunk(bytes, 7), "the content depends on how the bytes are split");
    let taken = Framing::chunked().take(bytes);
    match (&whole, taken) {
        (Ok(body), Ok(taken)) => {
            assert_eq!((body.consumed, body.done), (taken.consumed, taken.done));
        }
        (Err(one), Err(other)) => assert_eq!(*one, other),
        (one, other) => assert!(one.is_ok() == other.is_ok(), "take and piece disagree"),
    }
    if let Ok(body) = whole
        && body.done
    {
        assert!(Framing::chunked().take(&bytes[..body.consumed]).is_ok_and(|taken| taken.done));
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Body {
    data: Vec<u8>,
    trailers: Vec<u8>,
    consumed: usize,
    done: bool,
}

fn unchunk(bytes: &[u8], portion: usize) -> Result<Body, Refusal> {
    let mut body = Body { data: Vec::new(), trailers: Vec::new(), consumed: 0, done: false };
    let mut framing = Framing::chunked();
    for part in bytes.chunks(portion) {
        let mut at = 0;
        loop {
            let rest = &part[at..];
            let step = framing.piece(rest)?;
            at += step.consumed;
            body.consumed += step.consumed;
            match step.piece {
                Some(Piece::Data(range)) => body.data.extend_from_slice(&rest[range]),
                Some(Piece::Trailers(range)) => body.trailers.extend_from_slice(&rest[range]),
                Some(Piece::End) => {
                    body.done = true;
                    return Ok(body);
                }
                None => break,
            }
        }
    }
    Ok(body)
}

/// Feeds ever longer prefixes, as a connection would. Long inputs grow in steps: the cost would be
/// quadratic otherwise. A fault in a line that has not ended may be found only with its end.
fn in_prefixes(
    bytes: &[u8],
    whole: Result<Parsed, Refusal>,
    mut parse: impl FnMut(&mut [u8]) -> Result<Parsed, Refusal>,
) -> Result<Parsed, Refusal> {
    let stride = 1 + bytes.len() / 512;
    let mut buf = bytes.to_vec();
    let mut len = 0;
    loop {
        match parse(&mut buf[..len]) {
            Ok(Parsed::NeedMore) if len < bytes.len() => len = (len + stride).min(bytes.len()),
            Ok(Parsed::NeedMore) if whole.is_err() => {
                buf.push(b'\n');
                return parse(&mut buf);
            }
            outcome => return outcome,
        }
    }
}
