//! The body of an HTTP/2 request. What is read is given back to the client's flow control only once
//! the upstream has taken it: the client's pace is the upstream's.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;

use super::Exchange;
use crate::http::beside::Interrupt;
use crate::http::downstream::held::Held;
use crate::http::downstream::{Progress, RequestBody};
use crate::http1::emit::{CRLF, LAST_CHUNK, write_chunk, write_line};
use crate::http1::{ChunkHead, FramingLine, is_forbidden_trailer};
use crate::io::{Io, write_all_vectored};
use crate::limits::JOINED_BODY_BYTES_MAX;

/// A request's body.
pub(in crate::http) struct StreamBody {
    recv: RefCell<RecvStream>,
    /// How an HTTP/1 upstream is told where it ends.
    framing: FramingLine,
    /// What came with the head, framed for an HTTP/1 upstream.
    first: Vec<u8>,
    held: Held,
    /// There is no more DATA; trailers may follow.
    data_done: bool,
    done: bool,
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
        let done = framing == FramingLine::None;
        Self {
            recv: RefCell::new(recv),
            framing,
            first: Vec::new(),
            held: Held::default(),
            data_done: false,
            done,
        }
    }

    /// Takes what is there already, so that small bodies leave with their head and can be sent
    /// again. Broken streams show later.
    pub(super) async fn take_first(&mut self) {
        poll_fn(|cx| {
            while !self.done && self.first.len() < JOINED_BODY_BYTES_MAX {
                match self.poll_next(cx) {
                    Poll::Ready(Next::Data(data)) => {
                        let mut first = std::mem::take(&mut self.first);
                        self.write_data(&data, &mut first);
                        self.first = first;
                        self.give_back(data.len());
                        if self.recv.get_mut().is_end_stream() {
                            self.end_first(None);
                        }
                    }
                    Poll::Ready(Next::End(trailers)) => self.end_first(trailers.as_ref()),
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

    fn end_first(&mut self, trailers: Option<&HeaderMap>) {
        let end = self.end(trailers);
        self.first.extend_from_slice(&end);
        self.done = true;
    }

    fn write_data(&self, data: &[u8], out: &mut Vec<u8>) {
        match self.framing {
            FramingLine::Chunked => write_chunk(out, data),
            FramingLine::Length(_) | FramingLine::None => out.extend_from_slice(data),
        }
    }

    /// What ends the body for an HTTP/1 upstream. A body whose length is announced has no place for
    /// trailers.
    fn end(&self, trailers: Option<&HeaderMap>) -> Vec<u8> {
        if self.framing != FramingLine::Chunked {
            return Vec::new();
        }
        let mut end = LAST_CHUNK.to_vec();
        for (name, value) in trailers.into_iter().flatten() {
            if !is_forbidden_trailer(name.as_str().as_bytes()) {
                write_line(&mut end, name.as_str(), value.as_bytes());
            }
        }
        end.extend_from_slice(CRLF);
        end
    }

    /// The next part.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let recv = self.recv.get_mut();
        while !self.data_done {
            match ready!(recv.poll_data(cx)) {
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(data)) => return Poll::Ready(Next::Data(data)),
                Some(Err(_)) => return Poll::Ready(Next::Broken),
                None => self.data_done = true,
            }
        }
        match ready!(recv.poll_trailers(cx)) {
            Ok(trailers) => Poll::Ready(Next::End(trailers)),
            Err(_) => Poll::Ready(Next::Broken),
        }
    }

    /// Lets the client send so many bytes more.
    pub(super) fn give_back(&mut self, len: usize) {
        // A stream that is gone has nothing to give back to.
        let _ = self.recv.get_mut().flow_control().release_capacity(len);
    }
}

impl RequestBody<Exchange> for StreamBody {
    fn is_done(&self) -> bool {
        self.done
    }

    fn hold(&mut self) {
        let announced = match self.framing {
            FramingLine::Length(length) => length,
            FramingLine::None | FramingLine::Chunked => 0,
        };
        if !self.done {
            self.held.begin(self.first.len(), announced.saturating_sub(self.first.len() as u64));
        }
    }

    fn is_replayable(&self) -> bool {
        !self.held.is_gone()
    }

    fn opening(&self) -> [&[u8]; 2] {
        [&self.first, self.held.bytes()]
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
                    let chunk = ChunkHead::new(data.len() as u64);
                    let parts = match self.framing {
                        FramingLine::Chunked => [chunk.as_bytes(), &data, CRLF],
                        FramingLine::Length(_) | FramingLine::None => [&[][..], &data, b""],
                    };
                    let written = self.pass_on(down, upstream, parts, progress).await;
                    self.give_back(data.len());
                    written
                }
                Next::End(trailers) => {
                    self.done = true;
                    let end = self.end(trailers.as_ref());
                    self.pass_on(down, upstream, [b"", &end, b""], progress).await
                }
                Next::Broken => return Interrupt::ClientGone,
            };
            match written {
                Some(Ok(())) => {}
                Some(Err(_)) => {
                    progress.broken.set(true);
                    // The upstream's answer, if it gave one, is on its way.
                    std::future::pending::<()>().await;
                }
                None => return Interrupt::ClientGone,
            }
        }
        progress.finished.set(true);
        poll_fn(|cx| self.poll_gone(down, cx)).await;
        Interrupt::ClientGone
    }
}

impl StreamBody {
    /// Gives some of the body to the upstream, and keeps it if that is asked for; `None` if the
    /// client goes away meanwhile.
    async fn pass_on(
        &mut self,
        down: &Exchange,
        upstream: &impl Io,
        parts: [&[u8]; 3],
        progress: &Progress,
    ) -> Option<io::Result<()>> {
        for part in parts {
            self.held.keep(self.first.len(), part);
        }
        progress.lost.set(self.held.is_gone());
        let mut slices = parts.map(IoSlice::new);
        let mut write = pin!(write_all_vectored(upstream, &mut slices));
        poll_fn(|cx| match write.as_mut().poll(cx) {
            Poll::Ready(written) => Poll::Ready(Some(written)),
            Poll::Pending => self.poll_gone(down, cx).map(|()| None),
        })
        .await
    }
}
