//! One try of a request at one endpoint: a connection, the request, the response head. A kept
//! connection that turns out dead is replaced silently where nothing can have been processed.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::rc::Rc;

use propylon_snapshot::Reason;

use super::beside::{Beside, Timer};
use super::desk::Out;
use super::downstream::{Downstream, Progress, RequestBody};
use super::end::End;
use super::forwarding::Forwarding;
use super::relay::{self, Relayed};
use super::retry::{Tries, Verdict};
use super::upgrade;
use crate::buffers::Buffer;
use crate::http1::{Known, Parsed, ResponseHead, Upgrade};
use crate::io::{Io, read, readable};
use crate::limits::{INTERIM_RESPONSES_MAX, JOINED_BODY_BYTES_MAX};
use crate::tls::Purpose;
use crate::upstream::{Connection, LiveEndpoint, Outcome, status_of_grpc};

/// Why there is no response head, and whether anything came at all.
struct Broken {
    reason: Reason,
    silent: bool,
}

/// Tries once, and once more where a kept connection was dead already.
pub(super) async fn attempt<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    endpoint: &Rc<LiveEndpoint>,
    body: &mut D::Body<'_>,
    (timer, tries): (&mut Timer, &Tries<'_>),
    out: &mut Out,
) -> End {
    let ends = forwarding.asked.caller().ends();
    let kept = match endpoint.pooled(Purpose::Http1(forwarding.authority()), ends) {
        Ok(kept) => kept,
        Err(error) => return End::Failed { reason: error.reason(), started: false },
    };
    if let Some(kept) = kept {
        match exchange(forwarding, kept, body, (&mut *timer, tries), out).await {
            Once::Ended(end) => return end,
            Once::Stale => forwarding.asked.caller().worker.counters.replays.add(1),
        }
    }
    let fresh = match connect(forwarding, endpoint, body, timer).await {
        Ok(fresh) => fresh,
        Err(end) => return end,
    };
    match exchange(forwarding, fresh, body, (timer, tries), out).await {
        Once::Ended(end) => end,
        // Only kept connections are called stale.
        Once::Stale => End::Failed { reason: Reason::UpstreamReset, started: true },
    }
}

async fn connect<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    endpoint: &Rc<LiveEndpoint>,
    body: &mut D::Body<'_>,
    timer: &mut Timer,
) -> Result<Connection, End> {
    let limit = forwarding.cluster.connect_timeout();
    let progress = Progress::default();
    let mut beside = Beside::between(forwarding.asked.down, body, &progress, timer);
    // Boxed: a request that finds a connection does not carry along what making one needs.
    let purpose = Purpose::Http1(forwarding.authority());
    let ends = forwarding.asked.caller().ends();
    match beside.run(Box::pin(endpoint.connect(limit, (purpose, ends)))).await {
        Ok(Ok(fresh)) => {
            forwarding.cluster.counters().upstream_cx_http1_total.add(1);
            Ok(fresh)
        }
        Ok(Err(error)) => {
            tracing::debug!(cluster = forwarding.name, %error, "no connection");
            Err(End::Failed { reason: error.reason(), started: false })
        }
        Err(interrupt) => Err(End::Interrupted(interrupt)),
    }
}

/// How one connection served a try.
enum Once {
    Ended(End),
    /// It was dead before the request could have been processed.
    Stale,
}

async fn exchange<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    connection: Connection,
    body: &mut D::Body<'_>,
    (timer, tries): (&mut Timer, &Tries<'_>),
    out: &mut Out,
) -> Once {
    let down = forwarding.asked.down;
    let (sent, progress) = (Cell::new(0), Progress::default());
    let whole = body.is_done();
    let [first, held] = body.opening();
    let head_len = out.up.len();
    // Small bodies leave with their head as one slice.
    let joined = first.len() + held.len() <= JOINED_BODY_BYTES_MAX;
    if joined {
        out.up.extend_from_slice(first);
        out.up.extend_from_slice(held);
    }
    let mut parts = [&*out.up, first, held].map(IoSlice::new);
    let parts = if joined { &mut parts[..1] } else { &mut parts[..] };
    let mut beside = Beside::between(down, body, &progress, timer);
    let written = beside.run(send(connection.io(), parts, &sent)).await;
    drop(beside);
    out.up.truncate(head_len);
    match written {
        Ok(Ok(())) => {}
        Ok(Err(_)) if sent.get() == 0 && connection.reused() => return Once::Stale,
        // What the upstream said before it broke off may still be read.
        Ok(Err(_)) => progress.broken.set(true),
        Err(interrupt) => return Once::Ended(End::Interrupted(interrupt)),
    }
    let mut beside = if progress.broken.get() {
        Beside::between(down, body, &progress, timer)
    } else {
        Beside::new(down, connection.io(), body, &progress, timer)
    };
    let Out { response, down: text, .. } = &mut *out;
    let (buffer, head_len) = match beside
        .run(final_head(forwarding, connection.io(), &progress, (response, text)))
        .await
    {
        Ok(Ok(found)) => found,
        Ok(Err(broken)) => {
            // RFC 9110 section 9.2.2: what is idempotent may be sent again unasked, where the route
            // lets anything be. All of it must still be at hand.
            let idempotent = forwarding.asked.request.method.is_idempotent();
            let repeatable = whole && idempotent && tries.are_allowed();
            if connection.reused() && broken.silent && repeatable {
                return Once::Stale;
            }
            connection.endpoint().note(Outcome::Broke);
            forwarding.cluster.counters().upstream_rq_rx_reset.add(1);
            return Once::Ended(End::Failed { reason: broken.reason, started: sent.get() > 0 });
        }
        Err(interrupt) if progress.telling.get() => {
            return Once::Ended(End::amid(down, interrupt));
        }
        Err(interrupt) => return Once::Ended(End::Interrupted(interrupt)),
    };
    beside.timer().end_try();
    let found = noted(forwarding, connection.endpoint(), &out.response, (buffer, head_len));
    let (end, fate) = respond(forwarding, &connection, beside, found, (&mut *out, tries)).await;
    if fate == Fate::Release {
        if out.response.withholds_body(forwarding.asked.request.method) {
            connection.release_in_doubt();
        } else {
            connection.release();
        }
    }
    Once::Ended(end)
}

/// What becomes of an upstream connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It can carry another request.
    Release,
    /// It is closed.
    Close,
}

/// Writes all slices; `sent` counts bytes the kernel took even if it fails or is given up.
async fn send(io: &impl Io, mut parts: &mut [IoSlice<'_>], sent: &Cell<usize>) -> io::Result<()> {
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        let written = poll_fn(|cx| io.poll_write(cx, parts)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        sent.set(sent.get() + written);
        IoSlice::advance_slices(&mut parts, written);
    }
    poll_fn(|cx| io.poll_flush(cx)).await
}

/// Reads up to a final response head; relays interim ones on the way. Returns the buffer it is in,
/// at its start, and its length.
async fn final_head<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    upstream: &impl Io,
    progress: &Progress,
    (response, text): (&mut ResponseHead, &mut Vec<u8>),
) -> Result<(Buffer, usize), Broken> {
    // No buffer is held while the upstream thinks. An error shows again in the read below.
    let _ = readable(upstream).await;
    let buffers = &forwarding.asked.caller().worker.buffers;
    let mut buffer = buffers.small();
    response.restart();
    let mut silent = true;
    let mut interims = 0;
    let broken = 'reading: loop {
        match read(upstream, buffer.free_mut()).await {
            Ok(got) if got > 0 => buffer.fill(got),
            _ => break Reason::UpstreamReset,
        }
        silent = false;
        let parsed = loop {
            match response.parse(buffer.filled_mut()) {
                Ok(Parsed::Complete { head_len }) if response.is_interim() => {
                    interims += 1;
                    if interims > INTERIM_RESPONSES_MAX {
                        break 'reading Reason::UpstreamProtocol;
                    }
                    progress.telling.set(true);
                    let lines = response.lines().forwarded(buffer.filled()).map(|line| line.line);
                    forwarding.asked.down.interim(response.status(), lines, text).await;
                    progress.telling.set(false);
                    buffer.consume(head_len);
                    if buffer.is_empty() {
                        break Ok(Parsed::NeedMore);
                    }
                }
                parsed => break parsed,
            }
        };
        match parsed {
            Ok(Parsed::Complete { head_len }) => return Ok((buffer, head_len)),
            Ok(Parsed::NeedMore) => buffer.make_room(buffers),
            Err(refusal) => break refusal.of_response(),
        }
    };
    buffers.give_back(buffer);
    Err(Broken { reason: broken, silent })
}

/// Deals with a final response head: tried again, switched protocols, or relayed.
async fn respond<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    connection: &Connection,
    mut beside: Beside<'_, '_, D>,
    (buffer, head_len): (Buffer, usize),
    (out, tries): (&mut Out, &Tries<'_>),
) -> (End, Fate) {
    let asked = forwarding.asked;
    let buffers = &asked.caller().worker.buffers;
    let response = &out.response;
    let status = response.status();
    forwarding.cluster.counters().count_status(status);
    let verdict = verdict(response, buffer.filled());
    if tries.declines(verdict) && !beside.progress().lost.get() {
        let whole = relay::is_whole(response, asked.request.method, &buffer, head_len);
        buffers.give_back(buffer);
        return (End::Declined, Fate::of(whole && beside.progress().is_clean()));
    }
    if status == 101 {
        if !asked.request.websocket || response.upgrade() != Upgrade::WebSocket {
            buffers.give_back(buffer);
            let end = End::Failed { reason: Reason::UpstreamProtocol, started: true };
            return (end, Fate::Close);
        }
        let after = upgrade::tunnel(forwarding, connection, beside, (buffer, head_len), out).await;
        return (End::Done(after), Fate::Close);
    }
    let course = relay::Course { connection, tries: tries.count() };
    let io = connection.io();
    let relayed =
        relay::relay(forwarding, io, &mut beside, (buffer, head_len), (out, course)).await;
    match relayed {
        Relayed::Bad(reason) => (End::Failed { reason, started: true }, Fate::Close),
        Relayed::Cut => (End::cut(asked.down), Fate::Close),
        Relayed::Gone => (End::gone(asked.down), Fate::Close),
        Relayed::Whole { reusable, keep } => {
            let fate = Fate::of(reusable && beside.progress().is_clean());
            (End::whole(keep, beside.progress()), fate)
        }
    }
}

impl Fate {
    fn of(reusable: bool) -> Self {
        if reusable { Self::Release } else { Self::Close }
    }
}

/// Notes what a response head says about its endpoint. The head is handed through, so that the
/// request need not keep a place for it.
fn noted<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    endpoint: &LiveEndpoint,
    response: &ResponseHead,
    found: (Buffer, usize),
) -> (Buffer, usize) {
    let grpc = forwarding.asked.request.grpc;
    let told = verdict(response, found.0.filled()).grpc_status.filter(|_| grpc);
    let status = told.map_or(response.status(), status_of_grpc);
    endpoint.note(Outcome::Answered(status));
    found
}

fn verdict(response: &ResponseHead, head: &[u8]) -> Verdict {
    let lines = response.lines();
    let grpc_status = lines.value(head, Known::GrpcStatus);
    Verdict {
        status: response.status(),
        grpc_status: grpc_status.and_then(|text| str::from_utf8(text).ok()?.parse().ok()),
        ratelimited: lines.value(head, Known::XEnvoyRatelimited).is_some(),
    }
}
