//! Which upstream responses are whole and what they say about body and connection.

use proptest::prelude::*;

use super::*;
use crate::http1::fuzz;
use propylon_snapshot::Reason;

fn parse(text: &str) -> (Result<Parsed, Refusal>, ResponseHead, Vec<u8>) {
    let mut buf = text.as_bytes().to_vec();
    let mut head = ResponseHead::new();
    let outcome = head.parse(&mut buf);
    (outcome, head, buf)
}

fn accepted(text: &str) -> ResponseHead {
    let (outcome, head, _) = parse(text);
    assert_eq!(outcome, Ok(Parsed::Complete { head_len: text.len() }), "{text:?}");
    head
}

fn with(status: u16, lines: &str) -> ResponseHead {
    accepted(&format!("HTTP/1.1 {status} X\r\n{lines}\r\n"))
}

/// Refused responses with the rule that refuses them.
const BAD: &[(Refusal, &str)] = &[
    (Refusal::LineEnd, "\r\nHTTP/1.1 200 OK\r\n\r\n"),
    (Refusal::LineEnd, "\nHTTP/1.1 200 OK\r\n\r\n"),
    (Refusal::LineEnd, "HTTP/1.1 200 OK\n\r\n"),
    (Refusal::LineEnd, "HTTP/1.1 200\n\r\n"),
    (Refusal::LineEnd, "HTTP/1.1 200 OK\nA: b\r\n\r\n"),
    (Refusal::LineEnd, "HTTP/1.1 200 OK\r\nA: b\n\r\n"),
    (Refusal::LineEnd, "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n"),
    (Refusal::LineEnd, "HTTP/1.1 200 OK\r\nA: b\r\n\n"),
    (Refusal::Version, "junk"),
    (Refusal::Version, "<html></html>\r\n\r\n"),
    (Refusal::Version, "HTTP/2 200\r\n\r\n"),
    (Refusal::Version, "HTTP/1.2 200 OK\r\n\r\n"),
    (Refusal::Version, "ICY 200 OK\r\n\r\n"),
    (Refusal::Status, "HTTP/1.1 99 X\r\n\r\n"),
    (Refusal::Status, "HTTP/1.1 099 X\r\n\r\n"),
    (Refusal::Status, "HTTP/1.1 20 X\r\n\r\n"),
    (Refusal::Status, "HTTP/1.1 2000 X\r\n\r\n"),
    (Refusal::Status, "HTTP/1.1 abc X\r\n\r\n"),
    (Refusal::Status, "HTTP/1.1  200 X\r\n\r\n"),
    (Refusal::Status, "HTTP/1.1 200 a\0b\r\n\r\n"),
    (Refusal::Status, "HTTP/1.1 200 a\rb\r\n\r\n"),
    (Refusal::LineName, "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"),
    (Refusal::LineName, "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"),
    (Refusal::LineName, "HTTP/1.1 200 OK\r\n: b\r\n\r\n"),
    (Refusal::LineName, "HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\n\r\n"),
    (Refusal::LineValue, "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"),
    (Refusal::SeveralLengths, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
    (Refusal::BadLength, "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n"),
    (Refusal::BadLength, "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n"),
    (Refusal::BadLength, "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n"),
    (
        Refusal::BothLengths,
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (Refusal::TransferEncoding, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    (Refusal::TransferEncoding, "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n"),
    (Refusal::TransferEncoding, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (Refusal::LengthWithoutBody, "HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (Refusal::LengthWithoutBody, "HTTP/1.1 204 X\r\nContent-Length: 1\r\n\r\n"),
    (Refusal::LengthWithoutBody, "HTTP/1.1 100 X\r\nContent-Length: 1\r\n\r\n"),
    (Refusal::LengthWithoutBody, "HTTP/1.1 101 X\r\nContent-Length: 1\r\n\r\n"),
];

#[test]
fn every_bad_response_is_refused_by_its_rule() {
    for (refusal, text) in BAD {
        assert_eq!(parse(text).0, Err(*refusal), "{text:?}");
        assert_eq!(refusal.of_response(), Reason::UpstreamProtocol);
        fuzz::fuzz_http_response(text.as_bytes());
    }
}

#[test]
fn a_plain_response_is_indexed() {
    let (outcome, head, buf) = parse("HTTP/1.1 200 OK\r\nContent-Type: a\r\nSERVER: b\r\n\r\nbody");
    assert_eq!(outcome, Ok(Parsed::Complete { head_len: 47 }));
    assert_eq!((head.status(), head.version()), (200, Version::Http11));
    let names: Vec<_> = head.lines().forwarded(&buf).map(|line| line.line.name).collect();
    assert_eq!(names, ["content-type", "server"]);
}

#[test]
fn a_phrase_may_be_missing_or_hold_any_text() {
    for text in
        ["HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 200 caf\u{e9} b\r\n\r\n"]
    {
        assert_eq!(accepted(text).status(), 200);
    }
    assert_eq!(accepted("HTTP/1.1 999 LinkedIn\r\n\r\n").status(), 999);
}

#[test]
fn the_body_ends_as_the_rfc_says() {
    let length = "Content-Length: 5\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    assert_eq!(with(200, length).framing(Method::Get), Framing::Length(5));
    assert_eq!(with(200, chunked).framing(Method::Get), Framing::chunked());
    assert_eq!(with(200, "").framing(Method::Get), Framing::UntilClose);
    assert_eq!(with(200, length).framing(Method::Head), Framing::None);
    assert_eq!(with(200, "").framing(Method::Head), Framing::None);
    assert_eq!(with(304, length).framing(Method::Get), Framing::None);
    assert_eq!(with(204, "Content-Length: 0\r\n").framing(Method::Get), Framing::None);
    assert_eq!(with(103, "").framing(Method::Get), Framing::None);
    assert_eq!(with(101, "").framing(Method::Get), Framing::UntilClose);
    assert_eq!(with(200, length).framing(Method::Connect), Framing::UntilClose);
    assert_eq!(with(403, length).framing(Method::Connect), Framing::Length(5));
}

#[test]
fn the_length_is_announced_to_the_client_as_the_upstream_had_it() {
    let length = "Content-Length: 5\r\n";
    assert_eq!(with(200, length).framing_line(Method::Get), FramingLine::Length(5));
    assert_eq!(with(200, length).framing_line(Method::Head), FramingLine::Length(5));
    assert_eq!(with(304, length).framing_line(Method::Get), FramingLine::Length(5));
    assert_eq!(with(304, "").framing_line(Method::Get), FramingLine::None);
    assert_eq!(with(200, "").framing_line(Method::Get), FramingLine::Chunked);
    assert_eq!(with(200, "").framing_line(Method::Head), FramingLine::Chunked);
    let zero = with(204, "Content-Length: 0\r\n");
    assert_eq!(zero.framing_line(Method::Get), FramingLine::None);
    assert_eq!(with(103, "").framing_line(Method::Get), FramingLine::None);
    assert_eq!(with(101, "").framing_line(Method::Get), FramingLine::None);
    assert_eq!(with(200, "").framing_line(Method::Connect), FramingLine::None);
}

#[test]
fn interim_responses_are_told_from_final_ones() {
    assert!(with(100, "").is_interim());
    assert!(with(103, "Link: </a>\r\n").is_interim());
    assert!(!with(101, "").is_interim());
    assert!(!with(200, "").is_interim());
}

#[test]
fn a_connection_is_reused_only_behind_a_delimited_body() {
    let length = "Content-Length: 0\r\n";
    assert!(with(200, length).is_reusable(Method::Get));
    assert!(with(200, "Transfer-Encoding: chunked\r\n").is_reusable(Method::Get));
    assert!(with(304, "").is_reusable(Method::Get));
    assert!(with(200, "").is_reusable(Method::Head));
    assert!(!with(200, "").is_reusable(Method::Get));
    assert!(!with(101, "").is_reusable(Method::Get));
    let close = "Connection: x, Close\r\n";
    assert!(!with(200, &format!("{length}{close}")).is_reusable(Method::Get));
    assert!(!accepted("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").is_reusable(Method::Get));
    let kept = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n";
    assert!(accepted(kept).is_reusable(Method::Get));
}

#[test]
fn a_switch_of_protocols_names_its_protocol() {
    let lines = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    assert_eq!(with(101, lines).upgrade(), Upgrade::WebSocket);
    assert_eq!(with(200, lines).upgrade(), Upgrade::None);
    assert_eq!(with(101, "Upgrade: websocket\r\n").upgrade(), Upgrade::None);
}

#[test]
fn nominated_lines_end_here_but_cookies_and_our_own_do_not() {
    let text = "HTTP/1.1 200 OK\r\nConnection: a, set-cookie, x-envoy-b, content-length\r\n\
                A: 1\r\nSet-Cookie: 2\r\nX-Envoy-B: 3\r\nContent-Length: 4\r\n\r\n";
    let (_, head, buf) = parse(text);
    let names: Vec<_> = head.lines().forwarded(&buf).map(|line| line.line.name).collect();
    assert_eq!(names, ["set-cookie", "x-envoy-b"]);
    assert_eq!(head.framing(Method::Get), Framing::Length(4));
}

#[test]
fn large_heads_are_refused_as_such() {
    let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(HEAD_BYTES_MAX));
    assert_eq!(parse(&long).0, Err(Refusal::HeadTooLarge));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(HEAD_LINES_MAX + 1));
    assert_eq!(parse(&many).0, Err(Refusal::TooManyLines));
    assert_eq!(Refusal::HeadTooLarge.of_response(), Reason::UpstreamHeadTooLarge);
    assert_eq!(Refusal::TooManyLines.of_response(), Reason::UpstreamHeadTooLarge);
}

#[test]
fn a_second_head_behind_the_first_is_left_for_the_caller_to_see() {
    let two = "HTTP/1.1 204 X\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(parse(two).0, Ok(Parsed::Complete { head_len: 18 }));
}

/// Pieces of heads, good and bad, that meet in all orders.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "HTTP/1.1 200 OK",
        "HTTP/1.0 ",
        "204",
        "\r\n",
        "\n",
        "\r",
        "Content-Length: 3\r\n",
        "A: b\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close, a\r\n",
        ": ",
        " ",
        "\0",
        "\r\n\r\n",
        "HTTP/1.1 200 OK\r\n",
        "\u{e9}",
    ];
    proptest::collection::vec(proptest::sample::select(PIECES), 0..12)
        .prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic_and_splitting_changes_nothing(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        fuzz::fuzz_http_response(&bytes);
    }

    #[test]
    fn fragments_of_heads_are_read_alike_however_they_are_split(bytes in fragments()) {
        fuzz::fuzz_http_response(&bytes);
    }
}
