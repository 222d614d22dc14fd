//! Bodies by length, by the connection's end, and none. Chunks are tested with their scanner.

use super::*;

#[test]
fn no_body_takes_nothing() {
    let taken = Framing::None.take(b"GET / HTTP/1.1").unwrap();
    assert_eq!(taken, Taken { consumed: 0, done: true });
}

#[test]
fn a_length_takes_so_many_bytes_and_no_more() {
    let mut framing = Framing::Length(5);
    assert_eq!(framing.take(b"").unwrap(), Taken { consumed: 0, done: false });
    assert_eq!(framing.take(b"abc").unwrap(), Taken { consumed: 3, done: false });
    assert_eq!(framing.at_close(), Err(Refusal::CutShort));
    assert_eq!(framing.take(b"deGET /").unwrap(), Taken { consumed: 2, done: true });
    assert!(framing.is_done());
    assert_eq!(framing.at_close(), Ok(()));
    assert_eq!(framing.take(b"GET /").unwrap(), Taken { consumed: 0, done: true });
}

#[test]
fn a_length_of_nothing_is_done_at_once() {
    assert_eq!(Framing::Length(0).take(b"").unwrap(), Taken { consumed: 0, done: true });
}

#[test]
fn a_body_until_the_close_never_ends_by_itself() {
    let mut framing = Framing::UntilClose;
    assert_eq!(framing.take(b"abc").unwrap(), Taken { consumed: 3, done: false });
    assert_eq!(framing.take(b"").unwrap(), Taken { consumed: 0, done: false });
    assert!(!framing.is_done());
    assert_eq!(framing.at_close(), Ok(()));
}

#[test]
fn a_chunked_body_must_not_be_cut() {
    let mut framing = Framing::chunked();
    assert_eq!(framing.take(b"3\r\nabc\r\n0\r\n").unwrap(), Taken { consumed: 11, done: false });
    assert_eq!(framing.at_close(), Err(Refusal::CutShort));
    assert_eq!(framing.take(b"\r\nGET").unwrap(), Taken { consumed: 2, done: true });
    assert_eq!(framing.at_close(), Ok(()));
}

#[test]
fn every_framing_gives_its_content_in_pieces() {
    let mut framing = Framing::Length(3);
    let step = framing.piece(b"abcd").unwrap();
    assert_eq!(step, Step { consumed: 3, piece: Some(Piece::Data(0..3)) });
    assert_eq!(framing.piece(b"d").unwrap(), Step { consumed: 0, piece: Some(Piece::End) });
    let step = Framing::UntilClose.piece(b"ab").unwrap();
    assert_eq!(step, Step { consumed: 2, piece: Some(Piece::Data(0..2)) });
    assert_eq!(Framing::None.piece(b"ab").unwrap().piece, Some(Piece::End));
}
