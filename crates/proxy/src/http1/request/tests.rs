//! What is a request head and what is refused, rule by rule, and the properties that hold for all.

use proptest::prelude::*;

use super::*;
use crate::http1::fuzz;
use crate::http1::{Known, LineShelf};
use propylon_snapshot::Reason;

mod cases;

/// The outcome of a head that arrives at once.
fn parse(text: &[u8]) -> (Result<Parsed, Refusal>, RequestHead, Vec<u8>) {
    let mut buf = text.to_vec();
    let mut head = RequestHead::new();
    let outcome = head.parse(&mut buf);
    (outcome, head, buf)
}

fn accepted(text: &str) -> (RequestHead, Vec<u8>) {
    let (outcome, head, buf) = parse(text.as_bytes());
    assert_eq!(outcome, Ok(Parsed::Complete { head_len: text.len() }), "{text:?}");
    (head, buf)
}

fn get_with(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

fn names(head: &RequestHead, buf: &[u8]) -> Vec<String> {
    head.lines().forwarded(buf).map(|line| line.line.name.to_owned()).collect()
}

#[test]
fn a_plain_request_is_indexed() {
    let (head, buf) =
        accepted("GET /a/b?c=d HTTP/1.1\r\nHost: Example.COM:80\r\nX-A:  1 \t\r\n\r\n");
    assert_eq!(head.method(), Method::Get);
    assert_eq!(head.version(), Version::Http11);
    assert_eq!(head.authority(&buf), "Example.COM:80");
    assert_eq!((head.path(&buf), head.query(&buf)), ("/a/b", Some("c=d")));
    assert_eq!(head.lines().len(), 2);
    assert_eq!(names(&head, &buf), ["x-a"]);
    assert_eq!(head.lines().forwarded(&buf).next().unwrap().line.value, b"1");
    assert_eq!(head.framing(), Framing::None);
    assert!(head.keeps_alive());
}

#[test]
fn names_are_lower_cased_in_place_and_values_are_not() {
    let (_, buf) = accepted("GET /A HTTP/1.1\r\nHOST: A\r\nX-Mixed-Case: VaLuE\r\n\r\n");
    assert_eq!(buf, b"GET /A HTTP/1.1\r\nhost: A\r\nx-mixed-case: VaLuE\r\n\r\n");
}

#[test]
fn known_names_carry_their_id_and_others_none() {
    let (head, buf) = accepted(&get_with("X-Request-ID: 1\r\nX-Own: 2\r\n"));
    let known: Vec<_> = head.lines().all(&buf).map(|line| line.known).collect();
    assert_eq!(known, [Known::Host, Known::XRequestId, Known::Other]);
    assert_eq!(head.lines().value(&buf, Known::XRequestId), Some(&b"1"[..]));
}

#[test]
fn what_follows_the_head_is_left_alone() {
    let (outcome, _, buf) = parse(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /NEXT HTTP/1.1\r\nHOST:");
    assert_eq!(outcome, Ok(Parsed::Complete { head_len: 27 }));
    assert!(buf.ends_with(b"GET /NEXT HTTP/1.1\r\nHOST:"));
}

#[test]
fn pipelined_heads_are_read_one_after_the_other_by_the_same_index() {
    let mut buf =
        b"GET /1 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nPUT /2 HTTP/1.1\r\nHost: b\r\n\r\n".to_vec();
    let mut head = RequestHead::new();
    let Ok(Parsed::Complete { head_len }) = head.parse(&mut buf) else { panic!() };
    let rest = &mut buf[head_len..];
    assert!(matches!(head.parse(rest), Ok(Parsed::Complete { .. })));
    assert_eq!((head.method(), head.path(rest), head.authority(rest)), (Method::Put, "/2", "b"));
    assert_eq!(names(&head, rest), [""; 0]);
}

#[test]
fn an_absolute_target_replaces_the_host() {
    let (head, buf) = accepted("GET http://b.example:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(head.target_form(), TargetForm::Absolute);
    assert_eq!(head.authority(&buf), "b.example:81");
    assert_eq!((head.path(&buf), head.query(&buf)), ("/p", Some("q")));
}

#[test]
fn an_absolute_target_without_a_path_has_the_root_path() {
    let (head, buf) = accepted("GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.path(&buf), head.query(&buf)), ("/", None));
    let (head, buf) = accepted("GET http://b?x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.path(&buf), head.query(&buf)), ("/", Some("x")));
}

#[test]
fn connect_has_an_authority_and_no_path() {
    let (head, buf) = accepted("CONNECT b.example:443 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(head.target_form(), TargetForm::Authority);
    assert_eq!((head.authority(&buf), head.path(&buf)), ("b.example:443", ""));
}

#[test]
fn options_may_ask_about_the_server_itself() {
    let (head, buf) = accepted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.target_form(), head.path(&buf)), (TargetForm::Asterisk, "*"));
}

#[test]
fn one_empty_line_before_the_request_is_ignored() {
    let (head, buf) = accepted("\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.path(&buf), head.authority(&buf)), ("/x", "a"));
}

#[test]
fn a_query_may_be_empty() {
    let (head, buf) = accepted("GET /? HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(head.query(&buf), Some(""));
}

#[test]
fn the_body_is_framed_by_its_one_length() {
    let (head, _) = accepted(&get_with("Content-Length: 9223372036854775807\r\n"));
    assert_eq!(head.framing(), Framing::Length(i64::MAX as u64));
    assert_eq!(head.framing_line(), FramingLine::Length(i64::MAX as u64));
    let (head, _) = accepted(&get_with("Transfer-Encoding: Chunked\r\n"));
    assert_eq!(head.framing(), Framing::chunked());
    assert_eq!(head.framing_line(), FramingLine::Chunked);
    let (head, _) = accepted(&get_with("content-length: 0\r\n"));
    assert_eq!(head.framing_line(), FramingLine::Length(0));
}

#[test]
fn http_1_0_keeps_the_connection_only_when_asked_to() {
    let (head, _) = accepted("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_eq!(head.version(), Version::Http10);
    assert!(!head.keeps_alive());
    let (head, _) = accepted("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n");
    assert!(head.keeps_alive());
}

#[test]
fn the_version_is_known_after_a_refusal_for_want_of_a_host() {
    let (outcome, head, _) = parse(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(outcome, Err(Refusal::NoHost));
    assert_eq!(head.version(), Version::Http10);
}

#[test]
fn close_among_other_options_closes_the_connection() {
    let (head, _) = accepted(&get_with("Connection: x-a,, CLOSE ,x-b\r\n"));
    assert!(!head.keeps_alive());
}

#[test]
fn hop_by_hop_lines_are_not_forwarded() {
    let (head, buf) = accepted(&get_with(
        "Connection: x-own\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\nUpgrade: h2c\r\n\
         X-Own: 1\r\nHTTP2-Settings: AA\r\nTrailer: x\r\nProxy-Authorization: y\r\nAccept: z\r\n",
    ));
    assert_eq!(names(&head, &buf), ["trailer", "proxy-authorization", "accept"]);
}

#[test]
fn framing_lines_are_not_forwarded_but_routing_sees_the_length() {
    let (head, buf) = accepted(&get_with("Content-Length: 3\r\nA: b\r\n"));
    assert_eq!(names(&head, &buf), ["a"]);
    let mut lines = Vec::new();
    head.lines().fill(&buf, &mut lines);
    let seen: Vec<_> = lines.iter().map(|line| line.name).collect();
    assert_eq!(seen, ["content-length", "a"]);
}

#[test]
fn of_te_only_trailers_is_forwarded() {
    let (head, buf) = accepted(&get_with("TE: gzip, Trailers;q=1\r\nTE: deflate, TRAILERS\r\n"));
    let lines: Vec<_> = head.lines().forwarded(&buf).map(|line| line.line).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].name, lines[0].value), ("te", &b"trailers"[..]));
    let (head, buf) = accepted(&get_with("Connection: te\r\nTE: trailers\r\n"));
    assert_eq!(names(&head, &buf), ["te"]);
}

#[test]
fn what_a_proxy_in_front_vouches_for_cannot_be_nominated() {
    for name in ["X-Forwarded-For", "x-forwarded-proto", "HOST", "content-length", ":path"] {
        let (outcome, ..) = parse(get_with(&format!("Connection: {name}\r\n")).as_bytes());
        assert_eq!(outcome, Err(Refusal::Connection), "{name}");
    }
}

#[test]
fn nominating_what_the_gateway_itself_speaks_strips_nothing() {
    let (head, buf) = accepted(&get_with(
        "Connection: x-request-id, X-Envoy-Retry-On, forwarded\r\nX-Request-Id: 1\r\n\
         X-Envoy-Retry-On: 5xx\r\nForwarded: for=b\r\n",
    ));
    assert_eq!(names(&head, &buf), ["x-request-id", "x-envoy-retry-on", "forwarded"]);
}

#[test]
fn credentials_can_be_nominated_as_in_envoy() {
    let (head, buf) = accepted(&get_with("Authorization: x\r\nConnection: authorization\r\n"));
    assert_eq!(names(&head, &buf), [""; 0]);
}

#[test]
fn ten_connection_options_are_too_many() {
    let nine = ["a"; 9].join(",");
    accepted(&get_with(&format!("Connection: {nine}\r\n")));
    let (outcome, ..) = parse(get_with(&format!("Connection: {nine}, b\r\n")).as_bytes());
    assert_eq!(outcome, Err(Refusal::Connection));
}

#[test]
fn an_upgrade_counts_only_with_its_connection_option() {
    let upgrade = |lines: &str| accepted(&get_with(lines)).0.upgrade();
    let asked = "Connection: keep-alive, Upgrade\r\n";
    assert_eq!(upgrade(&format!("{asked}Upgrade: WebSocket\r\n")), Upgrade::WebSocket);
    assert_eq!(upgrade(&format!("{asked}Upgrade: h2c\r\n")), Upgrade::H2c);
    assert_eq!(upgrade(&format!("{asked}Upgrade: websocket, h2c\r\n")), Upgrade::Other);
    assert_eq!(upgrade(&format!("{asked}Upgrade: h2c\r\nUpgrade: websocket\r\n")), Upgrade::Other);
    assert_eq!(upgrade(&format!("{asked}Upgrade: irc/6\r\n")), Upgrade::Other);
    assert_eq!(upgrade("Upgrade: websocket\r\n"), Upgrade::None);
    assert_eq!(upgrade(asked), Upgrade::None);
    let old = "GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(accepted(old).0.upgrade(), Upgrade::None);
}

#[test]
fn a_client_of_http_1_0_cannot_wait_for_a_100() {
    assert!(accepted(&get_with("Expect: 100-Continue\r\n")).0.expects_continue());
    assert!(!accepted(&get_with("Expect: 200-ok\r\n")).0.expects_continue());
    let old = "GET / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n";
    assert!(!accepted(old).0.expects_continue());
}

#[test]
fn sixty_kib_of_head_are_allowed_and_not_a_byte_more() {
    let head = |len: usize| {
        let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
        get_with(&format!("X: {}\r\n", "v".repeat(len - frame)))
    };
    accepted(&head(HEAD_BYTES_MAX));
    let (outcome, ..) = parse(head(HEAD_BYTES_MAX + 1).as_bytes());
    assert_eq!(outcome, Err(Refusal::HeadTooLarge));
    assert_eq!(Refusal::HeadTooLarge.of_request(), Reason::HeadTooLarge);
}

#[test]
fn an_endless_target_is_refused_at_the_limit() {
    let (outcome, ..) = parse(format!("GET /{}", "a".repeat(HEAD_BYTES_MAX)).as_bytes());
    assert_eq!(outcome, Err(Refusal::HeadTooLarge));
}

#[test]
fn a_hundred_lines_are_allowed_and_not_one_more() {
    accepted(&get_with(&"A: b\r\n".repeat(HEAD_LINES_MAX - 1)));
    let (outcome, ..) = parse(get_with(&"A: b\r\n".repeat(HEAD_LINES_MAX)).as_bytes());
    assert_eq!(outcome, Err(Refusal::TooManyLines));
    assert_eq!(Refusal::TooManyLines.of_request(), Reason::TooManyHeaders);
}

#[test]
fn garbage_is_refused_before_its_line_ends() {
    let tls_client_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    assert_eq!(parse(tls_client_hello).0, Err(Refusal::FirstLine));
}

#[test]
fn an_unfinished_head_can_be_abandoned() {
    let mut head = RequestHead::new();
    assert_eq!(head.parse(&mut b"GET /long-path HT".to_vec()), Ok(Parsed::NeedMore));
    head.restart();
    let mut other = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
    assert_eq!(head.parse(&mut other), Ok(Parsed::Complete { head_len: 27 }));
}

#[test]
fn the_shelf_keeps_its_storage_from_head_to_head() {
    let mut shelf = LineShelf::default();
    let (head, buf) = accepted(&get_with("A: b\r\nC: d\r\n"));
    let mut lines = shelf.take();
    head.lines().fill(&buf, &mut lines);
    let (place, capacity) = (lines.as_ptr().addr(), lines.capacity());
    shelf.put(lines);
    let again = shelf.take();
    assert!(again.is_empty());
    assert_eq!((again.as_ptr().addr(), again.capacity()), (place, capacity));
}

fn line() -> impl Strategy<Value = (String, String)> {
    ("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}", "([!-~\u{e9}]([ -~]{0,20}[!-~])?)?")
}

/// Pieces of heads, good and bad, that meet in all orders.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "GET ",
        "POST ",
        "/",
        "/a?b",
        "*",
        "http://h/",
        " HTTP/1.1",
        " HTTP/1.0",
        "\r\n",
        "\n",
        "\r",
        "Host: a\r\n",
        "Host: b\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: x\r\n",
        ": ",
        " ",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close, x\r\n",
        "X: y\r\n",
        "\0",
        "\t",
        "#",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "\r\n\r\n",
        "Upgrade: websocket\r\n",
        "\u{e9}",
    ];
    proptest::collection::vec(proptest::sample::select(PIECES), 0..14)
        .prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic_and_splitting_changes_nothing(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        fuzz::fuzz_http_head(&bytes);
    }

    #[test]
    fn fragments_of_heads_are_read_alike_however_they_are_split(bytes in fragments()) {
        fuzz::fuzz_http_head(&bytes);
    }

    #[test]
    fn what_we_accept_httparse_accepts_with_the_same_lines(
        lines in proptest::collection::vec(line(), 0..20),
        path in "/[!-\"$->@-~]{0,30}",
    ) {
        let mut text = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n");
        for (name, value) in &lines {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        let (outcome, head, buf) = parse(text.as_bytes());
        let mut found = [httparse::EMPTY_HEADER; HEAD_LINES_MAX];
        let mut peer = httparse::Request::new(&mut found);
        let theirs = peer.parse(text.as_bytes());
        prop_assert_eq!(theirs, Ok(httparse::Status::Complete(text.len())));
        prop_assert_eq!(outcome, Ok(Parsed::Complete { head_len: text.len() }));
        prop_assert_eq!(head.path(&buf), peer.path.unwrap());
        let all = head.lines().all(&buf).map(|line| line.line);
        let ours: Vec<_> = all.map(|line| (line.name.to_owned(), line.value)).collect();
        let theirs: Vec<_> =
            peer.headers.iter().map(|line| (line.name.to_ascii_lowercase(), line.value)).collect();
        prop_assert_eq!(ours, theirs);
    }
}
