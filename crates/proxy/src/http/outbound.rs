//! The head that goes up: authority and path as the rule rewrites them, the gateway's own lines in
//! Envoy's order, framing made anew.

pub(super) mod http2;

use std::net::IpAddr;
use std::time::Duration;

use propylon_snapshot::{HeaderOps, Line};

use super::asked::{Asked, Course};
use super::downstream::Downstream;
use super::edits::{self, Rendered};
use super::limit;
use super::request::Request;
use super::view::View;
use crate::balance::{self, Hashed, Subject};
use crate::http1::emit::{
    end_head, write_framing, write_line, write_made_line, write_request_line,
    write_websocket_upgrade,
};
use crate::http1::{FramingLine, Method};

/// What the rule makes of authority and path.
#[derive(Debug, Default)]
pub(super) struct Rewritten<'r> {
    /// The authority to send, where it is not the client's.
    authority: Option<&'r str>,
    /// The path to send, where it is not the normalised one.
    path: Option<String>,
    /// Path and query before the rewrite.
    original: String,
    /// The client's `x-forwarded-host` with its authority behind, where that is asked for.
    forwarded_host: Vec<u8>,
    /// Milliseconds that the upstream is told it has, as `grpc-timeout` writes them (`200m`).
    expected: String,
}

impl<'r> Rewritten<'r> {
    /// Applies the rewrites of a course. The route's authority wins over the destination's.
    pub(super) fn of<D: Downstream>(
        asked: &Asked<'_, D>,
        course: Course<'r>,
        lines: &[Line<'_>],
    ) -> Self {
        let mut rewritten = Self::default();
        let request = asked.request;
        if let (Some(path), Some(rule)) = (&course.forward.path, asked.decision.rule) {
            request.head(&[]).push_target(&mut rewritten.original);
            let mut new = String::new();
            path.apply(&rule.matcher, request.path, &mut new);
            rewritten.path = Some(new);
        }
        let authority = course.forward.authority.as_ref().or(course.destination.authority.as_ref());
        rewritten.authority = authority.map(|authority| &**authority);
        if authority.is_some() && asked.snapshot().http.append_forwarded_host {
            for line in lines.iter().filter(|line| line.name == "x-forwarded-host") {
                rewritten.forwarded_host.extend_from_slice(line.value);
                rewritten.forwarded_host.push(b',');
            }
            rewritten.forwarded_host.extend_from_slice(request.authority.as_bytes());
        }
        let limit = limit::of(course.forward, request.grpc, lines);
        let per_try = course.forward.retry.as_ref().and_then(|retry| retry.per_try_timeout);
        if let Some(expected) = limit::expected(limit, per_try, Duration::ZERO) {
            rewritten.expected = format!("{expected}m");
        }
        rewritten
    }

    /// The authority that goes up.
    pub(super) fn authority<'a>(&'a self, request: &'a Request<'_>) -> &'a str {
        self.authority.unwrap_or(request.authority)
    }
}

/// Adds the lines that the router adds before the route's operations.
pub(super) fn mark<'l, D: Downstream>(
    asked: &'l Asked<'_, D>,
    rewritten: &'l Rewritten<'_>,
    lines: &mut Vec<Line<'l>>,
) {
    if !asked.snapshot().http.no_attempt_count {
        lines.push(Line { name: ATTEMPT_COUNT, value: b"1" });
    }
    if let Some(millis) = rewritten.expected.strip_suffix('m') {
        lines.push(Line { name: EXPECTED, value: millis.as_bytes() });
        if asked.request.grpc {
            edits::set(lines, GRPC_TIMEOUT, rewritten.expected.as_bytes());
        }
    }
    if rewritten.path.is_some() {
        let value = rewritten.original.as_bytes();
        lines.push(Line { name: "x-envoy-original-path", value });
    }
    if rewritten.authority.is_some() {
        let value = asked.request.authority.as_bytes();
        edits::set(lines, "x-envoy-original-host", value);
    }
    if !rewritten.forwarded_host.is_empty() {
        edits::set(lines, "x-forwarded-host", &rewritten.forwarded_host);
    }
}

/// Applies the request operations: the destination's, then the route's.
pub(super) fn edit<'l, D: Downstream>(
    asked: &'l Asked<'_, D>,
    course: Course<'l>,
    cluster: &str,
    rendered: &'l mut [Rendered; 2],
    lines: &mut Vec<Line<'l>>,
) {
    let route = asked.decision.rule.map(|rule| &rule.headers.request);
    let levels: [Option<&HeaderOps>; 2] = [Some(&course.destination.headers.request), route];
    for (ops, rendered) in levels.into_iter().zip(rendered) {
        let Some(ops) = ops.filter(|ops| !ops.is_empty()) else { continue };
        edits::remove(ops, lines);
        let view = View { cluster: Some(cluster), tries: 1, ..View::of(asked, lines) };
        rendered.render(ops, &view);
        edits::write(ops, rendered, lines);
    }
}

/// What of the request as it goes up decides its endpoint.
pub(super) fn hash<D: Downstream>(
    asked: &Asked<'_, D>,
    course: Course<'_>,
    rewritten: &Rewritten<'_>,
    lines: &[Line<'_>],
) -> Hashed {
    let keys = &course.forward.hash;
    if keys.is_empty() {
        return Hashed::default();
    }
    let (request, caller) = (asked.request, asked.caller());
    let mut path = rewritten.path.as_deref().unwrap_or(request.path).to_owned();
    request.head(&[]).push_query(&mut path);
    let subject = Subject {
        method: request.method.as_str(),
        scheme: request.scheme.as_str(),
        authority: rewritten.authority.unwrap_or(request.authority),
        path: &path,
        lines,
        client: request.client.map(|client| client.ip()),
        ends: caller.peer.zip(caller.local),
    };
    balance::of_request(keys, &subject)
}

/// Writes the head.
pub(super) fn write_head(
    request: &Request<'_>,
    rewritten: &Rewritten<'_>,
    lines: &[Line<'_>],
    out: &mut Vec<u8>,
) {
    out.clear();
    start(request, rewritten, out);
    for line in lines.iter().filter(|line| line.name != "content-length") {
        write_line(out, line.name, line.value);
    }
    finish(request, out);
}

/// The values that a mirrored request has of its own: Envoy marks it as internal and counts the
/// gateway as one more hop.
pub(super) struct Mirrored(Vec<u8>);

impl Mirrored {
    /// For a copy of a request with these lines, sent by this gateway.
    pub(super) fn new(lines: &[Line<'_>], gateway: Option<IpAddr>) -> Self {
        let line = lines.iter().find(|line| line.name == "x-forwarded-for");
        let hop = gateway.map(|ip| format!(",{ip}")).unwrap_or_default();
        Self([line.map_or(&b""[..], |line| line.value), hop.as_bytes()].concat())
    }

    /// The copy's lines.
    pub(super) fn apply<'l>(&'l self, lines: &[Line<'l>]) -> Vec<Line<'l>> {
        let mut lines = lines.to_vec();
        if let Some(line) = lines.iter_mut().find(|line| line.name == "x-forwarded-for") {
            line.value = &self.0;
        }
        lines.push(Line { name: "x-envoy-internal", value: b"true" });
        lines
    }
}

fn start(request: &Request<'_>, rewritten: &Rewritten<'_>, out: &mut Vec<u8>) {
    let path = rewritten.path.as_deref().unwrap_or(request.path);
    write_request_line(out, request.method.as_str(), path, request.query);
    match rewritten.authority {
        Some(authority) => write_made_line(out, "host", authority.as_bytes()),
        None => write_line(out, "host", request.authority.as_bytes()),
    }
}

fn finish(request: &Request<'_>, out: &mut Vec<u8>) {
    let framing = match request.framing {
        // Envoy tells an upstream that there is no body where the method could have one.
        FramingLine::None if may_have_body(request.method) => FramingLine::Length(0),
        framing => framing,
    };
    write_framing(out, framing);
    if request.websocket {
        write_websocket_upgrade(out);
    }
    end_head(out);
}

fn may_have_body(method: Method) -> bool {
    use Method::{Connect, Delete, Get, Head, Trace};
    !matches!(method, Get | Head | Delete | Trace | Connect)
}

/// The lines of a head that is not the first try's: with its number, and the time that is left.
pub(super) struct Renewed {
    tries: String,
    expected: Option<String>,
    grpc: Option<String>,
}

impl Renewed {
    /// For a try.
    pub(super) fn new(tries: u32, expected: Option<u64>) -> Self {
        let grpc = expected.map(|expected| format!("{expected}m"));
        let expected = expected.map(|expected| expected.to_string());
        Self { tries: tries.to_string(), expected, grpc }
    }

    /// The lines brought up to date. Of several with one name the last is the gateway's.
    pub(super) fn apply<'l>(&'l self, lines: &[Line<'l>]) -> Vec<Line<'l>> {
        let mut lines = lines.to_vec();
        let changes = [
            (ATTEMPT_COUNT, Some(&self.tries)),
            (EXPECTED, self.expected.as_ref()),
            (GRPC_TIMEOUT, self.grpc.as_ref()),
        ];
        for (name, value) in changes {
            let line = lines.iter_mut().rfind(|line| line.name == name);
            if let (Some(line), Some(value)) = (line, value) {
                line.value = value.as_bytes();
            }
        }
        lines
    }
}

/// Brings a head that was written before up to date for another try: its number, and the time that
/// is left.
pub(super) fn renew(up: &mut Vec<u8>, tries: u32, expected: Option<u64>) {
    replace(up, ATTEMPT_COUNT, &tries.to_string());
    if let Some(expected) = expected {
        replace(up, EXPECTED, &expected.to_string());
        replace(up, GRPC_TIMEOUT, &format!("{expected}m"));
    }
}

/// Gives a line another value, if there is such a line. The last one is the gateway's.
fn replace(up: &mut Vec<u8>, name: &str, value: &str) {
    let line = format!("\r\n{name}: ");
    let at = up.windows(line.len()).rposition(|window| window == line.as_bytes());
    let Some(start) = at.map(|at| at + line.len()) else { return };
    let len = up[start..].iter().position(|byte| *byte == b'\r').unwrap_or_default();
    up.splice(start..start + len, value.bytes());
}

const ATTEMPT_COUNT: &str = "x-envoy-attempt-count";
const EXPECTED: &str = "x-envoy-expected-rq-timeout-ms";
const GRPC_TIMEOUT: &str = "grpc-timeout";

#[cfg(test)]
mod tests;
