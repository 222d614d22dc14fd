//! Malformed and ambiguous messages: refused with their own answer, the connection closed, and not
//! a byte of them forwarded.

use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::Origin;
use crate::harness::world::{everything_to, one_service};

struct Refusing {
    gateway: Gateway,
    origin: Origin,
}

fn refusing() -> Refusing {
    let origin = Origin::says("forwarded");
    let gateway = world(&one_service(origin.port(), &everything_to("origin"))).start();
    Refusing { gateway, origin }
}

impl Refusing {
    /// These bytes are answered with this status, the connection is closed, nothing is forwarded.
    #[track_caller]
    fn refuses(&self, bytes: &str, status: u16) {
        let mut client = self.gateway.connect();
        let _ = client.try_send(bytes);
        let answer = client.try_answer("GET").unwrap_or_else(|e| panic!("{bytes:?}: {e}"));
        assert_eq!(answer.status, status, "{bytes:?}\n{}", answer.head.raw);
        assert_eq!(answer.header("connection"), Some("close"), "{bytes:?}");
        assert_eq!(answer.header("server"), Some("istio-envoy"), "{bytes:?}");
        assert!(client.is_closed(), "the connection stays open after {bytes:?}");
        let received = self.origin.received();
        assert!(received.is_empty(), "{bytes:?} was forwarded: {received:#?}");
    }

    #[track_caller]
    fn refuses_each(&self, heads: &[&str]) {
        for head in heads {
            self.refuses(&format!("{head}\r\n\r\n"), 400);
        }
        // What is refused costs nobody else anything.
        self.gateway.get("/").is(200).says("forwarded");
    }
}

#[test]
fn a_request_without_a_host_is_refused() {
    refusing().refuses_each(&["GET / HTTP/1.1", "GET / HTTP/1.1\r\nx-a: 1"]);
}

#[test]
fn a_request_with_several_hosts_is_refused() {
    refusing().refuses_each(&[
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b",
        "GET / HTTP/1.1\r\nhost: a\r\nHost: a",
        "GET http://a/ HTTP/1.1\r\nhost: a\r\nhost: a",
    ]);
}

#[test]
fn a_host_that_is_none_is_refused() {
    refusing().refuses_each(&[
        "GET / HTTP/1.1\r\nhost: a b",
        "GET / HTTP/1.1\r\nhost: a/b",
        "GET / HTTP/1.1\r\nhost: a, b",
    ]);
}

#[test]
fn both_lengths_in_one_message_are_refused() {
    refusing().refuses_each(&[
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 5",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 0",
    ]);
}

#[test]
fn a_transfer_encoding_other_than_one_chunked_is_refused() {
    refusing().refuses_each(&[
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked;q=1",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \"chunked\"",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding:",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \x0bchunked",
    ]);
}

#[test]
fn a_content_length_that_is_no_length_is_refused() {
    refusing().refuses_each(&[
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 5",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5, 5",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +5",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x5",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5 5",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length:",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: five",
    ]);
}

#[test]
fn a_content_length_past_two_to_the_63_is_refused() {
    refusing().refuses_each(&[
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9223372036854775808",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551616",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999999999",
    ]);
}

#[test]
fn bare_line_feeds_are_refused() {
    let gateway = refusing();
    gateway.refuses("GET / HTTP/1.1\nhost: a\n\n", 400);
    gateway.refuses("GET / HTTP/1.1\r\nhost: a\n\r\n", 400);
    gateway.refuses("GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\nx-b: 2\r\n\r\n", 400);
    gateway.refuses("GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\rx-b: 2\r\n\r\n", 400);
}

#[test]
fn folded_lines_are_refused() {
    refusing().refuses_each(&[
        "GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n folded",
        "GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n\tfolded",
        "GET / HTTP/1.1\r\n host: a",
    ]);
}

#[test]
fn control_characters_in_a_head_are_refused() {
    refusing().refuses_each(&[
        "GET / HTTP/1.1\r\nhost: a\r\nx-a: \0",
        "GET / HTTP/1.1\r\nhost: a\r\nx-a: a\x01b",
        "GET / HTTP/1.1\r\nhost: a\r\nx-a: a\x7fb",
        "GET /a\x01 HTTP/1.1\r\nhost: a",
        "GET /a\x7f HTTP/1.1\r\nhost: a",
        "GET /\0 HTTP/1.1\r\nhost: a",
    ]);
}

#[test]
fn header_lines_that_are_none_are_refused() {
    refusing().refuses_each(&[
        "GET / HTTP/1.1\r\nhost : a",
        "GET / HTTP/1.1\r\nhost: a\r\nno-colon",
        "GET / HTTP/1.1\r\nhost: a\r\n: empty",
        "GET / HTTP/1.1\r\nhost: a\r\nx a: 1",
        "GET / HTTP/1.1\r\nhost: a\r\nx(a): 1",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked",
    ]);
}

#[test]
fn request_lines_that_are_none_are_refused() {
    refusing().refuses_each(&[
        "GET",
        "hello there",
        "/ HTTP/1.1\r\nhost: a",
        "GET /a b HTTP/1.1\r\nhost: a",
        "GET / http/1.1\r\nhost: a",
        "GET / HTTP/1\r\nhost: a",
        "G@T / HTTP/1.1\r\nhost: a",
        "FOO / HTTP/1.1\r\nhost: a",
        "GET * HTTP/1.1\r\nhost: a",
        "GET /a#frag HTTP/1.1\r\nhost: a",
    ]);
}

#[test]
fn chunks_that_are_none_are_refused() {
    let gateway = refusing();
    let head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    for body in [
        "z\r\n",
        "-1\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
        "8000000000000000\r\n",
        "\r\n",
        "5;a\x01b\r\nhello\r\n0\r\n\r\n",
    ] {
        let mut client = gateway.gateway.connect();
        let _ = client.try_send(format!("{head}{body}"));
        if let Ok(answer) = client.try_answer("POST") {
            assert_eq!(answer.status, 400, "{body:?}\n{}", answer.head.raw);
        }
        assert!(client.is_closed(), "the connection stays open after {body:?}");
    }
    let whole = gateway.origin.received();
    assert!(whole.is_empty(), "a broken body looked whole to the origin: {whole:#?}");
}

#[test]
fn a_chunk_longer_than_it_says_is_not_the_next_request() {
    let gateway = refusing();
    let mut client = gateway.gateway.connect();
    let _ = client.try_send(
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
         3\r\nabcGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
    );
    let _ = client.try_answer("POST");
    assert!(client.is_closed());
    assert!(gateway.origin.received().is_empty());
}

#[test]
fn http_1_0_is_told_to_upgrade() {
    let gateway = refusing();
    gateway.refuses("GET / HTTP/1.0\r\nhost: a\r\n\r\n", 426);
    let mut client = gateway.gateway.connect();
    client.send("GET / HTTP/1.0\r\nhost: a\r\n\r\n");
    client.answer().is(426).says("Upgrade Required").has("content-type", "text/plain");
}

#[test]
fn http_1_0_with_a_transfer_coding_and_http_0_9_are_refused() {
    let gateway = refusing();
    for bytes in [
        "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /\r\n\r\n",
    ] {
        let mut client = gateway.gateway.connect();
        let _ = client.try_send(bytes);
        let answer = client.answer();
        assert!([400, 426].contains(&answer.status), "{bytes:?}: {}", answer.head.first);
        assert!(client.is_closed());
    }
    assert!(gateway.origin.received().is_empty());
}

#[test]
fn a_head_of_more_than_60_kib_is_refused_with_431() {
    let gateway = refusing();
    let long = "a".repeat(61 * 1024);
    gateway.refuses(&format!("GET / HTTP/1.1\r\nhost: a\r\nx-a: {long}\r\n\r\n"), 431);
    gateway.refuses(&format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"), 431);
    let fits = "a".repeat(50 * 1024);
    gateway.gateway.request("GET", "/", &[("x-a", &fits)]).is(200);
}

#[test]
fn more_than_100_header_lines_are_refused_with_431() {
    let gateway = refusing();
    let lines = "x-a: 1\r\n".repeat(101);
    gateway.refuses(&format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}\r\n"), 431);
    let lines: Vec<(&str, &str)> = (0..90).map(|_| ("x-a", "1")).collect();
    gateway.gateway.request("GET", "/", &lines).is(200);
}

#[test]
fn the_bodies_of_refusals_are_envoy_s() {
    let gateway = refusing();
    let refused = |bytes: &str| {
        let mut client = gateway.gateway.connect();
        let _ = client.try_send(bytes);
        client.answer()
    };
    refused("GET / HTTP/1.1\r\n\r\n").is(400).says("");
    refused("GET / HTTP/1.1\r\nhost: a\r\nx a: 1\r\n\r\n")
        .is(400)
        .says("Bad Request")
        .has("content-type", "text/plain");
    let lines = "x-a: 1\r\n".repeat(101);
    refused(&format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}\r\n"))
        .is(431)
        .says("Request Header Fields Too Large");
}

#[test]
fn a_path_that_hides_a_nul_is_refused() {
    let gateway = refusing();
    gateway.refuses("GET /a%00b HTTP/1.1\r\nhost: a\r\n\r\n", 400);
}

#[test]
fn a_path_cannot_climb_out_of_a_rule() {
    let origin = Origin::says("secret");
    let gateway = world(&one_service(
        origin.port(),
        "
         - match: [{uri: {prefix: /public/}}]
           route: [{destination: {host: origin}}]",
    ))
    .start();
    gateway.get("/public/../private").is(404);
    gateway.get("/public/%2e%2e/private").is(404);
    gateway.get("/public/x/../../private").is(404);
    gateway.get("/private/../public/x").is(200);
    assert_eq!(origin.only().target(), "/public/x");
}

#[test]
fn connect_finds_no_route_and_options_star_keeps_the_connection() {
    let gateway = refusing();
    gateway.gateway.raw("CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n").is(404);
    let mut client = gateway.gateway.connect();
    client.send("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n");
    client.answer().is(404);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    client.answer().is(200);
}

#[test]
fn an_absolute_target_replaces_the_host() {
    let gateway = refusing();
    gateway.gateway.raw("GET http://other.example/a?b HTTP/1.1\r\nhost: a\r\n\r\n").is(200);
    let received = gateway.origin.only();
    assert_eq!(received.line(), "GET /a?b HTTP/1.1");
    assert_eq!(received.head.all("host"), ["other.example"]);
}
