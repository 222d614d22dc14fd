//! What one gateway made of one request, in a form that two gateways' outcomes can be compared in:
//! values that differ from run to run are named instead of kept.

use std::net::SocketAddr;

use crate::harness::client::{Answer, Client};
use crate::harness::message::Head;
use crate::harness::origin::Received;
use crate::http2;
use crate::origins::Origins;
use crate::table::Request;

/// What the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    Http1,
    /// With prior knowledge, in plaintext.
    Http2,
}

impl Speech {
    /// Whether this request can be said in it.
    pub(crate) fn can_say(self, request: &Request) -> bool {
        // What came before an answer was cut may arrive over HTTP/2, or not: a reset is quick.
        let is_cut = request.line.contains("/kind/short");
        self == Self::Http1 || (!is_cut && http2::translated(request, "http").is_some())
    }
}

/// What a request led to, as lines of text: `answer ...` and `origin ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) lines: Vec<String>,
}

/// Sends one request on a connection of its own and notes what comes back and what arrives.
pub(crate) fn of(
    request: &Request,
    speech: Speech,
    gateway: SocketAddr,
    origins: &Origins,
) -> Outcome {
    let mut lines = match speech {
        Speech::Http1 => asked(request, gateway),
        Speech::Http2 => http2::asked(request, gateway),
    };
    if request.line.contains("mirror.test") {
        origins.copy.received_at_least(1);
    }
    lines.extend(arrivals(origins));
    Outcome { lines }
}

/// What arrived at the origins since the last time.
pub(crate) fn arrivals(origins: &Origins) -> Vec<String> {
    let drained = origins.drain();
    drained.iter().flat_map(|(name, received)| of_received(name, received)).collect()
}

fn asked(request: &Request, gateway: SocketAddr) -> Vec<String> {
    let mut client = Client::connect(gateway);
    // The gateway may refuse before it has read everything.
    let _ = client.try_send(&request.bytes);
    match client.try_answer(&request.method) {
        Ok(answer) => of_answer(&answer),
        Err(_) => vec!["answer none, or cut short".to_owned()],
    }
}

fn of_answer(answer: &Answer) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for interim in &answer.interim {
        lines.push(format!("interim {}", interim.first));
        lines.extend(headers(interim).into_iter().map(|line| format!("interim   {line}")));
    }
    lines.push(format!("answer {}", answer.head.first));
    lines.extend(headers(&answer.head).into_iter().map(|line| format!("answer   {line}")));
    if !answer.body.bytes.is_empty() {
        lines.push(format!("answer body {:?}", answer.text()));
    }
    for (name, value) in &answer.body.trailers {
        lines.push(format!("answer trailer {name}: {value}"));
    }
    lines
}

fn of_received(name: &str, received: &Received) -> Vec<String> {
    let mut lines = vec![format!("{name} {}", received.line())];
    lines.extend(headers(&received.head).into_iter().map(|line| format!("{name}   {line}")));
    if !received.body.bytes.is_empty() {
        lines.push(format!("{name} body {:?}", received.body.text()));
    }
    for (header, value) in &received.body.trailers {
        lines.push(format!("{name} trailer {header}: {value}"));
    }
    lines
}

fn headers(head: &Head) -> Vec<String> {
    sorted(head.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// The header lines by name; lines of one name stay in their order.
pub(crate) fn sorted<'l>(lines: impl Iterator<Item = (&'l str, &'l str)>) -> Vec<String> {
    let mut lines: Vec<(String, String)> =
        lines.map(|(name, value)| (name.to_owned(), steady(name, value))).collect();
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    lines.into_iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

/// The value without what changes from run to run.
fn steady(name: &str, value: &str) -> String {
    match name {
        "date" if value.ends_with("GMT") && !value.contains("2024") => "<date>".to_owned(),
        "x-envoy-upstream-service-time" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
            "<number>".to_owned()
        }
        "x-request-id" if is_uuid4(value) => "<uuid>".to_owned(),
        "x-forwarded-for" => peers_named(value),
        _ => value.to_owned(),
    }
}

/// The hops that the gateway added, by name: to a peer on loopback Envoy lends its own address, we
/// write the peer's (docs/differences.md, "A peer on loopback").
fn peers_named(value: &str) -> String {
    let Some(last) = value.rsplit(',').next() else { return value.to_owned() };
    let hops: Vec<&str> = value.split(',').collect();
    let added = hops.iter().rev().take_while(|hop| **hop == last).count();
    let kept = &hops[..hops.len() - added];
    kept.iter().copied().chain(std::iter::repeat_n("<peer>", added)).collect::<Vec<_>>().join(",")
}

fn is_uuid4(value: &str) -> bool {
    let bytes = value.as_bytes();
    let dashes = [8, 13, 18, 23];
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match dashes.contains(&at) {
            true => *byte == b'-',
            false => byte.is_ascii_hexdigit(),
        })
        && bytes[14] == b'4'
        && b"89ab".contains(&bytes[19])
}
