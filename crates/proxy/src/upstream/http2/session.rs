//! One HTTP/2 connection to an endpoint: whether it takes another stream, and the task that drives
//! it. It ends when it was closed and its last stream has ended, or when the peer breaks it.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{self, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, SendStream};
use http::Request;
use propylon_snapshot::{Http2KeepAlive, Http2Settings, Limits};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use crate::http2::{Role, Watch, Wire};
use crate::limits::{
    HTTP2_CLOSE_TIMEOUT, HTTP2_CONNECTION_WINDOW_BYTES, HTTP2_DATA_BUDGET_BYTES,
    HTTP2_HEADER_LIST_BYTES_MAX, HTTP2_RESET_STREAMS_MAX, HTTP2_SEND_BUFFER_BYTES_MAX,
    HTTP2_SETTINGS_WAIT, HTTP2_STREAM_WINDOW_BYTES, HTTP2_STREAMS_ASSUMED, HTTP2_STREAMS_MAX,
};
use crate::upstream::Conduit;

/// The connection as the `h2` crate sees it.
type Connection = client::Connection<Wire<Conduit>, Bytes>;

/// How late a PING may be at random, in per cent of the interval: Envoy's `interval_jitter`.
const PING_JITTER_PERCENT: u32 = 15;

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    /// Opens streams; gone once no more are to be opened.
    handle: RefCell<Option<SendRequest<Bytes>>>,
    /// Most streams that we want on it at once.
    most: usize,
    streams: Cell<usize>,
    /// Streams that it has carried or carries.
    carried: Cell<u32>,
    made: Instant,
    /// When its last stream ended.
    quiet_since: Cell<Instant>,
    local: Option<SocketAddr>,
    watch: Rc<Watch>,
    /// The peer has sent something, so its settings are known.
    settled: watch::Sender<bool>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By agreement, or because the peer was gone.
    Over,
    /// The peer broke the protocol.
    Broken,
    /// The peer did not answer a PING in time.
    Unanswered,
}

impl Session {
    /// Begins HTTP/2 on a connection: writes the preface and settings. The peer's are not waited
    /// for.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub(super) async fn begin(
        conduit: Conduit,
        settings: Http2Settings,
    ) -> Result<(Rc<Self>, Connection), h2::Error> {
        let local = conduit.local();
        let (wire, watch) = Wire::new(conduit, Role::Client, Bytes::new());
        let (handle, connection) = builder().handshake(wire).await?;
        let most = settings.max_concurrent_streams.map_or(HTTP2_STREAMS_MAX, |most| most as usize);
        let session = Rc::new(Self {
            handle: RefCell::new(Some(handle)),
            most,
            streams: Cell::new(0),
            carried: Cell::new(0),
            made: Instant::now(),
            quiet_since: Cell::new(Instant::now()),
            local,
            watch,
            settled: watch::Sender::new(false),
        });
        Ok((session, connection))
    }

    /// How many streams may be open before the peer has said how many it allows.
    pub(super) fn streams_assumed(settings: Http2Settings) -> usize {
        let most = settings.max_concurrent_streams.map_or(usize::MAX, |most| most as usize);
        most.min(HTTP2_STREAMS_ASSUMED)
    }

    /// True if another stream may be opened now. Notices when the peer is going away.
    pub(super) fn has_room(&self) -> bool {
        let mut handle = self.handle.borrow_mut();
        let Some(open) = &mut *handle else { return false };
        match open.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => {
                self.streams.get() < open.current_max_send_streams().min(self.most)
            }
            Poll::Ready(Err(_)) => {
                *handle = None;
                false
            }
            Poll::Pending => false,
        }
    }

    /// True once it takes no more streams.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.borrow().is_none()
    }

    /// True if it has carried as many streams, or is as old, as it may.
    pub(super) fn is_spent(&self, limits: &Limits, now: Instant) -> bool {
        limits.requests_per_connection.is_some_and(|most| self.carried.get() >= most)
            || limits.connection_duration.is_some_and(|most| now - self.made >= most)
    }

    /// True if it has no stream, and had none for so long.
    pub(super) fn is_idle(&self, now: Instant, limit: Duration) -> bool {
        self.streams.get() == 0 && now.duration_since(self.quiet_since.get()) >= limit
    }

    /// Lets no more streams on it; it ends with the last one.
    pub(super) fn close(&self) {
        let handle = self.handle.borrow_mut().take();
        drop(handle);
    }

    /// Closes it if it has no stream and the peer allows none: a connection for each request would
    /// be left over. Envoy keeps them all.
    fn close_useless(&self) {
        let allowed = |open: &SendRequest<Bytes>| open.current_max_send_streams();
        if self.streams.get() == 0 && self.handle.borrow().as_ref().map(allowed) == Some(0) {
            self.close();
        }
    }

    /// Lets no more streams on it if it has none.
    pub(super) fn close_unused(&self) {
        if self.streams.get() == 0 {
            self.close();
        }
    }

    /// Counts a stream in. True if it is not the connection's first.
    pub(super) fn enter(&self) -> bool {
        self.streams.set(self.streams.get() + 1);
        self.carried.replace(self.carried.get().saturating_add(1)) > 0
    }

    /// Counts a stream out.
    pub(super) fn leave(&self) {
        self.streams.set(self.streams.get() - 1);
        if self.streams.get() == 0 {
            self.quiet_since.set(Instant::now());
            self.close_useless();
        }
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// When the connection takes no more; nothing of the request was sent then.
    pub(super) fn open(
        &self,
        request: Request<()>,
        ends: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let mut handle = self.handle.borrow_mut();
        let Some(open) = &mut *handle else { return Err(h2::Reason::REFUSED_STREAM.into()) };
        let opened = open.send_request(request, ends);
        if opened.is_err() {
            *handle = None;
        }
        opened
    }

    /// Waits until the peer's settings are known, for a moment: what they may allow must not be
    /// used before (RFC 8441 section 3).
    pub(super) async fn settled(&self) {
        let mut settled = self.settled.subscribe();
        let _ = timeout(HTTP2_SETTINGS_WAIT, settled.wait_for(|settled| *settled)).await;
    }

    /// Our end of the connection.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    /// Moves the connection's bytes until it ends. Calls `settles` once the peer's settings are
    /// known: they may allow more streams than were assumed.
    pub(super) async fn drive(
        &self,
        connection: &mut Connection,
        keep_alive: Option<Http2KeepAlive>,
        settles: impl Fn(),
    ) -> Ended {
        let mut probe = keep_alive.and_then(|times| Probe::new(times, connection.ping_pong()?));
        let mut last_call: Option<Pin<Box<Sleep>>> = None;
        let mut begins = true;
        let ended = poll_fn(|cx| {
            // What waits is sent before the peer's settings are read, as in Envoy: where these
            // allow no stream, it would never be.
            if std::mem::take(&mut begins) {
                self.watch.set_deaf(true);
                let sent = Pin::new(&mut *connection).poll(cx);
                self.watch.set_deaf(false);
                if let Poll::Ready(result) = sent {
                    return Poll::Ready(ended(&result));
                }
            }
            if let Poll::Ready(result) = Pin::new(&mut *connection).poll(cx) {
                return Poll::Ready(ended(&result));
            }
            // What was read was taken in by this very poll.
            if self.watch.heard()
                && self.settled.send_if_modified(|settled| !std::mem::replace(settled, true))
            {
                settles();
                self.close_useless();
            }
            if let Some(probe) = &mut probe
                && probe.poll(cx).is_ready()
            {
                return Poll::Ready(Ended::Unanswered);
            }
            if self.is_closed() && self.streams.get() == 0 {
                // The goodbye waits for a peer that may never read it.
                let call = last_call.get_or_insert_with(|| Box::pin(sleep(HTTP2_CLOSE_TIMEOUT)));
                return call.as_mut().poll(cx).map(|()| Ended::Over);
            }
            Poll::Pending
        })
        .await;
        self.close();
        if let Some(flood) = self.watch.flood() {
            tracing::debug!(%flood, "an endpoint floods");
        }
        ended
    }
}

/// Settings as Envoy sends them, with smaller windows for streams and a larger one for all of them:
/// what one slow client leaves unread stays bounded, and takes no room from others.
fn builder() -> client::Builder {
    let mut builder = client::Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .data_frame_budget(HTTP2_DATA_BUDGET_BYTES)
        .max_header_list_size(HTTP2_HEADER_LIST_BYTES_MAX)
        .max_send_buffer_size(HTTP2_SEND_BUFFER_BYTES_MAX)
        .initial_max_send_streams(HTTP2_STREAMS_ASSUMED)
        .max_concurrent_reset_streams(HTTP2_RESET_STREAMS_MAX)
        .max_local_error_reset_streams(Some(HTTP2_RESET_STREAMS_MAX));
    builder
}

fn ended(result: &Result<(), h2::Error>) -> Ended {
    match result {
        Err(error) if super::fault::is_broken(error) => Ended::Broken,
        _ => Ended::Over,
    }
}

/// Asks the peer now and then whether it is still there.
struct Probe {
    times: Http2KeepAlive,
    pings: PingPong,
    /// An answer is due when `alarm` rings; else it is time to ask then.
    asked: bool,
    alarm: Pin<Box<Sleep>>,
}

impl Probe {
    fn new(times: Http2KeepAlive, pings: PingPong) -> Option<Self> {
        let alarm = Box::pin(sleep_until(Instant::now() + late(times.interval)));
        Some(Self { times, pings, asked: false, alarm })
    }

    /// Ready when an answer is overdue.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.asked {
                match self.pings.poll_pong(cx) {
                    // An error shows at the connection.
                    Poll::Ready(_) => self.set(false, late(self.times.interval)),
                    Poll::Pending => return self.alarm.as_mut().poll(cx),
                }
            }
            if self.alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let _ = self.pings.send_ping(Ping::opaque());
            self.set(true, self.times.timeout);
        }
    }

    fn set(&mut self, asked: bool, wait: Duration) {
        self.asked = asked;
        self.alarm.as_mut().reset(Instant::now() + wait);
    }
}

/// The interval with its jitter.
fn late(interval: Duration) -> Duration {
    interval + interval * fastrand::u32(..=PING_JITTER_PERCENT) / 100
}
