//! What came of a body on an HTTP/2 stream and waits for the other side. It is taken out of the
//! library at once: that keeps every frame by itself, however small, and gives up a connection on
//! which too many wait. One side that is slow must not cost others their connection. The stream's
//! window bounds what is here; it is given back as the other side takes.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;

use crate::http1::HEAD_LINES_MAX;
use crate::limits::{HTTP2_SEND_BUFFER_BYTES_MAX, JOINED_BODY_BYTES_MAX, JOINED_FRAME_BYTES_MAX};

/// Pieces of a body passed on at once.
const PARTS_MAX: usize = 64;

/// Pieces that wait as they came. Small ones behind them are joined: a piece holds on to the whole
/// buffer that it was read into.
const PARTS_APART_MAX: usize = 8;

/// Content in order, and what stands behind it.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    parts: VecDeque<Bytes>,
    /// Small pieces behind these.
    joined: Vec<u8>,
    /// Bytes of both.
    len: usize,
    /// What follows, once that is known.
    end: Option<Ending>,
}

/// What follows content.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Nothing.
    Plain,
    /// Trailers, and nothing behind them.
    Trailers(HeaderMap),
    /// An error, after all content that came before it.
    Broken(h2::Error),
}

impl Arrived {
    /// Takes some of the content, and the end if that is all; waits for something if it should.
    pub(crate) async fn next(
        &mut self,
        body: &mut RecvStream,
        parts: &mut Vec<Bytes>,
        waits: bool,
    ) -> Option<Ending> {
        poll_fn(|cx| {
            self.fill(body, cx, HTTP2_SEND_BUFFER_BYTES_MAX);
            let nothing = self.len == 0 && self.end.is_none();
            if nothing && waits { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        self.take(parts);
        let broken = matches!(self.end, Some(Ending::Broken(_)));
        let more = self.len > 0 || broken && !parts.is_empty();
        if more { None } else { self.end.take() }
    }

    /// Does `work`; what comes until it is done waits here.
    pub(crate) async fn meanwhile<F: Future>(
        &mut self,
        body: &mut RecvStream,
        work: F,
    ) -> F::Output {
        filling(work, |cx| self.fill(body, cx, usize::MAX)).await
    }

    /// Takes what is there over, until there are `most` bytes.
    pub(crate) fn fill(&mut self, body: &mut RecvStream, cx: &mut Context<'_>, most: usize) {
        while self.end.is_none() && self.len < most {
            match body.poll_data(cx) {
                Poll::Ready(Some(Ok(part))) => self.push(part),
                Poll::Ready(Some(Err(error))) => self.end = Some(Ending::Broken(error)),
                Poll::Ready(None) => match body.poll_trailers(cx) {
                    Poll::Ready(Ok(Some(trailers))) => self.end = Some(Ending::of(trailers)),
                    Poll::Ready(Ok(None)) => self.end = Some(Ending::Plain),
                    Poll::Ready(Err(error)) => self.end = Some(Ending::Broken(error)),
                    Poll::Pending => return,
                },
                Poll::Pending => return,
            }
        }
    }

    fn push(&mut self, part: Bytes) {
        if part.is_empty() {
            return;
        }
        self.len += part.len();
        let apart = self.joined.is_empty() && self.parts.len() < PARTS_APART_MAX;
        if part.len() >= JOINED_BODY_BYTES_MAX || apart {
            self.seal();
            self.parts.push_back(part);
        } else {
            self.joined.extend_from_slice(&part);
            if self.joined.len() >= JOINED_FRAME_BYTES_MAX {
                self.seal();
            }
        }
    }

    /// Makes what was joined a piece.
    fn seal(&mut self) {
        if !self.joined.is_empty() {
            self.parts.push_back(mem::take(&mut self.joined).into());
        }
    }

    fn take(&mut self, parts: &mut Vec<Bytes>) {
        let mut len = 0;
        while parts.len() < PARTS_MAX && len < HTTP2_SEND_BUFFER_BYTES_MAX {
            let Some(part) = self.pop() else { return };
            len += part.len();
            parts.push(part);
        }
    }

    /// The first piece.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        if self.parts.is_empty() {
            self.seal();
        }
        let part = self.parts.pop_front()?;
        self.len -= part.len();
        Some(part)
    }

    /// True if nothing of the content is left, and nothing stands behind it.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.ending(), Some(Ending::Plain))
    }

    /// What stands behind the content, if all of that was taken.
    pub(crate) fn ending(&self) -> Option<&Ending> {
        self.end.as_ref().filter(|_| self.len == 0)
    }
}

impl Ending {
    /// Trailers, if there are not more of them than a head may have lines.
    fn of(trailers: HeaderMap) -> Self {
        if trailers.len() > HEAD_LINES_MAX {
            return Self::Broken(h2::Reason::ENHANCE_YOUR_CALM.into());
        }
        Self::Trailers(trailers)
    }
}

/// Does `work`, and calls `fill` whenever it has to wait.
pub(super) async fn filling<F: Future>(
    work: F,
    mut fill: impl FnMut(&mut Context<'_>),
) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|cx| {
        let done = work.as_mut().poll(cx);
        if done.is_pending() {
            fill(cx);
        }
        done
    })
    .await
}

#[cfg(test)]
mod tests;
