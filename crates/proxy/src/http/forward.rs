//! Sending a request to an upstream: its head made ready once, then one try after another until one
//! is answered or none is left.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use propylon_snapshot::{Http2Settings, Line, PASSTHROUGH, Reason, Retry, Target, host_of};
use tokio::time::sleep;

use super::asked::{Asked, Course};
use super::attempt;
use super::beside::{Beside, Timer};
use super::desk::Out;
use super::downstream::{After, Downstream, Interrupt, Progress, RequestBody};
use super::end::End;
use super::forwarding::{Forwarding, http2_of};
use super::outbound::{self, Rewritten};
use super::respond::{Answer, settle};
use super::retry::{Tries, may_want_body};
use super::{limit, mirror, stream};
use crate::aim::Aim;
use crate::http1::LineShelf;
use crate::upstream::{LiveEndpoint, Outcome, Wanted};

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
        try_all(&forwarding, (course, http2.as_ref()), body, out).await
    } else {
        let copies = mirror::draw(asked, course, &rewritten, &lines);
        if body.is_done() {
            mirror::send(asked, (&copies, &rewritten), body);
            try_all(&forwarding, (course, http2.as_ref()), body, out).await
        } else {
            body.hold();
            let after = try_all(&forwarding, (course, http2.as_ref()), body, out).await;
            mirror::send(asked, (&copies, &rewritten), body);
            after
        }
    };
    shelf.put(lines);
    out.rendered_up = rendered;
    after
}

async fn try_all<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    (course, http2): (Course<'_>, Option<&Http2Settings>),
    body: &mut D::Body<'_>,
    out: &mut Out,
) -> After {
    let asked = forwarding.asked;
    let policy = course.forward.retry.as_ref();
    if policy.is_some_and(|policy| may_want_body(policy, asked.request.grpc, http2.is_some())) {
        body.hold();
    }
    let limit = limit::of(course.forward, asked.request.grpc, forwarding.lines);
    let mut timer = Timer::new(limit, per_try(policy));
    let mut tries = Tries::new(policy, Some(forwarding.cluster));
    let reason = loop {
        let endpoint = match choose(forwarding, course, &mut tries).await {
            Ok(endpoint) => endpoint,
            Err(reason) => break reason,
        };
        tries.begin();
        timer.begin_try();
        let beside = (&mut timer, &tries);
        let end = match http2 {
            None => attempt::attempt(forwarding, &endpoint, body, beside, out).await,
            Some(settings) => {
                let to = (&endpoint, *settings);
                Box::pin(stream::attempt(forwarding, to, body, beside, out)).await
            }
        };
        let next = match judge(forwarding, end, &endpoint, (&tries, body.is_replayable())) {
            Next::Again => {
                forwarding.cluster.counters().upstream_rq_retry.add(1);
                let wait = tries.follow(&endpoint);
                pause(forwarding, body, &mut timer, wait).await
            }
            next => next,
        };
        match next {
            Next::Done(after) => return after,
            Next::Answer(reason) => break reason,
            Next::Again => {}
        }
        let elapsed = asked.caller().worker.clock.now() - asked.request.began;
        let expected = limit::expected(limit, per_try(policy), elapsed);
        forwarding.expected.set(expected);
        outbound::renew(&mut out.up, tries.count() + 1, expected);
    };
    let answer = Answer::to(reason, tries.count());
    settle(asked, forwarding.lines, answer, body.is_done(), out).await
}

/// The limit of one try.
fn per_try(policy: Option<&Retry>) -> Option<Duration> {
    policy.and_then(|policy| policy.per_try_timeout)
}

/// The endpoint of the next try.
async fn choose<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    course: Course<'_>,
    tries: &mut Tries<'_>,
) -> Result<Rc<LiveEndpoint>, Reason> {
    let hash = forwarding.hashed.and_then(|hashed| hashed.hash);
    match tries.choose(forwarding.cluster, hash) {
        Some(endpoint) => Ok(endpoint),
        // Boxed: rarely needed, and not to be carried by every request.
        None => Box::pin(asked_for(forwarding, course, tries.tried())).await,
    }
}

/// The endpoint of the next try where whoever asks names it.
///
/// # Errors
/// There is none, or nothing that an explicit proxy may reach.
async fn asked_for<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    course: Course<'_>,
    tried: &[Rc<LiveEndpoint>],
) -> Result<Rc<LiveEndpoint>, Reason> {
    let Forwarding { asked, cluster, .. } = forwarding;
    let none = || {
        cluster.counters().upstream_cx_none_healthy.add(1);
        Reason::NoEndpoint
    };
    let settings = cluster.asked().ok_or_else(none)?;
    let rewritten = course.forward.authority.as_ref().or(course.destination.authority.as_ref());
    let authority = rewritten.map_or(asked.request.authority, |authority| &**authority);
    let meant = asked.caller().guest.aim().and_then(Aim::address);
    if meant.is_none() && forwarding.name == PASSTHROUGH {
        return Err(Reason::Undefined);
    }
    let wanted = Wanted { meant, name: Some(host_of(authority)) };
    let names = asked.generation.names();
    let found = cluster.endpoint_for(&settings, (names, wanted), tried).await;
    found.map_err(|why| {
        tracing::debug!(cluster = forwarding.name, %why, "no endpoint");
        none()
    })
}

/// What follows a try.
enum Next {
    /// Nothing: the client has its answer, or is not there any more.
    Done(After),
    /// The gateway answers itself.
    Answer(Reason),
    /// Another try.
    Again,
}

/// Says what follows the end of a try, and notes what it says of the endpoint.
fn judge<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    end: End,
    endpoint: &LiveEndpoint,
    (tries, is_replayable): (&Tries<'_>, bool),
) -> Next {
    let (reason, started) = match end {
        End::Done(after) => return Next::Done(after),
        End::Declined => return Next::Again,
        End::Failed { reason, started } => (reason, started),
        End::Interrupted(Interrupt::PerTryTimeout) => {
            endpoint.note(Outcome::Late);
            forwarding.cluster.counters().upstream_rq_per_try_timeout.add(1);
            (Reason::PerTryTimeout, true)
        }
        End::Interrupted(interrupt) => {
            if interrupt == Interrupt::Timeout {
                endpoint.note(Outcome::Late);
            }
            return give_up(forwarding, interrupt);
        }
    };
    match is_replayable && tries.may_follow_failure(reason, started) {
        true => Next::Again,
        false => Next::Answer(reason),
    }
}

/// What follows where a request cannot go on.
fn give_up<D: Downstream>(forwarding: &Forwarding<'_, D>, interrupt: Interrupt) -> Next {
    match interrupt {
        Interrupt::ClientGone => {
            forwarding.asked.caller().count_gone();
            Next::Done(After::Close)
        }
        Interrupt::BadBody(refusal) => Next::Answer(refusal.of_request()),
        Interrupt::BadText => Next::Answer(Reason::BadGrpcWeb),
        Interrupt::Timeout => {
            forwarding.cluster.counters().upstream_rq_timeout.add(1);
            Next::Answer(Reason::Timeout)
        }
        Interrupt::PerTryTimeout => Next::Answer(Reason::PerTryTimeout),
    }
}

/// Waits between two tries; the route's time goes on.
async fn pause<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    body: &D::Body<'_>,
    timer: &mut Timer,
    wait: Duration,
) -> Next {
    timer.end_try();
    let progress = Progress::default();
    let mut beside = Beside::between(forwarding.asked.down, body, &progress, timer);
    match beside.run(sleep(wait)).await {
        Ok(()) => Next::Again,
        Err(interrupt) => give_up(forwarding, interrupt),
    }
}
