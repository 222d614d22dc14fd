//! gRPC-Web on a listener that translates it: both ways as messages come, whatever portions their
//! text comes in, and nothing of it for other requests.

#![allow(clippy::unwrap_used, reason = "a test says what broke by panicking")]

mod support;

use http::Response;
use propylon_snapshot::Snapshot;
use support::origin::{self, header};
use support::streams::{Caller, fields, over_http2, streams};
use support::{Gateway, Origin, Route, Wire, gateway, world};

const TEXT: &str = "application/grpc-web-text";
/// A message `hi` in its frame, and in base64.
const HI: &[u8] = b"\0\0\0\0\x02hi";
const HI_TEXT: &str = "AAAAAAJoaQ==";
/// The frame of the trailer `grpc-status: 0`.
const END: &[u8] = b"\x80\0\0\0\x0fgrpc-status:0\r\n";
const END_TEXT: &str = "gAAAAA9ncnBjLXN0YXR1czowDQo=";

fn translating(mut world: Snapshot) -> Snapshot {
    let tables = std::mem::take(&mut world.tables);
    world.tables = tables.iter().map(|table| table.clone().with_grpc_web(true)).collect();
    world
}

async fn before(origin: &Origin) -> Gateway {
    gateway(translating(over_http2(world(vec![Route::to("/", 0)], &[&[origin.address]])))).await
}

/// The same, with an origin that speaks HTTP/1.
async fn before_http1(origin: &Origin, route: Route) -> Gateway {
    gateway(translating(world(vec![route], &[&[origin.address]]))).await
}

/// An origin of gRPC that sends back each piece as it comes, and then its status.
async fn echo() -> Origin {
    streams(|mut stream| {
        Box::pin(async move {
            let head = Response::builder().header("content-type", "application/grpc");
            let mut send = stream.respond.send_response(head.body(()).unwrap(), false).unwrap();
            let body = stream.request.body_mut();
            while let Some(Ok(part)) = body.data().await {
                body.flow_control().release_capacity(part.len()).unwrap();
                if send.send_data(part, false).is_err() {
                    return;
                }
            }
            let _ = send.send_trailers(fields(&[("grpc-status", "0")]));
        })
    })
    .await
}

fn head(kind: &str, framing: &str) -> String {
    format!(
        "POST /a.B/C HTTP/1.1\r\nhost: a.test\r\ncontent-type: {kind}\r\naccept: {kind}\r\n\
         {framing}\r\n\r\n"
    )
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[tokio::test]
async fn messages_in_base64_go_both_ways_as_they_come() {
    let origin = echo().await;
    let gateway = before(&origin).await;
    let mut client = gateway.connect().await;
    client.send(head(TEXT, "transfer-encoding: chunked")).await;
    let answer = client.head().await;
    assert_eq!(header(&answer, "content-type"), Some("application/grpc-web-text+proto"));
    // In portions that are no groups of four, padding between two messages.
    client.send(chunk("AAAAAAJ")).await;
    client.send(chunk("oaQ==AA")).await;
    assert_eq!(content(&mut client, HI_TEXT.len()).await, HI_TEXT);
    client.send(chunk("AAAAJoaQ==") + "0\r\n\r\n").await;
    let rest = format!("{HI_TEXT}{END_TEXT}");
    assert_eq!(content(&mut client, rest.len()).await, rest);
    assert_eq!(client.exactly(5).await, b"0\r\n\r\n");
    let seen = origin.last();
    assert_eq!(header(&seen, "content-type"), Some("application/grpc"));
    assert_eq!(header(&seen, "te"), Some("trailers"));
    assert_eq!(header(&seen, "grpc-accept-encoding"), Some("identity"));
}

/// So much content of a chunked body.
async fn content(client: &mut Wire, len: usize) -> String {
    let mut text = String::new();
    while text.len() < len {
        let size = String::from_utf8(client.until(b"\r\n").await).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        text += str::from_utf8(&client.exactly(size).await).unwrap();
        assert_eq!(client.exactly(2).await, b"\r\n");
    }
    text
}

#[tokio::test]
async fn messages_as_they_are_pass_between_http2_and_http2() {
    let origin = echo().await;
    let gateway = before(&origin).await;
    let mut caller = Caller::connect(gateway.address).await;
    let lines = [("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")];
    let (response, mut send) = caller.open("POST", "/a.B/C", &lines, false).await;
    send.send_data(HI.into(), false).unwrap();
    let (head, mut body) = response.await.unwrap().into_parts();
    assert_eq!(head.headers["content-type"], "application/grpc-web+proto");
    assert_eq!(body.data().await.unwrap().unwrap(), HI);
    send.send_data(HI.into(), true).unwrap();
    let mut rest = Vec::new();
    while let Some(part) = body.data().await {
        rest.extend_from_slice(&part.unwrap());
    }
    assert_eq!(rest, [HI, END].concat());
    assert_eq!(body.trailers().await.unwrap(), None);
}

#[tokio::test]
async fn a_large_body_in_base64_goes_up_and_down_whole() {
    let origin = echo().await;
    let gateway = before(&origin).await;
    let message = vec![b'x'; 3_000_000];
    let len = u32::try_from(message.len()).unwrap().to_be_bytes();
    let frame = [&[0][..], &len, &message].concat();
    let text = base64(&frame);
    let mut caller = Caller::connect(gateway.address).await;
    let lines = [("content-type", TEXT), ("accept", TEXT)];
    let whole = caller.ask(("POST", "/a.B/C"), &lines, text.as_bytes()).await;
    assert_eq!(String::from_utf8(whole.body).unwrap(), text + END_TEXT);
}

fn base64(bytes: &[u8]) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        bits <<= 8 * (3 - three.len());
        for at in 0..4 {
            let letter = char::from(letters[(bits >> (18 - 6 * at)) as usize & 63]);
            text.push(if at > three.len() { '=' } else { letter });
        }
    }
    text
}

#[tokio::test]
async fn an_http1_upstream_gets_messages_in_chunks() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: \
                  chunked\r\n\r\n7\r\n\0\0\0\0\x02hi\r\n0\r\ngrpc-status: 0\r\n\r\n";
    let origin = Origin::answering(move |_| answer.to_owned()).await;
    let gateway = before_http1(&origin, Route::to("/", 0)).await;
    let mut client = gateway.connect().await;
    let request = head(TEXT, "content-length: 12") + HI_TEXT;
    let first = client.ask(&request).await;
    assert_eq!(first.text(), format!("{HI_TEXT}{END_TEXT}"));
    assert_eq!(first.trailers, "");
    let seen = origin.last();
    assert_eq!(header(&seen, "content-length"), None);
    assert!(seen.ends_with("\r\n\r\n7\r\n\0\0\0\0\x02hi\r\n0\r\n\r\n"), "{seen:?}");
    // The same in two parts, of which the second comes later, and on the same connection.
    client.send(head(TEXT, "content-length: 12") + "AAAAA").await;
    client.send("AJoaQ==").await;
    assert_eq!(client.answer(false).await.text(), format!("{HI_TEXT}{END_TEXT}"));
    assert!(origin.last().contains("hi\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn a_request_that_is_tried_again_is_sent_whole_again() {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let origin =
        Origin::answering(move |_| match tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => origin::status(503, "later"),
            _ => "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 0\r\n\
                  content-length: 0\r\n\r\n"
                .to_owned(),
        })
        .await;
    let gateway = before_http1(&origin, Route::to("/", 0).retry(1, "5xx")).await;
    let mut client = gateway.connect().await;
    client.send(head(TEXT, "transfer-encoding: chunked") + &chunk("AAAAAAJo")).await;
    client.send(chunk("aQ==") + "0\r\n\r\n").await;
    let answer = client.answer(false).await;
    assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("0")));
    let seen = origin.requests();
    assert_eq!(seen.len(), 2);
    assert!(seen[1].ends_with("\r\n\r\n7\r\n\0\0\0\0\x02hi\r\n0\r\n\r\n"), "{:?}", seen[1]);
}

#[tokio::test]
async fn text_that_is_no_base64_is_refused_also_behind_a_good_beginning() {
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            log.note(&wire.head().await);
            wire.to_end().await;
        })
    })
    .await;
    let gateway = before_http1(&origin, Route::to("/", 0)).await;
    for late in ["*", "AAA"] {
        let mut client = gateway.connect().await;
        client.send(head(TEXT, "transfer-encoding: chunked") + &chunk(HI_TEXT)).await;
        origin.received(1).await;
        client.send(chunk(late) + "0\r\n\r\n").await;
        let answer = client.answer(false).await;
        assert_eq!((answer.status, answer.header("grpc-status")), (400, Some("13")));
        let message = answer.header("grpc-message");
        assert_eq!(message, Some("Bad gRPC-web request, invalid base64 data."));
    }
    assert_eq!(gateway.stat("http.reason.bad_grpc_web"), 2);
}

#[tokio::test]
async fn what_is_no_grpc_becomes_a_status_with_its_body_as_the_message() {
    let origin = Origin::answering(|_| origin::status(503, &"y".repeat(20_000))).await;
    let gateway = before_http1(&origin, Route::to("/", 0)).await;
    let request = head("application/grpc-web", "content-length: 0");
    let answer = gateway.ask(&request).await;
    assert_eq!((answer.status, answer.text()), (503, ""));
    assert_eq!(answer.header("grpc-status"), Some("14"));
    assert_eq!(answer.header("grpc-message").map(str::len), Some(16_384));
}

#[tokio::test]
async fn other_requests_and_other_listeners_are_left_alone() {
    let origin = Origin::saying("plain").await;
    let translating = before_http1(&origin, Route::to("/", 0)).await;
    let answer = translating.ask(&(head("text/plain", "content-length: 2") + "hi")).await;
    assert_eq!((answer.text(), answer.header("grpc-status")), ("plain", None));
    assert_eq!(header(&origin.last(), "content-type"), Some("text/plain"));
    let plain = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let answer = plain.ask(&(head(TEXT, "content-length: 12") + HI_TEXT)).await;
    assert_eq!(answer.text(), "plain");
    assert_eq!(header(&origin.last(), "content-type"), Some(TEXT));
    assert!(origin.last().ends_with(HI_TEXT));
}
