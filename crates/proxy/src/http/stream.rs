//! One try of a request at an endpoint that speaks HTTP/2: a place in a connection, a stream, the
//! response. What a connection that was going away did not take on is sent again on another one.

mod tunnel;

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::ResponseFuture;
use http::{HeaderMap, Response, header};
use propylon_snapshot::{Http2Settings, Line, Reason};

use super::beside::{Beside, Timer};
use super::desk::Out;
use super::downstream::{Content, Downstream, Progress, RequestBody, Stop};
use super::end::End;
use super::forwarding::Forwarding;
use super::incoming::Protocol;
use super::outbound::{self, Renewed};
use super::relay::{self, Answered};
use super::retry::{Tries, Verdict};
use super::view::UpstreamSpeaks;
use crate::http1::{FramingLine, HEAD_LINES_MAX, Method};
use crate::http2::{Arrived, Ending};
use crate::limits::{INTERIM_RESPONSES_MAX, JOINED_BODY_BYTES_MAX};
use crate::upstream::{LiveEndpoint, Outcome, Place, is_leaving, reason_of, status_of_grpc};

/// Connections that a request may meet going away before that counts as a failure.
const LEAVING_MAX: u32 = 3;

/// Tries, and again where a connection took nothing of the request on.
pub(super) async fn attempt<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    (endpoint, settings): (&Rc<LiveEndpoint>, Http2Settings),
    body: &mut D::Body<'_>,
    (timer, tries): (&mut Timer, &Tries<'_>),
    out: &mut Out,
) -> End {
    let mut stale = 0;
    loop {
        let place = match place(forwarding, (endpoint, settings), body, timer).await {
            Ok(place) => place,
            Err(end) => return end,
        };
        match exchange(forwarding, &place, body, (&mut *timer, tries), out).await {
            Once::Ended(end) => return end,
            Once::Stale { most, .. } if stale < most => {
                stale += 1;
                forwarding.asked.caller().worker.counters.replays.add(1);
            }
            Once::Stale { reason, .. } => return End::Failed { reason, started: true },
        }
    }
}

async fn place<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    (endpoint, settings): (&Rc<LiveEndpoint>, Http2Settings),
    body: &D::Body<'_>,
    timer: &mut Timer,
) -> Result<Place, End> {
    let limit = forwarding.cluster.connect_timeout();
    let progress = Progress::default();
    let mut beside = Beside::between(forwarding.asked.down, body, &progress, timer);
    let websocket = forwarding.asked.request.websocket;
    let client = (Some(forwarding.authority()), forwarding.asked.caller().ends());
    let found = async {
        let place = endpoint.place(settings, limit, client).await?;
        if websocket {
            place.settled().await;
        }
        Ok(place)
    };
    match beside.run(found).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(reason)) => Err(End::Failed { reason, started: false }),
        Err(interrupt) => Err(End::Interrupted(interrupt)),
    }
}

/// How one connection served a try.
enum Once {
    Ended(End),
    /// It took nothing of the request on.
    Stale {
        /// Why.
        reason: Reason,
        /// How often a request may meet this.
        most: u32,
    },
}

async fn exchange<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    place: &Place,
    body: &mut D::Body<'_>,
    (timer, tries): (&mut Timer, &Tries<'_>),
    out: &mut Out,
) -> Once {
    let down = forwarding.asked.down;
    let websocket = forwarding.asked.request.websocket;
    let renewed = Renewed::new(tries.count(), forwarding.expected.get());
    let lines = match tries.count() {
        0 | 1 => Cow::Borrowed(forwarding.lines),
        _ => Cow::Owned(renewed.apply(forwarding.lines)),
    };
    let request = outbound::http2::request(forwarding.asked.request, forwarding.rewritten, &lines);
    let whole = body.whole(JOINED_BODY_BYTES_MAX).filter(|_| !websocket);
    let ends = whole.as_ref().is_some_and(Bytes::is_empty);
    let Ok((mut response, mut stream)) = place.open(request, ends) else {
        return Once::Stale { reason: Reason::StreamRefused, most: LEAVING_MAX };
    };
    let progress = Progress::default();
    let replayable = body.is_replayable();
    let mut tunnel = None;
    let mut beside = match whole {
        Some(content) => {
            if !ends && stream.send_data(content, true).is_err() {
                progress.broken.set(true);
            }
            Beside::between(down, body, &progress, timer)
        }
        // What a client sends behind its handshake waits for the tunnel.
        None if websocket => {
            tunnel = Some(stream);
            Beside::between(down, body, &progress, timer)
        }
        None => Beside::on_stream(down, &mut stream, body, &progress, timer),
    };
    let head = beside.run(final_head(forwarding, &mut response, &progress, &mut out.down)).await;
    let response = match head {
        Ok(Ok(response)) => response,
        Ok(Err(broken)) => {
            let reason = broken.reason;
            let repeatable = replayable && !progress.lost.get();
            if let (true, Some(most)) = (repeatable, broken.replays(forwarding, place, tries)) {
                return Once::Stale { reason, most };
            }
            place.endpoint().note(Outcome::Broke);
            forwarding.cluster.counters().upstream_rq_rx_reset.add(1);
            return Once::Ended(End::Failed { reason, started: true });
        }
        Err(interrupt) => {
            forwarding.cluster.counters().upstream_rq_tx_reset.add(1);
            let telling = progress.telling.get();
            let end = match telling {
                true => End::amid(down, interrupt),
                false => End::Interrupted(interrupt),
            };
            return Once::Ended(end);
        }
    };
    beside.timer().end_try();
    place.endpoint().note(outcome(forwarding, &response));
    if let (Some(stream), true) = (tunnel, response.status().is_success()) {
        let status = response.status().as_u16();
        forwarding.cluster.counters().count_status(status);
        let answered = answered(place, status, tries);
        let ends = (stream, response);
        let after = tunnel::join(forwarding, answered, beside, ends, out).await;
        return Once::Ended(End::Done(after));
    }
    Once::Ended(respond(forwarding, place, beside, response, (out, tries)).await)
}

/// What a response head says about its endpoint.
fn outcome<D: Downstream, B>(
    forwarding: &Forwarding<'_, D>,
    response: &http::Response<B>,
) -> Outcome {
    let grpc = response.headers().get("grpc-status").filter(|_| forwarding.asked.request.grpc);
    let status = grpc.and_then(|value| value.to_str().ok()?.parse().ok()).map(status_of_grpc);
    Outcome::Answered(status.unwrap_or(response.status().as_u16()))
}

/// Why there is no response head.
struct Broken {
    reason: Reason,
    /// Nothing came at all.
    silent: bool,
    /// The connection was going away and took nothing of the request on.
    left: bool,
}

impl Broken {
    fn protocol(reason: Reason) -> Self {
        Self { reason, silent: false, left: false }
    }

    /// How often a request may be sent again unasked after this, if at all: where the upstream
    /// says that it did nothing of it (RFC 9113 section 8.7), or may never have seen it. A refusal
    /// on a connection that stays is the retry policy's business, if it has any.
    fn replays<D: Downstream>(
        &self,
        forwarding: &Forwarding<'_, D>,
        place: &Place,
        tries: &Tries<'_>,
    ) -> Option<u32> {
        let idempotent = forwarding.asked.request.method.is_idempotent();
        match self.reason {
            Reason::StreamRefused if self.left => Some(LEAVING_MAX),
            Reason::StreamRefused => (!tries.retries(self.reason)).then_some(1),
            // RFC 9110 section 9.2.2.
            Reason::UpstreamReset => {
                let lost = place.reused() && self.silent;
                (lost && idempotent && tries.are_allowed()).then_some(1)
            }
            _ => None,
        }
    }
}

/// Waits for a final response head; passes interim ones on.
async fn final_head<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    response: &mut ResponseFuture,
    progress: &Progress,
    text: &mut Vec<u8>,
) -> Result<Response<RecvStream>, Broken> {
    let mut interims = 0;
    loop {
        let interim = match next_head(response).await {
            Ok(Next::Final(response)) if response.headers().len() > HEAD_LINES_MAX => {
                return Err(Broken::protocol(Reason::UpstreamHeadTooLarge));
            }
            Ok(Next::Final(response)) => return Ok(response),
            Ok(Next::Interim(interim)) => interim,
            Err(error) => {
                tracing::debug!(cluster = forwarding.name, %error, "no response");
                let (reason, left) = (reason_of(&error), is_leaving(&error));
                return Err(Broken { reason, silent: interims == 0, left });
            }
        };
        interims += 1;
        // HTTP/2 has no 101 (RFC 9113 section 8.6).
        if interims > INTERIM_RESPONSES_MAX || interim.status() == 101 {
            return Err(Broken::protocol(Reason::UpstreamProtocol));
        }
        progress.telling.set(true);
        let status = interim.status().as_u16();
        forwarding.asked.down.interim(status, lines(interim.headers()), text).await;
        progress.telling.set(false);
    }
}

/// A response head.
enum Next {
    Interim(Response<()>),
    Final(Response<RecvStream>),
}

async fn next_head(response: &mut ResponseFuture) -> Result<Next, h2::Error> {
    poll_fn(|cx| {
        if let Poll::Ready(Some(interim)) = response.poll_informational(cx) {
            return Poll::Ready(interim.map(Next::Interim));
        }
        Pin::new(&mut *response).poll(cx).map_ok(Next::Final)
    })
    .await
}

/// The lines of a header map.
fn lines(headers: &HeaderMap) -> impl Iterator<Item = Line<'_>> {
    headers.iter().map(|(name, value)| Line { name: name.as_str(), value: value.as_bytes() })
}

/// Deals with a final response head: tried again, joined as a tunnel, or relayed.
async fn respond<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    place: &Place,
    mut beside: Beside<'_, '_, D>,
    response: Response<RecvStream>,
    (out, tries): (&mut Out, &Tries<'_>),
) -> End {
    let status = response.status().as_u16();
    forwarding.cluster.counters().count_status(status);
    if tries.declines(verdict(&response)) && !beside.progress().lost.get() {
        return End::Declined;
    }
    beside.progress().settled.set(true);
    // A refused handshake: Envoy passes the head on and closes.
    let headless = forwarding.asked.request.websocket;
    let finished = beside.progress().finished.get();
    let (head, body) = response.into_parts();
    let framing = match headless {
        true => FramingLine::Length(0),
        false => framing(forwarding, status, &head.headers, body.is_end_stream()),
    };
    let keep = forwarding.asked.wants_to_keep(framing) && finished && !headless;
    let answered = answered(place, status, tries);
    relay::begin(forwarding, &answered, lines(&head.headers), (framing, keep), out.page().1);
    let asked_for_head = forwarding.asked.request.method == Method::Head;
    let bodiless = headless || asked_for_head || matches!(status, 204 | 304);
    let mut downward = Downward { forwarding, beside: &mut beside, framing, bodiless };
    let poured = downward.pour_all(body, &mut out.down).await;
    match poured {
        Ok(()) => End::whole(keep, beside.progress()),
        Err(Stop::Gone) => {
            forwarding.cluster.counters().upstream_rq_tx_reset.add(1);
            End::gone(forwarding.asked.down)
        }
        Err(Stop::Cut) => End::cut(forwarding.asked.down),
    }
}

fn answered<'p>(place: &'p Place, status: u16, tries: &Tries<'_>) -> Answered<'p> {
    Answered {
        status,
        protocol: UpstreamSpeaks::Http2,
        endpoint: place.endpoint(),
        local: place.local(),
        tries: tries.count(),
    }
}

fn verdict(response: &Response<RecvStream>) -> Verdict {
    let headers = response.headers();
    let grpc_status = headers.get("grpc-status").and_then(|value| value.to_str().ok());
    Verdict {
        status: response.status().as_u16(),
        grpc_status: grpc_status.and_then(|text| text.parse().ok()),
        ratelimited: headers.contains_key("x-envoy-ratelimited"),
    }
}

/// How the client is told of the body's length.
fn framing<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    status: u16,
    headers: &HeaderMap,
    ended: bool,
) -> FramingLine {
    let request = forwarding.asked.request;
    if status == 204 {
        return FramingLine::None;
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match announced.and_then(|text| text.parse().ok()) {
        Some(length) => FramingLine::Length(length),
        None if status == 304 => FramingLine::None,
        None if ended && request.protocol.is_http2() => FramingLine::None,
        None if ended && request.method != Method::Head => FramingLine::Length(0),
        None if request.protocol == Protocol::Http10 => FramingLine::None,
        None => FramingLine::Chunked,
    }
}

/// A body on its way down.
struct Downward<'d, 's, 'b, D: Downstream> {
    forwarding: &'d Forwarding<'d, D>,
    beside: &'d mut Beside<'s, 'b, D>,
    framing: FramingLine,
    /// The client expects no content.
    bodiless: bool,
}

impl<D: Downstream> Downward<'_, '_, '_, D> {
    /// Writes the head in `text` with what is there of the body, then everything that follows, at
    /// the client's pace: the upstream may send more when the client has taken some.
    async fn pour_all(&mut self, mut body: RecvStream, text: &mut Vec<u8>) -> Result<(), Stop> {
        let down = self.forwarding.asked.down;
        let mut arrived = Arrived::default();
        let mut parts = Vec::new();
        // The head leaves without waiting for content.
        let mut waits = false;
        loop {
            let ending = if self.bodiless {
                Some(Ending::Plain)
            } else {
                self.beside.run(arrived.next(&mut body, &mut parts, waits)).await?
            };
            let trailers = match &ending {
                Some(Ending::Broken(error)) => {
                    tracing::debug!(cluster = self.forwarding.name, %error, "response broken off");
                    return Err(Stop::Cut);
                }
                Some(Ending::Trailers(trailers)) => Some(trailers),
                Some(Ending::Plain) | None => None,
            };
            let content = Content { parts: &parts, ends: ending.is_some(), trailers };
            let told = down.data(text, self.framing, content);
            if ending.is_some() {
                return self.beside.run(told).await?;
            }
            self.beside.run(arrived.meanwhile(&mut body, told)).await??;
            waits = true;
            let taken = parts.drain(..).map(|part: Bytes| part.len()).sum();
            let _ = body.flow_control().release_capacity(taken);
        }
    }
}
