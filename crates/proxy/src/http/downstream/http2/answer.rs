//! What goes down to an HTTP/2 client: heads as field sections, bodies at the pace that the
//! client's windows allow. A response without a body ends with its head.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::header::{CONTENT_LENGTH, DATE, HeaderName, HeaderValue, SERVER};
use http::{HeaderMap, Response, StatusCode};
use propylon_snapshot::{Line, ServerHeader};
use tokio::task::yield_now;

use super::body::StreamBody;
use super::exchange::{Exchange, Sending};
use super::tunnel::Tunnel;
use crate::http::caller::Caller;
use crate::http::downstream::unframed::trailers;
use crate::http::downstream::{Content, Downstream, Frame, Stop};
use crate::http::upgrade;
use crate::http1::{Framing, FramingLine, Piece};
use crate::io::Io;
use crate::limits::JOINED_FRAME_BYTES_MAX;

impl Downstream for Exchange {
    type Body<'b> = StreamBody;

    fn caller(&self) -> &Caller {
        &self.caller
    }

    fn begin(&self, frame: Frame, lines: &[Line<'_>], server: &ServerHeader, _: &mut Vec<u8>) {
        let response = self.head(frame, lines, server);
        let mut sending = self.sending.borrow_mut();
        *sending = match mem::take(&mut *sending) {
            Sending::Nothing(respond) | Sending::Head(respond, _) => {
                Sending::Head(respond, Box::new(response))
            }
            later => later,
        };
    }

    async fn interim<'l>(
        &self,
        status: u16,
        lines: impl Iterator<Item = Line<'l>>,
        _: &mut Vec<u8>,
    ) {
        let mut response = Response::new(());
        *response.status_mut() = status_code(status);
        for line in lines {
            push(response.headers_mut(), line);
        }
        if let Sending::Nothing(respond) = &mut *self.sending.borrow_mut() {
            self.caller.worker.counters.responses_1xx.add(1);
            let _ = respond.send_informational(response);
        }
    }

    async fn finish(&self, _: &mut Vec<u8>, body: &[u8]) -> io::Result<()> {
        if body.is_empty() {
            self.forget_empty();
        }
        let sent = async {
            self.send_head(body.is_empty())?;
            self.send(Bytes::copy_from_slice(body), true).await
        };
        sent.await.map_err(|_| io::ErrorKind::ConnectionAborted.into())
    }

    async fn pour(
        &self,
        _: &mut Vec<u8>,
        framing: &mut Framing,
        bytes: &[u8],
    ) -> Result<bool, Stop> {
        let mut rest = bytes;
        loop {
            let step = framing.piece(rest).map_err(|_| Stop::Cut)?;
            let done = framing.is_done();
            match step.piece {
                Some(Piece::Data(range)) => {
                    self.send_head(false)?;
                    self.send(Bytes::copy_from_slice(&rest[range]), done).await?;
                }
                Some(Piece::Trailers(range)) => {
                    self.trailers.borrow_mut().extend_from_slice(&rest[range]);
                    if done {
                        self.end()?;
                    }
                }
                Some(Piece::End) => {
                    self.end()?;
                    return Ok(true);
                }
                None => {
                    self.send_head(false)?;
                    return Ok(false);
                }
            }
            if done {
                return Ok(true);
            }
            rest = &rest[step.consumed..];
        }
    }

    async fn pour_end(&self) -> Result<(), Stop> {
        self.end()
    }

    async fn data(
        &self,
        _: &mut Vec<u8>,
        _: FramingLine,
        content: Content<'_>,
    ) -> Result<(), Stop> {
        let Content { parts, ends, trailers } = content;
        let trailers = trailers.filter(|trailers| ends && !trailers.is_empty());
        let joined;
        let parts = match parts.iter().map(Bytes::len).sum() {
            1..=JOINED_FRAME_BYTES_MAX if parts.len() > 1 => {
                joined = [Bytes::from(parts.concat())];
                &joined[..]
            }
            _ => parts,
        };
        let last = parts.iter().rposition(|part| !part.is_empty());
        let ends_content = ends && trailers.is_none();
        self.send_head(ends_content && last.is_none())?;
        for (at, part) in parts.iter().enumerate() {
            self.send(part.clone(), ends_content && Some(at) == last).await?;
        }
        match trailers {
            Some(trailers) => self.say(|stream| stream.send_trailers(trailers.clone())),
            None if ends && last.is_none() => {
                self.say(|stream| stream.send_data(Bytes::new(), true))
            }
            None => Ok(()),
        }
    }

    async fn join(&self, _: &[u8], early: &[u8], body: &Self::Body<'_>, upstream: &impl Io) {
        let opened = async {
            self.send_head(false)?;
            self.send(Bytes::copy_from_slice(early), false).await
        };
        if opened.await.is_ok() {
            let tunnel = Tunnel::new(self, body.stream());
            upgrade::both_ways(&tunnel, upstream, &self.caller.worker).await;
        }
    }

    fn abort(&self) {
        // A head that is made is told, as Envoy does.
        let _ = self.send_head(false);
        let sending = mem::take(&mut *self.sending.borrow_mut());
        match sending {
            Sending::Nothing(mut respond) | Sending::Head(mut respond, _) => {
                respond.send_reset(Reason::INTERNAL_ERROR);
            }
            Sending::Body(mut stream) => self.caller.worker.spawn(async move {
                // A reset overtakes what the connection has not written yet.
                yield_now().await;
                stream.send_reset(Reason::INTERNAL_ERROR);
            }),
            Sending::Over => {}
        }
    }

    async fn unless_gone<F: Future>(&self, work: F) -> Option<F::Output> {
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.poll_reset(cx).map(|()| None),
        })
        .await
    }
}

impl Exchange {
    /// Ready once the client gave the stream or its connection up.
    pub(super) fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self.sending.borrow_mut() {
            Sending::Nothing(respond) | Sending::Head(respond, _) => {
                respond.poll_reset(cx).map(|_| ())
            }
            Sending::Body(stream) => stream.poll_reset(cx).map(|_| ()),
            Sending::Over => Poll::Ready(()),
        }
    }

    /// `server` is the gateway's word, `date` only where it is missing (RFC 9110 section 6.6.1).
    fn head(&self, frame: Frame, lines: &[Line<'_>], server: &ServerHeader) -> Response<()> {
        let mut response = Response::new(());
        // RFC 8441 section 5: what HTTP/1 switches to with a 101 is an ordinary success here.
        let status = if frame.upgrade { 200 } else { frame.status };
        *response.status_mut() = status_code(status);
        let headers = response.headers_mut();
        headers.reserve(lines.len() + 3);
        for line in lines {
            match line.name {
                "server" if matches!(server, ServerHeader::Set(_)) => {}
                "content-length" => {}
                "sec-websocket-accept" if frame.upgrade => {}
                _ => push(headers, *line),
            }
        }
        if let FramingLine::Length(length) = frame.framing {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        if !headers.contains_key(DATE) {
            let mut date = Vec::new();
            self.caller.worker.clock.write_date(&mut date);
            if let Ok(date) = HeaderValue::from_maybe_shared(Bytes::from(date)) {
                headers.insert(DATE, date);
            }
        }
        if let ServerHeader::Set(server) = server
            && let Ok(server) = HeaderValue::from_str(server)
        {
            headers.insert(SERVER, server);
        }
        response
    }

    /// Takes back a length of nothing: the end of the stream says it, and Envoy says no more.
    fn forget_empty(&self) {
        if let Sending::Head(_, head) = &mut *self.sending.borrow_mut()
            && head.headers().get(CONTENT_LENGTH).is_some_and(|length| length == "0")
        {
            head.headers_mut().remove(CONTENT_LENGTH);
        }
    }

    /// Sends the head, if it has not left. `ends`: nothing follows it.
    fn send_head(&self, ends: bool) -> Result<(), Stop> {
        let mut sending = self.sending.borrow_mut();
        *sending = match mem::take(&mut *sending) {
            Sending::Head(mut respond, head) => {
                let stream = respond.send_response(*head, ends).map_err(|_| Stop::Gone)?;
                if ends { Sending::Over } else { Sending::Body(stream) }
            }
            later => later,
        };
        Ok(())
    }

    /// Sends content as the client takes it.
    async fn send(&self, mut data: Bytes, ends: bool) -> Result<(), Stop> {
        while !data.is_empty() {
            let room = poll_fn(|cx| self.poll_room(data.len(), cx)).await?;
            let part = data.split_to(room.min(data.len()));
            let last = ends && data.is_empty();
            self.say(|stream| stream.send_data(part, last))?;
        }
        Ok(())
    }

    /// Ready with how much may be sent of so many bytes.
    pub(super) fn poll_room(
        &self,
        wanted: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, Stop>> {
        let Sending::Body(stream) = &mut *self.sending.borrow_mut() else {
            return Poll::Ready(Err(Stop::Gone));
        };
        stream.reserve_capacity(wanted);
        while stream.capacity() == 0 {
            match ready!(stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(Err(Stop::Gone)),
            }
        }
        Poll::Ready(Ok(stream.capacity()))
    }

    /// Ends the response with the trailers that were read, if there are any.
    fn end(&self) -> Result<(), Stop> {
        let trailers = trailers(&self.trailers.borrow());
        let Some(trailers) = trailers else { return self.end_plain() };
        self.send_head(false)?;
        self.say(|stream| stream.send_trailers(trailers))
    }

    fn end_plain(&self) -> Result<(), Stop> {
        self.send_head(true)?;
        self.say(|stream| stream.send_data(Bytes::new(), true))
    }

    /// Says something to a stream whose head has left.
    pub(super) fn say(
        &self,
        what: impl FnOnce(&mut SendStream<Bytes>) -> Result<(), h2::Error>,
    ) -> Result<(), Stop> {
        match &mut *self.sending.borrow_mut() {
            Sending::Body(stream) => what(stream).map_err(|_| Stop::Gone),
            Sending::Over | Sending::Nothing(_) | Sending::Head(..) => Ok(()),
        }
    }
}

fn status_code(status: u16) -> StatusCode {
    // Statuses of upstreams and of the configuration have three digits.
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Appends a line; one that HTTP/2 cannot carry is left out.
fn push(headers: &mut HeaderMap, line: Line<'_>) {
    let name = HeaderName::from_bytes(line.name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line.value)) {
        headers.append(name, value);
    }
}
