//! Clients and endpoints that both speak HTTP/2: bodies, trailers, flow control and resets from end
//! to end, gRPC's ways; and endpoints that speak what the client speaks.

mod support;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, server};
use http::{HeaderMap, Method, Request, Response};
use propylon_snapshot::{Http2Settings, UpstreamProtocol};
use support::origin::header;
use support::streams::{Caller, fields, over_http2, send_all, streams, streams_with};
use support::{DEADLINE, Gateway, Origin, Route, gateway, get, world};

const DEFAULT: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

async fn before(origin: &Origin) -> Gateway {
    let route = Route::to("/", 0).retry(2, DEFAULT);
    gateway(over_http2(world(vec![route], &[&[origin.address]]))).await
}

/// Answers with the body and trailers that it was sent.
async fn mirror() -> Origin {
    streams(|mut stream| {
        Box::pin(async move {
            let (body, trailers) = stream.body().await;
            let mut send = stream.begin();
            let ends = trailers.is_none();
            if body.is_empty() {
                let _ = send.send_data(Bytes::new(), ends);
            }
            send_all(&mut send, body.into(), ends).await;
            if let Some(trailers) = trailers {
                let _ = send.send_trailers(trailers);
            }
        })
    })
    .await
}

/// Passes on every message as it comes.
async fn echo() -> Origin {
    // Our own small messages must not be a flood to the crate's defaults.
    let mut builder = server::Builder::new();
    builder.data_frame_budget(100_000_000);
    streams_with(builder, |mut stream| {
        Box::pin(async move {
            let mut send = stream.begin();
            let body = stream.request.body_mut();
            while let Some(Ok(part)) = body.data().await {
                let len = part.len();
                send_all(&mut send, part, false).await;
                let _ = body.flow_control().release_capacity(len);
            }
            let _ = send.send_trailers(fields(&[("grpc-status", "0")]));
        })
    })
    .await
}

#[tokio::test]
async fn heads_bodies_and_trailers_pass_both_ways() {
    let origin = mirror().await;
    let gateway = before(&origin).await;
    let mut client = Caller::connect(gateway.address).await;
    for len in [1, 5000, 70_000, 3_000_000] {
        let lines = [("te", "trailers"), ("content-type", "application/grpc")];
        let (response, mut send) = client.open("POST", "/a.B/C", &lines, false).await;
        let body = vec![b'x'; len];
        let up = async {
            send_all(&mut send, body.clone().into(), false).await;
            send.send_trailers(fields(&[("x-sum", "7")])).unwrap();
        };
        let down = async { support::streams::Whole::of(response.await.unwrap()).await };
        let ((), whole) = tokio::join!(up, down);
        assert!(whole.body == body, "{len}");
        assert_eq!(whole.trailers.unwrap()["x-sum"], "7", "{len}");
        assert_eq!(whole.headers.get("content-length"), None);
        let seen = origin.last();
        assert!(seen.starts_with("POST http://a.test/a.B/C\r\n"), "{seen}");
        assert_eq!(header(&seen, "te"), Some("trailers"));
    }
    let whole = client.ask(("GET", "/"), &[], b"").await;
    assert_eq!((whole.status, whole.body.len()), (200, 0));
    let whole = client.ask(("PUT", "/"), &[("content-length", "3")], b"abc").await;
    assert_eq!(whole.body, b"abc");
    assert_eq!(header(&origin.last(), "content-length"), Some("3"));
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_is_all_head_stays_one() {
    let origin = streams(|mut stream| {
        Box::pin(async move {
            let mut response = Response::new(());
            *response.headers_mut() = fields(&[("grpc-status", "5"), ("grpc-message", "no")]);
            stream.respond.send_response(response, true).unwrap();
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = Caller::connect(gateway.address).await;
    let whole = client.ask(("POST", "/"), &[("content-type", "application/grpc")], b"abc").await;
    assert!(whole.bare);
    assert_eq!((whole.header("grpc-status"), whole.header("content-length")), (Some("5"), None));
}

#[tokio::test]
async fn forty_thousand_messages_pass_both_ways_on_one_stream() {
    let origin = echo().await;
    let gateway = before(&origin).await;
    let mut builder = h2::client::Builder::new();
    builder.data_frame_budget(100_000_000);
    let mut client = Caller::connect_with(&builder, gateway.address).await;
    let lines = [("content-type", "application/grpc"), ("te", "trailers")];
    let (response, mut send) = client.open("POST", "/", &lines, false).await;
    let up = async {
        for number in 0..40_000_u32 {
            let message = [&[0, 0, 0, 0, 4], &number.to_be_bytes()[..]].concat();
            assert_eq!(send_all(&mut send, message.into(), number == 39_999).await, 9);
        }
    };
    let down = async { support::streams::Whole::of(response.await.unwrap()).await };
    let ((), whole) = tokio::join!(up, down);
    assert_eq!(whole.body.len(), 360_000, "{:?} {:?}", whole.headers, whole.trailers);
    assert!(whole.body.ends_with(&39_999_u32.to_be_bytes()));
    assert_eq!(whole.trailers.unwrap()["grpc-status"], "0");
    assert_eq!(gateway.stat("http.reason.upstream_protocol"), 0);
}

#[tokio::test]
async fn messages_are_answered_before_the_request_ends() {
    let origin = echo().await;
    let gateway = before(&origin).await;
    let mut client = Caller::connect(gateway.address).await;
    let (response, mut send) = client.open("POST", "/", &[], false).await;
    let mut recv = response.await.unwrap().into_body();
    for number in 0..100_u8 {
        send_all(&mut send, vec![number].into(), false).await;
        assert_eq!(&recv.data().await.unwrap().unwrap()[..], [number]);
        recv.flow_control().release_capacity(1).unwrap();
    }
    send.send_data(Bytes::new(), true).unwrap();
    assert!(recv.data().await.is_none());
    assert_eq!(recv.trailers().await.unwrap().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn who_reads_slowly_holds_back_who_writes() {
    let sent = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&sent);
    let origin = streams(move |mut stream| {
        let seen = Arc::clone(&seen);
        Box::pin(async move {
            if stream.request.method() == Method::GET {
                let mut send = stream.begin();
                let part = Bytes::from(vec![b'x'; 64 * 1024]);
                for _ in 0..1024 {
                    seen.fetch_add(
                        send_all(&mut send, part.clone(), false).await,
                        Ordering::SeqCst,
                    );
                }
            } else if stream.request.uri().path() == "/slow" {
                // Nothing is given back to flow control.
                let _ = stream.request.body_mut().data().await;
                std::future::pending::<()>().await;
            } else {
                let (body, _) = stream.body().await;
                stream.answer(200, str::from_utf8(&body).unwrap(), &[]);
            }
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = Caller::connect(gateway.address).await;
    let (response, _send) = client.open("GET", "/", &[], true).await;
    let _unread = response.await.unwrap();
    let (_response, mut up) = client.open("POST", "/slow", &[], false).await;
    let taken = AtomicUsize::new(0);
    let upload = async {
        let part = Bytes::from(vec![b'x'; 64 * 1024]);
        for _ in 0..1024 {
            taken.fetch_add(send_all(&mut up, part.clone(), false).await, Ordering::SeqCst);
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(2), upload).await.is_err());
    let (down, up) = (sent.load(Ordering::SeqCst), taken.load(Ordering::SeqCst));
    assert!(down < 24 * 1024 * 1024, "{down} bytes were taken for a client that reads none");
    assert!(up < 24 * 1024 * 1024, "{up} bytes were taken for an upstream that reads none");
    // Others are served meanwhile: a connection of the client's with room of its own.
    let mut other = Caller::connect(gateway.address).await;
    assert_eq!(other.ask(("DELETE", "/"), &[], b"").await.status, 200);
}

#[tokio::test]
async fn trailers_have_no_more_lines_than_heads() {
    let origin = streams(|mut stream| {
        Box::pin(async move {
            let many: usize = stream.request.uri().path()[1..].parse().unwrap();
            let mut send = stream.begin();
            send.send_data("abc".into(), false).unwrap();
            let _ = send.send_trailers(lines(many));
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = Caller::connect(gateway.address).await;
    let whole = client.ask(("GET", "/100"), &[], b"").await;
    assert_eq!(whole.trailers.unwrap().len(), 100);
    let (response, _send) = client.open("GET", "/101", &[], true).await;
    assert!(is_cut(response).await);

    let origin = mirror().await;
    let gateway = before(&origin).await;
    let mut client = Caller::connect(gateway.address).await;
    for (many, passes) in [(100, true), (101, false)] {
        let (response, mut send) = client.open("POST", "/", &[], false).await;
        send.send_data("abc".into(), false).unwrap();
        send.send_trailers(lines(many)).unwrap();
        assert_eq!(!is_cut(response).await, passes, "{many}");
    }
}

/// So many lines.
fn lines(many: usize) -> HeaderMap {
    let mut lines = HeaderMap::new();
    for at in 0..many {
        lines.append("x-line", at.into());
    }
    lines
}

/// True if no whole answer comes.
async fn is_cut(response: ResponseFuture) -> bool {
    let Ok(response) = response.await else { return true };
    let mut recv = response.into_body();
    while let Some(part) = recv.data().await {
        if part.is_err() {
            return true;
        }
    }
    recv.trailers().await.is_err()
}

#[tokio::test]
async fn resets_pass_both_ways() {
    let resets = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&resets);
    let origin = streams(move |mut stream| {
        let seen = Arc::clone(&seen);
        Box::pin(async move {
            if stream.request.uri().path() == "/cut" {
                let mut send = stream.begin();
                send.send_data("abc".into(), false).unwrap();
                tokio::task::yield_now().await;
                send.send_reset(Reason::INTERNAL_ERROR);
                return;
            }
            let reason = poll_fn(|cx| stream.respond.poll_reset(cx)).await.unwrap();
            assert_eq!(reason, Reason::CANCEL);
            seen.fetch_add(1, Ordering::SeqCst);
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = Caller::connect(gateway.address).await;
    let (response, _send) = client.open("GET", "/cut", &[], true).await;
    let end = match response.await {
        Ok(response) => {
            let mut recv = response.into_body();
            loop {
                if let Err(error) = recv.data().await.unwrap() {
                    break error;
                }
            }
        }
        // The reset has overtaken the head.
        Err(error) => error,
    };
    assert_eq!(end.reason(), Some(Reason::INTERNAL_ERROR));
    let (response, mut send) = client.open("POST", "/", &[], false).await;
    origin.received(2).await;
    send.send_reset(Reason::CANCEL);
    drop(response);
    let come = async {
        while resets.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, come).await.unwrap();
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_refused_request_is_sent_again_with_its_body_and_trailers() {
    let refusals = Arc::new(AtomicUsize::new(0));
    let origin = streams(move |mut stream| {
        let refusals = Arc::clone(&refusals);
        Box::pin(async move {
            let (body, trailers) = stream.body().await;
            if refusals.fetch_add(1, Ordering::SeqCst) < 2 {
                stream.respond.send_reset(Reason::REFUSED_STREAM);
            } else {
                let sum = trailers.unwrap()["x-sum"].to_str().unwrap().to_owned();
                stream.answer(200, str::from_utf8(&body).unwrap(), &[("x-sum", &sum)]);
            }
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = Caller::connect(gateway.address).await;
    let (response, mut send) = client.open("POST", "/", &[], false).await;
    let body = "abc".repeat(50_000);
    send_all(&mut send, body.clone().into(), false).await;
    send.send_trailers(fields(&[("x-sum", "9")])).unwrap();
    let whole = support::streams::Whole::of(response.await.unwrap()).await;
    assert_eq!(whole.body, body.as_bytes());
    assert_eq!(whole.trailers.unwrap()["x-sum"], "9");
    assert_eq!(header(&origin.last(), "x-envoy-attempt-count"), Some("3"));
}

#[tokio::test]
async fn local_answers_to_grpc_end_with_their_head() {
    let absent = Origin::absent().await;
    let gateway = gateway(over_http2(world(vec![Route::to("/", 0)], &[&[absent]]))).await;
    let mut client = Caller::connect(gateway.address).await;
    let whole = client.ask(("POST", "/"), &[("content-type", "application/grpc")], b"abc").await;
    assert!(whole.bare);
    assert_eq!((whole.status, whole.header("grpc-status")), (200, Some("14")));
    let words = "upstream connect error or disconnect/reset before headers. reset reason: remote \
        connection failure";
    assert_eq!(whole.header("grpc-message"), Some(words));
}

#[tokio::test]
async fn a_websocket_passes_as_extended_connects_on_both_sides() {
    let mut builder = server::Builder::new();
    builder.enable_connect_protocol();
    let origin = streams_with(builder, |mut stream| {
        Box::pin(async move {
            assert_eq!(stream.request.method(), Method::CONNECT);
            let mut send = stream.begin();
            let body = stream.request.body_mut();
            while let Some(Ok(part)) = body.data().await {
                let _ = body.flow_control().release_capacity(part.len());
                send_all(&mut send, part, false).await;
            }
            let _ = send.send_data(Bytes::new(), true);
        })
    })
    .await;
    let gateway = before(&origin).await;
    let mut client = Caller::connect(gateway.address).await;
    // The gateway's settings come first.
    let settled = async {
        while !client.handle.is_extended_connect_protocol_enabled() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, settled).await.unwrap();
    let mut request = Request::builder().method("CONNECT").uri("http://a.test/chat");
    request = request.extension(h2::ext::Protocol::from_static("websocket"));
    request = request.header("sec-websocket-version", "13");
    let request = request.body(()).unwrap();
    let (response, mut send) = client.handle.send_request(request, false).unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    let mut recv = response.into_body();
    for text in ["one", "two"] {
        send_all(&mut send, text.into(), false).await;
        assert_eq!(recv.data().await.unwrap().unwrap(), text);
        recv.flow_control().release_capacity(3).unwrap();
    }
    send.send_data(Bytes::new(), true).unwrap();
    let last = recv.data().await;
    assert!(last.as_ref().is_none_or(|last| last.as_ref().unwrap().is_empty()), "{last:?}");
}

#[tokio::test]
async fn an_endpoint_may_be_spoken_to_as_the_client_speaks() {
    let old = Origin::saying("in HTTP/1").await;
    let new = mirror().await;
    for (origin, http2) in [(&old, false), (&new, true)] {
        let mut world = world(vec![Route::to("/", 0)], &[&[origin.address]]);
        world.clusters[0].protocol = UpstreamProtocol::AsClient(Http2Settings::default());
        let gateway = gateway(world).await;
        if http2 {
            let mut client = Caller::connect(gateway.address).await;
            assert_eq!(client.ask(("POST", "/"), &[], b"in HTTP/2").await.body, b"in HTTP/2");
        } else {
            assert_eq!(gateway.ask(&get("/")).await.text(), "in HTTP/1");
        }
    }
}
