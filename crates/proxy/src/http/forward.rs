//! Sending a request to an upstream: its head made ready once, then one try after another until one
//! is answered or none is left.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use propylon_snapshot::{
    Destination, Forward, Http2Settings, Line, Reason, Target, UpstreamProtocol,
};
use tokio::time::sleep;

use super::attempt::{self, End};
use super::beside::{Beside, Interrupt, Timer};
use super::desk::Out;
use super::downstream::{Downstream, Progress, RequestBody};
use super::exchange::{After, Asked, settle};
use super::incoming::Protocol;
use super::outbound::{self, Rewritten};
use super::respond::Answer;
use super::retry::{Tries, may_want_body};
use super::{limit, mirror, stream};
use crate::balance::Hashed;
use crate::http1::LineShelf;
use crate::upstream::{LiveCluster, Outcome};

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course<'s> {
    /// The rule's forwarding part.
    pub(super) forward: &'s Forward,
    /// The destination drawn.
    pub(super) destination: &'s Destination,
}

/// A request on its way up.
pub(super) struct Forwarding<'x, D> {
    /// What was asked and decided.
    pub(super) asked: &'x Asked<'x, D>,
    /// The cluster; the same for all tries.
    pub(super) cluster: &'x Rc<LiveCluster>,
    /// Its name.
    pub(super) name: &'x str,
    /// The lines that go up.
    pub(super) lines: &'x [Line<'x>],
    /// Authority and path that go up.
    pub(super) rewritten: &'x Rewritten<'x>,
    /// Milliseconds that the upstream of a further try is told it has.
    pub(super) expected: Cell<Option<u64>>,
    /// What chooses its endpoint, where a hash does.
    pub(super) hashed: Option<&'x Hashed>,
}

/// Forwards a request and relays the answer. Gives the storage of `lines` back to `shelf`.
pub(super) async fn forward<D: Downstream>(
    asked: &Asked<'_, D>,
    course: Course<'_>,
    (lines, shelf): (Vec<Line<'_>>, &mut LineShelf),
    body: &mut D::Body<'_>,
    out: &mut Out,
) -> After {
    let Target::Cluster(id) = course.destination.target else {
        // `decide` rejects these; the answer is the same.
        let answer = Answer::to(Reason::NoCluster, 0);
        return settle(asked, &lines, answer, body.is_done(), out).await;
    };
    let cluster = asked.generation.cluster(id);
    let name = &*asked.snapshot().cluster(id).name;
    let rewritten = Rewritten::of(asked, course, &lines);
    let mut rendered = std::mem::take(&mut out.rendered_up);
    let mut lines = lines;
    outbound::mark(asked, &rewritten, &mut lines);
    outbound::edit(asked, course, name, &mut rendered, &mut lines);
    let http2 = http2_of(cluster.protocol(), asked.request.protocol);
    if http2.is_none() {
        outbound::write_head(asked.request, &rewritten, &lines, &mut out.up);
    }
    let hashed =
        cluster.wants_hash().then(|| Box::new(outbound::hash(asked, course, &rewritten, &lines)));
    let forwarding = Forwarding {
        asked,
        cluster,
        name,
        lines: &lines,
        rewritten: &rewritten,
        expected: Cell::default(),
        hashed: hashed.as_deref(),
    };
    let after = if course.forward.mirrors.is_empty() {
        try_all(&forwarding, (course, http2), body, out).await
    } else {
        let copies = mirror::draw(asked, course, &rewritten, &lines);
        if body.is_done() {
            mirror::send(asked, &copies, body);
            try_all(&forwarding, (course, http2), body, out).await
        } else {
            body.hold();
            let after = try_all(&forwarding, (course, http2), body, out).await;
            mirror::send(asked, &copies, body);
            after
        }
    };
    shelf.put(lines);
    out.rendered_up = rendered;
    after
}

/// What HTTP/2 is spoken to the endpoints in, if that is spoken for such a client.
pub(super) fn http2_of(upstream: UpstreamProtocol, client: Protocol) -> Option<Http2Settings> {
    match upstream {
        UpstreamProtocol::Http1 => None,
        UpstreamProtocol::Http2(settings) => Some(settings),
        UpstreamProtocol::AsClient(settings) => client.is_http2().then_some(settings),
    }
}

async fn try_all<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    (course, http2): (Course<'_>, Option<Http2Settings>),
    body: &mut D::Body<'_>,
    out: &mut Out,
) -> After {
    let asked = forwarding.asked;
    let policy = course.forward.retry.as_ref();
    if policy.is_some_and(|policy| may_want_body(policy, asked.request.grpc, http2.is_some())) {
        body.hold();
    }
    let per_try = policy.and_then(|policy| policy.per_try_timeout);
    let limit = limit::of(course.forward, asked.request.grpc, forwarding.lines);
    let mut timer = Timer::new(limit, per_try);
    let mut tries = Tries::new(policy, Some(forwarding.cluster));
    let counters = forwarding.cluster.counters();
    let reason = loop {
        let Some(endpoint) = forwarding
            .cluster
            .choose(forwarding.hashed.and_then(|hashed| hashed.hash), tries.tried())
        else {
            counters.upstream_cx_none_healthy.add(1);
            break Reason::NoEndpoint;
        };
        tries.begin();
        timer.begin_try();
        let beside = (&mut timer, &tries);
        let end = match http2 {
            None => attempt::attempt(forwarding, &endpoint, body, beside, out).await,
            Some(settings) => {
                let to = (&endpoint, settings);
                Box::pin(stream::attempt(forwarding, to, body, beside, out)).await
            }
        };
        if matches!(end, End::Interrupted(Interrupt::PerTryTimeout | Interrupt::Timeout)) {
            endpoint.note(Outcome::Late);
        }
        let failed = match end {
            End::Done(after) => return after,
            End::Declined => None,
            End::Failed { reason, started } => Some((reason, started)),
            End::Interrupted(Interrupt::PerTryTimeout) => {
                counters.upstream_rq_per_try_timeout.add(1);
                Some((Reason::PerTryTimeout, true))
            }
            End::Interrupted(interrupt) => match give_up(forwarding, interrupt) {
                Some(reason) => break reason,
                None => return After::Close,
            },
        };
        if let Some((reason, started)) = failed
            && (!tries.may_follow_failure(reason, started) || !body.is_replayable())
        {
            break reason;
        }
        counters.upstream_rq_retry.add(1);
        let wait = tries.follow(&endpoint);
        if let Err(interrupt) = pause(forwarding, body, &mut timer, wait).await {
            match give_up(forwarding, interrupt) {
                Some(reason) => break reason,
                None => return After::Close,
            }
        }
        let elapsed = asked.caller().worker.clock.now() - asked.request.began;
        let expected = limit::expected(limit, per_try, elapsed);
        forwarding.expected.set(expected);
        outbound::renew(&mut out.up, tries.count() + 1, expected);
    };
    let answer = Answer::to(reason, tries.count());
    settle(asked, forwarding.lines, answer, body.is_done(), out).await
}

/// What the client is told when a request cannot go on; `None` if it is not there any more.
fn give_up<D: Downstream>(forwarding: &Forwarding<'_, D>, interrupt: Interrupt) -> Option<Reason> {
    match interrupt {
        Interrupt::ClientGone => {
            forwarding.asked.caller().count_gone();
            None
        }
        Interrupt::BadBody(refusal) => Some(refusal.of_request()),
        Interrupt::Timeout => {
            forwarding.cluster.counters().upstream_rq_timeout.add(1);
            Some(Reason::Timeout)
        }
        Interrupt::PerTryTimeout => Some(Reason::PerTryTimeout),
    }
}

/// Waits between two tries; the route's time goes on.
async fn pause<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    body: &D::Body<'_>,
    timer: &mut Timer,
    wait: Duration,
) -> Result<(), Interrupt> {
    timer.end_try();
    let progress = Progress::default();
    Beside::between(forwarding.asked.down, body, &progress, timer).run(sleep(wait)).await
}
