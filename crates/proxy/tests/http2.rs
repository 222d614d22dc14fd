//! The end of HTTP/2 client connections: idle, draining, stuck; and what is between two streams.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use propylon_proxy::limits::Patience;
use propylon_snapshot::Snapshot;
use support::origin::ok;
use support::{Gateway, Origin, Route, Wire, gateway, gateway_of, world};

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// A GET of `/`, ended.
fn request(stream: u32) -> Vec<u8> {
    frame(HEADERS, 5, stream, b"\x82\x86\x84\x41\x06a.test")
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![len[1], len[2], len[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

struct Client(Wire);

/// Kind, flags, stream, payload.
type Frame = (u8, u8, u32, Vec<u8>);

impl Client {
    async fn connect(gateway: &Gateway) -> Self {
        let mut wire = gateway.connect().await;
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        wire.send(frame(SETTINGS, 0, 0, b"")).await;
        Self(wire)
    }

    /// The next frame; `None` at the end.
    async fn next(&mut self) -> Option<Frame> {
        let head = self.0.try_exactly(9).await?;
        let len = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let payload = self.0.try_exactly(len).await?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some((head[3], head[4], stream, payload))
    }

    async fn until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().await.unwrap();
            if frame.0 == PING && frame.1 == 0 {
                self.0.send(self::frame(PING, 1, 0, &frame.3)).await;
            }
            if frame.0 == kind {
                return frame;
            }
        }
    }

    /// Answers PINGs to the end; the streams that GOAWAY frames named.
    async fn leave(&mut self) -> Vec<u32> {
        let mut named = Vec::new();
        while let Some((kind, flags, _, payload)) = self.next().await {
            match kind {
                PING if flags == 0 => self.0.send(frame(PING, 1, 0, &payload)).await,
                GOAWAY => {
                    named.push(u32::from_be_bytes(payload[..4].try_into().unwrap()));
                    assert_eq!(payload[4..8], [0; 4], "no error");
                }
                _ => {}
            }
        }
        named
    }
}

fn hello() -> Snapshot {
    world(vec![Route::answering("/", 200, "hello")], &[])
}

/// As often as idle connections are looked at, and for how long they may be.
fn hurried() -> Patience {
    let moment = Duration::from_millis(20);
    Patience { idle: moment, sweep: moment, ..Patience::default() }
}

#[tokio::test]
async fn an_idle_connection_is_told_to_leave_and_closed() {
    let gateway = gateway_of(1, hurried(), hello()).await;
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.leave().await, [0x7fff_ffff, 0]);
    assert_eq!(gateway.stat("http.downstream_cx_idle_timeout"), 1);
    gateway.stat_becomes("http.downstream_cx_active", 0).await;
}

#[tokio::test]
async fn a_connection_with_an_open_stream_is_not_idle() {
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            log.note(&wire.head().await);
            // Longer than an idle connection may be: until one was closed.
            while log.count() < 2 {
                tokio::task::yield_now().await;
            }
            wire.send(ok("late")).await;
        })
    })
    .await;
    let snapshot = world(vec![Route::to("/", 0)], &[&[origin.address]]);
    let gateway = gateway_of(1, hurried(), snapshot).await;
    let mut busy = Client::connect(&gateway).await;
    busy.0.send(request(1)).await;
    origin.received(1).await;
    let mut idle = Client::connect(&gateway).await;
    idle.leave().await;
    origin.note("an idle one has left");
    let (_, _, stream, _) = busy.until(HEADERS).await;
    assert_eq!(stream, 1);
    assert_eq!(busy.leave().await, [0x7fff_ffff, 1]);
}

#[tokio::test]
async fn draining_ends_idle_connections_at_once_and_busy_ones_with_their_last_stream() {
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            log.note(&wire.head().await);
            while log.count() < 2 {
                tokio::task::yield_now().await;
            }
            wire.send(ok("late")).await;
        })
    })
    .await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut idle = Client::connect(&gateway).await;
    idle.until(SETTINGS).await;
    let mut busy = Client::connect(&gateway).await;
    busy.0.send(request(1)).await;
    origin.received(1).await;
    let draining = tokio::spawn(gateway.plane.drain(support::DEADLINE));
    assert_eq!(idle.leave().await, [0x7fff_ffff, 0]);
    let first = busy.until(GOAWAY).await;
    assert_eq!(first.3[..4], [0x7f, 0xff, 0xff, 0xff]);
    origin.note("the idle one has left");
    assert_eq!(busy.until(HEADERS).await.2, 1);
    busy.leave().await;
    draining.await.unwrap();
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed_after_the_time_of_an_idle_one() {
    let body = "x".repeat(8 << 20);
    let gateway =
        gateway_of(1, hurried(), world(vec![Route::answering("/", 200, &body)], &[])).await;
    let mut client = Client::connect(&gateway).await;
    // Windows so wide that only the socket is in the way.
    client.0.send(frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff])).await;
    client.0.send(frame(8, 0, 0, &[0x7f, 0, 0, 0])).await;
    client.0.send(request(1)).await;
    gateway.stat_becomes("http2.stuck", 1).await;
    gateway.stat_becomes("http.downstream_cx_active", 0).await;
}

#[tokio::test]
async fn each_stream_is_routed_by_the_configuration_of_its_moment() {
    let mut gateway = gateway(hello()).await;
    let mut client = Client::connect(&gateway).await;
    client.0.send(request(1)).await;
    assert_eq!(client.until(0).await.3, b"hello");
    gateway.publish(world(vec![Route::answering("/", 200, "again")], &[])).await;
    client.0.send(request(3)).await;
    assert_eq!(client.until(0).await.3, b"again");
    assert_eq!(gateway.stat("http.downstream_cx_http2_total"), 1);
    assert_eq!(gateway.stat("http.downstream_rq_total"), 2);
}

#[tokio::test]
async fn a_preface_that_stops_half_way_is_a_head_that_is_late() {
    let patience = Patience { head: Duration::from_millis(30), ..Patience::default() };
    let gateway = gateway_of(1, patience, hello()).await;
    let mut client = gateway.connect().await;
    client.send("PRI * HTTP/2.0\r\n").await;
    assert_eq!(client.answer(false).await.status, 408);
    assert!(client.is_closed().await);
}
