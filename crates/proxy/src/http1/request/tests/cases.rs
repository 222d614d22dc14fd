//! Raw requests and what becomes of them.

use super::*;

/// Accepted requests.
const GOOD: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nhost:a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost:\t a \t\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    "GET /a%2fb;c=d/../e\\f|g?h=i?j HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET //a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: under_score.example.\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nx_under: 1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nEmpty:\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nEmpty: \t \r\nNext: 1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nObs: caf\u{e9}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTab: a\tb\r\n\r\n",
    "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET https://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    "UNSUBSCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: cHUNKED\r\n\r\n",
    "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
];

/// Refused requests with the rule that refuses them.
const BAD: &[(Refusal, &str)] = &[
    // The first line.
    (Refusal::LineEnd, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::LineEnd, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::LineEnd, "\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::LineEnd, "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::FirstLine, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::FirstLine, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Version, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::FirstLine, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::FirstLine, "GET /\r\n\r\n"),
    (Refusal::Version, "GET / \r\n\r\n"),
    (Refusal::Version, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
    (Refusal::Version, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    (Refusal::Version, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    (Refusal::Version, "GET / http/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Version, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    (Refusal::LineEnd, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    (Refusal::UnknownMethod, "FOO / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::UnknownMethod, "get / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::FirstLine, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    // The target.
    (Refusal::Target, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Target, "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Target, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Target, "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Target, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Target, "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Fragment, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Fragment, "GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Fragment, "GET http://a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Target, "GET /caf\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::FirstLine, "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::FirstLine, "GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::BadHost, "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::BadHost, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::BadHost, "GET http://a:x/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::NoHost, "GET http://a/ HTTP/1.1\r\n\r\n"),
    (Refusal::BadHost, "GET http://a/ HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    (Refusal::Target, "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Target, "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refusal::Target, "CONNECT http://a:1/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    // Host.
    (Refusal::NoHost, "GET / HTTP/1.1\r\n\r\n"),
    (Refusal::NoHost, "GET / HTTP/1.0\r\n\r\n"),
    (Refusal::NoHost, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    (Refusal::SeveralHosts, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    (Refusal::SeveralHosts, "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n"),
    (Refusal::SeveralHosts, "GET / HTTP/1.1\r\nHost:\r\nHost: b\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: u:p@a\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: a:\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: a:8O\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: [a]\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"),
    (Refusal::BadHost, "GET / HTTP/1.1\r\nHost: caf\u{e9}\r\n\r\n"),
    // Line ends and folding.
    (Refusal::LineEnd, "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    (Refusal::LineEnd, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    (Refusal::LineEnd, "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n"),
    (Refusal::LineEnd, "GET / HTTP/1.1\r\nHost: a\r\nB:\nC: d\r\n\r\n"),
    (Refusal::LineEnd, "GET / HTTP/1.1\r\nHost: a\r\n\n"),
    (Refusal::LineEnd, "GET / HTTP/1.1\nHost: a\n\n"),
    (Refusal::LineValue, "GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n"),
    (Refusal::LineValue, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
    (Refusal::LineEnd, "GET / HTTP/1.1\r\nHost: a\r\n\rB: c\r\n\r\n"),
    (Refusal::LineName, "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"),
    (Refusal::LineName, "GET / HTTP/1.1\r\nHost: a\r\n\tb: c\r\n\r\n"),
    (Refusal::LineName, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    // Names and values.
    (Refusal::LineName, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    (Refusal::LineName, "GET / HTTP/1.1\r\nHost: a\r\nB\t: c\r\n\r\n"),
    (Refusal::LineName, "GET / HTTP/1.1\r\nHost: a\r\n: c\r\n\r\n"),
    (Refusal::LineName, "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"),
    (Refusal::LineName, "GET / HTTP/1.1\r\nHost: a\r\nB(c): d\r\n\r\n"),
    (Refusal::LineName, "GET / HTTP/1.1\r\nHost: a\r\nB\u{e9}: d\r\n\r\n"),
    (Refusal::LineName, "GET / HTTP/1.1\r\nHost: a\r\nB\0: d\r\n\r\n"),
    (Refusal::LineValue, "GET / HTTP/1.1\r\nHost: a\r\nB: c\0d\r\n\r\n"),
    (Refusal::LineValue, "GET / HTTP/1.1\r\nHost: a\r\nB: \x1b[0m\r\n\r\n"),
    (Refusal::LineValue, "GET / HTTP/1.1\r\nHost: a\r\nB: \x7f\r\n\r\n"),
    (Refusal::TransferEncoding, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
];

/// Refused POST requests with good first lines and hosts: what follows those.
const BAD_LINES: &[(Refusal, &str)] = &[
    // Framing.
    (Refusal::SeveralLengths, "Content-Length: 1\r\nContent-Length: 1\r\n"),
    (Refusal::SeveralLengths, "Content-Length: 1\r\ncontent-length: 2\r\n"),
    (Refusal::BadLength, "Content-Length: 1, 1\r\n"),
    (Refusal::BadLength, "Content-Length: +1\r\n"),
    (Refusal::BadLength, "Content-Length: -1\r\n"),
    (Refusal::BadLength, "Content-Length: 0x1\r\n"),
    (Refusal::BadLength, "Content-Length: 1 1\r\n"),
    (Refusal::BadLength, "Content-Length:\r\n"),
    (Refusal::BadLength, "Content-Length: 9223372036854775808\r\n"),
    (Refusal::BadLength, "Content-Length: 18446744073709551617\r\n"),
    (Refusal::BothLengths, "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
    (Refusal::BothLengths, "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"),
    (Refusal::TransferEncoding, "Transfer-Encoding: gzip\r\n"),
    (Refusal::TransferEncoding, "Transfer-Encoding: identity\r\n"),
    (Refusal::TransferEncoding, "Transfer-Encoding: gzip, chunked\r\n"),
    (Refusal::TransferEncoding, "Transfer-Encoding: chunked, chunked\r\n"),
    (Refusal::TransferEncoding, "Transfer-Encoding: chunked;a=b\r\n"),
    (Refusal::TransferEncoding, "Transfer-Encoding: \"chunked\"\r\n"),
    (Refusal::TransferEncoding, "Transfer-Encoding:\r\n"),
    (Refusal::TransferEncoding, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    (Refusal::TransferEncoding, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
    (Refusal::LineValue, "Transfer-Encoding: \x0bchunked\r\n"),
    (Refusal::LineName, "Transfer-Encoding : chunked\r\n"),
    // Upgrades.
    (Refusal::Handshake, "Connection: upgrade\r\nUpgrade: websocket\r\n"),
    (Refusal::Handshake, "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n"),
];

fn bad() -> impl Iterator<Item = (Refusal, String)> {
    let lines = BAD_LINES
        .iter()
        .map(|(refusal, lines)| (*refusal, format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")));
    BAD.iter().map(|(refusal, text)| (*refusal, (*text).to_owned())).chain(lines)
}

#[test]
fn every_good_request_is_accepted() {
    for text in GOOD {
        assert_eq!(
            parse(text.as_bytes()).0,
            Ok(Parsed::Complete { head_len: text.len() }),
            "{text:?}"
        );
    }
}

#[test]
fn every_bad_request_is_refused_by_its_rule() {
    for (refusal, text) in bad() {
        assert_eq!(parse(text.as_bytes()).0, Err(refusal), "{text:?}");
    }
}

#[test]
fn every_request_fares_the_same_in_portions() {
    let good = GOOD.iter().map(|text| (*text).to_owned());
    for text in good.chain(bad().map(|(_, text)| text)) {
        fuzz::fuzz_http_head(text.as_bytes());
    }
}

#[test]
fn every_prefix_of_a_good_request_needs_more() {
    for text in GOOD {
        for len in 0..text.len() {
            let prefix = &text.as_bytes()[..len];
            assert_eq!(parse(prefix).0, Ok(Parsed::NeedMore), "{text:?} up to {len}");
        }
    }
}

#[test]
fn only_some_refusals_are_more_than_a_bad_request() {
    for (refusal, _) in bad() {
        let expected = match refusal {
            Refusal::NoHost => Reason::MissingHost,
            Refusal::Fragment => Reason::BadPath,
            _ => Reason::BadRequest,
        };
        assert_eq!(refusal.of_request(), expected);
    }
}
