//! Retries, timeouts, silent replays, and the words for every failure.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use propylon_snapshot::{Retry, RetryOn};
use support::origin::{self, header, ok, status};
use support::{Origin, Route, gateway, get, world};

const DEFAULT: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// Answers the first `failures` requests with one text, later ones with 200.
async fn failing(failures: usize, text: String) -> Origin {
    let count = Arc::new(AtomicUsize::new(0));
    Origin::answering(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) < failures { text.clone() } else { ok("good") }
    })
    .await
}

/// Reads a request, then closes without a word.
async fn closing() -> Origin {
    Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            if let Some(request) = origin::request(&mut wire).await {
                log.note(&request);
            }
        })
    })
    .await
}

/// Reads requests and never answers.
async fn silent() -> Origin {
    Origin::answering(|_| String::new()).await
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_and_told() {
    let absent = Origin::absent().await;
    let routes = vec![Route::to("/once", 0), Route::to("/", 0).retry(2, DEFAULT)];
    let gateway = gateway(world(routes, &[&[absent]])).await;
    let answer = gateway.get("/once").await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.text(),
        "upstream connect error or disconnect/reset before headers. reset reason: remote \
         connection failure"
    );
    let answer = gateway.get("/").await;
    assert_eq!(
        answer.text(),
        "upstream connect error or disconnect/reset before headers. retried and the latest reset \
         reason: remote connection failure"
    );
    assert_eq!(gateway.stat("cluster.outbound|80||c0.upstream_rq_retry"), 2);
    assert_eq!(gateway.stat("cluster.outbound|80||c0.upstream_cx_connect_fail"), 4);
    assert_eq!(gateway.stat("http.reason.connect_failure"), 2);
}

#[tokio::test]
async fn a_retry_goes_to_another_endpoint() {
    let absent = Origin::absent().await;
    let origin = Origin::saying("here").await;
    let route = Route::to("/", 0).retry(2, DEFAULT);
    let gateway = gateway(world(vec![route], &[&[absent, origin.address]])).await;
    let mut client = gateway.connect().await;
    for _ in 0..10 {
        assert_eq!(client.ask(&get("/")).await.text(), "here");
    }
}

#[tokio::test]
async fn a_retriable_status_is_tried_again_with_its_number() {
    let origin = failing(2, status(503, "bad")).await;
    let route = Route::to("/", 0).retry(2, "503");
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    assert_eq!(gateway.get("/").await.text(), "good");
    let counts: Vec<String> = origin
        .requests()
        .iter()
        .map(|request| header(request, "x-envoy-attempt-count").unwrap().to_owned())
        .collect();
    assert_eq!(counts, ["1", "2", "3"]);
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn the_last_answer_is_passed_on_when_no_try_is_left() {
    let origin = failing(9, status(503, "bad")).await;
    let route = Route::to("/", 0).retry(2, "gateway-error");
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    let answer = gateway.get("/").await;
    assert_eq!((answer.status, answer.text()), (503, "bad"));
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test]
async fn a_body_is_sent_again_with_every_try() {
    let origin = failing(2, status(500, "")).await;
    let route = Route::to("/", 0).retry(2, "5xx");
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello").await;
    client.send("world").await;
    assert_eq!(client.answer(false).await.text(), "good");
    let requests = origin.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.ends_with("\r\n\r\nhelloworld")));
}

#[tokio::test]
async fn a_body_too_large_to_hold_is_sent_once() {
    let origin = failing(9, status(500, "")).await;
    let route = Route::to("/", 0).retry(2, "5xx");
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    let body = "x".repeat(1024 * 1024 + 1);
    let head = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
    assert_eq!(gateway.ask(&format!("{head}{body}")).await.status, 500);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn an_upstream_that_closes_is_503_and_only_tried_again_if_asked() {
    let origin = closing().await;
    let routes =
        vec![Route::to("/default", 0).retry(2, DEFAULT), Route::to("/", 0).retry(2, "reset")];
    let gateway = gateway(world(routes, &[&[origin.address]])).await;
    let answer = gateway.get("/default").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().ends_with("before headers. reset reason: connection termination"));
    assert_eq!(origin.requests().len(), 1);
    let answer = gateway.get("/").await;
    assert!(answer.text().ends_with("latest reset reason: connection termination"));
    assert_eq!(origin.requests().len(), 4);
}

#[tokio::test]
async fn a_timeout_answers_504() {
    let origin = silent().await;
    let route = Route::to("/", 0).timeout(Duration::from_millis(50));
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    let answer = client.ask(&get("/")).await;
    assert_eq!((answer.status, answer.text()), (504, "upstream request timeout"));
    assert_eq!(answer.header("connection"), None);
    assert_eq!(gateway.stat("cluster.outbound|80||c0.upstream_rq_timeout"), 1);
    // The connection that was given up is not used again.
    client.ask(&get("/")).await;
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_grpc_timeout_is_a_grpc_status() {
    let origin = silent().await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let answer = gateway
        .ask(
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\n\
             grpc-timeout: 50m\r\ncontent-length: 0\r\n\r\n",
        )
        .await;
    assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("14")));
    assert_eq!(answer.header("grpc-message"), Some("upstream request timeout"));
}

#[tokio::test]
async fn a_try_has_its_own_timeout() {
    let origin = silent().await;
    let (on, statuses) = RetryOn::parse("5xx").unwrap();
    let route = Route::to("/", 0).retry_with(Retry {
        attempts: 1,
        on,
        statuses,
        per_try_timeout: Some(Duration::from_millis(40)),
        backoff: Duration::from_millis(1),
        ignore_previous_hosts: true,
        remote_localities: false,
    });
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    let answer = gateway.get("/").await;
    assert_eq!((answer.status, answer.text()), (504, "upstream request timeout"));
    assert_eq!(origin.received(2).await.len(), 2);
    assert_eq!(gateway.stat("http.reason.per_try_timeout"), 1);
}

#[tokio::test]
async fn a_timeout_after_the_head_cuts_the_answer() {
    let origin =
        Origin::answering(|_| "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_owned()).await;
    let route = Route::to("/", 0).timeout(Duration::from_millis(50));
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    client.send(get("/")).await;
    let text = String::from_utf8(client.to_end().await).unwrap();
    assert!(text.contains("content-length: 10") && text.ends_with("half"), "{text}");
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_unseen() {
    // Answers once per connection, then waits for the next request and closes without a word.
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            for turn in 0..2 {
                let Some(request) = origin::request(&mut wire).await else { return };
                log.note(&request);
                if turn == 0 {
                    wire.send(ok("fine")).await;
                }
            }
        })
    })
    .await;
    let route = Route::to("/", 0).retry(2, DEFAULT);
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    assert_eq!(client.ask(&get("/")).await.text(), "fine");
    assert_eq!(client.ask(&get("/")).await.text(), "fine");
    assert_eq!(origin.connections(), 2);
    assert_eq!(gateway.stat("http.upstream_rq_replayed"), 1);
    // The second connection is kept now. What is not idempotent may have been processed there.
    let answer = client.ask("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().ends_with("reset reason: connection termination"));
}

#[tokio::test]
async fn a_connection_closed_while_it_was_unused_is_not_taken() {
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            let Some(request) = origin::request(&mut wire).await else { return };
            log.note(&request);
            wire.send(ok("one")).await;
            drop(wire);
            log.note("closed");
        })
    })
    .await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    for turn in 1..=5 {
        // Not even a POST fails: the close was seen before anything was sent.
        let request = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi";
        assert_eq!(client.ask(request).await.text(), "one");
        origin.received(turn * 2).await;
        gateway.stat_becomes("http.downstream_rq_active", 0).await;
    }
}

#[tokio::test]
async fn a_grpc_status_in_the_head_is_tried_again() {
    let unavailable = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 14\r\n\
                       content-length: 0\r\n\r\n";
    let origin = failing(1, unavailable.to_owned()).await;
    let route = Route::to("/", 0).retry(2, DEFAULT);
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    assert_eq!(gateway.get("/").await.text(), "good");
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn an_upstream_that_speaks_no_http_is_not_tried_again() {
    let origin = Origin::answering(|_| "garbage\r\n\r\n".to_owned()).await;
    let route = Route::to("/", 0).retry(2, DEFAULT);
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    assert_eq!(gateway.get("/").await.status, 502);
    assert_eq!(origin.requests().len(), 1);
}
