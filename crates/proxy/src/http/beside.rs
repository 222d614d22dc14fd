//! What goes on beside the answer of one try: the rest of the request body, the client that may go
//! away, and the timers. One poll of all of them per wake-up, without a task of their own.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::body::{Body, Progress, upload};
use super::client::Client;
use crate::buffers::Tail;
use crate::http1::Refusal;
use crate::io::Io;

/// Why waiting for an upstream was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupt {
    /// The client closed or broke off.
    ClientGone,
    /// The client's body is malformed.
    BadBody(Refusal),
    /// The route's time is up.
    Timeout,
    /// The try's time is up.
    PerTryTimeout,
}

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
pub(super) struct Beside<'s, 'b, I> {
    client: &'s Client<I>,
    side: Side<'s, 'b>,
    progress: &'s Progress,
    timer: &'s mut Timer,
}

enum Side<'s, 'b> {
    /// The request is complete: only the client's going away matters. Later requests are kept.
    Watch(&'s mut Tail<'b>),
    /// The client has more to send, and nobody reads it now.
    Nothing,
    /// The body is being sent.
    Upload(Pin<Box<dyn Future<Output = Interrupt> + 's>>),
}

impl<'s, 'b, I: Io> Beside<'s, 'b, I> {
    /// Beside a try whose request was sent as far as it was there.
    pub(super) fn new<U: Io>(
        client: &'s Client<I>,
        upstream: &'s U,
        body: &'s mut Body<'b>,
        progress: &'s Progress,
        timer: &'s mut Timer,
    ) -> Self {
        let side = if body.is_done() {
            progress.finished.set(true);
            Side::Watch(&mut body.rest)
        } else {
            Side::Upload(Box::pin(upload(client, upstream, body, progress)))
        };
        Self { client, side, progress, timer }
    }

    /// Beside something that does not send the body. `rest` is given once the client has sent all
    /// of it.
    pub(super) fn between(
        client: &'s Client<I>,
        rest: Option<&'s mut Tail<'b>>,
        progress: &'s Progress,
        timer: &'s mut Timer,
    ) -> Self {
        progress.finished.set(rest.is_some());
        Self { client, side: rest.map_or(Side::Nothing, Side::Watch), progress, timer }
    }

    /// How the request body fares.
    pub(super) fn progress(&self) -> &Progress {
        self.progress
    }

    /// The timers.
    pub(super) fn timer(&mut self) -> &mut Timer {
        self.timer
    }

    /// Room for later requests with what the client sent already, if it sent all of this one.
    pub(super) fn into_rest(self) -> Option<&'s mut Tail<'b>> {
        match self.side {
            Side::Watch(rest) => Some(rest),
            Side::Nothing | Side::Upload(_) => None,
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
        let rest = match &mut self.side {
            Side::Upload(upload) => return upload.as_mut().poll(cx),
            Side::Nothing => return Poll::Pending,
            Side::Watch(rest) => rest,
        };
        loop {
            if rest.free_mut().is_empty() {
                return Poll::Pending;
            }
            match self.client.io.poll_read(cx, rest.free_mut()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(got)) if got > 0 => rest.fill(got),
                Poll::Ready(_) => return Poll::Ready(Interrupt::ClientGone),
            }
        }
    }
}
