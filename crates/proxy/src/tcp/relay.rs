//! Two connections become one: bytes of each go to the other as they come.
//!
//! Bytes go through one large buffer that all connections of a worker take turns with. A connection
//! owns memory only while its peer does not take what was read for it, and then nothing more is
//! read: back-pressure reaches the sender through the kernel.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::tally::Tally;
use crate::io::Io;
use crate::limits::{RELAY_BUFFER_BYTES, RELAY_TURN_BYTES};

/// The buffer of one worker. Made when the first connection needs it; lent for the length of one
/// poll only.
#[derive(Debug, Default)]
pub(crate) struct RelayBuffer(RefCell<Vec<u8>>);

impl RelayBuffer {
    /// Lends it.
    pub(crate) fn with<T>(&self, borrow: impl FnOnce(&mut [u8]) -> T) -> T {
        let mut bytes = self.0.borrow_mut();
        if bytes.is_empty() {
            bytes.resize(RELAY_BUFFER_BYTES, 0);
        }
        borrow(&mut bytes)
    }
}

/// How a relay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Both sides have said all they had to say.
    Whole,
    /// One side broke off.
    Broken,
    /// Neither side said anything for too long.
    Idle,
    /// It lasted as long as it may.
    Aged,
}

/// Relays until both directions have ended, one of them fails, or both are silent for `idle`.
///
/// The end of one direction is passed on (half-close), and the other goes on.
pub(crate) async fn relay(
    (client, server): (&impl Io, &impl Io),
    buffer: &RelayBuffer,
    idle: Option<Duration>,
    tally: &mut Tally,
) -> Ended {
    let (mut up, mut down) = (Pipe::default(), Pipe::default());
    let mut silence = Silence::new(idle);
    poll_fn(|cx| {
        up.last = down.ended;
        let sent = up.run(cx, (client, server), buffer, &mut |bytes| tally.up(bytes));
        down.last = up.ended;
        let received = down.run(cx, (server, client), buffer, &mut |bytes| tally.down(bytes));
        match (sent, received) {
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(Ended::Whole),
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => {
                return Poll::Ready(Ended::Broken);
            }
            _ => {}
        }
        if std::mem::take(&mut up.moved) | std::mem::take(&mut down.moved) {
            silence.broken();
        }
        silence.poll(cx).map(|()| Ended::Idle)
    })
    .await
}

/// One direction.
#[derive(Debug, Default)]
struct Pipe {
    /// What was read and not taken yet; empty while the peer keeps up.
    held: Vec<u8>,
    /// How much of it was written.
    written: usize,
    /// True if something was written that is not flushed yet.
    unflushed: bool,
    /// The sender's end was passed on.
    ended: bool,
    /// The other direction has ended: with this one's end the connections close.
    last: bool,
    /// True if bytes moved since this was last looked at.
    moved: bool,
}

impl Pipe {
    /// Moves what can be moved now. Ready at the direction's end, or when it fails.
    fn run(
        &mut self,
        cx: &mut Context<'_>,
        (from, to): (&impl Io, &impl Io),
        buffer: &RelayBuffer,
        seen: &mut impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        let mut turn = 0;
        while !self.ended {
            ready!(self.write_held(cx, to))?;
            if turn >= RELAY_TURN_BYTES {
                // Others of this worker want their turn, too.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            turn += ready!(buffer.with(|bytes| self.pass_on(cx, (from, to), bytes, seen)))?;
        }
        Poll::Ready(Ok(()))
    }

    fn write_held(&mut self, cx: &mut Context<'_>, to: &impl Io) -> Poll<io::Result<()>> {
        while self.written < self.held.len() {
            self.written += ready!(write(cx, to, &self.held[self.written..]))?;
            self.moved = true;
        }
        self.held = Vec::new();
        self.written = 0;
        if self.unflushed {
            ready!(to.poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once and writes what the peer takes of it; the rest is held.
    fn pass_on(
        &mut self,
        cx: &mut Context<'_>,
        (from, to): (&impl Io, &impl Io),
        bytes: &mut [u8],
        seen: &mut impl FnMut(&[u8]),
    ) -> Poll<io::Result<usize>> {
        let got = ready!(from.poll_read(cx, bytes))?;
        if got == 0 {
            self.ended = true;
            if self.last {
                // Closing says the rest.
                to.farewell();
                return Poll::Ready(Ok(0));
            }
            return Poll::Ready(to.shutdown_write().map(|()| 0));
        }
        self.moved = true;
        self.unflushed = true;
        let bytes = &bytes[..got];
        seen(bytes);
        let mut sent = 0;
        while sent < got {
            match write(cx, to, &bytes[sent..]) {
                Poll::Ready(Ok(more)) => sent += more,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.held = bytes[sent..].to_vec();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(got))
    }
}

fn write(cx: &mut Context<'_>, to: &impl Io, bytes: &[u8]) -> Poll<io::Result<usize>> {
    match ready!(to.poll_write(cx, &[IoSlice::new(bytes)]))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        written => Poll::Ready(Ok(written)),
    }
}

/// Notices when nothing was said for long. It looks a few times in the timeout's length, so that
/// bytes need not touch a timer: silence ends a connection after at least the timeout, and at most
/// one such part of it later.
#[derive(Debug)]
struct Silence {
    looks: Option<Interval>,
    unbroken: u32,
}

/// Looks in the length of an idle timeout.
const IDLE_LOOKS: u32 = 8;

impl Silence {
    fn new(idle: Option<Duration>) -> Self {
        let looks = idle.map(|idle| {
            let part = (idle / IDLE_LOOKS).max(Duration::from_millis(1));
            let mut looks = interval_at(Instant::now() + part, part);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            looks
        });
        Self { looks, unbroken: 0 }
    }

    fn broken(&mut self) {
        self.unbroken = 0;
    }

    /// Ready once nothing was said for the timeout.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(looks) = &mut self.looks else { return Poll::Pending };
        loop {
            ready!(looks.poll_tick(cx));
            self.unbroken += 1;
            if self.unbroken > IDLE_LOOKS {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
