//! Header operations on lists of lines.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::SystemTime;

use propylon_snapshot::{AddressOf, Format, HeaderName, Number, Text};

use super::*;

/// Supplies one request header.
struct One(&'static str, &'static [u8]);

impl Variables for One {
    fn request_header(&self, name: &str) -> Option<&[u8]> {
        (name == self.0).then_some(self.1)
    }
    fn response_header(&self, _: &str) -> Option<&[u8]> {
        None
    }
    fn start_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
    fn address(&self, _: AddressOf) -> Option<SocketAddr> {
        None
    }
    fn number(&self, _: Number) -> Option<u64> {
        None
    }
    fn text(&self, _: Text) -> Option<Cow<'_, str>> {
        None
    }
}

fn writes(list: &[(&str, &str, WriteMode)]) -> HeaderOps {
    let write = |(name, value, mode): &(&str, &str, WriteMode)| HeaderWrite {
        name: HeaderName::parse(name).unwrap(),
        value: Format::parse(value).unwrap(),
        mode: *mode,
    };
    HeaderOps { remove: Vec::new(), write: list.iter().map(write).collect() }
}

fn applied(ops: &HeaderOps, before: &[(&'static str, &'static str)]) -> Vec<String> {
    let mut lines: Vec<Line<'_>> =
        before.iter().map(|(name, value)| Line { name, value: value.as_bytes() }).collect();
    remove(ops, &mut lines);
    let mut made = Rendered::default();
    made.render(ops, &One("x-in", b"in\r\nside"));
    write(ops, &made, &mut lines);
    let text = |line: &Line<'_>| format!("{}={}", line.name, String::from_utf8_lossy(line.value));
    lines.iter().map(text).collect()
}

#[test]
fn every_set_comes_before_every_add() {
    let ops = writes(&[("x-a", "1", WriteMode::Append), ("x-a", "2", WriteMode::Set)]);
    assert_eq!(applied(&ops, &[("x-a", "0"), ("x-b", "0")]), ["x-b=0", "x-a=2", "x-a=1"]);
}

#[test]
fn a_value_that_comes_out_empty_is_not_written() {
    let ops = writes(&[("x-a", "%REQ(x-none)%", WriteMode::Set), ("x-b", "", WriteMode::Append)]);
    assert_eq!(applied(&ops, &[("x-a", "0")]), ["x-a=0"]);
}

#[test]
fn a_value_cannot_start_another_line() {
    let ops = writes(&[("x-a", "<%REQ(x-in)%>", WriteMode::Set)]);
    assert_eq!(applied(&ops, &[]), ["x-a=<in  side>"]);
}

#[test]
fn framing_and_hop_by_hop_lines_are_not_for_configuration() {
    for name in ["content-length", "transfer-encoding", "connection", "host", "upgrade"] {
        let ops = writes(&[(name, "1", WriteMode::Set), (name, "2", WriteMode::Append)]);
        assert_eq!(applied(&ops, &[]), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn removal_comes_first_and_set_still_writes() {
    let mut ops = writes(&[("x-a", "1", WriteMode::Set)]);
    ops.remove.push(HeaderName::parse("x-a").unwrap());
    assert_eq!(applied(&ops, &[("x-a", "9"), ("x-a", "8")]), ["x-a=1"]);
}
