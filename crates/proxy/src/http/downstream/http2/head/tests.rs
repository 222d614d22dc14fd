//! What the head of a stream is taken for, and what it is refused for.

use http::{Method as AnyMethod, Request};

use super::*;

fn parts(uri: &str, lines: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(AnyMethod::GET).uri(uri);
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn lines(parts: &Parts) -> Vec<(String, Vec<u8>)> {
    let (head, refusal) = StreamHead::read(parts, true);
    assert_eq!(refusal, None);
    head.lines().map(|line| (line.line.name.to_owned(), line.line.value.to_vec())).collect()
}

fn refusal(uri: &str, lines: &[(&str, &str)]) -> Option<Refusal> {
    StreamHead::read(&parts(uri, lines), true).1
}

#[test]
fn a_divided_cookie_is_one_again() {
    let parts = parts("http://a/", &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]);
    assert_eq!(
        lines(&parts),
        [("x".to_owned(), b"y".to_vec()), ("cookie".to_owned(), b"a=1; b=2".to_vec())]
    );
}

#[test]
fn host_stands_in_for_a_missing_authority_and_is_never_a_line() {
    let parts = parts("/", &[("host", "a.example"), ("x", "y")]);
    let (head, refusal) = StreamHead::read(&parts, true);
    assert_eq!((head.authority(), refusal), ("a.example", None));
    assert_eq!(lines(&parts), [("x".to_owned(), b"y".to_vec())]);
}

#[test]
fn what_http1_refuses_is_refused_here_too() {
    assert_eq!(refusal("/", &[]), Some(Refusal::NoHost));
    assert_eq!(refusal("/", &[("host", "a,b")]), Some(Refusal::BadHost));
    assert_eq!(refusal("http://user@a/", &[]), Some(Refusal::BadHost));
    assert_eq!(refusal("/", &[("host", "a"), ("host", "b")]), Some(Refusal::SeveralHosts));
    assert_eq!(refusal("http://a/\u{fc}", &[]), Some(Refusal::Target));
    let many: Vec<_> = (0..=HEAD_LINES_MAX).map(|_| ("x", "y")).collect();
    assert_eq!(refusal("http://a/", &many), Some(Refusal::TooManyLines));
    assert_eq!(refusal("http://a/", &many[1..]), None);
}

#[test]
fn a_method_that_http1_does_not_know_is_refused() {
    let mut parts = parts("http://a/", &[]);
    parts.method = AnyMethod::from_bytes(b"INVENTED").unwrap();
    assert_eq!(StreamHead::read(&parts, true).1, Some(Refusal::UnknownMethod));
}

#[test]
fn a_body_is_announced_to_http1_by_its_length_or_in_chunks() {
    let framing = |lines: &[_], ended| {
        let parts = parts("http://a/", lines);
        StreamHead::read(&parts, ended).0.framing_line()
    };
    assert_eq!(framing(&[], true), FramingLine::None);
    assert_eq!(framing(&[], false), FramingLine::Chunked);
    assert_eq!(framing(&[("content-length", "0")], true), FramingLine::Length(0));
    assert_eq!(framing(&[("content-length", "7")], false), FramingLine::Length(7));
}

#[test]
fn an_extended_connect_becomes_a_handshake_of_http1() {
    let mut parts = parts("http://a/chat?x", &[("sec-websocket-version", "13")]);
    parts.method = AnyMethod::CONNECT;
    parts.extensions.insert(Upgraded::from_static("websocket"));
    let (head, refusal) = StreamHead::read(&parts, false);
    assert_eq!(refusal, None);
    assert_eq!((head.method(), head.upgrade()), (Method::Get, Upgrade::WebSocket));
    assert_eq!(head.framing_line(), FramingLine::None);
    let key = head.lines().find(|line| line.line.name == "sec-websocket-key").unwrap();
    let key = key.line.value;
    assert!(key.len() == 24 && key.ends_with(b"=="), "{key:?}");
    assert!(b"AQgw".contains(&key[21]), "{key:?}");
}

#[test]
fn an_extended_connect_for_anything_else_is_no_websocket() {
    let mut parts = parts("http://a/", &[]);
    parts.method = AnyMethod::CONNECT;
    parts.extensions.insert(Upgraded::from_static("connect-udp"));
    assert_eq!(StreamHead::read(&parts, false).0.upgrade(), Upgrade::Other);
}
