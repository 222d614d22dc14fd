//! What goes on beside the answer of one try: the rest of the request body, the client that may go
//! away, and the timers. One poll of all of them per wake-up, without a task of their own.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::SendStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::downstream::{Downstream, Interrupt, Progress, RequestBody};
use crate::io::Io;

/// The timers of one request. Both run from the end of the request on, as Envoy's do.
#[derive(Debug, Default)]
pub(super) struct Timer {
    route: Option<Duration>,
    per_try: Option<Duration>,
    route_end: Option<Instant>,
    try_end: Option<Instant>,
    trying: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Timers with these limits.
    pub(super) fn new(route: Option<Duration>, per_try: Option<Duration>) -> Self {
        Self { route, per_try, ..Self::default() }
    }

    /// A try begins.
    pub(super) fn begin_try(&mut self) {
        self.trying = true;
        self.try_end = None;
    }

    /// The try has its response head: its own limit is over.
    pub(super) fn end_try(&mut self) {
        self.trying = false;
        self.try_end = None;
    }

    /// Nothing is limited any more: the connection has become a tunnel.
    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }

    fn poll(&mut self, cx: &mut Context<'_>, request_done: bool) -> Poll<Interrupt> {
        if (self.route.is_none() && self.per_try.is_none()) || !request_done {
            return Poll::Pending;
        }
        if self.route_end.is_none() {
            self.route_end = self.route.map(|limit| Instant::now() + limit);
        }
        if self.trying && self.try_end.is_none() {
            self.try_end = self.per_try.map(|limit| Instant::now() + limit);
        }
        let Some(end) = self.route_end.into_iter().chain(self.try_end).min() else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if sleep.deadline() != end {
            sleep.as_mut().reset(end);
        }
        if sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        if self.route_end == Some(end) {
            return Poll::Ready(Interrupt::Timeout);
        }
        Poll::Ready(Interrupt::PerTryTimeout)
    }
}

/// What goes on beside a try.
pub(super) struct Beside<'s, 'b, D: Downstream> {
    down: &'s D,
    side: Side<'s, D::Body<'b>>,
    progress: &'s Progress,
    timer: &'s mut Timer,
}

enum Side<'s, B> {
    /// Nobody reads the body now; once it is complete, only the client's going away matters.
    Watch(&'s B),
    /// The body is being sent.
    Upload(Pin<Box<dyn Future<Output = Interrupt> + 's>>),
}

impl<'s, 'b, D: Downstream> Beside<'s, 'b, D> {
    /// Beside a try whose request was sent to an HTTP/1 upstream as far as it was there.
    pub(super) fn new<U: Io>(
        down: &'s D,
        upstream: &'s U,
        body: &'s mut D::Body<'b>,
        progress: &'s Progress,
        timer: &'s mut Timer,
    ) -> Self {
        if body.is_done() {
            return Self::between(down, body, progress, timer);
        }
        let side = Side::Upload(Box::pin(body.upload(down, upstream, progress)));
        Self { down, side, progress, timer }
    }

    /// Beside a try on an HTTP/2 stream, on which all of the body is still to be sent.
    pub(super) fn on_stream(
        down: &'s D,
        stream: &'s mut SendStream<Bytes>,
        body: &'s mut D::Body<'b>,
        progress: &'s Progress,
        timer: &'s mut Timer,
    ) -> Self {
        let side = Side::Upload(Box::pin(body.upload_http2(down, stream, progress)));
        Self { down, side, progress, timer }
    }

    /// Beside something that does not send the body.
    pub(super) fn between(
        down: &'s D,
        body: &'s D::Body<'b>,
        progress: &'s Progress,
        timer: &'s mut Timer,
    ) -> Self {
        progress.finished.set(body.is_done());
        Self { down, side: Side::Watch(body), progress, timer }
    }

    /// How the request body fares.
    pub(super) fn progress(&self) -> &Progress {
        self.progress
    }

    /// The timers.
    pub(super) fn timer(&mut self) -> &mut Timer {
        self.timer
    }

    /// The body, if the client has sent all of it.
    pub(super) fn into_body(self) -> Option<&'s D::Body<'b>> {
        match self.side {
            Side::Watch(body) => Some(body),
            Side::Upload(_) => None,
        }
    }

    /// Runs `work` to its end unless something beside it makes that pointless. `work` comes first:
    /// what is ready at once costs no look at the side.
    pub(super) async fn run<F: Future>(&mut self, work: F) -> Result<F::Output, Interrupt> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            if let Poll::Ready(interrupt) = self.poll_side(cx) {
                return Poll::Ready(Err(interrupt));
            }
            self.timer.poll(cx, self.progress.finished.get()).map(Err)
        })
        .await
    }

    fn poll_side(&mut self, cx: &mut Context<'_>) -> Poll<Interrupt> {
        match &mut self.side {
            Side::Upload(upload) => upload.as_mut().poll(cx),
            Side::Watch(body) => body.poll_gone(self.down, cx).map(|()| Interrupt::ClientGone),
        }
    }
}
