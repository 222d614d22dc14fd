//! A request's body on its way up: what came with the head, what is still to be read, and what is
//! held for another try or a mirror.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::SendStream;
use tokio::time::timeout;

use super::{Client, Exchange};
use crate::buffers::{Buffer, Tail};
use crate::http::beside::Interrupt;
use crate::http::downstream::{Progress, RequestBody};
use crate::http::upload::{self, Sent};
use crate::http1::emit::CHUNKED_END;
use crate::http1::{Framing, Piece, Refusal};
use crate::io::{Io, read, readable, write_all};
use crate::limits::{HELD_BODY_BYTES_MAX, HTTP2_SEND_BUFFER_BYTES_MAX};

/// A request's body.
pub(in crate::http) struct Body<'b> {
    /// The part that came with the head. It stays in the read buffer, so it can be sent again.
    first: &'b [u8],
    /// The read buffer behind it: room for later requests.
    rest: RefCell<Tail<'b>>,
    /// The framing before the first part.
    start: Framing,
    /// The framing behind everything that was read.
    framing: Framing,
    held: Held,
}

/// What is kept of the part that is read after the first.
enum Held {
    /// Nothing, and nothing was read yet.
    Untouched,
    /// All of it so far.
    All(Vec<u8>),
    /// Nothing, and some of it is gone.
    Gone,
}

impl<'b> Body<'b> {
    /// A body of which `first` was taken already: `framing` is that before and after it.
    pub(super) fn new(
        first: &'b [u8],
        rest: Tail<'b>,
        (start, framing): (Framing, Framing),
    ) -> Self {
        Self { first, rest: RefCell::new(rest), start, framing, held: Held::Untouched }
    }

    /// What was read and is at hand, without framing.
    fn content(&self) -> Vec<u8> {
        let held: &[u8] = match &self.held {
            Held::All(held) => held,
            Held::Untouched | Held::Gone => b"",
        };
        let mut framing = self.start.clone();
        let mut content = Vec::with_capacity(self.first.len() + held.len());
        for part in [self.first, held] {
            // It was taken without complaint before.
            let _ = take_out(&mut framing, part, &mut content);
        }
        content
    }

    /// What the client sent behind the request.
    pub(super) fn beyond(&self) -> Vec<u8> {
        self.rest.borrow().filled().to_vec()
    }

    /// Consumed and filled bytes of the read buffer behind the first part.
    pub(super) fn extent(&self) -> (usize, usize) {
        self.rest.borrow().extent()
    }

    fn keep(&mut self, bytes: &[u8], progress: &Progress) {
        if progress.settled.get() {
            self.held = Held::Gone;
            return;
        }
        self.held = match std::mem::replace(&mut self.held, Held::Gone) {
            Held::All(mut held)
                if self.first.len() + held.len() + bytes.len() <= HELD_BODY_BYTES_MAX =>
            {
                held.extend_from_slice(bytes);
                Held::All(held)
            }
            Held::All(_) | Held::Untouched | Held::Gone => Held::Gone,
        };
    }

    /// How many bytes may be read at once so that later requests behind a chunked body still find
    /// room. One byte at a time never reads beyond the end.
    fn read_limit(&mut self) -> usize {
        match self.framing {
            Framing::Length(left) => usize::try_from(left).unwrap_or(usize::MAX),
            _ => self.rest.get_mut().free_mut().len().max(1),
        }
    }
}

impl<I: Io> RequestBody<Exchange<'_, I>> for Body<'_> {
    fn is_done(&self) -> bool {
        self.framing.is_done()
    }

    fn hold(&mut self) {
        let announced = match self.framing {
            Framing::Length(left) => usize::try_from(left).unwrap_or(usize::MAX),
            _ => 0,
        };
        let done = self.framing.is_done();
        if !done && self.first.len().saturating_add(announced) <= HELD_BODY_BYTES_MAX {
            self.held = Held::All(Vec::new());
        }
    }

    fn is_replayable(&self) -> bool {
        !matches!(self.held, Held::Gone)
    }

    fn opening(&self) -> [&[u8]; 2] {
        let held: &[u8] = match &self.held {
            Held::All(held) => held,
            Held::Untouched | Held::Gone => b"",
        };
        [self.first, held]
    }

    /// Later requests are kept as far as there is room for them.
    fn poll_gone(&self, down: &Exchange<'_, I>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.framing.is_done() {
            return Poll::Pending;
        }
        let mut rest = self.rest.borrow_mut();
        loop {
            if rest.free_mut().is_empty() {
                return Poll::Pending;
            }
            match down.client.io.poll_read(cx, rest.free_mut()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(got)) if got > 0 => rest.fill(got),
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }

    async fn upload(
        &mut self,
        down: &Exchange<'_, I>,
        upstream: &impl Io,
        progress: &Progress,
    ) -> Interrupt {
        let client = down.client;
        let buffers = &client.caller.worker.buffers;
        loop {
            // No buffer is held while the client has nothing to say.
            if readable(&client.io).await.is_err() {
                return Interrupt::ClientGone;
            }
            let mut buffer = buffers.large();
            let step = pass_on(client, upstream, self, progress, &mut buffer).await;
            buffers.give_back(buffer);
            match step {
                Ok(Passed::Some) => {}
                Ok(Passed::All) => break,
                Ok(Passed::Refused) => {
                    progress.broken.set(true);
                    // The upstream's answer, if it gave one, is on its way.
                    std::future::pending::<()>().await;
                }
                Err(interrupt) => return interrupt,
            }
        }
        progress.finished.set(true);
        poll_fn(|cx| self.poll_gone(down, cx)).await;
        Interrupt::ClientGone
    }

    fn whole(&self, most: usize) -> Option<Bytes> {
        let [first, held] = RequestBody::<Exchange<'_, I>>::opening(self);
        // Framing takes more than no room only in chunked bodies, and there a few bytes per chunk.
        let small = first.len() + held.len() <= most.max(CHUNKED_END.len());
        let content = (small && self.framing.is_done()).then(|| self.content())?;
        (content.len() <= most).then(|| content.into())
    }

    async fn upload_http2(
        &mut self,
        down: &Exchange<'_, I>,
        stream: &mut SendStream<Bytes>,
        progress: &Progress,
    ) -> Interrupt {
        let client = down.client;
        let buffers = &client.caller.worker.buffers;
        let gone = || client.io.is_left();
        let patience = client.caller.worker.patience.sweep;
        let mut content = Bytes::from(self.content());
        loop {
            let done = self.framing.is_done();
            if done || !content.is_empty() {
                match upload::send(stream, content, done, (patience, &gone)).await {
                    Ok(Sent::All) if done => break,
                    Ok(Sent::All) => {}
                    Ok(Sent::Refused) => {
                        progress.broken.set(true);
                        // The upstream's answer, if it gave one, is on its way.
                        std::future::pending::<()>().await;
                    }
                    Err(interrupt) => return interrupt,
                }
            }
            // No buffer is held while the client has nothing to say.
            if readable(&client.io).await.is_err() {
                return Interrupt::ClientGone;
            }
            let mut buffer = buffers.large();
            let read = read_content(client, self, progress, &mut buffer).await;
            buffers.give_back(buffer);
            content = match read {
                Ok(content) => content,
                Err(interrupt) => return interrupt,
            };
        }
        progress.finished.set(true);
        poll_fn(|cx| RequestBody::<Exchange<'_, I>>::poll_gone(self, down, cx)).await;
        Interrupt::ClientGone
    }
}

/// Reads some of the body and takes it out of its framing.
async fn read_content<I: Io>(
    client: &Client<I>,
    body: &mut Body<'_>,
    progress: &Progress,
    buffer: &mut Buffer,
) -> Result<Bytes, Interrupt> {
    let limit = body.read_limit().min(HTTP2_SEND_BUFFER_BYTES_MAX).min(buffer.capacity());
    match read(&client.io, &mut buffer.free_mut()[..limit]).await {
        Ok(0) | Err(_) => return Err(Interrupt::ClientGone),
        Ok(got) => buffer.fill(got),
    }
    let mut content = Vec::with_capacity(buffer.len());
    let consumed = take_out(&mut body.framing, buffer.filled(), &mut content);
    let (bytes, later) = buffer.filled().split_at(consumed.map_err(Interrupt::BadBody)?);
    body.keep(bytes, progress);
    progress.lost.set(matches!(body.held, Held::Gone));
    if !body.rest.get_mut().append(later) {
        return Err(Interrupt::BadBody(Refusal::CutShort));
    }
    Ok(content.into())
}

/// Takes content out of its framing, up to the body's end. Returns how many bytes it was in.
fn take_out(framing: &mut Framing, bytes: &[u8], content: &mut Vec<u8>) -> Result<usize, Refusal> {
    let mut consumed = 0;
    loop {
        let rest = &bytes[consumed..];
        let step = framing.piece(rest)?;
        consumed += step.consumed;
        match step.piece {
            Some(Piece::Data(range)) => content.extend_from_slice(&rest[range]),
            Some(Piece::Trailers(_)) => {}
            Some(Piece::End) | None => return Ok(consumed),
        }
        if framing.is_done() {
            return Ok(consumed);
        }
    }
}

/// What became of some bytes of a body.
enum Passed {
    /// They are with the upstream; more will follow.
    Some,
    /// They are with the upstream, and were the last.
    All,
    /// The upstream takes no more.
    Refused,
}

/// Reads some of the body and gives it to the upstream.
async fn pass_on<I: Io, U: Io>(
    client: &Client<I>,
    upstream: &U,
    body: &mut Body<'_>,
    progress: &Progress,
    buffer: &mut Buffer,
) -> Result<Passed, Interrupt> {
    let limit = body.read_limit().min(buffer.capacity());
    match read(&client.io, &mut buffer.free_mut()[..limit]).await {
        Ok(0) | Err(_) => return Err(Interrupt::ClientGone),
        Ok(got) => buffer.fill(got),
    }
    let taken = body.framing.take(buffer.filled()).map_err(Interrupt::BadBody)?;
    let (bytes, later) = buffer.filled().split_at(taken.consumed);
    // Both are noted before anything can interrupt this: another try needs them.
    body.keep(bytes, progress);
    progress.lost.set(matches!(body.held, Held::Gone));
    if !body.rest.get_mut().append(later) {
        return Err(Interrupt::BadBody(Refusal::CutShort));
    }
    let mut write = pin!(write_all(upstream, bytes));
    let written = loop {
        // While the upstream takes nothing, nobody reads from the client, so nobody would notice
        // that it is gone.
        match timeout(client.caller.worker.patience.sweep, &mut write).await {
            Ok(written) => break written,
            Err(_) if client.io.is_left() => return Err(Interrupt::ClientGone),
            Err(_) => {}
        }
    };
    match written {
        Ok(()) if taken.done => Ok(Passed::All),
        Ok(()) => Ok(Passed::Some),
        Err(_) => Ok(Passed::Refused),
    }
}
