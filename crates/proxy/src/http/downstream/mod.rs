//! The client's side of one request: where the rest of its body comes from and where its answer
//! goes. Whatever decides, tries and relays is written against this seam and knows no protocol of
//! clients.

mod held;
pub(super) mod http1;
pub(super) mod http2;
mod unframed;

use std::cell::Cell;
use std::io;
use std::task::{Context, Poll};

pub(super) use self::held::Held;
pub(super) use self::unframed::Unframed;
use bytes::Bytes;
use h2::SendStream;
use http::HeaderMap;
use propylon_snapshot::{Line, ServerHeader};

use super::caller::Caller;
use super::incoming::Protocol;
use crate::http1::{Framing, FramingLine, Refusal};
use crate::io::Io;
use crate::telemetry::Counters;

/// How a response's head is framed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// What the client is told in.
    pub(super) protocol: Protocol,
    /// The status.
    pub(super) status: u16,
    /// How the body's length is told.
    pub(super) framing: FramingLine,
    /// The connection ends with this response, where a response can say so.
    pub(super) close: bool,
    /// The connection becomes a WebSocket.
    pub(super) upgrade: bool,
}

/// Why an answer could not be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The upstream broke off, took too long, or sent something malformed.
    Cut,
    /// The client is not there any more.
    Gone,
}

/// Content of a response body without framing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content<'c> {
    /// The bytes, in order.
    pub(super) parts: &'c [Bytes],
    /// The body ends behind them.
    pub(super) ends: bool,
    /// What stands behind the body's end.
    pub(super) trailers: Option<&'c HeaderMap>,
}

/// The client's side of one request.
///
/// `text` is the desk's room for what goes down. Between [`Self::begin`] and the first bytes of the
/// body it may hold a head that has not left; whoever writes sends it first and leaves it empty.
/// No write is cancel safe: whoever gives one up must [`Self::abort`].
pub(super) trait Downstream {
    /// What is still to come of the request.
    type Body<'b>: RequestBody<Self>;

    /// Who asks.
    fn caller(&self) -> &Caller;

    /// Begins a response. Nothing needs to leave before [`Self::pour`] or another write.
    fn begin(&self, frame: Frame, lines: &[Line<'_>], server: &ServerHeader, text: &mut Vec<u8>);

    /// Passes an interim response (1xx) on. A client that is gone is noticed elsewhere.
    async fn interim<'l>(
        &self,
        status: u16,
        lines: impl Iterator<Item = Line<'l>>,
        text: &mut Vec<u8>,
    );

    /// Writes the body of an answer that is whole.
    ///
    /// # Errors
    /// When the client is gone.
    async fn finish(&self, text: &mut Vec<u8>, body: &[u8]) -> io::Result<()>;

    /// Passes on the part of a body that `bytes` hold, which an HTTP/1 upstream framed so; true at
    /// the body's end.
    ///
    /// # Errors
    /// [`Stop::Cut`] for a malformed body, [`Stop::Gone`] without a client.
    async fn pour(
        &self,
        text: &mut Vec<u8>,
        framing: &mut Framing,
        bytes: &[u8],
    ) -> Result<bool, Stop>;

    /// Ends a body whose end was the end of the upstream's connection.
    ///
    /// # Errors
    /// When the client is gone.
    async fn pour_end(&self) -> Result<(), Stop>;

    /// Passes on content of a body that came over HTTP/2 and is framed as [`Self::begin`] was told.
    ///
    /// # Errors
    /// When the client is gone.
    async fn data(
        &self,
        text: &mut Vec<u8>,
        framing: FramingLine,
        content: Content<'_>,
    ) -> Result<(), Stop>;

    /// Joins the client with an upstream whose handshake was accepted, until one side ends: `text`
    /// and `early` go down first, then whatever both sides say.
    async fn join(&self, text: &[u8], early: &[u8], body: &Self::Body<'_>, upstream: &impl Io);

    /// Breaks the answer off, so that what the client has got of it cannot be taken for all.
    fn abort(&self);

    /// Does something while nobody reads the request's body; `None` if the client goes away before
    /// it is done.
    async fn unless_gone<F: Future>(&self, work: F) -> Option<F::Output>;
}

/// What is still to come of a request. `D` is the side it comes from.
pub(super) trait RequestBody<D: Downstream + ?Sized> {
    /// True once the client has sent all of it.
    fn is_done(&self) -> bool;

    /// Keeps what is read from now on for another try or a mirror, as far as the limit allows.
    fn hold(&mut self);

    /// True if everything read so far can be sent again.
    fn is_replayable(&self) -> bool;

    /// What is to be sent behind an HTTP/1 head at the start of a try, in its framing.
    fn opening(&self) -> [&[u8]; 2];

    /// Ready once the client is gone. Asked only while nobody reads the body; what the client sends
    /// beyond it is kept, or left to the connection.
    fn poll_gone(&self, down: &D, cx: &mut Context<'_>) -> Poll<()>;

    /// Sends what the client still has to send to an HTTP/1 upstream, then watches for the client
    /// going away. Ends only when the request cannot go on.
    async fn upload(&mut self, down: &D, upstream: &impl Io, progress: &Progress) -> Interrupt;

    /// All of the body without framing, if the client has sent all of it, it has at most `most`
    /// bytes, and no trailers are behind it.
    fn whole(&self, most: usize) -> Option<Bytes>;

    /// Sends all of the body on an HTTP/2 stream, what was read before included, and ends the
    /// stream; then watches for the client going away. Ends only when the request cannot go on.
    async fn upload_http2(
        &mut self,
        down: &D,
        stream: &mut SendStream<Bytes>,
        progress: &Progress,
    ) -> Interrupt;

    /// What was read and is at hand, without framing.
    fn content(&self) -> Bytes;

    /// Waits for more of the body and returns it without framing; nothing at its end. For whoever
    /// makes another body of it: it is not at hand afterwards. Cancelled, it loses nothing.
    ///
    /// # Errors
    /// The client is gone, or its body malformed.
    async fn read_on(&mut self, down: &D) -> Result<Bytes, Interrupt>;

    /// Lets the client send so many bytes more, in exchange for what [`Self::read_on`] returned.
    fn give_back(&mut self, len: usize);
}

/// Why waiting for an upstream was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupt {
    /// The client closed or broke off.
    ClientGone,
    /// The client's body is malformed.
    BadBody(Refusal),
    /// The client's body is gRPC-Web's text, and no base64.
    BadText,
    /// The route's time is up.
    Timeout,
    /// The try's time is up.
    PerTryTimeout,
}

/// What becomes of the client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Another request may follow.
    Keep,
    /// It closes.
    Close,
    /// It closes, and the client may still be sending.
    Linger,
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
    /// The answer is on its way down: nothing of the request will be needed again.
    pub(super) settled: Cell<bool>,
}

impl Progress {
    /// The whole request went to the upstream without trouble.
    pub(super) fn is_clean(&self) -> bool {
        self.finished.get() && !self.broken.get()
    }
}

/// Counts a request as under way, whatever becomes of it.
struct UnderWay<'c>(&'c Counters);

impl<'c> UnderWay<'c> {
    fn begin(counters: &'c Counters) -> Self {
        counters.requests.add(1);
        counters.requests_active.add(1);
        Self(counters)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.requests_active.sub(1);
    }
}
