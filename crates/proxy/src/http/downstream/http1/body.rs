//! A request's body on its way up: what came with the head, what is still to be read, and what is
//! held for another try or a mirror.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::SendStream;
use tokio::time::timeout;

use super::client::{Client, Exchange};
use crate::buffers::{Buffer, Tail};
use crate::http::downstream::held::Held;
use crate::http::downstream::unframed::Unframed;
use crate::http::downstream::{Interrupt, Progress, RequestBody};
use crate::http::upload::{self, Ends, Sent};
use crate::http1::emit::CHUNKED_END;
use crate::http1::{Framing, Refusal};
use crate::io::{Io, read, readable, write_all};
use crate::limits::HTTP2_SEND_BUFFER_BYTES_MAX;

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

impl<'b> Body<'b> {
    /// A body of which `first` was taken already: `framing` is that before and after it.
    pub(super) fn new(
        first: &'b [u8],
        rest: Tail<'b>,
        (start, framing): (Framing, Framing),
    ) -> Self {
        Self { first, rest: RefCell::new(rest), start, framing, held: Held::default() }
    }

    /// What was read and is at hand, without framing.
    fn unframed(&self) -> Unframed {
        let mut framing = self.start.clone();
        let mut content = Unframed::default();
        for part in [self.first, self.held.bytes()] {
            // It was taken without complaint before.
            let _ = content.take(&mut framing, part);
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
        } else {
            self.held.keep(self.first.len(), bytes);
        }
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
            Framing::Length(left) => left,
            _ => 0,
        };
        if !self.framing.is_done() {
            self.held.begin(self.first.len(), announced);
        }
    }

    fn is_replayable(&self) -> bool {
        !self.held.is_gone()
    }

    fn opening(&self) -> [&[u8]; 2] {
        [self.first, self.held.bytes()]
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
        let content = (small && self.framing.is_done()).then(|| self.unframed())?;
        let whole = content.bytes.len() <= most && content.trailers().is_none();
        whole.then(|| content.bytes.into())
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
        let mut content = self.unframed();
        loop {
            let done = self.framing.is_done();
            let bytes = Bytes::from(std::mem::take(&mut content.bytes));
            let trailers = if done { content.trailers() } else { None };
            let ends = if done { Ends::With(trailers) } else { Ends::Later };
            if done || !bytes.is_empty() {
                match upload::send_watched(stream, bytes, ends, (patience, &gone)).await {
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
            let read = read_content(client, self, progress, &mut buffer, &mut content).await;
            buffers.give_back(buffer);
            if let Err(interrupt) = read {
                return interrupt;
            }
        }
        progress.finished.set(true);
        poll_fn(|cx| RequestBody::<Exchange<'_, I>>::poll_gone(self, down, cx)).await;
        Interrupt::ClientGone
    }

    fn content(&self) -> Bytes {
        self.unframed().bytes.into()
    }

    async fn read_on(&mut self, down: &Exchange<'_, I>) -> Result<Bytes, Interrupt> {
        let client = down.client;
        let buffers = &client.caller.worker.buffers;
        let progress = Progress::default();
        progress.settled.set(true);
        let mut content = Unframed::default();
        while content.bytes.is_empty() && !self.framing.is_done() {
            // No buffer is held while the client has nothing to say.
            if readable(&client.io).await.is_err() {
                return Err(Interrupt::ClientGone);
            }
            let mut buffer = buffers.large();
            let read = read_content(client, self, &progress, &mut buffer, &mut content).await;
            buffers.give_back(buffer);
            read?;
        }
        Ok(content.bytes.into())
    }

    /// The socket's buffers are all the flow control there is.
    fn give_back(&mut self, _: usize) {}
}

/// Reads some of the body and takes it out of its framing.
async fn read_content<I: Io>(
    client: &Client<I>,
    body: &mut Body<'_>,
    progress: &Progress,
    buffer: &mut Buffer,
    content: &mut Unframed,
) -> Result<(), Interrupt> {
    let limit = body.read_limit().min(HTTP2_SEND_BUFFER_BYTES_MAX).min(buffer.capacity());
    match read(&client.io, &mut buffer.free_mut()[..limit]).await {
        Ok(0) | Err(_) => return Err(Interrupt::ClientGone),
        Ok(got) => buffer.fill(got),
    }
    let consumed = content.take(&mut body.framing, buffer.filled());
    let (bytes, later) = buffer.filled().split_at(consumed.map_err(Interrupt::BadBody)?);
    body.keep(bytes, progress);
    progress.lost.set(body.held.is_gone());
    if !body.rest.get_mut().append(later) {
        return Err(Interrupt::BadBody(Refusal::CutShort));
    }
    Ok(())
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
    progress.lost.set(body.held.is_gone());
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
