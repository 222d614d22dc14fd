//! Heads as HTTP/2 knows them.

use propylon_snapshot::Line;

use super::{headers, target};
use crate::http1::FramingLine;

#[test]
fn what_a_target_must_not_hold_is_encoded() {
    for (path, query, expected) in [
        ("/a/../b", None, "/a/../b"),
        ("//a", Some("b=%20"), "//a?b=%20"),
        ("/<a>", Some("b=`c`"), "/%3Ca%3E?b=%60c%60"),
        ("/\u{fc}<", None, "/%C3%BC%3C"),
    ] {
        assert_eq!(target(path, query).as_str(), expected);
    }
}

#[test]
fn lines_keep_their_order_and_framing_is_made_anew() {
    let line = |name, value: &'static str| Line { name, value: value.as_bytes() };
    let lines = [
        line("x-a", "1"),
        line("content-length", "9"),
        line("x-b", ""),
        line("x-a", "2\r\nx: y"),
        line("host", "a"),
    ];
    let map = headers(&lines, FramingLine::Length(3));
    let seen: Vec<_> = map.get_all("x-a").iter().collect();
    assert_eq!(seen, ["1", "2  x: y"]);
    assert_eq!(map["x-b"], "");
    assert_eq!(map["content-length"], "3");
    assert_eq!(map.len(), 4);
    assert!(!headers(&lines, FramingLine::Chunked).contains_key("content-length"));
}
