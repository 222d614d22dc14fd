//! What a chunked body is, and the scanner against a de-chunker that reads like the RFC.

use proptest::prelude::*;

use super::*;
use crate::http1::{Framing, emit, fuzz};

fn take(text: &[u8]) -> Result<Option<usize>, Refusal> {
    let taken = Framing::chunked().take(text)?;
    Ok(taken.done.then_some(taken.consumed))
}

/// Content, trailers and length of a whole body, as RFC 9112 section 7.1 has them; `None` for
/// everything else. For bodies without extensions.
fn naive(mut text: &[u8]) -> Option<(Vec<u8>, Vec<u8>, usize)> {
    let whole = text.len();
    let mut content = Vec::new();
    loop {
        let end = text.windows(2).position(|pair| pair == b"\r\n")?;
        let size = usize::from_str_radix(str::from_utf8(&text[..end]).ok()?, 16).ok()?;
        text = &text[end + 2..];
        if size == 0 {
            break;
        }
        content.extend_from_slice(text.get(..size)?);
        text = text.get(size..)?.strip_prefix(b"\r\n")?;
    }
    let mut trailers = Vec::new();
    while !text.starts_with(b"\r\n") {
        let end = text.windows(2).position(|pair| pair == b"\r\n")?;
        trailers.extend_from_slice(&text[..end + 2]);
        text = &text[end + 2..];
    }
    Some((content, trailers, whole - text.len() + 2))
}

fn pieces(text: &[u8], portion: usize) -> Option<(Vec<u8>, Vec<u8>, usize)> {
    let (mut content, mut trailers, mut consumed) = (Vec::new(), Vec::new(), 0);
    let mut scanner = Scanner::new();
    for part in text.chunks(portion) {
        let mut rest = part;
        loop {
            let step = scanner.piece(rest).ok()?;
            consumed += step.consumed;
            match step.piece {
                Some(Piece::Data(range)) => content.extend_from_slice(&rest[range]),
                Some(Piece::Trailers(range)) => trailers.extend_from_slice(&rest[range]),
                Some(Piece::End) => return Some((content, trailers, consumed)),
                None => break,
            }
            rest = &rest[step.consumed..];
        }
    }
    None
}

#[test]
fn whole_bodies_end_where_they_end() {
    let good: &[&str] = &[
        "0\r\n\r\n",
        "000\r\n\r\n",
        "3\r\nabc\r\n0\r\n\r\n",
        "A\r\n0123456789\r\n1\r\n\n\r\n0\r\n\r\n",
        "0000000000000003\r\nabc\r\n0\r\n\r\n",
        "3;name=value; q=\"a b\";c\r\nabc\r\n0;last\r\n\r\n",
        "0\r\nX-Sum: 1\r\nGrpc-Status:\t0 \r\nEmpty:\r\nObs: caf\u{e9}\r\n\r\n",
    ];
    for text in good {
        let mut more = text.as_bytes().to_vec();
        more.extend_from_slice(b"GET / HTTP/1.1\r\n");
        assert_eq!(take(&more), Ok(Some(text.len())), "{text:?}");
        fuzz::fuzz_chunked(&more);
        for len in 0..text.len() {
            assert_eq!(take(&text.as_bytes()[..len]), Ok(None), "{text:?} up to {len}");
        }
    }
}

#[test]
fn bad_chunks_are_refused() {
    let bad: &[(Refusal, &str)] = &[
        (Refusal::ChunkHead, "\r\n"),
        (Refusal::ChunkHead, ";a\r\n"),
        (Refusal::ChunkHead, "g\r\n"),
        (Refusal::ChunkHead, "0x3\r\nabc\r\n"),
        (Refusal::ChunkHead, "+3\r\nabc\r\n"),
        (Refusal::ChunkHead, "-1\r\n"),
        (Refusal::ChunkHead, " 3\r\nabc\r\n"),
        (Refusal::ChunkHead, "3 \r\nabc\r\n"),
        (Refusal::ChunkHead, "3 ;a\r\nabc\r\n"),
        (Refusal::ChunkHead, "3\t\r\nabc\r\n"),
        (Refusal::ChunkHead, "3_0\r\n"),
        (Refusal::ChunkHead, "3\nabc\r\n"),
        (Refusal::ChunkHead, "3\r\rabc\r\n"),
        (Refusal::ChunkHead, "3\rabc\r\n"),
        (Refusal::ChunkHead, "3;a\nabc\r\n"),
        (Refusal::ChunkHead, "3;a\rb\r\nabc\r\n"),
        (Refusal::ChunkHead, "3;a\0\r\nabc\r\n"),
        (Refusal::ChunkHead, "3;\u{e9}\r\nabc\r\n"),
        (Refusal::ChunkHead, "00000000000000003\r\nabc\r\n"),
        (Refusal::ChunkHead, "8000000000000000\r\n"),
        (Refusal::ChunkHead, "ffffffffffffffff\r\n"),
        (Refusal::ChunkHead, "10000000000000000\r\n"),
        (Refusal::ChunkEnd, "3\r\nabcd\r\n"),
        (Refusal::ChunkEnd, "3\r\nabc\n0\r\n\r\n"),
        (Refusal::ChunkEnd, "3\r\nabc\r\r\n"),
        (Refusal::ChunkEnd, "3\r\nabc0\r\n\r\n"),
    ];
    for (refusal, text) in bad {
        assert_eq!(take(text.as_bytes()), Err(*refusal), "{text:?}");
        fuzz::fuzz_chunked(text.as_bytes());
    }
}

#[test]
fn the_largest_size_is_that_of_a_signed_number() {
    assert_eq!(take(b"7fffffffffffffff\r\nabc"), Ok(None));
}

#[test]
fn bad_trailers_are_refused() {
    let bad = [
        "\n",
        "\r\r",
        " a: b\r\n",
        "a b: c\r\n",
        "a : b\r\n",
        ": b\r\n",
        "a\r\n",
        "a: b\n",
        "a: b\r\r\n",
        "a: b\r\n c\r\n",
        "a: \0\r\n",
        "a: \x7f\r\n",
        "\u{e9}: b\r\n",
        "a: b\r\n\n",
    ];
    for text in bad {
        let text = format!("0\r\n{text}");
        assert_eq!(take(text.as_bytes()), Err(Refusal::Trailer), "{text:?}");
        fuzz::fuzz_chunked(text.as_bytes());
    }
}

#[test]
fn trailers_that_would_frame_route_or_authenticate_are_refused() {
    let names = [
        "Content-Length",
        "TRANSFER-ENCODING",
        "host",
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "Upgrade",
        "TE",
        "Trailer",
        "Expect",
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "Set-Cookie",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Client-Cert",
        "X-Request-Id",
        "X-Envoy-Original-Path",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "Http2-Settings",
    ];
    for name in names {
        let text = format!("0\r\nFine: a\r\n{name}: b\r\n\r\n");
        assert_eq!(take(text.as_bytes()), Err(Refusal::Trailer), "{name}");
        fuzz::fuzz_chunked(text.as_bytes());
    }
}

#[test]
fn trailers_whose_names_only_begin_like_forbidden_ones_pass() {
    for name in ["hosts", "x-forwarded", "content-length-of-what-was-hashed", "grpc-message"] {
        let text = format!("0\r\n{name}: b\r\n\r\n");
        assert_eq!(take(text.as_bytes()), Ok(Some(text.len())), "{name}");
    }
}

#[test]
fn trailers_are_bounded_in_bytes_and_in_number() {
    let line = "A: b\r\n";
    let text = |lines: usize| format!("0\r\n{}\r\n", line.repeat(lines));
    assert_eq!(take(text(HEAD_LINES_MAX).as_bytes()), Ok(Some(3 + 600 + 2)));
    assert_eq!(take(text(HEAD_LINES_MAX + 1).as_bytes()), Err(Refusal::TrailersTooLarge));
    let long = format!("0\r\nA: {}", "b".repeat(HEAD_BYTES_MAX));
    assert_eq!(take(long.as_bytes()), Err(Refusal::TrailersTooLarge));
}

#[test]
fn extensions_are_bounded_in_the_whole_body() {
    let one = format!("1;{}\r\na\r\n", "e".repeat(usize::from(EXTENSION_BYTES_MAX) - 1));
    assert_eq!(take(one.as_bytes()), Ok(None));
    assert_eq!(take(format!("{one}1;\r\n").as_bytes()), Err(Refusal::ChunkHead));
}

#[test]
fn nothing_behind_the_end_is_taken() {
    let mut framing = Framing::chunked();
    assert!(framing.take(b"0\r\n\r\n").unwrap().done);
    let taken = framing.take(b"3\r\nabc\r\n").unwrap();
    assert_eq!((taken.consumed, taken.done), (0, true));
}

/// Bodies of a few chunks, and bodies with one byte changed.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let chunk = proptest::collection::vec(any::<u8>(), 0..40);
    let chunks = proptest::collection::vec(chunk, 0..5);
    let trailers = proptest::collection::vec(("[a-z]{1,30}", "[ -~]{0,10}"), 0..3);
    let whole = (chunks, trailers).prop_map(|(chunks, trailers)| {
        let mut out = Vec::new();
        for chunk in chunks {
            emit::write_chunk(&mut out, &chunk);
        }
        out.extend_from_slice(emit::LAST_CHUNK);
        for (name, value) in trailers {
            emit::write_line(&mut out, &name, value.as_bytes());
        }
        out.extend_from_slice(emit::CRLF);
        out
    });
    (whole, any::<prop::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(
        |(mut body, at, byte, spoil)| {
            if spoil {
                let at = at.index(body.len());
                body[at] = byte;
            }
            body
        },
    )
}

proptest! {
    #[test]
    fn what_the_scanner_accepts_the_naive_reader_accepts_alike(
        body in bodies(),
        portion in 1_usize..50,
    ) {
        // The naive reader is laxer, and knows no extensions.
        if let Some(ours) = pieces(&body, portion) && !body.contains(&b';') {
            prop_assert_eq!(Some(ours), naive(&body));
        }
        fuzz::fuzz_chunked(&body);
    }

    #[test]
    fn what_we_encode_we_decode(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..6),
        portion in 1_usize..90,
    ) {
        let mut body = Vec::new();
        for chunk in &chunks {
            emit::write_chunk(&mut body, chunk);
        }
        body.extend_from_slice(emit::CHUNKED_END);
        prop_assert_eq!(pieces(&body, portion), Some((chunks.concat(), Vec::new(), body.len())));
    }

    #[test]
    fn no_bytes_make_the_scanner_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz::fuzz_chunked(&bytes);
    }

    #[test]
    fn nearly_good_bytes_are_read_alike_however_they_are_split(
        text in "[0-9a-f;:x \r\n]{0,60}",
    ) {
        fuzz::fuzz_chunked(text.as_bytes());
    }
}
