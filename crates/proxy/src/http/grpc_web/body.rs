//! The body of a request in gRPC-Web on its way up: messages as gRPC has them, whatever they were
//! written in, at the client's and the upstream's pace.

use std::cell::OnceCell;
use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::SendStream;

use super::Translation;
use super::answer::Translated;
use crate::grpc_web::{BadBase64, Decoder};
use crate::http::downstream::{Downstream, Held, Interrupt, Progress, RequestBody};
use crate::http::upload::{self, Ends, Sent};
use crate::http1::FramingLine;
use crate::http1::emit::{CHUNKED_END, write_chunk};
use crate::io::{Io, write_all};

/// A body that is translated.
pub(in crate::http) struct TranslatedBody<'w, 'x, D: Downstream> {
    pub(super) inner: &'w mut D::Body<'x>,
    /// Reads base64; without it messages are passed on as they come.
    decoder: Option<Decoder>,
    /// How an HTTP/1 upstream is told where it ends.
    framing: FramingLine,
    /// What came with the head, translated.
    first: Bytes,
    held: Held,
    /// What is at hand as an HTTP/1 upstream gets it, once one is asked.
    text: OnceCell<Vec<u8>>,
}

impl<'w, 'x, D: Downstream> TranslatedBody<'w, 'x, D> {
    /// The translation of a body of which nothing was sent. `framing` is that of the head that
    /// goes up.
    ///
    /// # Errors
    /// What came with the head is no base64.
    pub(in crate::http) fn new(
        translation: Translation,
        inner: &'w mut D::Body<'x>,
        framing: FramingLine,
    ) -> Result<Self, BadBase64> {
        let decoder = translation.reads_text.then(Decoder::default);
        let content = inner.content();
        let (held, text) = (Held::default(), OnceCell::new());
        let mut body = Self { inner, decoder, framing, first: Bytes::new(), held, text };
        body.first = body.translated(content)?;
        Ok(body)
    }

    /// Translates content; at the body's end all of it must have been whole.
    fn translated(&mut self, content: Bytes) -> Result<Bytes, BadBase64> {
        let Some(decoder) = &mut self.decoder else { return Ok(content) };
        let mut bytes = Vec::new();
        decoder.read(&content, &mut bytes)?;
        if self.inner.is_done() {
            decoder.end()?;
        }
        Ok(bytes.into())
    }

    /// Reads more of it. Returns how much the client sent for it, too.
    async fn next(
        &mut self,
        down: &Translated<'_, '_, D>,
        progress: &Progress,
    ) -> Result<(Bytes, usize), Interrupt> {
        let content = self.inner.read_on(down.inner()).await?;
        let len = content.len();
        let bytes = self.translated(content).map_err(|BadBase64| Interrupt::BadText)?;
        self.text.take();
        match progress.settled.get() {
            true => self.held = Held::Gone,
            false => self.held.keep(self.first.len(), &bytes),
        }
        progress.lost.set(self.held.is_gone());
        Ok((bytes, len))
    }

    fn at_hand(&self) -> Bytes {
        match self.held.bytes() {
            b"" => self.first.clone(),
            held => [&self.first, held].concat().into(),
        }
    }

    /// Content in the framing of HTTP/1, and the body's end if it is there.
    fn framed(&self, content: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        if self.framing == FramingLine::Chunked {
            if !content.is_empty() {
                write_chunk(&mut text, content);
            }
            if self.inner.is_done() {
                text.extend_from_slice(CHUNKED_END);
            }
        }
        text
    }

    /// The upstream takes no more. Its answer, if it gave one, is on its way; only the client's
    /// going away ends the wait for it here.
    async fn refused(&self, down: &Translated<'_, '_, D>, progress: &Progress) -> Interrupt {
        progress.broken.set(true);
        poll_fn(|cx| self.inner.poll_gone(down.inner(), cx)).await;
        Interrupt::ClientGone
    }

    async fn finished(&self, down: &Translated<'_, '_, D>, progress: &Progress) -> Interrupt {
        progress.finished.set(true);
        poll_fn(|cx| self.inner.poll_gone(down.inner(), cx)).await;
        Interrupt::ClientGone
    }
}

impl<'w, 'x, D: Downstream> RequestBody<Translated<'w, 'x, D>> for TranslatedBody<'w, 'x, D> {
    fn is_done(&self) -> bool {
        self.inner.is_done()
    }

    fn hold(&mut self) {
        if !self.inner.is_done() {
            self.held.begin(self.first.len(), 0);
        }
    }

    fn is_replayable(&self) -> bool {
        !self.held.is_gone()
    }

    fn opening(&self) -> [&[u8]; 2] {
        [self.text.get_or_init(|| self.framed(&self.at_hand())), b""]
    }

    fn poll_gone(&self, down: &Translated<'w, 'x, D>, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_gone(down.inner(), cx)
    }

    async fn upload(
        &mut self,
        down: &Translated<'w, 'x, D>,
        upstream: &impl Io,
        progress: &Progress,
    ) -> Interrupt {
        while !self.inner.is_done() {
            let (content, owed) = match self.next(down, progress).await {
                Ok(next) => next,
                Err(interrupt) => return interrupt,
            };
            let text = self.framed(&content);
            let written = down.inner().unless_gone(write_all(upstream, &text)).await;
            self.inner.give_back(owed);
            match written {
                Some(Ok(())) => {}
                Some(Err(_)) => return self.refused(down, progress).await,
                None => return Interrupt::ClientGone,
            }
        }
        self.finished(down, progress).await
    }

    fn whole(&self, most: usize) -> Option<Bytes> {
        let content = self.inner.is_done().then(|| self.at_hand());
        content.filter(|content| content.len() <= most && !self.held.is_gone())
    }

    async fn upload_http2(
        &mut self,
        down: &Translated<'w, 'x, D>,
        stream: &mut SendStream<Bytes>,
        progress: &Progress,
    ) -> Interrupt {
        // What came with the head was given back when it was taken.
        let (mut content, mut owed) = (self.at_hand(), 0);
        loop {
            let done = self.inner.is_done();
            if done || !content.is_empty() {
                let ends = if done { Ends::With(None) } else { Ends::Later };
                match down.inner().unless_gone(upload::send(stream, content, ends)).await {
                    Some(Sent::All) => {}
                    Some(Sent::Refused) => return self.refused(down, progress).await,
                    None => return Interrupt::ClientGone,
                }
            }
            self.inner.give_back(owed);
            if done {
                return self.finished(down, progress).await;
            }
            (content, owed) = match self.next(down, progress).await {
                Ok(next) => next,
                Err(interrupt) => return interrupt,
            };
        }
    }

    fn content(&self) -> Bytes {
        self.at_hand()
    }

    async fn read_on(&mut self, down: &Translated<'w, 'x, D>) -> Result<Bytes, Interrupt> {
        let (content, owed) = self.next(down, &Progress::default()).await?;
        self.inner.give_back(owed);
        Ok(content)
    }

    fn give_back(&mut self, _: usize) {}
}
