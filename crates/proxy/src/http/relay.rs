//! The response on its way down: head rewritten, body passed on as it comes, with the client's pace
//! as the only pace. A response that was cut never looks whole.

use std::io::IoSlice;

use propylon_snapshot::{Address, Line, Reason};

use super::beside::Beside;
use super::desk::Out;
use super::forward::Forwarding;
use super::reply::{self, Frame};
use super::request::View;
use crate::buffers::Buffer;
use crate::http1::emit::{CHUNKED_END, CRLF, write_decimal};
use crate::http1::{
    ChunkHead, Framing, FramingLine, HeadLine, Known, Method, Piece, Refusal, ResponseHead, Version,
};
use crate::io::{Io, read, readable, write_all_vectored};
use crate::limits::{JOINED_BODY_BYTES_MAX, SMALL_BUFFER_BYTES};
use crate::upstream::Connection;

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

/// How a body is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// As it comes.
    Same,
    /// In chunks: it ends with the upstream's connection, and the client's shall go on.
    Chunked,
    /// Without its chunks: the client does not know them.
    Plain,
}

impl Mode {
    fn of(framing: &Framing, version: Version) -> Self {
        match (framing, version) {
            (Framing::UntilClose, Version::Http11) => Self::Chunked,
            (Framing::Chunked(_), Version::Http10) => Self::Plain,
            _ => Self::Same,
        }
    }
}

/// What is left of a body fits a small buffer.
const SMALL: u64 = SMALL_BUFFER_BYTES as u64;

/// Why a body ended early.
enum Stop {
    /// The upstream broke off, took too long, or sent something malformed.
    Cut,
    /// The client is not there any more.
    Gone,
}

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
pub(super) async fn relay<I: Io>(
    forwarding: &Forwarding<'_, I>,
    upstream: &impl Io,
    beside: &mut Beside<'_, '_, I>,
    (mut buffer, head_len): (Buffer, usize),
    (out, course): (&mut Out, Course<'_>),
) -> Relayed {
    let request = forwarding.asked.request;
    let buffers = &forwarding.asked.client.worker.buffers;
    let (version, asked) = (request.parsed.version(), request.method());
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
    let mode = Mode::of(&framing, version);
    let keep = forwarding.asked.wants_to_keep() && beside.progress().finished.get() && !headless;
    let line = match out.response.framing_line(asked) {
        _ if headless => FramingLine::Length(0),
        FramingLine::Chunked if version == Version::Http10 => FramingLine::None,
        line => line,
    };
    write_head(forwarding, &buffer.filled()[..head_len], (line, keep), (out, course));
    buffer.consume(head_len);
    if headless {
        framing = Framing::None;
        buffer.consume(usize::MAX);
    }
    let mut down = Downward { forwarding, beside, mode, framing };
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

/// Writes the head that goes down: the upstream's lines, edited.
fn write_head<I: Io>(
    forwarding: &Forwarding<'_, I>,
    head: &[u8],
    (framing, keep): (FramingLine, bool),
    (out, course): (&mut Out, Course<'_>),
) {
    let asked = forwarding.asked;
    let (client, request, decision) = (asked.client, asked.request, asked.decision);
    let settings = &asked.snapshot().http;
    let Out { response, response_lines, rendered, service_time, down, .. } = out;
    let response = &*response;
    let elapsed = client.elapsed(request.began);
    let mut lines: Vec<Line<'_>> = response_lines.take();
    let kept = |line: &HeadLine<'_>| line.known != Known::XEnvoyUpstreamServiceTime;
    lines.extend(response.lines().forwarded(head).filter(kept).map(|line| line.line));
    // Envoy tells it of no handshake, accepted or declined.
    if !settings.no_debug_headers && !request.websocket {
        service_time.clear();
        write_decimal(service_time, elapsed);
        lines.push(Line { name: "x-envoy-upstream-service-time", value: service_time });
    }
    let status = response.status();
    let view = View {
        status,
        cluster: Some(forwarding.name),
        endpoint: match course.connection.endpoint().address() {
            Address::Ip(address) => Some(*address),
            Address::Unix(_) => None,
        },
        upstream: Some(course.connection.io()),
        elapsed,
        tries: course.tries,
        ..View::of(asked, forwarding.lines)
    };
    reply::apply(reply::levels(decision), rendered, &mut lines, view);
    let origin = forwarding.lines.iter().find(|line| line.name == "origin");
    reply::allow_origin(decision.cors, origin.map(|line| line.value), &mut lines);
    let version = request.parsed.version();
    let upgrade = status == 101;
    let frame = Frame { version, status, framing, close: !keep, upgrade };
    down.clear();
    reply::write_head(down, frame, &lines, &settings.server, &client.worker.clock);
    response_lines.put(lines);
    client.worker.counters.count_status(status);
    client.worker.counters.via_upstream.add(1);
}

/// Writes the head of an accepted WebSocket handshake.
pub(super) fn write_switch<I: Io>(
    forwarding: &Forwarding<'_, I>,
    head: &[u8],
    (out, course): (&mut Out, Course<'_>),
) {
    write_head(forwarding, head, (FramingLine::None, true), (out, course));
}

/// A body on its way down.
struct Downward<'d, 's, 'b, I> {
    forwarding: &'d Forwarding<'d, I>,
    beside: &'d mut Beside<'s, 'b, I>,
    mode: Mode,
    framing: Framing,
}

impl<I: Io> Downward<'_, '_, '_, I> {
    /// Writes the head with what is there of the body, then everything that follows.
    async fn pour_all(
        &mut self,
        upstream: &impl Io,
        buffer: &Buffer,
        head: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let mut done = self.pour_first(head, buffer.filled()).await?;
        while !done {
            // No buffer is held while the upstream has nothing to say.
            match self.beside.run(readable(upstream)).await {
                Ok(_) => {}
                Err(interrupt) => return Err(interrupt.into()),
            }
            let buffers = &self.forwarding.asked.client.worker.buffers;
            let small = matches!(self.framing, Framing::Length(left) if left <= SMALL);
            let mut buffer = if small { buffers.small() } else { buffers.large() };
            let poured = self.pour_next(upstream, &mut buffer).await;
            buffers.give_back(buffer);
            done = poured?;
        }
        Ok(())
    }

    /// Writes the head and what came with it. Small bodies leave with their head as one slice.
    async fn pour_first(&mut self, head: &mut Vec<u8>, bytes: &[u8]) -> Result<bool, Stop> {
        if self.mode != Mode::Same || bytes.len() > JOINED_BODY_BYTES_MAX {
            return self.pour(head, bytes).await;
        }
        let taken = self.framing.take(bytes).map_err(|_| Stop::Cut)?;
        head.extend_from_slice(&bytes[..taken.consumed]);
        self.write(&mut [IoSlice::new(head)]).await?;
        Ok(taken.done)
    }

    /// Passes on what the upstream sends next; true when that was the end.
    async fn pour_next(&mut self, upstream: &impl Io, buffer: &mut Buffer) -> Result<bool, Stop> {
        match self.beside.run(read(upstream, buffer.free_mut())).await {
            Ok(Ok(0)) => {
                self.framing.at_close().map_err(|_| Stop::Cut)?;
                if self.mode == Mode::Chunked {
                    self.write(&mut [IoSlice::new(CHUNKED_END)]).await?;
                }
                Ok(true)
            }
            Ok(Ok(got)) => {
                buffer.fill(got);
                self.pour(b"", buffer.filled()).await
            }
            Ok(Err(_)) => Err(Stop::Cut),
            Err(interrupt) => Err(interrupt.into()),
        }
    }

    /// Writes `head` and the part of the body that `bytes` hold; true at the body's end.
    async fn pour(&mut self, head: &[u8], bytes: &[u8]) -> Result<bool, Stop> {
        match self.mode {
            Mode::Same => {
                let taken = self.framing.take(bytes).map_err(|_| Stop::Cut)?;
                let body = &bytes[..taken.consumed];
                self.write(&mut [IoSlice::new(head), IoSlice::new(body)]).await?;
                Ok(taken.done)
            }
            Mode::Chunked if bytes.is_empty() => {
                self.write(&mut [IoSlice::new(head)]).await?;
                Ok(false)
            }
            Mode::Chunked => {
                let chunk = ChunkHead::new(bytes.len() as u64);
                let parts = [head, chunk.as_bytes(), bytes, CRLF];
                self.write(&mut parts.map(IoSlice::new)).await?;
                Ok(false)
            }
            Mode::Plain => {
                self.write(&mut [IoSlice::new(head)]).await?;
                self.pour_plain(bytes).await
            }
        }
    }

    async fn pour_plain(&mut self, bytes: &[u8]) -> Result<bool, Stop> {
        let mut rest = bytes;
        loop {
            let step = self.framing.piece(rest).map_err(|_| Stop::Cut)?;
            match step.piece {
                Some(Piece::Data(range)) => {
                    self.write(&mut [IoSlice::new(&rest[range])]).await?;
                }
                Some(Piece::Trailers(_)) => {}
                Some(Piece::End) => return Ok(true),
                None => return Ok(false),
            }
            rest = &rest[step.consumed..];
        }
    }

    async fn write(&mut self, parts: &mut [IoSlice<'_>]) -> Result<(), Stop> {
        let client = self.forwarding.asked.client;
        match self.beside.run(write_all_vectored(&client.io, parts)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Stop::Gone),
            Err(interrupt) => Err(interrupt.into()),
        }
    }
}

impl From<super::beside::Interrupt> for Stop {
    fn from(interrupt: super::beside::Interrupt) -> Self {
        match interrupt {
            super::beside::Interrupt::ClientGone => Self::Gone,
            _ => Self::Cut,
        }
    }
}
