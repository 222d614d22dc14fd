//! Bodies both ways: framing, streaming, trailers, early answers, and answers that are cut.

mod support;

use std::sync::Arc;

use support::origin::{self, ok};
use support::wire::Wire;
use support::{Gateway, Origin, Route, gateway, get, world};
use tokio::sync::Notify;

async fn before(origin: &Origin) -> Gateway {
    gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await
}

/// An origin that answers every request with these raw bytes.
async fn raw(answer: &'static str) -> Origin {
    Origin::answering(move |_| answer.to_owned()).await
}

/// An origin that sends these raw bytes and closes.
async fn closing(answer: &'static str) -> Origin {
    Origin::serving(move |mut wire, log, _| {
        Box::pin(async move {
            if let Some(request) = origin::request(&mut wire).await {
                log.note(&request);
                wire.send(answer).await;
            }
        })
    })
    .await
}

#[tokio::test]
async fn a_body_with_a_length_goes_up_with_its_head() {
    let origin = Origin::saying("ok").await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    for _ in 0..2 {
        let request = "POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 5\r\n\r\nhello";
        assert_eq!(client.ask(request).await.text(), "ok");
        assert!(origin.last().ends_with("\r\n\r\nhello"));
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_body_that_comes_later_is_streamed() {
    let origin = Origin::saying("ok").await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 10\r\n\r\nhello").await;
    client.send("world").await;
    assert_eq!(client.answer(false).await.text(), "ok");
    assert!(origin.last().ends_with("helloworld"));
    assert_eq!(client.ask(&get("/")).await.text(), "ok");
}

#[tokio::test]
async fn a_chunked_body_with_trailers_passes_both_ways() {
    let origin =
        raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n")
            .await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    let request = "POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n0\r\n\r\n";
    for _ in 0..2 {
        let answer = client.ask(request).await;
        assert_eq!(answer.text(), "abc");
        assert_eq!(answer.trailers, "x-t: 1\r\n");
        let received = origin.last();
        assert!(received.contains("transfer-encoding: chunked\r\n"), "{received}");
        assert!(received.ends_with("5\r\nhello\r\n0\r\n\r\n"), "{received}");
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_chunked_body_in_pieces_is_followed_by_a_pipelined_request() {
    let origin = Origin::answering(|request| ok(request.split(' ').nth(1).unwrap())).await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client
        .send("POST /1 HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe")
        .await;
    client.send("llo\r\n").await;
    client.send(format!("0\r\n\r\n{}", get("/2"))).await;
    assert_eq!(client.answer(false).await.text(), "/1");
    assert_eq!(client.answer(false).await.text(), "/2");
}

#[tokio::test]
async fn large_bodies_pass_both_ways_unchanged() {
    let big: String = (0..400_000).map(|n| char::from(b'a' + (n % 23) as u8)).collect();
    let sent = big.clone();
    let origin =
        Origin::answering(move |request| ok(request.split_once("\r\n\r\n").unwrap().1)).await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    for _ in 0..3 {
        let head =
            format!("POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: {}\r\n\r\n", big.len());
        let answer = client.ask(&format!("{head}{sent}")).await;
        assert!(answer.text() == big, "{} bytes came back", answer.body.len());
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_body_that_ends_with_the_upstreams_connection_comes_in_chunks() {
    let origin = closing("HTTP/1.1 200 OK\r\n\r\nuntil the end").await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    for _ in 0..2 {
        let answer = client.ask(&get("/")).await;
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        assert_eq!(answer.text(), "until the end");
    }
}

#[tokio::test]
async fn an_upstream_that_closes_after_its_answer_is_not_used_again() {
    let origin =
        closing("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    for _ in 0..3 {
        let answer = client.ask(&get("/")).await;
        assert_eq!(answer.text(), "ok");
        assert_eq!(answer.header("connection"), None);
    }
    assert_eq!(origin.connections(), 3);
}

#[tokio::test]
async fn a_cut_answer_with_a_length_does_not_look_whole() {
    let origin = closing("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client.send(get("/")).await;
    let text = String::from_utf8(client.to_end().await).unwrap();
    assert!(text.contains("content-length: 10\r\n") || text.is_empty(), "{text}");
    assert!(!text.ends_with("half") || text.len() < 1000);
    gateway.stat_becomes("http.downstream_rq_tx_reset", 1).await;
}

#[tokio::test]
async fn a_cut_chunked_answer_has_no_last_chunk() {
    let origin =
        closing("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client.send(get("/")).await;
    let text = String::from_utf8(client.to_end().await).unwrap();
    assert!(!text.contains("0\r\n\r\n"), "{text}");
    gateway.stat_becomes("http.downstream_rq_tx_reset", 1).await;
}

#[tokio::test]
async fn a_malformed_chunk_on_the_way_cuts_the_answer() {
    let go = Arc::new(Notify::new());
    let gone = Arc::clone(&go);
    let origin = Origin::serving(move |mut wire, _, _| {
        let go = Arc::clone(&gone);
        Box::pin(async move {
            origin::request(&mut wire).await;
            wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n").await;
            go.notified().await;
            wire.send("zz\r\n").await;
            wire.is_closed().await;
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client.send(get("/")).await;
    client.until(b"ok\r\n").await;
    go.notify_one();
    assert_eq!(client.to_end().await, b"");
}

#[tokio::test]
async fn ambiguous_answers_become_502_and_their_connection_is_closed() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokjunk",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let origin = raw(answer).await;
        let gateway = before(&origin).await;
        let mut client = gateway.connect().await;
        for _ in 0..2 {
            let reply = client.ask(&get("/")).await;
            assert_eq!(reply.status, 502, "{answer:?}");
            assert!(reply.text().ends_with("reset reason: protocol error"), "{answer:?}");
        }
        assert_eq!(origin.connections(), 2, "{answer:?}");
    }
}

#[tokio::test]
async fn a_head_answered_with_a_body_costs_only_the_connection() {
    let origin = raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    for _ in 0..2 {
        let answer = client.ask("HEAD / HTTP/1.1\r\nhost: a.test\r\n\r\n").await;
        assert_eq!(answer.header("content-length"), Some("2"));
    }
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_body_that_follows_an_answer_to_head_is_no_answer_to_the_next_request() {
    let origin = Origin::serving(|mut wire, _, _| {
        Box::pin(async move {
            while let Some(request) = origin::request(&mut wire).await {
                if request.starts_with("HEAD ") {
                    wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 44\r\n\r\n").await;
                    tokio::task::yield_now().await;
                    wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray").await;
                } else {
                    wire.try_send(origin::ok("mine")).await;
                }
            }
        })
    })
    .await;
    let gateway = before(&origin).await;
    let both = format!("HEAD / HTTP/1.1\r\nhost: a.test\r\n\r\n{}", get("/"));
    for _ in 0..50 {
        let mut client = gateway.connect().await;
        client.send(&both).await;
        assert_eq!(client.answer(true).await.header("content-length"), Some("44"));
        let next = client.answer(false).await;
        assert_eq!((next.status, next.text()), (200, "mine"));
    }
}

#[tokio::test]
async fn a_chunked_upload_behind_a_long_head_arrives_whole() {
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            while let Some(request) = origin::request(&mut wire).await {
                log.note(&request);
                wire.try_send(origin::ok("got it")).await;
            }
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    let long = "x".repeat(16_000);
    for _ in 0..2 {
        let head = format!(
            "POST /up HTTP/1.1\r\nhost: a.test\r\nx: {long}\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        let chunk = format!("2000\r\n{}\r\n", "y".repeat(0x2000));
        client.send(format!("{head}{}0\r\n\r\n{}", chunk.repeat(5), get("/next"))).await;
        assert_eq!(client.answer(false).await.status, 200);
        assert_eq!(client.answer(false).await.status, 200);
    }
    let requests = origin.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[2].matches("yyyyyyyy").count(), 5 * 0x400);
    assert!(requests[3].starts_with("GET /next "));
}

#[tokio::test]
async fn an_early_answer_reaches_a_client_that_still_sends() {
    let origin = Origin::serving(|mut wire, _, _| {
        Box::pin(async move {
            wire.until(b"\r\n\r\n").await;
            wire.send("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno!").await;
            wire.to_end().await;
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 100000\r\n\r\nbegin").await;
    let answer = client.answer(false).await;
    assert_eq!((answer.status, answer.text()), (413, "no!"));
    assert_eq!(answer.header("connection"), Some("close"));
    client.try_send(vec![b'x'; 10_000]).await;
}

#[tokio::test]
async fn answer_and_request_stream_at_the_same_time() {
    let origin = Origin::serving(|mut wire, _, _| {
        Box::pin(async move {
            wire.until(b"\r\n\r\n").await;
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n").await;
            for _ in 0..3 {
                let echo = wire.exactly(2).await;
                wire.send(echo).await;
            }
            wire.to_end().await;
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 6\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
    for part in ["ab", "cd", "ef"] {
        client.send(part).await;
        assert_eq!(client.exactly(2).await, part.as_bytes());
    }
}

#[tokio::test]
async fn a_client_that_expects_100_gets_the_upstreams() {
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            let head = wire.head().await;
            log.note(&head);
            wire.send("HTTP/1.1 100 Continue\r\n\r\n").await;
            let body = wire.exactly(5).await;
            log.note(&String::from_utf8(body).unwrap());
            wire.send(ok("done")).await;
            wire.to_end().await;
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client
        .send(
            "POST / HTTP/1.1\r\nhost: a.test\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n",
        )
        .await;
    assert_eq!(client.answer(false).await.status, 100);
    client.send("hello").await;
    assert_eq!(client.answer(false).await.text(), "done");
    assert_eq!(origin::header(&origin.requests()[0], "expect"), Some("100-continue"));
    assert_eq!(origin.requests()[1], "hello");
}

#[tokio::test]
async fn a_malformed_request_body_is_refused_on_the_way() {
    let origin = Origin::saying("ok").await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok")
        .await;
    client.send("\r\nzz\r\n").await;
    let answer = client.answer(false).await;
    assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_upstream() {
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            let head = wire.head().await;
            log.note(&head);
            wire.to_end().await;
            log.note("closed");
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client.send(get("/")).await;
    origin.received(1).await;
    drop(client);
    assert_eq!(origin.received(2).await[1], "closed");
    gateway.stat_becomes("http.downstream_rq_rx_reset", 1).await;
    gateway.stat_becomes("http.downstream_cx_active", 0).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_upstream() {
    const TOTAL: usize = 64 * 1024 * 1024;
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            wire.head().await;
            wire.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {TOTAL}\r\n\r\n")).await;
            let chunk = vec![b'x'; 1024 * 1024];
            for _ in 0..TOTAL / chunk.len() {
                wire.patient_send(&chunk).await;
                log.note("sent");
            }
            wire.to_end().await;
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client: Wire = gateway.connect().await;
    client.send(get("/")).await;
    let head = client.head().await;
    assert!(head.contains(&format!("content-length: {TOTAL}")));
    origin.received(1).await;
    // Socket buffers and ours hold some megabytes; all of it would mean that nothing held it back.
    assert!(origin.requests().len() < 64);
    assert_eq!(client.exactly(TOTAL).await.len(), TOTAL);
}
