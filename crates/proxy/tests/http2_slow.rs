//! Clients and endpoints on HTTP/2 that take nothing: others on the same connections are served all
//! the same, and the connections live on.

#![allow(clippy::unwrap_used, reason = "a test says what broke by panicking")]

mod support;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream, server};
use support::streams::{Caller, over_http2, send_all, streams_with};
use support::{DEADLINE, Gateway, Origin, Route, gateway, world};

async fn before(origin: &Origin) -> Gateway {
    gateway(over_http2(world(vec![Route::to("/", 0)], &[&[origin.address]]))).await
}

/// Sends without an end: pieces of this size, for a path that says so. Reads nothing of a request
/// for `/slow`; answers others at once.
async fn origin(sent: &Arc<AtomicUsize>) -> Origin {
    let sent = Arc::clone(sent);
    let mut builder = server::Builder::new();
    builder.max_concurrent_streams(500);
    streams_with(builder, move |mut stream| {
        let sent = Arc::clone(&sent);
        Box::pin(async move {
            let path = stream.request.uri().path().to_owned();
            if path == "/slow" {
                pending::<()>().await;
            }
            let Some(size) = path.strip_prefix("/endless/") else {
                return stream.answer(200, "hello", &[]);
            };
            let piece = Bytes::from(vec![b'x'; size.parse().unwrap()]);
            let mut send = stream.begin();
            while send_all(&mut send, piece.clone(), false).await == piece.len() {
                sent.fetch_add(piece.len(), Ordering::SeqCst);
            }
        })
    })
    .await
}

/// Asks so many times, and takes nothing of what comes.
async fn unread(
    client: &mut Caller,
    path: &str,
    many: usize,
) -> Vec<(RecvStream, SendStream<Bytes>)> {
    let mut open = Vec::new();
    for _ in 0..many {
        let (response, send): (ResponseFuture, _) = client.open("GET", path, &[], true).await;
        open.push((response.await.unwrap().into_body(), send));
    }
    open
}

async fn becomes(count: &AtomicUsize, least: usize) {
    let come = async {
        while count.load(Ordering::SeqCst) < least {
            tokio::task::yield_now().await;
        }
    };
    let came = tokio::time::timeout(DEADLINE, come).await.is_ok();
    assert!(came, "{} of {least} bytes were sent", count.load(Ordering::SeqCst));
}

async fn is_served(client: &mut Caller) {
    let asked = tokio::time::timeout(DEADLINE, client.ask(("GET", "/"), &[], b""));
    assert_eq!(asked.await.unwrap().body, b"hello");
}

#[tokio::test]
async fn clients_that_take_nothing_hold_up_nobody_else() {
    let sent = Arc::default();
    let origin = origin(&sent).await;
    let gateway = before(&origin).await;
    let mut slow = Caller::connect(gateway.address).await;
    let _unread = unread(&mut slow, "/endless/65536", 120).await;
    // As much as Envoy's window of a whole connection.
    becomes(&sent, 24 << 20).await;
    let mut other = Caller::connect(gateway.address).await;
    is_served(&mut other).await;
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn small_messages_that_no_client_takes_cost_nobody_the_connection() {
    let sent = Arc::default();
    let origin = origin(&sent).await;
    let gateway = before(&origin).await;
    let mut slow = Caller::connect(gateway.address).await;
    let _unread = unread(&mut slow, "/endless/10", 4).await;
    becomes(&sent, 4 * 250_000).await;
    let mut other = Caller::connect(gateway.address).await;
    is_served(&mut other).await;
    assert_eq!(origin.connections(), 1);
    assert_eq!(gateway.stat("http.downstream_rq_tx_reset"), 0);
}

#[tokio::test]
async fn small_messages_on_many_streams_pass_as_fast_as_they_are_taken() {
    let sent = Arc::default();
    let origin = origin(&sent).await;
    let gateway = before(&origin).await;
    let mut readers = Vec::new();
    for _ in 0..8 {
        let mut client = Caller::connect(gateway.address).await;
        let (mut body, _) = unread(&mut client, "/endless/10", 1).await.remove(0);
        readers.push(tokio::spawn(async move {
            let mut got = 0;
            while got < 300_000 {
                let part = body.data().await.unwrap().unwrap();
                body.flow_control().release_capacity(part.len()).unwrap();
                got += part.len();
            }
        }));
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn small_messages_that_no_upstream_takes_cost_a_client_nothing_but_their_stream() {
    let sent = Arc::default();
    let origin = origin(&sent).await;
    let gateway = before(&origin).await;
    let mut client = Caller::connect(gateway.address).await;
    let (_response, mut send) = client.open("POST", "/slow", &[], false).await;
    for _ in 0..80_000 {
        assert_eq!(send_all(&mut send, Bytes::from_static(b"0123456789"), false).await, 10);
    }
    is_served(&mut client).await;
}
