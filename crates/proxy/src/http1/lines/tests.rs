//! Lists, spans and the bound on looking again at an unfinished head.

use super::*;

#[test]
fn a_list_has_no_empty_elements_and_no_blanks_around_them() {
    let items: Vec<_> = list(b" a ,,\tb c\t, ,d").collect();
    assert_eq!(items, [&b"a"[..], b"b c", b"d"]);
    assert_eq!(list(b" , ").count(), 0);
}

#[test]
fn a_span_finds_its_bytes_again() {
    let whole = b"name: value";
    let span = Span::within(whole, &whole[6..]);
    assert_eq!(span.bytes(whole), b"value");
    assert_eq!(span.slice(1, 3).bytes(whole), b"al");
    assert_eq!(span.bytes(b"short"), b"");
}

#[test]
fn an_unfinished_head_is_looked_at_again_only_for_a_new_line() {
    let mut progress = Progress::default();
    assert!(progress.is_worth_a_look(b"GET"));
    progress.note(&Ok(Parsed::NeedMore), 3);
    assert!(!progress.is_worth_a_look(b"GET / HTTP/1.1"));
    assert!(progress.is_worth_a_look(b"GET / HTTP/1.1\r\n"));
    assert!(progress.is_worth_a_look(&[b'a'; HEAD_BYTES_MAX]));
    progress.note(&Ok(Parsed::Complete { head_len: 3 }), 3);
    assert!(progress.is_worth_a_look(b"GET"));
}
