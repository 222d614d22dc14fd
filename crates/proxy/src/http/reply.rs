//! What every response gets, wherever it comes from: the route's operations, cross-origin headers,
//! `date` and `server`; and its head as text.

use propylon_snapshot::{Cors, CorsReply, Decision, HeaderOps, Line, ServerHeader, Verdict};

use super::downstream::Frame;
use super::edits::{self, Rendered};
use super::incoming::Protocol;
use super::view::View;
use crate::clock::Clock;
use crate::http1::Version;
use crate::http1::emit::{
    end_head, write_framing, write_line, write_made_line, write_status_line,
    write_websocket_upgrade,
};

/// The response operations of a decision: the drawn destination's, then the route's.
pub(super) fn levels<'s>(decision: &Decision<'s>) -> [Option<&'s HeaderOps>; 2] {
    let destination = match decision.verdict {
        Verdict::Forward { destination, .. } => Some(&destination.headers.response),
        _ => None,
    };
    let route = decision.rule.map(|rule| &rule.headers.response);
    [destination, route].map(|ops| ops.filter(|ops| !ops.is_empty()))
}

/// Applies operations to a response's lines. Values see the lines as they are at each level.
pub(super) fn apply<'l>(
    levels: [Option<&'l HeaderOps>; 2],
    rendered: &'l mut [Rendered; 2],
    lines: &mut Vec<Line<'l>>,
    view: View<'_>,
) {
    for (ops, rendered) in levels.into_iter().zip(rendered) {
        let Some(ops) = ops else { continue };
        edits::remove(ops, lines);
        rendered.render(ops, &View { response: lines, ..view });
        edits::write(ops, rendered, lines);
    }
}

/// Adds the cross-origin lines of an ordinary response.
pub(super) fn allow_origin<'l>(
    cors: CorsReply<'l>,
    origin: Option<&'l [u8]>,
    lines: &mut Vec<Line<'l>>,
) {
    if let (CorsReply::Allowed(cors), Some(origin)) = (cors, origin) {
        push_origin(cors, origin, lines);
        if !cors.expose.is_empty() {
            edits::set(lines, "access-control-expose-headers", cors.expose.as_bytes());
        }
    }
}

/// The lines of an answer to a preflight. Without an allowed origin the policy still tells what it
/// would allow, as Envoy does.
pub(super) fn preflight<'l>(cors: &'l Cors, origin: Option<&'l [u8]>, lines: &mut Vec<Line<'l>>) {
    if let Some(origin) = origin {
        push_origin(cors, origin, lines);
    }
    let mut push = |name, value: &'l str| {
        if !value.is_empty() {
            lines.push(Line { name, value: value.as_bytes() });
        }
    };
    push("access-control-allow-methods", &cors.methods);
    push("access-control-allow-headers", &cors.headers);
    push("access-control-max-age", &cors.max_age);
    if origin.is_some() {
        push("access-control-expose-headers", &cors.expose);
    }
}

fn push_origin<'l>(cors: &'l Cors, origin: &'l [u8], lines: &mut Vec<Line<'l>>) {
    edits::set(lines, "access-control-allow-origin", origin);
    if cors.credentials {
        edits::set(lines, "access-control-allow-credentials", b"true");
    }
}

/// Writes a response's head. `server` is the gateway's word, `date` only where it is missing
/// (RFC 9110 section 6.6.1).
pub(super) fn write_head(
    out: &mut Vec<u8>,
    frame: Frame,
    lines: &[Line<'_>],
    server: &ServerHeader,
    clock: &Clock,
) {
    let version = match frame.protocol {
        Protocol::Http10 => Version::Http10,
        Protocol::Http11 | Protocol::Http2 => Version::Http11,
    };
    write_status_line(out, version, frame.status);
    let mut dated = false;
    for line in lines {
        match line.name {
            "server" if matches!(server, ServerHeader::Set(_)) => continue,
            "content-length" => continue,
            "date" => dated = true,
            _ => {}
        }
        write_line(out, line.name, line.value);
    }
    write_framing(out, frame.framing);
    if !dated {
        out.extend_from_slice(b"date: ");
        clock.write_date(out);
        out.extend_from_slice(b"\r\n");
    }
    if let ServerHeader::Set(server) = server {
        write_made_line(out, "server", server.as_bytes());
    }
    if frame.upgrade {
        write_websocket_upgrade(out);
    } else if frame.close {
        out.extend_from_slice(b"connection: close\r\n");
    } else if frame.protocol == Protocol::Http10 {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    }
    end_head(out);
}
