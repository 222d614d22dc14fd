//! A tunnel that POST opened: what goes up are the chunks of the request's body, what comes down is
//! the answer's, however that is delimited. The end of either is the end of that direction.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker, ready};

use crate::http1::emit::{CHUNKED_END, CRLF};
use crate::http1::{ChunkHead, Framing, Piece};
use crate::io::Io;

/// Both bodies on one connection.
pub(super) struct Post<I> {
    below: I,
    answer: RefCell<Framing>,
    request: RefCell<Chunks>,
}

/// How far the request's body got.
#[derive(Debug, Default)]
struct Chunks {
    /// Framing that is to be written before anything else.
    owed: Vec<u8>,
    /// Bytes that the chunk begun last still lacks.
    left: usize,
    /// The body's end is owed or written.
    ended: bool,
}

impl<I: Io> Post<I> {
    /// Both bodies from their first byte.
    pub(super) fn new(below: I, answer: Framing) -> Self {
        Self { below, answer: RefCell::new(answer), request: RefCell::default() }
    }

    /// Writes the framing that is owed.
    fn settle(&self, chunks: &mut Chunks, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !chunks.owed.is_empty() {
            let written = ready!(self.below.poll_write(cx, &[IoSlice::new(&chunks.owed)]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            chunks.owed.drain(..written);
        }
        self.below.poll_flush(cx)
    }

    /// Writes the body's end as far as the connection takes it now; reading sees to the rest.
    fn end(&self) -> io::Result<()> {
        let mut chunks = self.request.borrow_mut();
        if !chunks.ended {
            chunks.ended = true;
            chunks.owed.extend_from_slice(CHUNKED_END);
        }
        let mut cx = Context::from_waker(Waker::noop());
        match self.settle(&mut chunks, &mut cx) {
            Poll::Ready(settled) => settled,
            Poll::Pending => Ok(()),
        }
    }
}

impl Chunks {
    /// Counts `written` bytes of what is owed, `len` bytes of content and the line end behind
    /// them, in this order; how many of them were content.
    fn count(&mut self, written: usize, len: usize) -> usize {
        let framing = written.min(self.owed.len());
        self.owed.drain(..framing);
        let content = (written - framing).min(len);
        self.left -= content;
        if content > 0 && self.left == 0 {
            self.owed.extend_from_slice(&CRLF[(written - framing - content).min(CRLF.len())..]);
        }
        content
    }
}

impl<I: Io> Io for Post<I> {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.answer.borrow().is_done() {
            return Poll::Ready(Ok(()));
        }
        self.below.poll_readable(cx)
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.request.borrow().ended {
            // An end that the connection did not take at once; an error shows in the read below.
            let _ = self.settle(&mut self.request.borrow_mut(), cx);
        }
        let mut answer = self.answer.borrow_mut();
        while !answer.is_done() {
            let got = ready!(self.below.poll_read(cx, buf))?;
            if got == 0 {
                answer
                    .at_close()
                    .map_err(|cut| io::Error::new(io::ErrorKind::UnexpectedEof, cut))?;
                return Poll::Ready(Ok(0));
            }
            let content = unframe(&mut answer, &mut buf[..got])?;
            if content > 0 {
                return Poll::Ready(Ok(content));
            }
        }
        Poll::Ready(Ok(0))
    }

    /// A chunk is announced for all that is there. What is not taken of it comes again, as with
    /// every connection.
    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Some(slice) = slices.iter().find(|slice| !slice.is_empty()) else {
            return Poll::Ready(Ok(0));
        };
        let mut chunks = self.request.borrow_mut();
        if chunks.left == 0 {
            chunks.left = slice.len();
            chunks.owed.extend_from_slice(ChunkHead::new(slice.len() as u64).as_bytes());
        }
        let part = &slice[..slice.len().min(chunks.left)];
        let end = if part.len() == chunks.left { CRLF } else { &[] };
        loop {
            let parts = [IoSlice::new(&chunks.owed), IoSlice::new(part), IoSlice::new(end)];
            let written = ready!(self.below.poll_write(cx, &parts))?;
            if written == 0 {
                return Poll::Ready(Ok(0));
            }
            match chunks.count(written, part.len()) {
                0 => {}
                content => return Poll::Ready(Ok(content)),
            }
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.settle(&mut self.request.borrow_mut(), cx)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.end()
    }

    fn is_left(&self) -> bool {
        self.below.is_left()
    }

    fn abort(&self) {
        self.below.abort();
    }

    fn farewell(&self) {
        // Nobody waits for a goodbye.
        let _ = self.end();
        self.below.farewell();
    }
}

/// Moves the content of a body's next bytes to their front; how much that is.
fn unframe(body: &mut Framing, bytes: &mut [u8]) -> io::Result<usize> {
    let (mut at, mut content) = (0, 0);
    loop {
        let step = body.piece(&bytes[at..]);
        let step = step.map_err(|bad| io::Error::new(io::ErrorKind::InvalidData, bad))?;
        match step.piece {
            Some(Piece::Data(range)) => {
                let len = range.len();
                bytes.copy_within(at + range.start..at + range.end, content);
                content += len;
            }
            Some(Piece::Trailers(_)) => {}
            Some(Piece::End) | None => return Ok(content),
        }
        at += step.consumed;
    }
}

#[cfg(test)]
mod tests;
