//! What comes down to a client of gRPC-Web: trailers as a frame behind the messages, all of it in
//! base64 where that is wanted. What is no gRPC becomes a gRPC status in the head, its body the
//! status's message.

use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;

use bytes::Bytes;
use http::HeaderMap;
use propylon_snapshot::{Line, ServerHeader, grpc_status_of};

use super::body::TranslatedBody;
use super::{BINARY, TEXT, Translation};
use crate::grpc_web::{TextFrames, trailers_frame};
use crate::http::caller::Caller;
use crate::http::downstream::{Content, Downstream, Frame, Stop, Unframed};
use crate::http::incoming::Protocol;
use crate::http::respond::grpc_message;
use crate::http1::{Framing, FramingLine};
use crate::io::Io;
use crate::limits::GRPC_WEB_MESSAGE_BYTES_MAX;

/// The client's side of a request that is translated.
pub(in crate::http) struct Translated<'w, 'x, D: Downstream> {
    inner: &'w D,
    body: PhantomData<&'w D::Body<'x>>,
    translation: Translation,
    /// The request asks for a head alone.
    headless: bool,
    answer: RefCell<Answer>,
}

/// What is known of the answer.
enum Answer {
    /// Nothing yet, or there is no body that could be translated.
    Bare(FramingLine),
    /// Messages of gRPC.
    Messages(Box<Messages>),
    /// It is none of gRPC: its head waits for the body, which becomes a part of it.
    Other(Box<Other>),
}

struct Messages {
    framing: FramingLine,
    /// `None`: messages are passed on as they come.
    text: Option<TextFrames>,
    /// Of an HTTP/1 upstream's framing.
    unframed: Unframed,
}

struct Other {
    frame: Frame,
    lines: Vec<(Box<str>, Box<[u8]>)>,
    server: ServerHeader,
    message: Vec<u8>,
}

impl<'w, D: Downstream> Translated<'w, '_, D> {
    /// Nothing was answered yet. `headless`: the request asks for a head alone.
    pub(in crate::http) fn new(inner: &'w D, translation: Translation, headless: bool) -> Self {
        let answer = RefCell::new(Answer::Bare(FramingLine::None));
        Self { inner, body: PhantomData, translation, headless, answer }
    }

    /// The side that is wrapped.
    pub(super) fn inner(&self) -> &'w D {
        self.inner
    }

    /// True if nothing follows a head.
    fn ends(&self, frame: &Frame) -> bool {
        let bodiless = match frame.framing {
            FramingLine::Length(length) => length == 0,
            // What ends with an old client's connection is framed by nothing else.
            FramingLine::None => frame.protocol != Protocol::Http10,
            FramingLine::Chunked => false,
        };
        bodiless || self.headless || matches!(frame.status, 204 | 304)
    }

    fn content_type(&self) -> &'static [u8] {
        if self.translation.writes_text { TEXT[1] } else { BINARY[1] }
    }
}

impl<'w, 'x, D: Downstream> Downstream for Translated<'w, 'x, D> {
    type Body<'b> = TranslatedBody<'w, 'x, D>;

    fn caller(&self) -> &Caller {
        self.inner.caller()
    }

    fn begin(&self, frame: Frame, lines: &[Line<'_>], server: &ServerHeader, text: &mut Vec<u8>) {
        let is_grpc = frame.status == 200 && kind(lines).is_some_and(is_grpc);
        let kept = lines.iter().filter(|line| line.name != "content-type");
        let mut lines: Vec<Line<'_>> = kept.copied().collect();
        lines.push(Line { name: "content-type", value: self.content_type() });
        let ends = self.ends(&frame);
        if !ends && !is_grpc {
            let owned = lines.iter().map(|line| (line.name.into(), line.value.into()));
            let (lines, server) = (owned.collect(), server.clone());
            let other = Other { frame, lines, server, message: Vec::new() };
            *self.answer.borrow_mut() = Answer::Other(Box::new(other));
            return;
        }
        let framing = match frame.protocol {
            Protocol::Http2 if ends => FramingLine::None,
            _ if matches!(frame.status, 204 | 304) => FramingLine::None,
            // Envoy leaves open what a GET would have had.
            _ if ends && !self.headless => FramingLine::Length(0),
            Protocol::Http10 => FramingLine::None,
            Protocol::Http11 | Protocol::Http2 => FramingLine::Chunked,
        };
        self.inner.begin(Frame { framing, ..frame }, &lines, server, text);
        *self.answer.borrow_mut() = match ends {
            true => Answer::Bare(framing),
            false => Answer::Messages(Box::new(Messages {
                framing,
                text: self.translation.writes_text.then(TextFrames::default),
                unframed: Unframed::default(),
            })),
        };
    }

    async fn interim<'l>(
        &self,
        status: u16,
        lines: impl Iterator<Item = Line<'l>>,
        text: &mut Vec<u8>,
    ) {
        self.inner.interim(status, lines, text).await;
    }

    async fn finish(&self, text: &mut Vec<u8>, body: &[u8]) -> io::Result<()> {
        if matches!(*self.answer.borrow(), Answer::Bare(_)) {
            return self.inner.finish(text, body).await;
        }
        let parts = [Bytes::copy_from_slice(body)];
        let content = Content { parts: &parts, ends: true, trailers: None };
        let finished = self.data(text, FramingLine::None, content).await;
        finished.map_err(|_| io::ErrorKind::ConnectionAborted.into())
    }

    async fn pour(
        &self,
        text: &mut Vec<u8>,
        framing: &mut Framing,
        bytes: &[u8],
    ) -> Result<bool, Stop> {
        if matches!(*self.answer.borrow(), Answer::Bare(_)) {
            return self.inner.pour(text, framing, bytes).await;
        }
        let mut local = Unframed::default();
        let taken = match &mut *self.answer.borrow_mut() {
            // Trailers may come in parts.
            Answer::Messages(messages) => {
                let taken = messages.unframed.take(framing, bytes);
                local.bytes = std::mem::take(&mut messages.unframed.bytes);
                taken.map(|_| messages.unframed.trailers())
            }
            _ => local.take(framing, bytes).map(|_| None),
        };
        let trailers = taken.map_err(|_| Stop::Cut)?;
        let ends = framing.is_done();
        let parts = [Bytes::from(local.bytes)];
        let trailers = trailers.as_ref().filter(|_| ends);
        let content = Content { parts: &parts, ends, trailers };
        self.data(text, FramingLine::None, content).await?;
        Ok(ends)
    }

    async fn pour_end(&self) -> Result<(), Stop> {
        if matches!(*self.answer.borrow(), Answer::Bare(_)) {
            return self.inner.pour_end().await;
        }
        let content = Content { parts: &[], ends: true, trailers: None };
        self.data(&mut Vec::new(), FramingLine::None, content).await
    }

    async fn data(
        &self,
        text: &mut Vec<u8>,
        _: FramingLine,
        content: Content<'_>,
    ) -> Result<(), Stop> {
        let Some(translated) = self.translated(&content, text) else { return Ok(()) };
        let Outgoing { framing, parts, trailers } = translated;
        let trailers = content.trailers.filter(|_| trailers);
        let content = Content { parts: &parts, ends: content.ends, trailers };
        self.inner.data(text, framing, content).await
    }

    async fn join(&self, text: &[u8], early: &[u8], body: &Self::Body<'_>, upstream: &impl Io) {
        self.inner.join(text, early, body.inner, upstream).await;
    }

    fn abort(&self) {
        self.inner.abort();
    }

    async fn unless_gone<F: Future>(&self, work: F) -> Option<F::Output> {
        self.inner.unless_gone(work).await
    }
}

/// What goes down of some content.
struct Outgoing {
    framing: FramingLine,
    parts: Vec<Bytes>,
    /// The content's own trailers follow it.
    trailers: bool,
}

impl<D: Downstream> Translated<'_, '_, D> {
    /// What is sent of some content; `None`: nothing yet.
    fn translated(&self, content: &Content<'_>, text: &mut Vec<u8>) -> Option<Outgoing> {
        match &mut *self.answer.borrow_mut() {
            Answer::Bare(framing) => {
                Some(Outgoing { framing: *framing, parts: Vec::new(), trailers: false })
            }
            Answer::Messages(messages) => {
                let (framing, parts) = (messages.framing, messages.translated(content));
                Some(Outgoing { framing, parts, trailers: false })
            }
            Answer::Other(other) => {
                other.take(content.parts);
                let framing = content.ends.then(|| other.begin(self.inner, text))?;
                Some(Outgoing { framing, parts: Vec::new(), trailers: true })
            }
        }
    }
}

impl Messages {
    fn translated(&mut self, content: &Content<'_>) -> Vec<Bytes> {
        let frame = content.trailers.filter(|_| content.ends).map(trailers);
        let Some(text) = &mut self.text else {
            return content.parts.iter().cloned().chain(frame).collect();
        };
        let mut out = Vec::new();
        content.parts.iter().for_each(|part| text.write(part, &mut out));
        if content.ends {
            text.end(&mut out);
        }
        if let Some(frame) = frame {
            text.write(&frame, &mut out);
        }
        if out.is_empty() { Vec::new() } else { vec![out.into()] }
    }
}

fn trailers(trailers: &HeaderMap) -> Bytes {
    trailers_frame(trailers).into()
}

impl Other {
    /// Takes as much of the body as a header line can hold.
    fn take(&mut self, parts: &[Bytes]) {
        for part in parts {
            let room = GRPC_WEB_MESSAGE_BYTES_MAX - self.message.len();
            self.message.extend_from_slice(&part[..part.len().min(room)]);
        }
    }

    /// Begins the answer with the status that it means; returns its framing.
    fn begin(&self, inner: &impl Downstream, text: &mut Vec<u8>) -> FramingLine {
        let code = grpc_status_of(self.frame.status).to_string();
        let message = grpc_message(&self.message);
        let own = self.lines.iter().map(|(name, value)| Line { name, value });
        let mut lines: Vec<Line<'_>> =
            own.filter(|line| !matches!(line.name, "grpc-status" | "grpc-message")).collect();
        lines.push(Line { name: "grpc-message", value: &message });
        lines.push(Line { name: "grpc-status", value: code.as_bytes() });
        let framing = FramingLine::Length(0);
        inner.begin(Frame { framing, ..self.frame }, &lines, &self.server, text);
        framing
    }
}

fn kind<'l>(lines: &[Line<'l>]) -> Option<&'l [u8]> {
    lines.iter().find(|line| line.name == "content-type").map(|line| line.value)
}

/// gRPC, or gRPC-Web of an origin that speaks it by itself, parameters aside.
fn is_grpc(kind: &[u8]) -> bool {
    let bare = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let grpc = kind
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+')));
    grpc || BINARY.iter().any(|known| bare.eq_ignore_ascii_case(known))
}
