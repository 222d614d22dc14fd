//! Damaged requests through the gateway to an origin with another parser (hyper): both must see the
//! same requests, and every client its own answers and no others.
//!
//! The mutations follow fixed seeds, so a failure repeats.

#![allow(clippy::unwrap_used, reason = "a test says what broke")]

mod support;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use support::{Gateway, Route, Wire, gateway, world};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// Damaged connections of one test.
const ROUNDS: u64 = 600;

/// Silence after which a round is taken for stuck in an unfinished message. Nothing is judged by
/// it: what came until then is.
const SILENCE: Duration = Duration::from_millis(40);

/// What the gateway says of its connections to the origin.
const TOTAL: &str = "cluster.outbound|80||c0.upstream_cx_total";
const ACTIVE: &str = "cluster.outbound|80||c0.upstream_cx_active";

/// The last request of every round; it asks the gateway to close.
const LAST: &[u8] = b"GET /last HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n";

const MESSAGES: &[&[u8]] = &[
    b"GET /a HTTP/1.1\r\nhost: a.test\r\n\r\n",
    b"HEAD /b HTTP/1.1\r\nhost: a.test\r\naccept: */*\r\n\r\n",
    b"POST /c HTTP/1.1\r\nhost: a.test\r\ncontent-length: 5\r\n\r\nhello",
    b"POST /d HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n\
      3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nx-t: 1\r\n\r\n",
    b"POST /e HTTP/1.1\r\nhost: a.test\r\ncontent-length: 43\r\n\r\n\
      GET /inner HTTP/1.1\r\nhost: a.test\r\nx: yy\r\n\r\n",
    b"PUT /f HTTP/1.1\r\nhost: a.test\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\nput",
    b"GET http://a.test/g HTTP/1.1\r\nhost: other.test\r\nconnection: keep-alive, x-h\r\n\
      x-h: 1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nhost: a.test\r\ncontent-length: 0\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nhost: a.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
];

const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\0",
    b":",
    b";",
    b",",
    b"0",
    b"0\r\n\r\n",
    b"\r\n\r\n",
    b"\r\n ",
    b"content-length: 4\r\n",
    b"content-length: 0\r\n",
    b"content-length : 3\r\n",
    b"content-length: +3\r\n",
    b"transfer-encoding: chunked\r\n",
    b"transfer-encoding: identity\r\n",
    b"transfer-encoding:\x0bchunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"connection: content-length\r\n",
    b"connection: transfer-encoding\r\n",
    b"connection: close\r\n",
    b"connection: upgrade\r\nupgrade: websocket\r\n",
    b"upgrade: h2c\r\n",
    b"expect: 100-continue\r\n",
    b"host: b.test\r\n",
    b"trailer: content-length\r\n",
    b"x: \xff\r\n",
    b"GET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n",
    b"ffffffffffffffff",
    b"HTTP/1.0",
    b"HEAD ",
];

/// An origin of another make, which numbers the requests that it got whole.
struct Hyper {
    address: SocketAddr,
    seen: Arc<AtomicUsize>,
    broken: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Hyper {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, broken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (accepted, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, trouble) = (Arc::clone(&seen), Arc::clone(&broken));
        let (came, went) = (Arc::clone(&accepted), Arc::clone(&ended));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                came.fetch_add(1, Ordering::SeqCst);
                let (count, trouble) = (Arc::clone(&count), Arc::clone(&trouble));
                let went = Arc::clone(&went);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(request, &count));
                    let mut http = hyper::server::conn::http1::Builder::new();
                    let served =
                        http.keep_alive(true).serve_connection(TokioIo::new(stream), service);
                    if served.await.is_err_and(|error| error.is_parse()) {
                        trouble.fetch_add(1, Ordering::SeqCst);
                    }
                    went.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, seen, broken, accepted, ended }
    }

    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    /// Waits until it has dealt with every connection that the gateway gave up: a request that was
    /// left behind in one must not be counted in a later round.
    async fn catch_up(&self, gateway: &Gateway) {
        let total = gateway.stat(TOTAL);
        let gone = total - gateway.stat(ACTIVE);
        let caught_up = async {
            while (self.accepted.load(Ordering::SeqCst) as u64) < total
                || (self.ended.load(Ordering::SeqCst) as u64) < gone
            {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(30), caught_up).await.unwrap();
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: &AtomicUsize,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let whole = request.into_body().collect().await.is_ok();
    let number = if whole { seen.fetch_add(1, Ordering::SeqCst) } else { usize::MAX };
    let response = Response::builder().header("x-number", number);
    Ok(response.body(Full::new(Bytes::from_static(b"body"))).unwrap())
}

/// A few messages, damaged in a few places, and the last request behind them.
fn damaged(dice: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..dice.usize(1..4) {
        bytes.extend_from_slice(MESSAGES[dice.usize(..MESSAGES.len())]);
    }
    for _ in 0..dice.usize(0..4) {
        let at = dice.usize(..bytes.len());
        let piece = PIECES[dice.usize(..PIECES.len())];
        let replaced: Range<usize> = match dice.u8(..4) {
            0 => at..(at + dice.usize(1..8)).min(bytes.len()),
            1 => at..(at + piece.len()).min(bytes.len()),
            // At the end of a line, where a header belongs.
            2 => {
                let end = bytes[at..].windows(2).position(|two| two == b"\r\n");
                let start = end.map_or(at, |end| at + end + 2);
                start..start
            }
            _ => at..at,
        };
        bytes.splice(replaced, piece.iter().copied());
        if bytes.is_empty() {
            bytes.push(b'G');
        }
    }
    bytes.extend_from_slice(LAST);
    bytes
}

/// Sends bytes in one to three portions, reads until the gateway closes or says nothing more;
/// returns what it said, and whether it closed.
async fn converse(gateway: &Gateway, bytes: &[u8], dice: &mut fastrand::Rng) -> (Vec<u8>, bool) {
    let mut stream = Wire::connect(gateway.address).await.stream;
    let mut rest = bytes;
    for _ in 0..dice.usize(0..3) {
        let (part, behind) = rest.split_at(dice.usize(..=rest.len()));
        if stream.write_all(part).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
        rest = behind;
    }
    let _ = stream.write_all(rest).await;
    let mut heard = Vec::new();
    loop {
        match timeout(SILENCE, stream.read_buf(&mut heard)).await {
            Ok(Ok(got)) if got > 0 => {}
            Ok(_) => return (heard, true),
            Err(_) => return (heard, false),
        }
    }
}

/// The numbers of the origin's requests whose answers the client got, in order.
fn numbers(heard: &[u8]) -> Vec<usize> {
    let text = String::from_utf8_lossy(heard);
    let lines = text.lines().filter_map(|line| line.strip_prefix("x-number: "));
    lines.map(|number| number.trim().parse().unwrap()).collect()
}

#[tokio::test]
async fn another_parser_sees_the_same_requests_and_clients_see_their_own_answers() {
    let origin = Hyper::start().await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let (mut closed_rounds, mut forwarded) = (0, 0);
    for seed in 0..ROUNDS {
        let mut dice = fastrand::Rng::with_seed(seed);
        let bytes = damaged(&mut dice);
        let before = origin.seen();
        let (heard, closed) = converse(&gateway, &bytes, &mut dice).await;
        gateway.stat_becomes("http.downstream_rq_active", 0).await;
        origin.catch_up(&gateway).await;
        let (after, got) = (origin.seen(), numbers(&heard));
        let sent = String::from_utf8_lossy(&bytes);
        let whole: Vec<usize> = (before..after).collect();
        if closed {
            assert_eq!(got, whole, "seed {seed}: {sent:?} was answered with {heard:?}");
            closed_rounds += 1;
        } else {
            assert!(whole.starts_with(&got), "seed {seed}: {sent:?}: {got:?} of {whole:?}");
        }
        forwarded += got.len();
        assert_eq!(origin.broken.load(Ordering::SeqCst), 0, "seed {seed}: {sent:?}");
        assert!(!String::from_utf8_lossy(&heard).contains(" 502 "), "seed {seed}: {sent:?}");
    }
    // The damage must leave enough alive for the comparison to mean something.
    assert!(closed_rounds > ROUNDS / 2, "{closed_rounds} of {ROUNDS} rounds ended by themselves");
    assert!(forwarded > 300, "{forwarded} requests went through");
    assert_eq!(gateway.stat("server.connection_panics"), 0);
}
