//! The body of an HTTP/2 request. What is read is given back to the client's flow control only once
//! the upstream has taken it: the client's pace is the upstream's.

use std::cell::{OnceCell, RefCell};
use std::future::poll_fn;
use std::io::IoSlice;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::HeaderMap;

use super::exchange::Exchange;
use crate::http::downstream::unframed::write_trailers;
use crate::http::downstream::{Downstream, Interrupt, Progress, RequestBody};
use crate::http::upload::{self, Ends, Sent};
use crate::http1::emit::{CRLF, LAST_CHUNK, write_chunk};
use crate::http1::{ChunkHead, FramingLine};
use crate::http2::{Arrived, Ending};
use crate::io::{Io, write_all, write_all_vectored};
use crate::limits::{
    HELD_BODY_BYTES_MAX, HTTP2_SEND_BUFFER_BYTES_MAX, JOINED_BODY_BYTES_MAX, JOINED_FRAME_BYTES_MAX,
};

/// A request's body.
pub(in crate::http) struct StreamBody {
    recv: RefCell<RecvStream>,
    /// What came and was not read.
    arrived: Arrived,
    /// How an HTTP/1 upstream is told where it ends.
    framing: FramingLine,
    /// The content at hand: what came with the head, and what is kept of the rest.
    parts: Vec<Bytes>,
    /// Bytes of `parts`.
    len: usize,
    trailers: Option<HeaderMap>,
    kept: Kept,
    /// What is at hand as an HTTP/1 upstream gets it, once one is asked.
    text: OnceCell<Vec<u8>>,
    done: bool,
}

/// Whether all that was read is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// It is, and what is read next will not be.
    First,
    /// It is, and what is read next will be.
    All,
    /// It is not.
    Gone,
}

/// A part of a body.
pub(super) enum Next {
    /// Content.
    Data(Bytes),
    /// The end, with its trailers.
    End(Option<HeaderMap>),
    /// The stream is no more.
    Broken,
}

impl StreamBody {
    /// A body of which nothing was read. Without framing there is none: what follows a head that
    /// opens a tunnel is none.
    pub(super) fn new(recv: RecvStream, framing: FramingLine) -> Self {
        Self {
            recv: RefCell::new(recv),
            arrived: Arrived::default(),
            framing,
            parts: Vec::new(),
            len: 0,
            trailers: None,
            kept: Kept::First,
            text: OnceCell::new(),
            done: framing == FramingLine::None,
        }
    }

    /// Takes what is there already, so that small bodies leave with their head and can be sent
    /// again. Broken streams show later.
    pub(super) async fn take_first(&mut self) {
        poll_fn(|cx| {
            while !self.done && self.len < JOINED_BODY_BYTES_MAX {
                match self.poll_next(cx) {
                    Poll::Ready(Next::Data(data)) => {
                        self.release(data.len());
                        self.push(data);
                        self.done = self.arrived.is_over();
                    }
                    Poll::Ready(Next::End(trailers)) => self.end(trailers),
                    Poll::Ready(Next::Broken) | Poll::Pending => break,
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    /// The stream, for whoever opens a tunnel.
    pub(super) fn stream(&self) -> &RefCell<RecvStream> {
        &self.recv
    }

    fn push(&mut self, data: Bytes) {
        self.len += data.len();
        self.parts.push(data);
        self.text.take();
    }

    fn end(&mut self, trailers: Option<HeaderMap>) {
        self.trailers = trailers;
        self.done = true;
        self.text.take();
    }

    /// Keeps content that was read, if that is wanted and there is room.
    fn keep(&mut self, data: &Bytes, progress: &Progress) {
        let fits = self.len + data.len() <= HELD_BODY_BYTES_MAX;
        if self.kept == Kept::All && fits && !progress.settled.get() {
            self.push(data.clone());
        } else {
            self.kept = Kept::Gone;
            self.parts = Vec::new();
            self.len = 0;
            self.text.take();
        }
        progress.lost.set(self.kept == Kept::Gone);
    }

    /// What is at hand in the framing of HTTP/1, in one chunk if it is chunked.
    fn framed(&self) -> Vec<u8> {
        let content = self.parts.concat();
        if self.framing != FramingLine::Chunked {
            return content;
        }
        let mut text = Vec::with_capacity(content.len() + CHUNK_ROOM_BYTES);
        if !content.is_empty() {
            write_chunk(&mut text, &content);
        }
        if self.done {
            text.extend_from_slice(&self.ending());
        }
        text
    }

    /// What ends the body for an HTTP/1 upstream. A body whose length is announced has no place for
    /// trailers.
    fn ending(&self) -> Vec<u8> {
        if self.framing != FramingLine::Chunked {
            return Vec::new();
        }
        let mut end = LAST_CHUNK.to_vec();
        write_trailers(self.trailers.as_ref(), &mut end);
        end.extend_from_slice(CRLF);
        end
    }

    /// The next part.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        self.arrived.fill(self.recv.get_mut(), cx, HTTP2_SEND_BUFFER_BYTES_MAX);
        if let Some(data) = self.arrived.pop() {
            return Poll::Ready(Next::Data(data));
        }
        match self.arrived.ending() {
            None => Poll::Pending,
            Some(Ending::Plain) => Poll::Ready(Next::End(None)),
            Some(Ending::Trailers(trailers)) => Poll::Ready(Next::End(Some(trailers.clone()))),
            Some(Ending::Broken(_)) => Poll::Ready(Next::Broken),
        }
    }

    /// Content that is there, small pieces joined, or the end. `None` if the stream is no more.
    async fn next_content(&mut self, progress: &Progress) -> Option<Bytes> {
        let mut content = Bytes::new();
        let mut joined = Vec::new();
        let going_on = poll_fn(|cx| {
            while !self.done && content.len() + joined.len() < JOINED_FRAME_BYTES_MAX {
                match self.poll_next(cx) {
                    Poll::Ready(Next::Data(data)) => {
                        self.keep(&data, progress);
                        self.done = self.arrived.is_over();
                        if content.is_empty() && joined.is_empty() {
                            content = data;
                        } else {
                            joined.extend_from_slice(&std::mem::take(&mut content));
                            joined.extend_from_slice(&data);
                        }
                    }
                    Poll::Ready(Next::End(trailers)) => self.end(trailers),
                    // It shows again once what came before it was passed on.
                    _ if !content.is_empty() || !joined.is_empty() => break,
                    Poll::Ready(Next::Broken) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(true)
        });
        let going_on = going_on.await;
        going_on.then(|| if joined.is_empty() { content } else { joined.into() })
    }

    /// Lets the client send so many bytes more.
    fn release(&mut self, len: usize) {
        // A stream that is gone has nothing to give back to.
        let _ = self.recv.get_mut().flow_control().release_capacity(len);
    }
}

/// Room for the head and the end of a chunk, and for the end of a body.
const CHUNK_ROOM_BYTES: usize = 32;

impl RequestBody<Exchange> for StreamBody {
    fn is_done(&self) -> bool {
        self.done
    }

    fn hold(&mut self) {
        let announced = match self.framing {
            FramingLine::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
            FramingLine::None | FramingLine::Chunked => 0,
        };
        if !self.done && self.len.max(announced) <= HELD_BODY_BYTES_MAX {
            self.kept = Kept::All;
        }
    }

    fn is_replayable(&self) -> bool {
        self.kept != Kept::Gone
    }

    fn opening(&self) -> [&[u8]; 2] {
        if self.parts.is_empty() && !self.done {
            return [b"", b""];
        }
        [self.text.get_or_init(|| self.framed()), b""]
    }

    fn poll_gone(&self, down: &Exchange, cx: &mut Context<'_>) -> Poll<()> {
        down.poll_reset(cx)
    }

    async fn upload(
        &mut self,
        down: &Exchange,
        upstream: &impl Io,
        progress: &Progress,
    ) -> Interrupt {
        while !self.done {
            let next = poll_fn(|cx| self.poll_next(cx)).await;
            let written = match next {
                Next::Data(data) => {
                    self.keep(&data, progress);
                    let chunk = ChunkHead::new(data.len() as u64);
                    let mut parts = match self.framing {
                        FramingLine::Chunked => [chunk.as_bytes(), &data, CRLF],
                        FramingLine::Length(_) | FramingLine::None => [&[][..], &data, b""],
                    }
                    .map(IoSlice::new);
                    let write = write_all_vectored(upstream, &mut parts);
                    let write = self.arrived.meanwhile(self.recv.get_mut(), write);
                    let written = down.unless_gone(write).await;
                    self.release(data.len());
                    written
                }
                Next::End(trailers) => {
                    self.end(trailers);
                    let end = self.ending();
                    down.unless_gone(write_all(upstream, &end)).await
                }
                Next::Broken => None,
            };
            match written {
                Some(Ok(())) => {}
                Some(Err(_)) => return refused(down, progress).await,
                None => return Interrupt::ClientGone,
            }
        }
        progress.finished.set(true);
        poll_fn(|cx| self.poll_gone(down, cx)).await;
        Interrupt::ClientGone
    }

    fn whole(&self, most: usize) -> Option<Bytes> {
        if !self.done || self.len > most || self.trailers.is_some() {
            return None;
        }
        match self.parts.as_slice() {
            [] => Some(Bytes::new()),
            [only] => Some(only.clone()),
            several => Some(several.concat().into()),
        }
    }

    async fn upload_http2(
        &mut self,
        down: &Exchange,
        stream: &mut SendStream<Bytes>,
        progress: &Progress,
    ) -> Interrupt {
        let mut content = Bytes::from(self.parts.concat());
        // What came with the head was given back when it was taken.
        let mut owed = 0;
        loop {
            let ends = if self.done { Ends::With(self.trailers.clone()) } else { Ends::Later };
            if self.done || !content.is_empty() {
                let sent = upload::send(stream, content, ends);
                let sent = self.arrived.meanwhile(self.recv.get_mut(), sent);
                match down.unless_gone(sent).await {
                    Some(Sent::All) => {}
                    Some(Sent::Refused) => return refused(down, progress).await,
                    None => return Interrupt::ClientGone,
                }
            }
            self.release(owed);
            if self.done {
                break;
            }
            content = match self.next_content(progress).await {
                Some(content) => content,
                None => return Interrupt::ClientGone,
            };
            owed = content.len();
        }
        progress.finished.set(true);
        poll_fn(|cx| self.poll_gone(down, cx)).await;
        Interrupt::ClientGone
    }

    fn content(&self) -> Bytes {
        self.parts.concat().into()
    }

    async fn read_on(&mut self, _: &Exchange) -> Result<Bytes, Interrupt> {
        let progress = Progress::default();
        progress.settled.set(true);
        self.next_content(&progress).await.ok_or(Interrupt::ClientGone)
    }

    fn give_back(&mut self, len: usize) {
        self.release(len);
    }
}

/// The upstream takes no more. Its answer, if it gave one, is on its way; only the client's going
/// away ends the wait for it here.
async fn refused(down: &Exchange, progress: &Progress) -> Interrupt {
    progress.broken.set(true);
    poll_fn(|cx| down.poll_reset(cx)).await;
    Interrupt::ClientGone
}
