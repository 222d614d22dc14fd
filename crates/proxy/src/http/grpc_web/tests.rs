//! Which requests are translated, and how their heads are.

use super::*;

fn lines<'l>(pairs: &[(&'l str, &'l str)]) -> Vec<Line<'l>> {
    pairs.iter().map(|(name, value)| Line { name, value: value.as_bytes() }).collect()
}

#[test]
fn four_content_types_are_translated_and_no_other() {
    for (kind, reads_text) in [
        ("application/grpc-web", Some(false)),
        ("application/grpc-web+proto", Some(false)),
        ("application/grpc-web-text", Some(true)),
        ("application/grpc-web-text+proto", Some(true)),
        ("application/grpc-web+json", None),
        ("application/grpc-web; charset=utf-8", None),
        ("Application/grpc-web", None),
        ("application/grpc", None),
        ("text/plain", None),
    ] {
        let found = Translation::of(&lines(&[("content-type", kind)]));
        assert_eq!(found.map(|it| it.reads_text), reads_text, "{kind}");
    }
    assert_eq!(Translation::of(&[]), None);
    let twice = lines(&[("content-type", "application/grpc-web"), ("content-type", "a/b")]);
    assert_eq!(Translation::of(&twice), None);
}

#[test]
fn the_answer_is_text_where_the_client_accepts_that_alone() {
    for (accept, writes_text) in [
        ("application/grpc-web-text", true),
        ("application/grpc-web-text+proto", true),
        ("application/grpc-web-text, */*", false),
        ("*/*", false),
    ] {
        let head = lines(&[("content-type", "application/grpc-web"), ("accept", accept)]);
        assert_eq!(Translation::of(&head).unwrap().writes_text, writes_text, "{accept}");
    }
}

#[test]
fn an_upstream_gets_the_head_of_a_grpc_request() {
    let mut head = lines(&[
        ("content-type", "application/grpc-web-text"),
        ("content-length", "12"),
        ("x-grpc-web", "1"),
        ("te", "gzip"),
    ]);
    Translation::apply(&mut head);
    let expected = lines(&[
        ("x-grpc-web", "1"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-accept-encoding", "identity"),
    ]);
    assert_eq!(head, expected);
    let mut named = lines(&[("grpc-accept-encoding", "gzip")]);
    Translation::apply(&mut named);
    assert_eq!(named.iter().filter(|line| line.name == "grpc-accept-encoding").count(), 1);
    assert_eq!(Translation::framing(FramingLine::Length(12)), FramingLine::Chunked);
    assert_eq!(Translation::framing(FramingLine::Length(0)), FramingLine::None);
}
