//! What handshakes with endpoints ask for.

use super::*;

#[test]
fn an_authority_is_asked_for_without_port_and_brackets() {
    for (authority, expected) in [
        ("a.example", "a.example"),
        ("a.example:8443", "a.example"),
        ("192.0.2.1:443", "192.0.2.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("", ""),
    ] {
        assert_eq!(Purpose::Http1(authority).host(), Some(expected));
    }
    assert_eq!(Purpose::Bytes.host(), None);
    assert_eq!(Purpose::Streams.host(), None);
}

#[test]
fn protocols_are_offered_by_port_and_by_what_is_spoken() {
    let requests = Purpose::Http1("a");
    assert!(protocols(Offers::Plain, requests).is_empty());
    assert_eq!(protocols(Offers::Http2, Purpose::Bytes), ["h2"]);
    assert_eq!(protocols(Offers::Mesh, requests), ["istio-http/1.1", "istio", "http/1.1"]);
    assert_eq!(protocols(Offers::Mesh, Purpose::Bytes), ["istio"]);
    assert_eq!(protocols(Offers::Plain, Purpose::Streams), ["h2"]);
    assert_eq!(protocols(Offers::Mesh, Purpose::Streams), ["istio", "h2"]);
}
