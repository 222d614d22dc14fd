//! Upgrades: WebSockets pass frame by frame and outlive a reload; other upgrades do not pass.

use std::io;

use crate::harness::client::Client;
use crate::harness::gateway::{Gateway, files};
use crate::harness::message::Body;
use crate::harness::origin::{Conversation, Origin};
use crate::harness::world::{every_host, everything_to, rules, service};

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: ws.example\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// What a server must answer to the key of the handshake (RFC 6455 section 1.3).
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A client's text frame, masked as RFC 6455 demands; short texts only.
fn masked(text: &str) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap()];
    frame.extend(mask);
    frame.extend(text.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A server's text frame.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, u8::try_from(text.len()).unwrap()];
    frame.extend(text.bytes());
    frame
}

/// A WebSocket server that answers each text frame with the same text.
fn echo(conversation: &mut Conversation) -> io::Result<()> {
    let Some(head) = conversation.head()? else { return Ok(()) };
    conversation.recorded(head, Body::default());
    conversation.write(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    ))?;
    loop {
        let start = conversation.exactly(6)?;
        let payload = conversation.exactly(usize::from(start[1] & 0x7f))?;
        let text: String = payload
            .iter()
            .zip(start[2..6].iter().cycle())
            .map(|(byte, mask)| char::from(byte ^ mask))
            .collect();
        conversation.write(frame(&text))?;
    }
}

fn serving(origin: &Origin) -> Gateway {
    let world = every_host() + &service("origin", origin.port());
    let rules = rules("rules", "*", &everything_to("origin"));
    files(&[("world.yaml", &world), ("rules.yaml", &rules)]).start()
}

fn says(client: &mut Client, text: &str) {
    client.send(masked(text));
    assert_eq!(client.bytes(2 + text.len()), frame(text));
}

#[test]
fn a_websocket_passes_frames_both_ways() {
    let origin = Origin::talks(echo);
    let gateway = serving(&origin);
    let mut client = gateway.connect();
    client.send(HANDSHAKE);
    let answer = client.answer().is(101);
    assert!(answer.head.lists("connection", "upgrade"), "{}", answer.head.raw);
    let answer = answer.has("upgrade", "websocket").has("sec-websocket-accept", ACCEPT);
    answer.has("server", "istio-envoy");
    for number in 0..50 {
        says(&mut client, &format!("frame {number}"));
    }
    let received = origin.only();
    assert_eq!(received.header("upgrade"), Some("websocket"));
    assert!(received.head.lists("connection", "upgrade"));
    assert_eq!(received.header("sec-websocket-version"), Some("13"));
}

#[test]
fn frames_sent_with_the_handshake_are_not_lost() {
    let origin = Origin::talks(echo);
    let gateway = serving(&origin);
    let mut client = gateway.connect();
    let mut bytes = HANDSHAKE.as_bytes().to_vec();
    bytes.extend(masked("eager"));
    client.send(bytes);
    client.answer().is(101);
    assert_eq!(client.bytes(7), frame("eager"));
}

#[test]
fn a_websocket_survives_a_reload_that_takes_its_route_away() {
    let origin = Origin::talks(echo);
    let gateway = serving(&origin);
    let mut client = gateway.connect();
    client.send(HANDSHAKE);
    client.answer().is(101);
    says(&mut client, "before");
    gateway.remove("rules.yaml");
    crate::harness::eventually("the route is gone", || gateway.get("/").status == 404);
    for number in 0..10 {
        says(&mut client, &format!("after {number}"));
    }
}

#[test]
fn a_websocket_ends_for_both_when_one_side_closes() {
    let origin = Origin::talks(|conversation| {
        conversation.head()?;
        conversation.write(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
        ))?;
        conversation.write(frame("bye"))
    });
    let gateway = serving(&origin);
    let mut client = gateway.connect();
    client.send(HANDSHAKE);
    client.answer().is(101);
    assert_eq!(client.bytes(5), frame("bye"));
    assert!(client.is_closed());
}

#[test]
fn other_upgrades_are_forbidden() {
    let origin = Origin::says("ok");
    let gateway = serving(&origin);
    let answer =
        gateway.request("GET", "/", &[("connection", "upgrade"), ("upgrade", "something")]);
    answer.is(403).says("");
    assert!(origin.received().is_empty());
}

#[test]
fn an_upgrade_to_cleartext_http_2_is_dropped_and_the_request_served() {
    let origin = Origin::says("ok");
    let gateway = serving(&origin);
    let asks = [
        ("connection", "upgrade, http2-settings"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA"),
    ];
    gateway.request("GET", "/", &asks).is(200).says("ok");
    let received = origin.only();
    for (name, _) in asks {
        assert_eq!(received.header(name), None, "{name}");
    }
}

#[test]
fn a_handshake_that_the_origin_declines_closes_the_connection() {
    let origin = Origin::answers("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnope");
    let gateway = serving(&origin);
    let mut client = gateway.connect();
    client.send(HANDSHAKE);
    let answer = client.try_answer("HEAD").unwrap();
    assert_eq!(answer.status, 200);
    answer.has("connection", "close");
    let _ = client.rest();
}
