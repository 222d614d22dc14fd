//! Endpoints that speak HTTP/2: heads, bodies, flow control, shared connections, and what becomes
//! of requests whose stream or connection ends early.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, server};
use http::{Method, Response};
use propylon_snapshot::{ClusterId, Fraction, Http2KeepAlive, Http2Settings, Mirror, Target};
use support::origin::header;
use support::streams::{
    DATA, HEADERS, OK, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, answer, fields, frame,
    going_away, over_http2, over_http2_with, raw, send_all, streams, streams_with,
};
use support::{DEADLINE, Gateway, Origin, Route, gateway, gateway_of, get, world};
use tokio::io::AsyncWriteExt;

const DEFAULT: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// A counter of the first cluster.
fn count(gateway: &Gateway, name: &str) -> u64 {
    gateway.stat(&format!("cluster.outbound|80||c0.{name}"))
}

/// A gateway with one route to one origin, over HTTP/2.
async fn before(origin: &Origin) -> Gateway {
    gateway(over_http2(world(vec![Route::to("/", 0)], &[&[origin.address]]))).await
}

/// The same, with Istio's default retries.
async fn retrying(origin: &Origin) -> Gateway {
    let route = Route::to("/", 0).retry(2, DEFAULT);
    gateway(over_http2(world(vec![route], &[&[origin.address]]))).await
}

/// An origin that answers with what it was sent.
async fn echo() -> Origin {
    streams(|mut stream| {
        Box::pin(async move {
            let (body, _) = stream.body().await;
            let mut send = stream.begin();
            if body.is_empty() {
                let _ = send.send_data(Bytes::new(), true);
            }
            send_all(&mut send, body.into(), true).await;
        })
    })
    .await
}

fn post(path: &str, body: &str) -> String {
    let len = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: a.test\r\ncontent-length: {len}\r\n\r\n{body}")
}

#[tokio::test]
async fn a_head_goes_up_with_pseudo_headers_and_without_hop_by_hop_lines() {
    let origin = echo().await;
    let gateway = before(&origin).await;
    let request = "POST /a%20b?c=<d> HTTP/1.1\r\nHost: a.test\r\nConnection: x-hop\r\nX-Hop: 1\r\n\
        TE: trailers, gzip\r\nX-Kept: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let answer = gateway.ask(request).await;
    assert_eq!((answer.status, answer.text()), (200, "abc"));
    let seen = origin.last();
    assert!(seen.starts_with("POST http://a.test/a%20b?c=%3Cd%3E\r\n"), "{seen}");
    assert_eq!(header(&seen, "te"), Some("trailers"));
    assert_eq!(header(&seen, "x-kept"), Some("1"));
    for gone in ["x-hop", "connection", "host", "transfer-encoding", "content-length"] {
        assert_eq!(header(&seen, gone), None, "{gone}");
    }
}

#[tokio::test]
async fn an_answer_comes_down_as_http1_with_its_trailers() {
    let origin = streams(|mut stream| {
        Box::pin(async move {
            match stream.request.uri().path() {
                "/empty" => {
                    let response = Response::builder().header("x-a", "1").body(()).unwrap();
                    stream.respond.send_response(response, true).unwrap();
                }
                "/length" => {
                    let response =
                        Response::builder().header("content-length", "2").body(()).unwrap();
                    let mut send = stream.respond.send_response(response, false).unwrap();
                    send.send_data("ok".into(), true).unwrap();
                }
                _ => stream.answer(200, "ok", &[("grpc-status", "0")]),
            }
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    let answer = client.ask(&get("/empty")).await;
    assert_eq!((answer.header("content-length"), answer.header("x-a")), (Some("0"), Some("1")));
    let answer = client.ask(&get("/length")).await;
    assert_eq!((answer.header("content-length"), answer.text()), (Some("2"), "ok"));
    let answer = client.ask(&get("/trailers")).await;
    assert_eq!((answer.header("transfer-encoding"), answer.text()), (Some("chunked"), "ok"));
    assert_eq!(answer.trailers, "grpc-status: 0\r\n");
    assert_eq!(origin.connections(), 1);
    assert_eq!(count(&gateway, "upstream_cx_http2_total"), 1);
    assert_eq!(count(&gateway, "upstream_cx_http1_total"), 0);
}

#[tokio::test]
async fn bodies_of_every_size_go_up_and_come_down_whole() {
    let origin = echo().await;
    let gateway = before(&origin).await;
    for len in [1, 4096, 4097, 65_535, 65_536, 300_000, 5_000_000] {
        let body: String = (0..len).map(|at| char::from(b'a' + (at % 26) as u8)).collect();
        let mut client = gateway.connect().await;
        let head = post("/", &body);
        let (sent, answer) = {
            let mut up = support::Wire::over(client.stream);
            up.patient_send(head.as_bytes()).await;
            client = up;
            ((), client.answer(false).await)
        };
        let () = sent;
        assert!(answer.text() == body, "{len}");
        let chunks: String = body
            .as_bytes()
            .chunks(70_000)
            .map(|part| format!("{:x}\r\n{}\r\n", part.len(), str::from_utf8(part).unwrap()))
            .collect();
        let head = "POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n";
        client.patient_send(format!("{head}{chunks}0\r\nx-t: 1\r\n\r\n").as_bytes()).await;
        assert!(client.answer(false).await.text() == body, "{len} in chunks");
    }
}

#[tokio::test]
async fn many_requests_share_a_connection_up_to_the_peers_limit() {
    let mut builder = server::Builder::new();
    builder.max_concurrent_streams(2);
    let waiting = Arc::new(tokio::sync::Notify::new());
    let gate = Arc::clone(&waiting);
    let origin = streams_with(builder, move |mut stream| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            if stream.request.uri().path() == "/wait" {
                gate.notified().await;
            }
            stream.answer(200, "ok", &[]);
        })
    })
    .await;
    let gateway = before(&origin).await;
    // The limit is known once the first answer is there.
    assert_eq!(gateway.get("/").await.text(), "ok");
    let mut clients = Vec::new();
    for count in 0..5 {
        let mut client = gateway.connect().await;
        client.send(get("/wait")).await;
        origin.received(count + 2).await;
        clients.push(client);
    }
    assert_eq!(origin.connections(), 3);
    for mut client in clients {
        waiting.notify_one();
        assert_eq!(client.answer(false).await.text(), "ok");
    }
    for _ in 0..6 {
        assert_eq!(gateway.get("/").await.text(), "ok");
    }
    assert_eq!(origin.connections(), 3);
}

#[tokio::test]
async fn requests_that_come_together_share_the_making_of_one_connection() {
    let origin = echo().await;
    let gateway = before(&origin).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = gateway.connect().await;
        client.send(get("/")).await;
        clients.push(client);
    }
    for mut client in clients {
        assert_eq!(client.answer(false).await.status, 200);
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn the_configuration_may_allow_fewer_streams_than_the_peer() {
    let origin = streams(|stream| {
        Box::pin(async move {
            let _stream = stream;
            std::future::pending::<()>().await;
        })
    })
    .await;
    let settings = Http2Settings { max_concurrent_streams: Some(1), keep_alive: None };
    let world = world(vec![Route::to("/", 0)], &[&[origin.address]]);
    let gateway = gateway(over_http2_with(world, settings)).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = gateway.connect().await;
        client.send(get("/")).await;
        clients.push(client);
    }
    origin.received(3).await;
    assert_eq!(origin.connections(), 3);
}

#[tokio::test]
async fn a_refused_stream_is_tried_again() {
    let origin = raw(|mut raw| {
        Box::pin(async move {
            while let Some(stream) = raw.request().await {
                if stream < 5 {
                    raw.send(frame(RST_STREAM, 0, stream, &7_u32.to_be_bytes())).await;
                } else {
                    raw.send(answer(stream, "third")).await;
                }
            }
        })
    })
    .await;
    let gateway = retrying(&origin).await;
    assert_eq!(gateway.ask(&post("/", "abc")).await.text(), "third");
    assert_eq!(count(&gateway, "upstream_rq_retry"), 2);
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_refused_stream_is_sent_once_more_where_no_retries_are_configured() {
    let origin = raw(|mut raw| {
        Box::pin(async move {
            while let Some(stream) = raw.request().await {
                raw.send(frame(RST_STREAM, 0, stream, &7_u32.to_be_bytes())).await;
            }
        })
    })
    .await;
    let gateway = before(&origin).await;
    let answer = gateway.get("/").await;
    assert_eq!(answer.status, 503);
    let words = "upstream connect error or disconnect/reset before headers. reset reason: remote \
        refused stream reset";
    assert_eq!(answer.text(), words);
    assert_eq!(origin.requests().len(), 2);
    assert_eq!(gateway.stat("http.reason.stream_refused"), 1);
}

#[tokio::test]
async fn every_way_to_break_a_stream_has_envoys_words() {
    let cases: [(&str, Vec<u8>, u16, &str); 7] = [
        ("cancelled", frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes()), 503, "remote reset"),
        ("protocol", frame(RST_STREAM, 0, 1, &1_u32.to_be_bytes()), 502, "protocol error"),
        ("garbage", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), 502, "protocol error"),
        ("no status", frame(HEADERS, 5, 1, &[0x00, 1, b'x', 1, b'y']), 502, "protocol error"),
        ("data first", frame(DATA, 1, 1, b"x"), 502, "protocol error"),
        ("101", frame(HEADERS, 5, 1, b"\x08\x03101"), 502, "protocol error"),
        ("left", going_away(1, 2), 503, "connection termination"),
    ];
    for (name, bytes, status, words) in cases {
        let origin = raw(move |mut raw| {
            let bytes = bytes.clone();
            Box::pin(async move {
                if raw.request().await.is_some() {
                    raw.send(bytes).await;
                    // Until the peer has said what it has to say.
                    let mut read = 0;
                    while read < 2 && raw.wire.try_exactly(1).await.is_some() {
                        read += 1;
                    }
                }
            })
        })
        .await;
        let gateway = before(&origin).await;
        let answer = gateway.ask(&post("/", "")).await;
        let all = format!(
            "upstream connect error or disconnect/reset before headers. reset reason: {words}"
        );
        assert_eq!((answer.status, answer.text()), (status, &*all), "{name}");
    }
}

#[tokio::test]
async fn what_a_leaving_connection_did_not_take_on_goes_to_another_one() {
    let origin = raw(|mut raw| {
        Box::pin(async move {
            while let Some(stream) = raw.request().await {
                if raw.number == 0 && stream == 3 {
                    // The first request is taken on and ends; the second is not.
                    raw.send(going_away(1, 0)).await;
                    raw.send(answer(1, "first")).await;
                } else if raw.number > 0 {
                    raw.send(answer(stream, "elsewhere")).await;
                }
            }
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut first = gateway.connect().await;
    first.send(post("/", "a")).await;
    origin.received(1).await;
    let mut second = gateway.connect().await;
    second.send(post("/", "b")).await;
    assert_eq!(first.answer(false).await.text(), "first");
    assert_eq!(second.answer(false).await.text(), "elsewhere");
    assert_eq!(gateway.get("/").await.text(), "elsewhere");
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_kept_connection_that_breaks_costs_an_idempotent_request_nothing() {
    let origin = raw(|mut raw| {
        Box::pin(async move {
            while let Some(stream) = raw.request().await {
                if raw.number == 0 && stream == 3 {
                    return;
                }
                raw.send(answer(stream, "ok")).await;
            }
        })
    })
    .await;
    let gateway = retrying(&origin).await;
    assert_eq!(gateway.get("/").await.text(), "ok");
    assert_eq!(gateway.get("/").await.text(), "ok");
    assert_eq!(origin.connections(), 2);
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_whole() {
    let origin = streams(|mut stream| {
        Box::pin(async move {
            let response = match stream.request.uri().path() {
                "/length" => Response::builder().header("content-length", "10").body(()),
                _ => Response::builder().body(()),
            };
            let mut send = stream.respond.send_response(response.unwrap(), false).unwrap();
            send.send_data("abc".into(), stream.request.uri().path() == "/length").ok();
            tokio::task::yield_now().await;
            send.send_reset(Reason::INTERNAL_ERROR);
        })
    })
    .await;
    let gateway = before(&origin).await;
    for path in ["/length", "/chunks"] {
        let mut client = gateway.connect().await;
        client.send(get(path)).await;
        let all = client.to_end().await;
        assert!(!all.ends_with(b"0\r\n\r\n"), "{path}");
    }
    gateway.stat_becomes("http.downstream_rq_tx_reset", 2).await;
}

#[tokio::test]
async fn a_slow_client_holds_back_the_upstream() {
    const ALL: usize = 64 * 1024 * 1024;
    let taken = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&taken);
    let origin = streams(move |mut stream| {
        let seen = Arc::clone(&seen);
        Box::pin(async move {
            let mut send = stream.begin();
            let part = Bytes::from(vec![b'x'; 64 * 1024]);
            for sent in 1..=ALL / part.len() {
                let last = sent == ALL / part.len();
                seen.fetch_add(send_all(&mut send, part.clone(), last).await, Ordering::SeqCst);
            }
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut slow = gateway.connect().await;
    slow.send(get("/")).await;
    slow.head().await;
    // Others are served meanwhile, on the same connection.
    let settled = settle(&taken).await;
    assert!(settled < 24 * 1024 * 1024, "{settled} bytes were taken for a client that reads none");
    let mut read = 0;
    while read < ALL {
        let line = slow.until(b"\r\n").await;
        let len = usize::from_str_radix(str::from_utf8(&line).unwrap().trim(), 16).unwrap();
        read += slow.exactly(len + 2).await.len() - 2;
    }
    assert_eq!(slow.exactly(5).await, b"0\r\n\r\n");
}

/// Waits until a number has stood still for a while; what it is then.
async fn settle(number: &AtomicUsize) -> usize {
    let mut last = usize::MAX;
    loop {
        let now = number.load(Ordering::SeqCst);
        if now == last && now > 0 {
            return now;
        }
        last = now;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn a_slow_upstream_holds_back_the_client() {
    let origin = streams(|mut stream| {
        Box::pin(async move {
            // The body is never given back to flow control.
            let _ = stream.request.body_mut().data().await;
            std::future::pending::<()>().await;
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 1000000000\r\n\r\n").await;
    let part = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    let write = async {
        loop {
            AsyncWriteExt::write_all(&mut client.stream, &part).await.unwrap();
            sent += part.len();
        }
    };
    let blocked = tokio::time::timeout(Duration::from_secs(2), write).await;
    assert!(blocked.is_err());
    assert!(sent < 16 * 1024 * 1024, "{sent} bytes were taken for an upstream that reads none");
    // A client that breaks off now is noticed all the same.
    socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    gateway.stat_becomes("cluster.outbound|80||c0.upstream_rq_active", 0).await;
}

#[tokio::test]
async fn an_early_answer_ends_the_request() {
    let origin = streams(|mut stream| Box::pin(async move { stream.answer(403, "no", &[]) })).await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 100\r\n\r\nabc").await;
    let answer = client.answer(false).await;
    assert_eq!((answer.status, answer.text()), (403, "no"));
    assert_eq!(answer.header("connection"), Some("close"));
    gateway.stat_becomes("cluster.outbound|80||c0.upstream_rq_active", 0).await;
    assert_eq!(gateway.get("/").await.status, 403);
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn timeouts_and_clients_that_go_away_reset_the_stream() {
    let resets = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&resets);
    let origin = streams(move |mut stream| {
        let seen = Arc::clone(&seen);
        Box::pin(async move {
            let reason = std::future::poll_fn(|cx| stream.respond.poll_reset(cx)).await;
            assert_eq!(reason.unwrap(), Reason::CANCEL);
            seen.fetch_add(1, Ordering::SeqCst);
        })
    })
    .await;
    let routes = vec![Route::to("/short", 0).timeout(Duration::from_millis(30)), Route::to("/", 0)];
    let gateway = gateway(over_http2(world(routes, &[&[origin.address]]))).await;
    let answer = gateway.get("/short").await;
    assert_eq!((answer.status, answer.text()), (504, "upstream request timeout"));
    let mut client = gateway.connect().await;
    client.send(get("/")).await;
    origin.received(2).await;
    drop(client);
    let both = async {
        while resets.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, both).await.unwrap();
    assert_eq!(count(&gateway, "upstream_rq_tx_reset"), 2);
    assert_eq!(count(&gateway, "upstream_rq_timeout"), 1);
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn interim_answers_are_passed_on() {
    let origin = streams(|mut stream| {
        Box::pin(async move {
            let early = Response::builder().status(103).header("link", "</a>").body(()).unwrap();
            stream.respond.send_informational(early).unwrap();
            stream.answer(200, "ok", &[]);
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client.send(get("/")).await;
    assert!(client.head().await.contains("link: </a>"));
    assert_eq!(client.answer(false).await.text(), "ok");
}

#[tokio::test]
async fn a_grpc_status_in_a_head_is_tried_again() {
    let failures = Arc::new(AtomicUsize::new(0));
    let origin = streams(move |mut stream| {
        let failures = Arc::clone(&failures);
        Box::pin(async move {
            if failures.fetch_add(1, Ordering::SeqCst) < 1 {
                let mut response = Response::new(());
                *response.headers_mut() = fields(&[("grpc-status", "14")]);
                stream.respond.send_response(response, true).unwrap();
            } else {
                let (body, _) = stream.body().await;
                stream.answer(200, str::from_utf8(&body).unwrap(), &[("grpc-status", "0")]);
            }
        })
    })
    .await;
    let gateway = retrying(&origin).await;
    let body = "x".repeat(20_000);
    let request = post("/", &body).replace("host:", "content-type: application/grpc\r\nhost:");
    assert_eq!(gateway.ask(&request).await.text(), body);
    assert_eq!(header(&origin.last(), "x-envoy-attempt-count"), Some("2"));
}

#[tokio::test]
async fn forty_thousand_small_messages_pass() {
    let origin = streams(|mut stream| {
        Box::pin(async move {
            let mut send = stream.begin();
            for number in 0..40_000 {
                let message = Bytes::from(format!("{number:05}"));
                if send_all(&mut send, message, number == 39_999).await < 5 {
                    return;
                }
            }
        })
    })
    .await;
    let gateway = before(&origin).await;
    let answer = gateway.get("/").await;
    assert_eq!(answer.body.len(), 200_000);
    assert!(answer.text().ends_with("3999839999"));
}

#[tokio::test]
async fn a_websocket_goes_up_as_an_extended_connect() {
    let mut builder = server::Builder::new();
    builder.enable_connect_protocol();
    let origin = streams_with(builder, |mut stream| {
        Box::pin(async move {
            assert_eq!(stream.request.method(), Method::CONNECT);
            let protocol = stream.request.extensions().get::<h2::ext::Protocol>();
            assert_eq!(protocol.unwrap().as_str(), "websocket");
            let mut send = stream.begin();
            while let Some(Ok(part)) = stream.request.body_mut().data().await {
                stream.request.body_mut().flow_control().release_capacity(part.len()).unwrap();
                send_all(&mut send, part, false).await;
            }
            let _ = send.send_data(Bytes::new(), true);
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client
        .send(
            "GET /chat HTTP/1.1\r\nhost: a.test\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\nearly",
        )
        .await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(header(&head, "upgrade"), Some("websocket"));
    assert_eq!(header(&head, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(client.exactly(5).await, b"early");
    let much = vec![b'y'; 500_000];
    client.send(&much[..1000]).await;
    assert_eq!(client.exactly(1000).await, much[..1000]);
    drop(client);
    gateway.stat_becomes("http.downstream_cx_upgrades_active", 0).await;
}

#[tokio::test]
async fn a_refused_websocket_comes_down_without_a_body() {
    let mut builder = server::Builder::new();
    builder.enable_connect_protocol();
    let origin = streams_with(builder, |mut stream| {
        Box::pin(async move { stream.answer(401, "who are you", &[]) })
    })
    .await;
    let gateway = before(&origin).await;
    let answer = gateway
        .ask(
            "GET /chat HTTP/1.1\r\nhost: a.test\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
        )
        .await;
    assert_eq!((answer.status, answer.text()), (401, ""));
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn a_mirror_may_speak_http2() {
    let origin = Origin::saying("ok").await;
    let mirror = echo().await;
    let copy = Mirror { target: Target::Cluster(ClusterId(1)), share: Fraction::ALL };
    let route = Route::to("/", 0).forward(|forward| forward.mirrors.push(copy));
    let mut world = world(vec![route], &[&[origin.address], &[mirror.address]]);
    world.clusters[1].protocol =
        propylon_snapshot::UpstreamProtocol::Http2(Http2Settings::default());
    let gateway = gateway(world).await;
    assert_eq!(gateway.ask(&post("/m", "abc")).await.text(), "ok");
    let copy = mirror.received(1).await.remove(0);
    assert!(copy.starts_with("POST http://a.test/m\r\n"), "{copy}");
    assert_eq!(header(&copy, "x-envoy-internal"), Some("true"));
    assert_eq!(header(&copy, "content-length"), Some("3"));
    gateway.stat_becomes("cluster.outbound|80||c1.upstream_rq_2xx", 0).await;
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_left() {
    let origin = raw(|mut raw| {
        Box::pin(async move {
            while let Some(frame) = raw.next().await {
                match frame.kind {
                    HEADERS if raw.number > 0 => raw.send(answer(frame.stream, "alive")).await,
                    PING if raw.number > 0 && frame.flags == 0 => {
                        raw.send(support::streams::frame(PING, 1, 0, &frame.payload)).await;
                    }
                    _ => {}
                }
            }
        })
    })
    .await;
    let keep_alive = Some(Http2KeepAlive {
        interval: Duration::from_millis(50),
        timeout: Duration::from_millis(500),
    });
    let settings = Http2Settings { max_concurrent_streams: None, keep_alive };
    let world = world(vec![Route::to("/", 0)], &[&[origin.address]]);
    let gateway = gateway(over_http2_with(world, settings)).await;
    let answer = gateway.get("/").await;
    assert!(answer.text().ends_with("connection termination"), "{}", answer.text());
    assert_eq!(count(&gateway, "http2_keepalive_timeout"), 1);
    assert_eq!(gateway.get("/").await.text(), "alive");
    // Longer than the answer may take: this peer gives one.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(gateway.get("/").await.text(), "alive");
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn connections_end_when_idle_or_retired_and_running_streams_do_not() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let waits = Arc::clone(&gate);
    let origin = streams(move |mut stream| {
        let waits = Arc::clone(&waits);
        Box::pin(async move {
            if stream.request.uri().path() == "/wait" {
                waits.notified().await;
            }
            stream.answer(200, "ok", &[]);
        })
    })
    .await;
    let mut quick = over_http2(world(vec![Route::to("/", 0)], &[&[origin.address]]));
    quick.clusters[0].idle_timeout = Duration::from_millis(20);
    let patience =
        propylon_proxy::limits::Patience { sweep: Duration::from_millis(20), ..Default::default() };
    let mut gateway = gateway_of(1, patience, quick.clone()).await;
    assert_eq!(gateway.get("/").await.text(), "ok");
    gateway.stat_becomes("cluster.outbound|80||c0.upstream_cx_active", 0).await;
    let mut client = gateway.connect().await;
    client.send(get("/wait")).await;
    origin.received(2).await;
    // Another endpoint takes this one's place.
    let other = echo().await;
    let moved = over_http2(world(vec![Route::to("/", 0)], &[&[other.address]]));
    gateway.publish(moved).await;
    assert_eq!(gateway.get("/").await.status, 200);
    gate.notify_one();
    assert_eq!(client.answer(false).await.text(), "ok");
    assert_eq!(other.requests().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_floods_is_left() {
    let number = |number: u32| number.to_be_bytes();
    let floods: [(&str, Vec<u8>); 8] = [
        ("ping", frame(PING, 0, 0, &[0; 8])),
        ("settings", frame(SETTINGS, 0, 0, b"")),
        ("window update", frame(WINDOW_UPDATE, 0, 0, &number(1))),
        ("priority", frame(2, 0, 1, &[0, 0, 0, 0, 9])),
        ("unknown", frame(200, 0, 0, b"x")),
        ("reset", frame(RST_STREAM, 0, 1, &number(8))),
        ("empty data", frame(DATA, 0, 1, b"")),
        ("interim heads", frame(HEADERS, 4, 1, b"\x08\x03103")),
    ];
    for (name, flood) in floods {
        let origin = raw(move |mut raw| {
            let flood = flood.repeat(1000);
            Box::pin(async move {
                let Some(stream) = raw.request().await else { return };
                if raw.number > 0 {
                    raw.send(answer(stream, "well")).await;
                    while raw.next().await.is_some() {}
                    return;
                }
                if flood[3] == DATA {
                    raw.send(frame(HEADERS, 4, stream, OK)).await;
                }
                while raw.wire.stream.writable().await.is_ok() {
                    if AsyncWriteExt::write_all(&mut raw.wire.stream, &flood).await.is_err() {
                        raw.log.note("left");
                        return;
                    }
                }
            })
        })
        .await;
        let gateway = before(&origin).await;
        let mut client = gateway.connect().await;
        client.send(get("/")).await;
        let come = async {
            while !origin.requests().contains(&"left".to_owned()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, come).await.unwrap_or_else(|_| panic!("{name} went on"));
        assert_eq!(gateway.get("/").await.text(), "well", "{name}");
        assert_eq!(count(&gateway, "upstream_cx_protocol_error"), 1, "{name}");
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_not_collected() {
    let origin = raw(|mut raw| {
        Box::pin(async move {
            let Some(stream) = raw.request().await else { return };
            raw.send(frame(HEADERS, 0, stream, OK)).await;
            // A literal line that is never indexed: `x: yyy...`.
            let line = [&[0x00, 1, b'x', 0x7f, 0x81, 0x7f][..], &[b'y'; 16_384 - 6]].concat();
            for _ in 0..10_000 {
                let part = frame(9, 0, stream, &line);
                if AsyncWriteExt::write_all(&mut raw.wire.stream, &part).await.is_err() {
                    raw.log.note("left");
                    return;
                }
            }
        })
    })
    .await;
    let gateway = before(&origin).await;
    let answer = gateway.get("/").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(origin.received(2).await.contains(&"left".to_owned()));
}
