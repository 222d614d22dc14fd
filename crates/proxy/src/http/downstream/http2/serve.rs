//! One HTTP/2 client connection from preface to close: takes streams in, each in a task of its own,
//! and sees to it that the connection ends when it should. It is one guest of its worker, at rest
//! while no stream is open.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{self, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use tokio::time::{Sleep, sleep, timeout};

use super::stream::answer;
use crate::guests::Leave;
use crate::http::caller::Caller;
use crate::http2::{Flood, Role, Watch, Wire};
use crate::io::{Io, read};
use crate::limits::{
    HTTP2_CLIENT_CONNECTION_WINDOW_BYTES, HTTP2_CLIENT_DATA_BUDGET_BYTES,
    HTTP2_CLIENT_ERROR_STREAMS_MAX, HTTP2_CLIENT_HEADER_LIST_BYTES_MAX,
    HTTP2_CLIENT_RESET_PENDING_MAX, HTTP2_CLIENT_RESET_STREAMS_MAX,
    HTTP2_CLIENT_SEND_BUFFER_BYTES_MAX, HTTP2_CLIENT_STREAM_WINDOW_BYTES, HTTP2_CLIENT_STREAMS_MAX,
    HTTP2_DRAIN_TIMEOUT, LINGER_BYTES_MAX, LINGER_TIMEOUT,
};
use crate::telemetry::Counters;

/// Serves a connection to its end. `ahead` was read from it already.
///
/// An idle connection lives in this future: it holds nothing twice and nothing for longer than it
/// is needed.
pub(in crate::http) async fn serve<I: Io>(io: Rc<I>, caller: Caller, ahead: Bytes) {
    let caller = Rc::new(caller);
    let worker = Rc::clone(&caller.worker);
    worker.counters.connections_http2.add(1);
    let (wire, watch) = Wire::new(Rc::clone(&io), Role::Server, ahead);
    let mut greeting = Box::pin(timeout(worker.patience.head, builder().handshake(wire)));
    let greeted = poll_fn(|cx| {
        if let Some(why) = caller.guest.leaving() {
            count_leave(&worker.counters, why);
            return Poll::Ready(None);
        }
        caller.guest.wake_with(cx.waker());
        greeting.as_mut().poll(cx).map(Some)
    });
    let connection = match greeted.await {
        Some(Ok(Ok(connection))) => connection,
        Some(Ok(Err(_)) | Err(_)) => {
            worker.counters.http2_broken.add(1);
            return io.farewell();
        }
        None => return io.farewell(),
    };
    caller.guest.rest();
    let mut driver = Driver::new(connection, Rc::clone(&caller), watch);
    let end = poll_fn(|cx| driver.poll(cx)).await;
    // Streams that are still open learn of it now.
    drop(driver);
    end.count(&worker.counters);
    match end {
        End::Over | End::Broken { .. } => linger(&*io, &caller).await,
        // What is still to be sent will never leave.
        End::Stuck => io.abort(),
    }
}

/// Settings as Istio's gateways send them, but for extended CONNECT, which is served, and for the
/// size of heads, which is told.
fn builder() -> server::Builder {
    let mut builder = server::Builder::new();
    builder
        .initial_window_size(HTTP2_CLIENT_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CLIENT_CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(HTTP2_CLIENT_STREAMS_MAX)
        .header_table_size(HEADER_TABLE_BYTES)
        .max_header_list_size(HTTP2_CLIENT_HEADER_LIST_BYTES_MAX)
        .enable_connect_protocol()
        .max_send_buffer_size(HTTP2_CLIENT_SEND_BUFFER_BYTES_MAX)
        .max_concurrent_reset_streams(HTTP2_CLIENT_RESET_STREAMS_MAX)
        .max_pending_accept_reset_streams(HTTP2_CLIENT_RESET_PENDING_MAX)
        .max_local_error_reset_streams(Some(HTTP2_CLIENT_ERROR_STREAMS_MAX))
        .data_frame_budget(HTTP2_CLIENT_DATA_BUDGET_BYTES);
    builder
}

/// The protocol's default, said aloud as Envoy does.
const HEADER_TABLE_BYTES: u32 = 4096;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// By agreement, or because the client was gone.
    Over,
    /// By a breach of the protocol, or of the codec's limits.
    Broken { calmed: bool },
    /// Nothing could be sent any more.
    Stuck,
}

impl End {
    fn of(error: &h2::Error) -> Self {
        match error.reason() {
            // What the client reports is its own affair, and a lost connection is nobody's.
            Some(reason) if error.is_library() => {
                Self::Broken { calmed: reason == Reason::ENHANCE_YOUR_CALM }
            }
            _ => Self::Over,
        }
    }

    fn count(self, counters: &Counters) {
        match self {
            Self::Over => {}
            Self::Broken { calmed: true } => counters.http2_excess.add(1),
            Self::Broken { calmed: false } => counters.http2_broken.add(1),
            Self::Stuck => counters.http2_stuck.add(1),
        }
    }
}

/// A connection with its streams.
struct Driver<I> {
    connection: Connection<Wire<I>, Bytes>,
    caller: Rc<Caller>,
    watch: Rc<Watch>,
    open: Rc<Open>,
    stage: Stage,
    /// Ends the wait for a client that takes nothing of what we have for it.
    stuck: Option<Pin<Box<Sleep>>>,
}

/// How far a connection is on its way out.
enum Stage {
    /// Streams are welcome.
    Serving,
    /// The client was told to open no more. The alarm rings when it had time enough to hear it.
    Leaving(Pin<Box<Sleep>>),
    /// It had. Streams that come now are refused; those that are open may end.
    Last,
    /// The last GOAWAY is on its way. Whether it arrives or not, the alarm ends the connection.
    Closing(Pin<Box<Sleep>>),
}

impl<I: Io + Unpin> Driver<I> {
    fn new(connection: Connection<Wire<I>, Bytes>, caller: Rc<Caller>, watch: Rc<Watch>) -> Self {
        let open = Rc::default();
        Self { connection, caller, watch, open, stage: Stage::Serving, stuck: None }
    }

    /// Ready when the connection has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.caller.guest.wake_with(cx.waker());
        self.open.wake_with(cx.waker());
        loop {
            self.leave();
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.take_in(request, respond);
                    continue;
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(End::of(&error)),
                Poll::Ready(None) => return Poll::Ready(End::Over),
                Poll::Pending => {}
            }
            if let Some(end) = self.poll_stuck(cx) {
                return Poll::Ready(end);
            }
            match self.advance(cx) {
                Poll::Ready(Some(end)) => return Poll::Ready(end),
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Begins to leave if the connection is asked to: the client is told to open no more streams,
    /// and after a while which was the last that counted (RFC 9113 section 6.8).
    fn leave(&mut self) {
        let Some(why) = self.caller.guest.leaving() else { return };
        if !matches!(self.stage, Stage::Serving) {
            return;
        }
        count_leave(&self.caller.worker.counters, why);
        self.connection.graceful_shutdown();
        self.stage = Stage::Leaving(Box::pin(sleep(HTTP2_DRAIN_TIMEOUT)));
    }

    fn take_in(&self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        if matches!(self.stage, Stage::Last | Stage::Closing(_)) {
            // Never seen by anyone: the client may ask again elsewhere.
            return respond.send_reset(Reason::REFUSED_STREAM);
        }
        let entered = Entered::new(&self.open, &self.caller);
        let caller = Rc::clone(&self.caller);
        // Made inside the task: a future that is moved into another takes its room twice.
        self.caller.worker.spawn(async move {
            let _entered = entered;
            answer(caller, request, respond).await;
        });
    }

    /// Takes the next step towards the end, if it is time; `Ready(None)` if the connection is to
    /// be looked after again.
    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        if let Stage::Closing(alarm) = &mut self.stage {
            return alarm.as_mut().poll(cx).map(|()| Some(End::Stuck));
        }
        if let Some(flood) = self.watch.flood() {
            tracing::debug!(%flood, "a client connection is closed");
            count_flood(&self.caller.worker.counters, flood);
            self.close(Reason::ENHANCE_YOUR_CALM);
            return Poll::Ready(None);
        }
        if let Stage::Leaving(alarm) = &mut self.stage {
            if alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.stage = Stage::Last;
        }
        if matches!(self.stage, Stage::Last) && self.open.count.get() == 0 {
            self.close(Reason::NO_ERROR);
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    fn close(&mut self, reason: Reason) {
        self.connection.abrupt_shutdown(reason);
        self.stage = Stage::Closing(Box::pin(sleep(LINGER_TIMEOUT)));
    }

    /// Ends a connection that has taken not a byte of what is there for it for as long as an idle
    /// one may stay. Envoy's limit for this is the streams' idle timeout, which Istio turns off.
    fn poll_stuck(&mut self, cx: &mut Context<'_>) -> Option<End> {
        if !self.watch.is_stuck() {
            self.stuck = None;
            return None;
        }
        let limit: Duration = self.caller.worker.patience.idle;
        let alarm = self.stuck.get_or_insert_with(|| Box::pin(sleep(limit)));
        alarm.as_mut().poll(cx).is_ready().then_some(End::Stuck)
    }
}

/// The streams that are open, and who wants to know when none is.
#[derive(Debug, Default)]
struct Open {
    count: Cell<usize>,
    waker: RefCell<Option<Waker>>,
}

impl Open {
    fn wake_with(&self, waker: &Waker) {
        let mut held = self.waker.borrow_mut();
        match &*held {
            Some(held) if held.will_wake(waker) => {}
            _ => *held = Some(waker.clone()),
        }
    }
}

/// Counts a stream as open, whatever becomes of it.
struct Entered {
    open: Rc<Open>,
    caller: Rc<Caller>,
}

impl Entered {
    fn new(open: &Rc<Open>, caller: &Rc<Caller>) -> Self {
        if open.count.replace(open.count.get() + 1) == 0 {
            caller.guest.work();
        }
        Self { open: Rc::clone(open), caller: Rc::clone(caller) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.caller.worker.counters.panics.add(1);
        }
        self.open.count.set(self.open.count.get() - 1);
        if self.open.count.get() == 0 {
            self.caller.guest.rest();
            let waker = self.open.waker.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

fn count_leave(counters: &Counters, why: Leave) {
    match why {
        Leave::Idle => counters.connections_idle.add(1),
        Leave::Drain => counters.connections_drained.add(1),
    }
}

fn count_flood(counters: &Counters, flood: Flood) {
    let counter = match flood {
        Flood::Ping => &counters.http2_ping_floods,
        Flood::Settings => &counters.http2_settings_floods,
        Flood::WindowUpdate => &counters.http2_window_update_floods,
        Flood::Priority => &counters.http2_priority_floods,
        Flood::Reset => &counters.http2_reset_floods,
        // Clients' heads are requests, which are no flood by themselves.
        Flood::Empty | Flood::Heads => &counters.http2_empty_floods,
        Flood::GoAway => &counters.http2_goaway_floods,
    };
    counter.add(1);
}

/// Closes without losing what was said last: a socket closed with unread bytes makes the kernel
/// reset the connection.
async fn linger(io: &impl Io, caller: &Caller) {
    if io.shutdown_write().is_err() {
        return;
    }
    let mut buffer = caller.worker.buffers.small();
    let discard = async {
        let mut discarded = 0;
        while discarded < LINGER_BYTES_MAX {
            match read(io, buffer.free_mut()).await {
                Ok(got) if got > 0 => discarded += got,
                _ => return,
            }
        }
    };
    let _ = timeout(LINGER_TIMEOUT, discard).await;
    caller.worker.buffers.give_back(buffer);
}

#[cfg(test)]
mod tests;
