//! One request from its head to what becomes of its connection: admitted, decided, acted upon.
//! It holds one generation of the configuration from here to the last byte.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use propylon_snapshot::{
    CorsReply, Decision, Head, Line, Reason, RouteTableId, Scheme, Snapshot, Verdict,
};
use tokio::time::sleep;

use super::beside::{Beside, Timer};
use super::body::{Body, Progress};
use super::client::Client;
use super::desk::{Desk, Out, Sheets};
use super::edge::{self, Admitted};
use super::forward::{self, Course};
use super::request::Request;
use super::respond::{self, Answer};
use crate::buffers::Tail;
use crate::http1::{LineShelf, Method, Version};
use crate::io::Io;
use crate::upstream::Generation;

/// What becomes of the client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Another request may follow.
    Keep,
    /// It closes.
    Close,
    /// It closes, and the client may still be sending.
    Linger,
}

/// Answers one request. `head` is what the desk's index was made from; `tail` is what lies behind.
pub(super) async fn answer<I: Io>(
    client: &Client<I>,
    desk: &mut Desk,
    head: &[u8],
    tail: &mut Tail<'_>,
) -> After {
    let began = client.worker.clock.now();
    let (generation, table) = client.current();
    let snapshot = generation.snapshot();
    let Desk { request: parsed, sheets: Sheets { request_lines, marks, out } } = desk;
    let parsed = &*parsed;
    let mut framing = parsed.framing();
    let taken = framing.take(tail.filled());
    let first_len = taken.as_ref().map_or(0, |taken| taken.consumed);
    let (first, rest) = tail.split(first_len);
    let mut body = Body::new(first, rest, framing);
    let admitted = match taken {
        Ok(_) => edge::admit(parsed, head, &snapshot.http),
        Err(refusal) => Err(refusal.of_request()),
    };
    let (admitted, refused) = match admitted {
        Ok(admitted) => (admitted, None),
        Err(reason) => {
            let path = Cow::Borrowed(parsed.path(head));
            (Admitted { path, websocket: false }, Some(reason))
        }
    };
    let over = if client.secured.is_some() { Scheme::Https } else { Scheme::Http };
    marks.make(parsed, head, client.peer, &snapshot.http, over);
    let mut lines = request_lines.take();
    let certificate = client.secured.as_ref().and_then(|secured| secured.client.as_deref());
    marks.fill(parsed, head, &snapshot.http, certificate, &mut lines);
    let mut request = Request {
        parsed,
        authority: parsed.authority(head),
        path: &admitted.path,
        query: parsed.query(head),
        target: OnceCell::new(),
        scheme: marks.scheme(),
        client: marks.client(),
        websocket: admitted.websocket,
        grpc: false,
        began,
    };
    let seen = request.head(&lines);
    let grpc = seen.is_grpc();
    let decision = match refused.map_or_else(|| at(client, &generation, table, &seen), Err) {
        Ok(table) => snapshot.decide(table, &seen, &mut |sides| fastrand::u32(..sides.max(1))),
        Err(reason) => rejected(reason),
    };
    request.grpc = grpc;
    let asked = Asked { client, generation: &generation, request: &request, decision: &decision };
    let after = act(&asked, (lines, request_lines), &mut body, out).await;
    let (used, filled) = body.rest.extent();
    tail.settle(first_len, used, filled);
    after
}

/// The routes that a request is decided by. Looked for elsewhere only if its own server has none.
fn at<I>(
    client: &Client<I>,
    generation: &Generation,
    table: RouteTableId,
    head: &Head<'_>,
) -> Result<RouteTableId, Reason> {
    if client.aim.is_some() {
        return client.table_asked(generation, table, head.authority);
    }
    let over_tls = client.secured.is_some();
    if !over_tls || generation.snapshot().table(table).position(head.authority).is_some() {
        return Ok(table);
    }
    client.table_for(generation, table, head.authority)
}

/// The decision about a request that is refused before any rule is asked.
fn rejected<'s>(reason: Reason) -> Decision<'s> {
    Decision {
        host: None,
        rule: None,
        delay: None,
        cors: CorsReply::None,
        verdict: Verdict::Reject(reason),
    }
}

/// A decided request.
pub(super) struct Asked<'x, I> {
    /// Who asks.
    pub(super) client: &'x Client<I>,
    /// The configuration it is decided by, to its last byte.
    pub(super) generation: &'x Rc<Generation>,
    /// What is asked.
    pub(super) request: &'x Request<'x>,
    /// What was decided.
    pub(super) decision: &'x Decision<'x>,
}

impl<I> Asked<'_, I> {
    /// The configuration.
    pub(super) fn snapshot(&self) -> &Snapshot {
        self.generation.snapshot()
    }

    /// True if the connection can go on after a complete exchange.
    pub(super) fn wants_to_keep(&self) -> bool {
        let parsed = self.request.parsed;
        parsed.version() == Version::Http11
            && parsed.keeps_alive()
            && self.client.guest.leaving().is_none()
    }
}

/// Carries a decision out. Gives the storage of `lines` back to `shelf`.
async fn act<I: Io>(
    asked: &Asked<'_, I>,
    (lines, shelf): (Vec<Line<'_>>, &mut LineShelf),
    body: &mut Body<'_>,
    out: &mut Out,
) -> After {
    if let Some(delay) = asked.decision.delay {
        let (progress, mut timer) = (Progress::default(), Timer::default());
        let mut beside = Beside::between(asked.client, body.split().1, &progress, &mut timer);
        if beside.run(sleep(delay)).await.is_err() {
            asked.client.count_gone();
            return After::Close;
        }
    }
    if let Verdict::Forward { forward, destination } = asked.decision.verdict {
        let course = Course { forward, destination };
        return forward::forward(asked, course, (lines, shelf), body, out).await;
    }
    let after = respond(asked, &lines, body, out).await;
    shelf.put(lines);
    after
}

/// Carries out a decision that needs no upstream.
async fn respond<I: Io>(
    asked: &Asked<'_, I>,
    lines: &[Line<'_>],
    body: &Body<'_>,
    out: &mut Out,
) -> After {
    let answer = match &asked.decision.verdict {
        Verdict::Redirect { status, location } => Answer::redirect(*status, location),
        Verdict::Respond(direct) => {
            Answer { status: direct.status, body: Cow::Borrowed(&direct.body), ..Answer::default() }
        }
        Verdict::Preflight { .. } => Answer { status: 200, plain: true, ..Answer::default() },
        Verdict::Abort(abort) => Answer::abort(abort),
        Verdict::Reject(reason) => {
            let mut answer = Answer::to(*reason, 0);
            // What follows a CONNECT is no HTTP.
            answer.close |= asked.request.method() == Method::Connect;
            answer
        }
        // Forwarded by the caller.
        Verdict::Forward { .. } => return After::Close,
    };
    settle(asked, lines, answer, body.is_done(), out).await
}

/// Sends an answer of the gateway's own, and says what becomes of the connection.
pub(super) async fn settle<I: Io>(
    asked: &Asked<'_, I>,
    lines: &[Line<'_>],
    answer: Answer<'_>,
    body_done: bool,
    out: &mut Out,
) -> After {
    let lingers = !body_done || answer.close;
    let keep = body_done && asked.wants_to_keep();
    match respond::answer(asked, lines, answer, keep, out).await {
        Ok(true) => After::Keep,
        Ok(false) if lingers => After::Linger,
        Ok(false) | Err(_) => After::Close,
    }
}
