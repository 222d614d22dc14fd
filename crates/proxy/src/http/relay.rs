//! The response on its way down: head rewritten, body passed on as it comes, with the client's pace
//! as the only pace. A response that was cut never looks whole.

use std::net::SocketAddr;

use propylon_snapshot::{Address, Line, Reason};

use super::beside::Beside;
use super::desk::{Out, Page};
use super::downstream::{Downstream, Frame, Interrupt, Stop};
use super::forwarding::Forwarding;
use super::incoming::Protocol;
use super::reply;
use super::view::{UpstreamSpeaks, View};
use crate::buffers::Buffer;
use crate::http1::emit::write_decimal;
use crate::http1::{Framing, FramingLine, Method, Refusal, ResponseHead};
use crate::io::{Io, read, readable};
use crate::limits::SMALL_BUFFER_BYTES;
use crate::upstream::{Connection, LiveEndpoint};

/// How a response came through.
pub(super) enum Relayed {
    /// It is malformed, and the client has seen nothing of it.
    Bad(Reason),
    /// It broke off or took too long after its head was passed on.
    Cut,
    /// The client went away.
    Gone,
    /// To its end.
    Whole {
        /// The upstream's connection can carry another request.
        reusable: bool,
        /// The client's can, too.
        keep: bool,
    },
}

/// Where the response comes from.
#[derive(Clone, Copy)]
pub(super) struct Course<'c> {
    /// The connection.
    pub(super) connection: &'c Connection,
    /// Tries so far.
    pub(super) tries: u32,
}

/// What is left of a body fits a small buffer.
const SMALL: u64 = SMALL_BUFFER_BYTES as u64;

/// True if a response lies in the buffer to its last byte with nothing behind it, and its
/// connection can carry another request.
pub(super) fn is_whole(
    response: &ResponseHead,
    asked: Method,
    buffer: &Buffer,
    head_len: usize,
) -> bool {
    let behind = &buffer.filled()[head_len..];
    let taken = response.framing(asked).take(behind);
    response.is_reusable(asked)
        && taken.is_ok_and(|taken| taken.done && taken.consumed == behind.len())
}

/// Relays a response whose head is at the start of the buffer.
pub(super) async fn relay<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    upstream: &impl Io,
    beside: &mut Beside<'_, '_, D>,
    (mut buffer, head_len): (Buffer, usize),
    (out, course): (&mut Out, Course<'_>),
) -> Relayed {
    let request = forwarding.asked.request;
    let buffers = &forwarding.asked.caller().worker.buffers;
    let asked = request.method;
    let mut framing = out.response.framing(asked);
    let mut reusable = out.response.is_reusable(asked);
    // A refused handshake: Envoy passes the head on and closes.
    let headless = request.websocket;
    match check(&framing, &buffer.filled()[head_len..], asked) {
        Ok(clean) => reusable &= clean && !headless,
        Err(reason) => {
            buffers.give_back(buffer);
            return Relayed::Bad(reason);
        }
    }
    let line = match out.response.framing_line(asked) {
        _ if headless => FramingLine::Length(0),
        FramingLine::Chunked if request.protocol == Protocol::Http10 => FramingLine::None,
        line => line,
    };
    let finished = beside.progress().finished.get();
    let keep = forwarding.asked.wants_to_keep(line) && finished && !headless;
    write_head(forwarding, &buffer.filled()[..head_len], (line, keep), (out, course));
    buffer.consume(head_len);
    if headless {
        framing = Framing::None;
        buffer.consume(usize::MAX);
    }
    let mut down = Downward { forwarding, beside, framing };
    let ended = down.pour_all(upstream, &buffer, &mut out.down).await;
    buffers.give_back(buffer);
    match ended {
        Ok(()) => Relayed::Whole { reusable, keep },
        Err(Stop::Gone) => Relayed::Gone,
        Err(Stop::Cut) => Relayed::Cut,
    }
}

/// Looks at what came with the head. `Ok(false)`: more than there should be, which costs only the
/// connection.
///
/// # Errors
/// A malformed body, or bytes behind the end of one: whoever sends two answers to one request is
/// not to be believed about the first either.
fn check(framing: &Framing, behind: &[u8], asked: Method) -> Result<bool, Reason> {
    let taken = framing.clone().take(behind).map_err(Refusal::of_response)?;
    if !taken.done || taken.consumed == behind.len() {
        return Ok(true);
    }
    // Servers that answer HEAD with a body are common enough, and what they mean is clear.
    if asked == Method::Head { Ok(false) } else { Err(Reason::UpstreamProtocol) }
}

/// An upstream's answer, apart from its lines.
pub(super) struct Answered<'a> {
    /// The status.
    pub(super) status: u16,
    /// What the upstream speaks.
    pub(super) protocol: UpstreamSpeaks,
    /// Who answered.
    pub(super) endpoint: &'a LiveEndpoint,
    /// Our end of the connection to it.
    pub(super) local: Option<SocketAddr>,
    /// Tries so far.
    pub(super) tries: u32,
}

/// Begins the answer to the client: the upstream's lines, edited.
pub(super) fn begin<'l, D: Downstream>(
    forwarding: &'l Forwarding<'_, D>,
    answered: &Answered<'_>,
    kept: impl Iterator<Item = Line<'l>>,
    (framing, keep): (FramingLine, bool),
    page: Page<'l>,
) {
    let asked = forwarding.asked;
    let (request, decision) = (asked.request, asked.decision);
    let settings = &asked.snapshot().http;
    let Page { response_lines, rendered, service_time, down } = page;
    let elapsed = asked.caller().elapsed(request.began);
    let mut lines: Vec<Line<'_>> = response_lines.take();
    lines.extend(kept.filter(|line| line.name != SERVICE_TIME));
    // Envoy tells it of no handshake, accepted or declined.
    if !settings.no_debug_headers && !request.websocket {
        service_time.clear();
        write_decimal(service_time, elapsed);
        lines.push(Line { name: SERVICE_TIME, value: service_time });
    }
    for cookie in forwarding.hashed.iter().flat_map(|hashed| &hashed.cookies) {
        lines.push(Line { name: "set-cookie", value: cookie.as_bytes() });
    }
    let status = answered.status;
    let view = View {
        status,
        cluster: Some(forwarding.name),
        endpoint: match answered.endpoint.address() {
            Address::Ip(address) => Some(*address),
            Address::Unix(_) | Address::Abstract(_) => None,
        },
        upstream: Some(answered.protocol),
        upstream_local: answered.local,
        elapsed,
        tries: answered.tries,
        ..View::of(asked, forwarding.lines)
    };
    reply::apply(reply::levels(decision), rendered, &mut lines, view);
    let origin = forwarding.lines.iter().find(|line| line.name == "origin");
    reply::allow_origin(decision.cors, origin.map(|line| line.value), &mut lines);
    let (protocol, upgrade) = (request.protocol, status == 101);
    let frame = Frame { protocol, status, framing, close: !keep, upgrade };
    asked.down.begin(frame, &lines, &settings.server, down);
    response_lines.put(lines);
    let counters = &asked.caller().worker.counters;
    counters.count_status(status);
    counters.via_upstream.add(1);
}

/// Begins the answer of an HTTP/1 upstream.
fn write_head<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    head: &[u8],
    framing: (FramingLine, bool),
    (out, course): (&mut Out, Course<'_>),
) {
    let (response, page) = out.page();
    let answered = Answered {
        status: response.status(),
        protocol: UpstreamSpeaks::Http1,
        endpoint: course.connection.endpoint(),
        local: course.connection.local(),
        tries: course.tries,
    };
    let lines = response.lines().forwarded(head).map(|line| line.line);
    begin(forwarding, &answered, lines, framing, page);
}

/// Writes the head of an accepted WebSocket handshake.
pub(super) fn write_switch<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    head: &[u8],
    (out, course): (&mut Out, Course<'_>),
) {
    write_head(forwarding, head, (FramingLine::None, true), (out, course));
}

/// Milliseconds that the upstream took; the gateway's own word only.
const SERVICE_TIME: &str = "x-envoy-upstream-service-time";

/// A body on its way down.
struct Downward<'d, 's, 'b, D: Downstream> {
    forwarding: &'d Forwarding<'d, D>,
    beside: &'d mut Beside<'s, 'b, D>,
    framing: Framing,
}

impl<D: Downstream> Downward<'_, '_, '_, D> {
    /// Writes the head in `text` with what is there of the body, then everything that follows.
    async fn pour_all(
        &mut self,
        upstream: &impl Io,
        buffer: &Buffer,
        text: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let mut done = self.pour(text, buffer.filled()).await?;
        while !done {
            // No buffer is held while the upstream has nothing to say.
            let _ = self.beside.run(readable(upstream)).await?;
            let buffers = &self.forwarding.asked.caller().worker.buffers;
            let small = matches!(self.framing, Framing::Length(left) if left <= SMALL);
            let mut buffer = if small { buffers.small() } else { buffers.large() };
            let poured = self.pour_next(upstream, &mut buffer, text).await;
            buffers.give_back(buffer);
            done = poured?;
        }
        Ok(())
    }

    /// Passes on what the upstream sends next; true when that was the end.
    async fn pour_next(
        &mut self,
        upstream: &impl Io,
        buffer: &mut Buffer,
        text: &mut Vec<u8>,
    ) -> Result<bool, Stop> {
        match self.beside.run(read(upstream, buffer.free_mut())).await? {
            Ok(0) => {
                self.framing.at_close().map_err(|_| Stop::Cut)?;
                self.beside.run(self.forwarding.asked.down.pour_end()).await??;
                Ok(true)
            }
            Ok(got) => {
                buffer.fill(got);
                self.pour(text, buffer.filled()).await
            }
            Err(_) => Err(Stop::Cut),
        }
    }

    async fn pour(&mut self, text: &mut Vec<u8>, bytes: &[u8]) -> Result<bool, Stop> {
        let down = self.forwarding.asked.down;
        self.beside.run(down.pour(text, &mut self.framing, bytes)).await?
    }
}

impl From<Interrupt> for Stop {
    fn from(interrupt: Interrupt) -> Self {
        match interrupt {
            Interrupt::ClientGone => Self::Gone,
            _ => Self::Cut,
        }
    }
}
