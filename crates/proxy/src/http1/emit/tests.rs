//! What is written is what our own parsers read back, and nothing can smuggle a line in.

use proptest::prelude::*;

use super::*;
use crate::http1::{Method, Parsed, RequestHead, ResponseHead};

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_request_line_has_method_target_and_version() {
    let line = |path, query| written(|out| write_request_line(out, "GET", path, query));
    assert_eq!(line("/a", None), "GET /a HTTP/1.1\r\n");
    assert_eq!(line("/a", Some("b=c")), "GET /a?b=c HTTP/1.1\r\n");
    assert_eq!(line("/a", Some("")), "GET /a? HTTP/1.1\r\n");
}

#[test]
fn blanks_and_controls_of_a_rewrite_cannot_end_the_target() {
    let line = written(|out| write_request_line(out, "GET", "/a b\r\nX: \u{e9}#", None));
    assert_eq!(line, "GET /a%20b%0D%0AX:%20%C3%A9%23 HTTP/1.1\r\n");
}

#[test]
fn a_status_line_has_its_own_phrase() {
    let line = |version, status| written(|out| write_status_line(out, version, status));
    assert_eq!(line(Version::Http11, 200), "HTTP/1.1 200 OK\r\n");
    assert_eq!(line(Version::Http10, 200), "HTTP/1.0 200 OK\r\n");
    assert_eq!(line(Version::Http11, 503), "HTTP/1.1 503 Service Unavailable\r\n");
    assert_eq!(line(Version::Http11, 299), "HTTP/1.1 299 Unknown\r\n");
}

#[test]
fn phrases_are_sorted_so_that_all_are_found() {
    assert!(PHRASES.is_sorted_by(|one, other| one.0 < other.0));
    for (status, text) in PHRASES {
        assert_eq!(phrase(*status), *text);
    }
}

#[test]
fn a_made_value_cannot_start_a_line() {
    let line = written(|out| write_made_line(out, "a", b"b\r\nc: d\0\te\x7f"));
    assert_eq!(line, "a: b  c: d \te \r\n");
}

#[test]
fn framing_is_one_line_or_none() {
    assert_eq!(written(|out| write_framing(out, FramingLine::None)), "");
    let longest = "content-length: 18446744073709551615\r\n";
    assert_eq!(written(|out| write_framing(out, FramingLine::Length(u64::MAX))), longest);
    assert_eq!(written(|out| write_framing(out, FramingLine::Length(0))), "content-length: 0\r\n");
    let chunked = "transfer-encoding: chunked\r\n";
    assert_eq!(written(|out| write_framing(out, FramingLine::Chunked)), chunked);
}

#[test]
fn a_chunk_of_nothing_is_not_written() {
    assert_eq!(written(|out| write_chunk(out, b"")), "");
    assert_eq!(
        written(|out| write_chunk(out, &[b'x'; 17])),
        format!("11\r\n{}\r\n", "x".repeat(17))
    );
    assert_eq!(ChunkHead::new(u64::MAX).as_bytes(), b"ffffffffffffffff\r\n");
    assert_eq!(ChunkHead::new(10).as_bytes(), b"a\r\n");
}

#[test]
fn hop_by_hop_is_by_name_or_by_nomination() {
    assert!(is_hop_by_hop(Known::KeepAlive, "keep-alive", []));
    assert!(!is_hop_by_hop(Known::Other, "x-a", []));
    assert!(is_hop_by_hop(Known::Other, "x-a", [&b"close"[..], b"b, X-A"]));
    assert!(!is_hop_by_hop(Known::Te, "te", [&b"te"[..]]));
}

#[test]
fn the_written_handshake_is_a_handshake() {
    let mut out = b"GET / HTTP/1.1\r\nhost: a\r\n".to_vec();
    write_websocket_upgrade(&mut out);
    end_head(&mut out);
    let mut head = RequestHead::new();
    assert!(head.parse(&mut out).is_ok());
    assert_eq!(head.upgrade(), crate::http1::Upgrade::WebSocket);
}

proptest! {
    #[test]
    fn a_written_request_is_read_back(
        path in "/[ ->@-~]{0,20}",
        query in proptest::option::of("[ -~\r\n]{0,20}"),
        value in proptest::collection::vec(any::<u8>(), 0..30),
        length in 0..=i64::MAX as u64,
    ) {
        let mut out = Vec::new();
        write_request_line(&mut out, "POST", &path, query.as_deref());
        write_line(&mut out, "host", b"a");
        write_made_line(&mut out, "x-made", &value);
        write_framing(&mut out, FramingLine::Length(length));
        end_head(&mut out);
        let mut head = RequestHead::new();
        let outcome = head.parse(&mut out);
        prop_assert_eq!(outcome, Ok(Parsed::Complete { head_len: out.len() }));
        prop_assert_eq!(head.method(), Method::Post);
        prop_assert_eq!(head.lines().len(), 3);
        prop_assert_eq!(head.framing_line(), FramingLine::Length(length));
        prop_assert_eq!(head.query(&out).is_some(), query.is_some());
    }

    #[test]
    fn a_written_response_is_read_back(status in 100_u16..1000) {
        let mut out = Vec::new();
        write_status_line(&mut out, Version::Http11, status);
        end_head(&mut out);
        let mut head = ResponseHead::new();
        prop_assert_eq!(head.parse(&mut out), Ok(Parsed::Complete { head_len: out.len() }));
        prop_assert_eq!(head.status(), status);
    }
}
