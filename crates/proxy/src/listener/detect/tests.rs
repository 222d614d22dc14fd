//! First bytes that are requests, and others that are not.

use super::*;

#[test]
fn requests_are_told_by_their_first_line() {
    assert_eq!(is_http(b"GET / HTTP/1.1\r\n"), Some(true));
    assert_eq!(is_http(b"M-SEARCH * HTTP/1.1\r\nhost: a\r\n"), Some(true));
    assert_eq!(is_http(b"GET http://a.com/ HTTP/1.0\n"), Some(true));
    assert_eq!(is_http(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Some(true));
}

#[test]
fn every_prefix_of_a_request_line_leaves_it_open() {
    for line in [&b"POST /long/path?q=1 HTTP/1.1\r"[..], b"PRI * HTTP/2.0\r", b"P", b"PUT /"] {
        for len in 0..line.len() {
            let verdict = is_http(&line[..len]);
            assert!(len == 0 || verdict.is_none(), "{:?}", String::from_utf8_lossy(&line[..len]));
        }
    }
}

#[test]
fn other_protocols_are_not_taken_for_requests() {
    for bytes in [
        &b"SET key value\r\n"[..],
        b"*3\r\n$3\r\nSET\r\n",
        b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
        b"EHLO a.com\r\n",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"get / HTTP/1.1\r\n",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        b"GET \x00",
        b" ",
    ] {
        assert_eq!(is_http(bytes), Some(false), "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_first_line_without_end_is_bytes() {
    let mut line = b"GET /".to_vec();
    line.resize(DETECT_BYTES_MAX, b'a');
    assert_eq!(is_http(&line), Some(false));
}
