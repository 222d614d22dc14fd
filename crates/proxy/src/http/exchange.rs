//! One request from its head to what becomes of its connection: admitted, decided, acted upon.
//! It holds one generation of the configuration from here to the last byte.

use std::borrow::Cow;
use std::cell::OnceCell;

use propylon_snapshot::{CorsReply, Decision, Head, Line, Reason, RouteTableId, Scheme, Verdict};
use tokio::time::sleep;

use super::asked::{Asked, Course};
use super::beside::{Beside, Timer};
use super::caller::Caller;
use super::desk::{Out, Sheets};
use super::downstream::{After, Downstream, Progress, RequestBody};
use super::edge::{self, Admitted};
use super::forward;
use super::grpc_web::{Translated, TranslatedBody, Translation};
use super::incoming::Incoming;
use super::request::Request;
use super::respond::{Answer, settle};
use crate::http1::{LineShelf, Method};
use crate::upstream::Generation;

/// Answers one request, unless it is `refused` already for what its codec or its body says.
pub(super) async fn answer<D: Downstream>(
    down: &D,
    head: &impl Incoming,
    refused: Option<Reason>,
    body: &mut D::Body<'_>,
    sheets: &mut Sheets,
) -> After {
    let caller = down.caller();
    let began = caller.worker.clock.now();
    let (generation, table) = caller.current();
    let snapshot = generation.snapshot();
    let Sheets { request_lines, marks, out } = sheets;
    let admitted = match refused {
        None => edge::admit(head, &snapshot.http),
        Some(reason) => Err(reason),
    };
    let (admitted, refused) = match admitted {
        Ok(admitted) => (admitted, None),
        Err(reason) => {
            let path = Cow::Borrowed(head.path());
            (Admitted { path, websocket: false }, Some(reason))
        }
    };
    let over = if caller.secured.is_some() { Scheme::Https } else { Scheme::Http };
    // A sidecar does not tell others about its workload: it is no edge of the mesh.
    let peer = caller.peer.filter(|_| caller.guest.aim().is_none());
    let certificate = caller.secured.as_ref().and_then(|secured| secured.client.as_deref());
    marks.make(head, (peer, certificate), &snapshot.http, over);
    let mut lines = request_lines.take();
    marks.fill(head, &snapshot.http, certificate, &mut lines);
    let mut request = Request {
        protocol: head.protocol(),
        method: head.method(),
        authority: head.authority(),
        path: &admitted.path,
        query: head.query(),
        target: OnceCell::new(),
        scheme: marks.scheme(),
        client: marks.client(),
        keeps_alive: head.keeps_alive(),
        framing: head.framing_line(),
        websocket: admitted.websocket,
        grpc: false,
        grpc_web: false,
        began,
    };
    let seen = request.head(&lines);
    let grpc = seen.is_grpc();
    let table = refused.map_or_else(|| at(caller, &generation, table, &seen), Err);
    let decision = match table {
        Ok(table) => snapshot.decide(table, &seen, &mut |sides| fastrand::u32(..sides.max(1))),
        Err(reason) => rejected(reason),
    };
    request.grpc = grpc;
    if table.is_ok_and(|table| snapshot.table(table).grpc_web)
        && !request.websocket
        && let Some(translation) = Translation::of(&lines)
    {
        request.grpc = true;
        request.grpc_web = true;
        request.framing = Translation::framing(request.framing);
        let asked = Asked { down, generation: &generation, request: &request, decision: &decision };
        // Boxed: not to be carried by every request.
        return Box::pin(translate(translation, &asked, (lines, request_lines), body, out)).await;
    }
    let asked = Asked { down, generation: &generation, request: &request, decision: &decision };
    act(&asked, (lines, request_lines), body, out).await
}

/// The routes that a request is decided by.
fn at(
    caller: &Caller,
    generation: &Generation,
    table: RouteTableId,
    head: &Head<'_>,
) -> Result<RouteTableId, Reason> {
    if caller.guest.aim().is_some() {
        return caller.table_asked(generation, table, head.authority);
    }
    caller.table_for(generation, table, head.authority)
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

/// Carries out a decision about a request in gRPC-Web.
async fn translate<D: Downstream>(
    translation: Translation,
    asked: &Asked<'_, D>,
    (mut lines, shelf): (Vec<Line<'_>>, &mut LineShelf),
    body: &mut D::Body<'_>,
    out: &mut Out,
) -> After {
    let Asked { down, generation, request, decision } = *asked;
    Translation::apply(&mut lines);
    let down = Translated::new(down, translation, request.method == Method::Head);
    let asked = Asked { down: &down, generation, request, decision };
    let is_done = body.is_done();
    match TranslatedBody::new(translation, body, request.framing) {
        Ok(mut body) => act(&asked, (lines, shelf), &mut body, out).await,
        Err(_) => {
            let answer = Answer::to(Reason::BadGrpcWeb, 0);
            let after = settle(&asked, &lines, answer, is_done, out).await;
            shelf.put(lines);
            after
        }
    }
}

/// Carries a decision out. Gives the storage of `lines` back to `shelf`.
async fn act<D: Downstream>(
    asked: &Asked<'_, D>,
    (lines, shelf): (Vec<Line<'_>>, &mut LineShelf),
    body: &mut D::Body<'_>,
    out: &mut Out,
) -> After {
    if let Some(delay) = asked.decision.delay {
        let (progress, mut timer) = (Progress::default(), Timer::default());
        let mut beside = Beside::between(asked.down, body, &progress, &mut timer);
        if beside.run(sleep(delay)).await.is_err() {
            asked.caller().count_gone();
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
async fn respond<D: Downstream>(
    asked: &Asked<'_, D>,
    lines: &[Line<'_>],
    body: &D::Body<'_>,
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
            answer.close |= asked.request.method == Method::Connect;
            answer
        }
        // Forwarded by the caller.
        Verdict::Forward { .. } => return After::Close,
    };
    settle(asked, lines, answer, body.is_done(), out).await
}
