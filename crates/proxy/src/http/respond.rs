//! Answers that the gateway makes itself: refusals, redirects, direct responses, preflights and
//! injected faults, byte for byte as Envoy words them. gRPC clients get them as gRPC statuses.

use std::borrow::Cow;
use std::io;

use propylon_snapshot::{Abort, AbortAnswer, Line, Reason, Verdict, grpc_status_of};

use super::asked::Asked;
use super::caller::Caller;
use super::desk::Out;
use super::downstream::{After, Downstream, Frame};
use super::edits;
use super::incoming::Protocol;
use super::reply;
use super::view::View;
use crate::http1::{FramingLine, Method};

/// Envoy's body of an injected failure.
const ABORTED: &str = "fault filter abort";

/// An answer of the gateway's own.
#[derive(Debug, Default)]
pub(super) struct Answer<'a> {
    /// The HTTP status; a gRPC client gets 200.
    pub(super) status: u16,
    /// The body; `text/plain`.
    pub(super) body: Cow<'a, [u8]>,
    /// Why, where that is a [`Reason`].
    pub(super) reason: Option<Reason>,
    /// The gRPC status, where it does not follow from the HTTP status.
    pub(super) grpc_status: Option<u8>,
    /// Never turned into a gRPC status: it was configured as an HTTP answer.
    pub(super) plain: bool,
    /// Lines that belong to this kind of answer.
    pub(super) lines: Vec<Line<'a>>,
    /// The connection cannot be used afterwards.
    pub(super) close: bool,
    /// How often the request was tried.
    pub(super) tries: u32,
}

impl<'a> Answer<'a> {
    /// The answer for a reason; `tries` is how often an upstream was asked.
    pub(super) fn to(reason: Reason, tries: u32) -> Self {
        let body = match reason.body(tries > 1) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        let close = reason.closes_connection() || reason == Reason::UpgradeFailed;
        Self {
            status: reason.status(),
            body,
            reason: Some(reason),
            close,
            tries,
            ..Self::default()
        }
    }

    /// A redirect.
    pub(super) fn redirect(status: u16, location: &'a str) -> Self {
        let lines = vec![Line { name: "location", value: location.as_bytes() }];
        Self { status, lines, plain: true, ..Self::default() }
    }

    /// An injected failure.
    pub(super) fn abort(abort: &Abort) -> Self {
        let body = Cow::Borrowed(ABORTED.as_bytes());
        match abort.answer {
            AbortAnswer::Http(status) => Self { status, body, ..Self::default() },
            AbortAnswer::Grpc(status) => {
                Self { status: 200, body, grpc_status: Some(status), ..Self::default() }
            }
        }
    }
}

/// Sends an answer to a request. `keep` says whether the connection could be kept otherwise;
/// returns whether it is.
///
/// # Errors
/// When the client is gone.
pub(super) async fn answer<D: Downstream>(
    asked: &Asked<'_, D>,
    request_lines: &[Line<'_>],
    answer: Answer<'_>,
    keep: bool,
    out: &mut Out,
) -> io::Result<bool> {
    let Asked { request, decision, .. } = asked;
    let close = answer.close || !keep;
    let Out { response_lines, rendered, down, .. } = out;
    let grpc = request.grpc && !request.grpc_web && !answer.plain;
    let code = answer.grpc_code().to_string();
    let message = if grpc { grpc_message(&answer.body) } else { Vec::new() };
    let status = if grpc { 200 } else { answer.status };
    let body: &[u8] = if grpc { b"" } else { &answer.body };
    let mut lines = response_lines.take();
    lines.extend_from_slice(&answer.lines);
    if answer.reason == Some(Reason::Overflow) && !asked.snapshot().http.no_debug_headers {
        lines.push(Line { name: "x-envoy-overloaded", value: b"true" });
    }
    let origin = request.head(request_lines).value("origin");
    if let Verdict::Preflight { cors, allowed } = decision.verdict {
        // Envoy's CORS filter answers alone; the route's operations are not asked.
        reply::preflight(cors, origin.filter(|_| allowed), &mut lines);
    } else {
        let view = View {
            status,
            reason: answer.reason,
            tries: answer.tries,
            ..View::of(asked, request_lines)
        };
        reply::apply(reply::levels(decision), rendered, &mut lines, view);
        reply::allow_origin(decision.cors, origin, &mut lines);
    }
    if grpc {
        edits::set(&mut lines, "content-type", b"application/grpc");
        edits::set(&mut lines, "grpc-status", code.as_bytes());
        if !message.is_empty() {
            edits::set(&mut lines, "grpc-message", &message);
        }
    } else if body.is_empty() {
        edits::drop_name(&mut lines, "content-type");
    } else if !lines.iter().any(|line| line.name == "content-type") {
        lines.push(Line { name: "content-type", value: b"text/plain" });
    }
    let framing = match status {
        204 | 304 => FramingLine::None,
        // Envoy leaves open what a GET would have had.
        _ if body.is_empty() && request.method == Method::Head => FramingLine::Chunked,
        _ => FramingLine::Length(body.len() as u64),
    };
    let protocol = match answer.reason {
        // The client is told in the version that it is asked to use.
        Some(Reason::LowVersion) => Protocol::Http11,
        _ => request.protocol,
    };
    let frame = Frame { protocol, status, framing, close, upgrade: false };
    asked.down.begin(frame, &lines, &asked.snapshot().http.server, down);
    response_lines.put(lines);
    count(asked.caller(), status, answer.reason);
    let body = if request.method == Method::Head || status == 204 { b"" } else { body };
    asked.down.finish(down, body).await?;
    Ok(!close)
}

/// Answers what never became a request, and gives up the connection.
///
/// # Errors
/// When the client is gone.
pub(super) async fn refuse<D: Downstream>(
    down: &D,
    reason: Reason,
    text: &mut Vec<u8>,
) -> io::Result<()> {
    let caller = down.caller();
    let body = reason.body(false);
    let line = [Line { name: "content-type", value: b"text/plain" }];
    let lines: &[Line<'_>] = if body.is_empty() { &[] } else { &line };
    let framing = FramingLine::Length(body.len() as u64);
    let status = reason.status();
    let protocol = Protocol::Http11;
    let frame = Frame { protocol, status, framing, close: true, upgrade: false };
    let generation = caller.guest.door().generation();
    down.begin(frame, lines, &generation.snapshot().http.server, text);
    count(caller, status, Some(reason));
    down.finish(text, body.as_bytes()).await
}

impl Answer<'_> {
    /// The gRPC status that a gRPC client is told.
    fn grpc_code(&self) -> u8 {
        match (self.grpc_status, self.reason) {
            (Some(code), _) => code,
            (None, Some(reason)) => reason.grpc_status(),
            (None, None) => grpc_status_of(self.status),
        }
    }
}

fn count(caller: &Caller, status: u16, reason: Option<Reason>) {
    caller.worker.counters.count_status(status);
    if let Some(reason) = reason {
        caller.worker.counters.count_reason(reason);
    }
}

/// `grpc-message` as the gRPC protocol escapes it.
pub(super) fn grpc_message(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if matches!(byte, b' '..=b'~') && *byte != b'%' {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}

/// Sends an answer of the gateway's own, and says what becomes of the connection.
pub(super) async fn settle<D: Downstream>(
    asked: &Asked<'_, D>,
    lines: &[Line<'_>],
    reply: Answer<'_>,
    body_done: bool,
    out: &mut Out,
) -> After {
    let lingers = !body_done || reply.close;
    let framing = FramingLine::Length(reply.body.len() as u64);
    let keep = body_done && asked.wants_to_keep(framing);
    match answer(asked, lines, reply, keep, out).await {
        Ok(true) => After::Keep,
        Ok(false) if lingers => After::Linger,
        Ok(false) | Err(_) => After::Close,
    }
}
