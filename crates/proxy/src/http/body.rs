//! A request's body on its way up: what came with the head, what is still to be read, and what is
//! held for another try or a mirror.

use std::cell::Cell;
use std::pin::pin;

use tokio::time::timeout;

use super::beside::Interrupt;
use super::client::Client;
use crate::buffers::{Buffer, Tail};
use crate::http1::{Framing, Refusal};
use crate::io::{Io, read, readable, write_all};
use crate::limits::HELD_BODY_BYTES_MAX;

/// A request's body.
pub(super) struct Body<'b> {
    /// The part that came with the head. It stays in the read buffer, so it can be sent again.
    pub(super) first: &'b [u8],
    /// The read buffer behind it: room for later requests.
    pub(super) rest: Tail<'b>,
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
    /// A body of which `first` was taken by `framing` already.
    pub(super) fn new(first: &'b [u8], rest: Tail<'b>, framing: Framing) -> Self {
        Self { first, rest, framing, held: Held::Untouched }
    }

    /// True once the client has sent all of it.
    pub(super) fn is_done(&self) -> bool {
        self.framing.is_done()
    }

    /// Keeps what is read from now on, as far as the limit allows.
    pub(super) fn hold(&mut self) {
        let announced = match self.framing {
            Framing::Length(left) => usize::try_from(left).unwrap_or(usize::MAX),
            _ => 0,
        };
        if !self.is_done() && self.first.len().saturating_add(announced) <= HELD_BODY_BYTES_MAX {
            self.held = Held::All(Vec::new());
        }
    }

    /// True if everything read so far can be sent again.
    pub(super) fn is_replayable(&self) -> bool {
        !matches!(self.held, Held::Gone)
    }

    /// What is to be sent behind the head at the start of a try, and room for later requests once
    /// the client has sent all of this one.
    pub(super) fn split(&mut self) -> ([&[u8]; 2], Option<&mut Tail<'b>>) {
        let held: &[u8] = match &self.held {
            Held::All(held) => held,
            Held::Untouched | Held::Gone => b"",
        };
        let rest = self.framing.is_done().then_some(&mut self.rest);
        ([self.first, held], rest)
    }

    fn keep(&mut self, bytes: &[u8]) {
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
            _ => self.rest.free_mut().len().max(1),
        }
    }
}

/// How far sending a body has come; looked at while it goes on.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// All of it was read from the client, and given to the upstream unless that broke.
    pub(super) finished: Cell<bool>,
    /// The upstream takes no more. It may still have said why.
    pub(super) broken: Cell<bool>,
    /// Some of it is gone: it cannot be sent again.
    pub(super) lost: Cell<bool>,
    /// An interim response is on its way to the client, perhaps with a part of it written.
    pub(super) telling: Cell<bool>,
}

impl Progress {
    /// The whole request went to the upstream without trouble.
    pub(super) fn is_clean(&self) -> bool {
        self.finished.get() && !self.broken.get()
    }
}

/// Sends what the client still has to send, then watches for the client going away. Ends only when
/// the request cannot go on.
pub(super) async fn upload<I: Io, U: Io>(
    client: &Client<I>,
    upstream: &U,
    body: &mut Body<'_>,
    progress: &Progress,
) -> Interrupt {
    let buffers = &client.worker.buffers;
    loop {
        // No buffer is held while the client has nothing to say.
        if readable(&client.io).await.is_err() {
            return Interrupt::ClientGone;
        }
        let mut buffer = buffers.large();
        let step = pass_on(client, upstream, body, progress, &mut buffer).await;
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
    watch(client, &mut body.rest).await
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
    body.keep(bytes);
    progress.lost.set(!body.is_replayable());
    if !body.rest.append(later) {
        return Err(Interrupt::BadBody(Refusal::CutShort));
    }
    let mut write = pin!(write_all(upstream, bytes));
    let written = loop {
        // While the upstream takes nothing, nobody reads from the client, so nobody would notice
        // that it is gone.
        match timeout(client.worker.patience.sweep, &mut write).await {
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

/// Ends when the client goes away. What it sends meanwhile is kept in `rest`.
async fn watch<I: Io>(client: &Client<I>, rest: &mut Tail<'_>) -> Interrupt {
    loop {
        if rest.free_mut().is_empty() {
            std::future::pending::<()>().await;
        }
        match read(&client.io, rest.free_mut()).await {
            Ok(got) if got > 0 => rest.fill(got),
            _ => return Interrupt::ClientGone,
        }
    }
}
