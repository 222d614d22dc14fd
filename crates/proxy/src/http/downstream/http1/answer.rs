//! What goes down to an HTTP/1 client. A body that an HTTP/1 upstream frames alike is passed on
//! untouched.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use propylon_snapshot::{Line, ServerHeader};
use tokio::time::timeout;

use super::body::Body;
use super::client::{Client, Exchange};
use crate::http::caller::Caller;
use crate::http::downstream::unframed::write_trailers;
use crate::http::downstream::{Content, Downstream, Frame, Stop};
use crate::http::{reply, upgrade};
use crate::http1::emit::{CHUNKED_END, CRLF, LAST_CHUNK, end_head, write_line, write_status_line};
use crate::http1::{ChunkHead, Framing, FramingLine, Piece, Version};
use crate::io::{Io, write_all, write_all_vectored};
use crate::limits::JOINED_BODY_BYTES_MAX;

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

impl<I: Io> Downstream for Exchange<'_, I> {
    type Body<'b> = Body<'b>;

    fn caller(&self) -> &Caller {
        &self.client.caller
    }

    fn begin(&self, frame: Frame, lines: &[Line<'_>], server: &ServerHeader, text: &mut Vec<u8>) {
        text.clear();
        reply::write_head(text, frame, lines, server, &self.client.caller.worker.clock);
    }

    /// Never to an HTTP/1.0 client (RFC 9110 section 15.2).
    async fn interim<'l>(
        &self,
        status: u16,
        lines: impl Iterator<Item = Line<'l>>,
        text: &mut Vec<u8>,
    ) {
        if self.version == Version::Http10 {
            return;
        }
        self.client.caller.worker.counters.responses_1xx.add(1);
        text.clear();
        write_status_line(text, Version::Http11, status);
        for line in lines {
            write_line(text, line.name, line.value);
        }
        end_head(text);
        let _ = write_all(&self.client.io, text).await;
        text.clear();
    }

    /// Small bodies leave with their head as one slice.
    async fn finish(&self, text: &mut Vec<u8>, body: &[u8]) -> io::Result<()> {
        if body.len() > JOINED_BODY_BYTES_MAX {
            return write_all_vectored(&self.client.io, &mut [text, body].map(IoSlice::new)).await;
        }
        text.extend_from_slice(body);
        write_all(&self.client.io, text).await
    }

    async fn pour(
        &self,
        text: &mut Vec<u8>,
        framing: &mut Framing,
        bytes: &[u8],
    ) -> Result<bool, Stop> {
        match Mode::of(framing, self.version) {
            Mode::Same => {
                let taken = framing.take(bytes).map_err(|_| Stop::Cut)?;
                self.write_joined(text, &bytes[..taken.consumed]).await?;
                Ok(taken.done)
            }
            Mode::Chunked if bytes.is_empty() => {
                self.write(&mut [IoSlice::new(text)]).await?;
                text.clear();
                Ok(false)
            }
            Mode::Chunked => {
                let chunk = ChunkHead::new(bytes.len() as u64);
                let parts = [text, chunk.as_bytes(), bytes, CRLF];
                self.write(&mut parts.map(IoSlice::new)).await?;
                text.clear();
                Ok(false)
            }
            Mode::Plain => {
                self.write(&mut [IoSlice::new(text)]).await?;
                text.clear();
                self.pour_plain(framing, bytes).await
            }
        }
    }

    async fn pour_end(&self) -> Result<(), Stop> {
        match self.version {
            Version::Http11 => self.write(&mut [IoSlice::new(CHUNKED_END)]).await,
            Version::Http10 => Ok(()),
        }
    }

    async fn data(
        &self,
        text: &mut Vec<u8>,
        framing: FramingLine,
        content: Content<'_>,
    ) -> Result<(), Stop> {
        let len: usize = content.parts.iter().map(Bytes::len).sum();
        let chunked = framing == FramingLine::Chunked;
        let chunk = (chunked && len > 0).then(|| ChunkHead::new(len as u64));
        let (opens, closes): (&[u8], &[u8]) = match &chunk {
            Some(chunk) => (chunk.as_bytes(), CRLF),
            None => (b"", b""),
        };
        let mut end = Vec::new();
        if chunked && content.ends {
            end.extend_from_slice(LAST_CHUNK);
            write_trailers(content.trailers, &mut end);
            end.extend_from_slice(CRLF);
        }
        let joined = text.len() + len <= JOINED_BODY_BYTES_MAX;
        if joined {
            text.extend_from_slice(opens);
            content.parts.iter().for_each(|part| text.extend_from_slice(part));
            text.extend_from_slice(closes);
            text.extend_from_slice(&end);
            self.write(&mut [IoSlice::new(text)]).await?;
        } else {
            let parts = content.parts.iter().map(|part| &part[..]);
            let around = [&text[..], opens].into_iter().chain(parts).chain([closes, &end]);
            let mut slices: Vec<IoSlice<'_>> = around.map(IoSlice::new).collect();
            self.write(&mut slices).await?;
        }
        text.clear();
        Ok(())
    }

    async fn join(&self, text: &[u8], early: &[u8], body: &Self::Body<'_>, upstream: &impl Io) {
        let Client { io, caller } = self.client;
        let opened = async {
            write_all(io, text).await?;
            write_all(io, early).await?;
            write_all(upstream, &body.beyond()).await
        };
        if opened.await.is_ok() {
            upgrade::both_ways(io, upstream, &caller.worker).await;
        }
    }

    fn abort(&self) {
        self.client.io.abort();
    }

    /// Looked at from time to time: an HTTP/1 client shows only by its socket that it is gone.
    async fn unless_gone<F: Future>(&self, work: F) -> Option<F::Output> {
        let mut work = pin!(work);
        // What is done at once costs no timer.
        if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
            return Some(done);
        }
        loop {
            match timeout(self.client.caller.worker.patience.sweep, &mut work).await {
                Ok(done) => return Some(done),
                Err(_) if self.client.io.is_left() => return None,
                Err(_) => {}
            }
        }
    }
}

impl<I: Io> Exchange<'_, I> {
    /// Small bodies leave with their head as one slice.
    async fn write_joined(&self, text: &mut Vec<u8>, body: &[u8]) -> Result<(), Stop> {
        if text.is_empty() {
            return self.write(&mut [IoSlice::new(body)]).await;
        }
        if body.len() > JOINED_BODY_BYTES_MAX {
            self.write(&mut [IoSlice::new(text), IoSlice::new(body)]).await?;
        } else {
            text.extend_from_slice(body);
            self.write(&mut [IoSlice::new(text)]).await?;
        }
        text.clear();
        Ok(())
    }

    async fn pour_plain(&self, framing: &mut Framing, bytes: &[u8]) -> Result<bool, Stop> {
        let mut rest = bytes;
        loop {
            let step = framing.piece(rest).map_err(|_| Stop::Cut)?;
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

    async fn write(&self, parts: &mut [IoSlice<'_>]) -> Result<(), Stop> {
        write_all_vectored(&self.client.io, parts).await.map_err(|_| Stop::Gone)
    }
}
