//! What the first bytes of a connection are taken for.

use super::{Opening, PREFACE, opening};

#[test]
fn the_preface_is_recognised_however_much_follows_it() {
    assert_eq!(opening(PREFACE), Opening::Http2);
    assert_eq!(opening(&[&PREFACE[..], b"\0\0\0\x04"].concat()), Opening::Http2);
}

#[test]
fn a_part_of_the_preface_is_waited_with() {
    for len in 0..PREFACE.len() {
        assert_eq!(opening(&PREFACE[..len]), Opening::Undecided, "{len} bytes");
    }
}

#[test]
fn other_protocols_are_told_from_their_first_different_byte() {
    for text in ["GET / HTTP/1.1\r\n", "POST /", "PUT / HTTP/1.1", "PRI * HTTP/1.1\r\n", "\x16"] {
        assert_eq!(opening(text.as_bytes()), Opening::Other, "{text}");
    }
}
