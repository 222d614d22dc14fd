//! Clients that make an HTTP/2 gateway work for nothing: each is told to calm down and closed, and
//! is counted by name; others are served meanwhile, and so is honest traffic that looks similar.

use std::time::Duration;

use http::Request;

use crate::harness::eventually;
use crate::harness::gateway::{Gateway, world};
use crate::harness::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, PRIORITY,
    RST_STREAM, SETTINGS, Session, WINDOW_UPDATE, block, frame, get,
};
use crate::harness::origin::{Origin, ok};
use crate::harness::world::{everything_to, one_service};

const PROTOCOL_ERROR: u32 = 1;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

fn stage() -> (Gateway, Origin) {
    let origin = Origin::replies(|_| ok("hello"));
    let gateway = world(&one_service(origin.port(), &everything_to("origin"))).start();
    (gateway, origin)
}

/// Writes frames until far beyond every limit; what the gateway says and counts.
#[track_caller]
fn is_calmed(gateway: &Gateway, counter: &str, mut next: impl FnMut(u32) -> Vec<u8>) {
    let before = count(gateway, counter);
    let mut client = Frames::connect(gateway.http());
    // In portions, as an attacker would: a frame in a packet of its own would take too long.
    for portion in 0..30 {
        let bytes: Vec<u8> = (portion * 100..(portion + 1) * 100).flat_map(&mut next).collect();
        client.write(&bytes);
    }
    let code = client.farewell();
    assert_eq!(code, Some(ENHANCE_YOUR_CALM), "{counter}");
    eventually("the flood is counted", || count(gateway, counter) > before);
    gateway.get("/").is(200).says("hello");
    assert_eq!(Session::connect(gateway.http()).get("http://a.example/").status, 200);
}

fn count(gateway: &Gateway, counter: &str) -> u64 {
    let stats = gateway.control(gateway.admin, "/stats").is(200).text();
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("{counter}: ")));
    line.unwrap_or_else(|| panic!("no counter {counter}")).parse().expect("a number")
}

#[test]
fn frames_that_cost_work_and_move_nothing_are_bounded() {
    let (gateway, _origin) = stage();
    let inbound = |what: &str| format!("http2.inbound_{what}_frames_flood");
    is_calmed(&gateway, &inbound("ping"), |_| frame(PING, 0, 0, &[7; 8]));
    is_calmed(&gateway, &inbound("ping"), |_| frame(PING, ACK, 0, &[7; 8]));
    is_calmed(&gateway, &inbound("settings"), |n| {
        let window = 65_535 + n % 2;
        frame(SETTINGS, 0, 0, &[&[0, 4][..], &window.to_be_bytes()].concat())
    });
    is_calmed(&gateway, &inbound("window_update"), |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]));
    is_calmed(&gateway, &inbound("priority"), |_| frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 7]));
    is_calmed(&gateway, &inbound("priority"), |_| frame(0xfa, 0, 0, b"?"));
    is_calmed(&gateway, &inbound("goaway"), |_| frame(GOAWAY, 0, 0, &[0; 8]));
    is_calmed(&gateway, &inbound("empty"), |n| match n {
        0 => frame(HEADERS, END_HEADERS, 1, &get("/")),
        _ => frame(DATA, 0, 1, &[]),
    });
}

#[test]
fn requests_that_are_taken_back_at_once_are_bounded() {
    let (gateway, _origin) = stage();
    let before = count(&gateway, "http.downstream_rq_too_many_premature_resets")
        + count(&gateway, "http2.excessive_load");
    let mut client = Frames::connect(gateway.http());
    for portion in 0..100 {
        let mut bytes = Vec::new();
        for index in 0..20 {
            let stream = (portion * 20 + index) * 2 + 1;
            bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/")));
            bytes.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
        }
        client.write(&bytes);
    }
    assert_eq!(client.farewell(), Some(ENHANCE_YOUR_CALM));
    eventually("the flood is counted", || {
        count(&gateway, "http.downstream_rq_too_many_premature_resets")
            + count(&gateway, "http2.excessive_load")
            > before
    });
    gateway.get("/").is(200);
}

#[test]
fn streams_that_the_gateway_is_made_to_reset_are_bounded() {
    let (gateway, _origin) = stage();
    let before = count(&gateway, "http2.excessive_load");
    let mut client = Frames::connect(gateway.http());
    for portion in 0..50 {
        let mut bytes = Vec::new();
        for index in 0..20 {
            let stream = (portion * 20 + index) * 2 + 1;
            bytes.extend(frame(HEADERS, END_HEADERS, stream, &get("/")));
            // An increment of nothing is an error of the stream (RFC 9113 section 6.9).
            bytes.extend(frame(WINDOW_UPDATE, 0, stream, &[0; 4]));
        }
        client.write(&bytes);
    }
    let code = client.farewell();
    assert!(matches!(code, Some(ENHANCE_YOUR_CALM | PROTOCOL_ERROR)), "{code:?}");
    if code == Some(ENHANCE_YOUR_CALM) {
        eventually("it is counted", || count(&gateway, "http2.excessive_load") > before);
    }
    gateway.get("/").is(200);
}

#[test]
fn header_blocks_without_end_are_bounded() {
    let (gateway, _origin) = stage();
    let line = block(&[("x-filler", &"f".repeat(120))]);
    let mut client = Frames::connect(gateway.http());
    client.send(HEADERS, 0, 1, &get("/"));
    for _ in 0..2000 {
        client.send(CONTINUATION, 0, 1, &line);
    }
    let code = client.farewell();
    assert!(matches!(code, Some(ENHANCE_YOUR_CALM | COMPRESSION_ERROR)), "{code:?}");
    gateway.get("/").is(200);
}

#[test]
fn a_header_bomb_costs_nothing_but_its_own_stream_or_connection() {
    let (gateway, origin) = stage();
    let mut client = Frames::connect(gateway.http());
    // One long line into the dynamic table, then ten thousand references to it.
    let mut bomb = get("/");
    bomb.extend([0x40, 3, b'x', b'-', b'b', 0x7f, 0x81, 0x1e]);
    bomb.extend(vec![b'b'; 127 + 1 + 30 * 128]);
    bomb.extend(vec![0xbe; 10_000]);
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &bomb);
    loop {
        let frame = client.next();
        match frame {
            Some(frame) if [HEADERS, RST_STREAM, GOAWAY].contains(&frame.kind) => break,
            Some(_) => {}
            None => break,
        }
    }
    assert!(origin.received().is_empty(), "it went on to the origin");
    gateway.get("/").is(200);
}

#[test]
fn a_client_that_never_reads_costs_little_and_harms_nobody() {
    let origin = Origin::replies(|_| ok(&"x".repeat(1 << 20)));
    let gateway = world(&one_service(origin.port(), &everything_to("origin"))).start();
    let mut client = Frames::connect(gateway.http());
    // Wide windows, so that only the socket holds the answers back.
    client.send(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]);
    client.send(WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]);
    let before = memory(&gateway);
    for index in 0..200 {
        client.send(HEADERS, END_HEADERS | END_STREAM, index * 2 + 1, &get("/"));
    }
    origin.received_at_least(200);
    assert_eq!(Session::connect(gateway.http()).get("http://a.example/").body.len(), 1 << 20);
    let grown = memory(&gateway).saturating_sub(before);
    assert!(grown < 128 << 20, "{grown} bytes for 200 MiB that nobody reads");
}

#[test]
fn a_client_that_opens_no_window_costs_little() {
    let origin = Origin::replies(|_| ok(&"x".repeat(1 << 20)));
    let gateway = world(&one_service(origin.port(), &everything_to("origin"))).start();
    let mut client = Frames::connect(gateway.http());
    client.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let before = memory(&gateway);
    for index in 0..200 {
        client.send(HEADERS, END_HEADERS | END_STREAM, index * 2 + 1, &get("/"));
    }
    for _ in 0..200 {
        client.until(HEADERS);
    }
    let grown = memory(&gateway).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes for 200 MiB that nobody lets come");
    // Byte by byte is served, too: each costs the client more than the gateway.
    for _ in 0..100 {
        client.send(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]);
        let byte = client.until(DATA);
        assert_eq!((byte.stream, byte.payload.as_slice()), (1, &b"x"[..]));
    }
}

/// Resident bytes of the gateway's process.
fn memory(gateway: &Gateway) -> usize {
    let path = format!("/proc/{}/statm", gateway.id());
    let text = std::fs::read_to_string(path).expect("Linux tells");
    let pages: usize = text.split(' ').nth(1).expect("two numbers").parse().expect("a number");
    pages * 4096
}

#[test]
fn many_small_messages_on_one_stream_are_served() {
    let origin = Origin::talks(|conversation| {
        while let Some(received) = conversation.request()? {
            let body = &received.body.bytes;
            let chunks: String =
                body.chunks(5).map(|part| format!("5\r\n{}\r\n", "y".repeat(part.len()))).collect();
            conversation.write(format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
            ))?;
        }
        Ok(())
    });
    let gateway = world(&one_service(origin.port(), &everything_to("origin"))).start();
    let mut client = Frames::connect(gateway.http());
    let post = block(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "a.example"),
    ]);
    // All of it fits into the gateway's windows once both sides agreed on them.
    client.until(WINDOW_UPDATE);
    client.send(SETTINGS, ACK, 0, &[]);
    client.send(HEADERS, END_HEADERS, 1, &post);
    for portion in 0..400 {
        let last = portion == 399;
        let mut bytes: Vec<u8> = (0..100).flat_map(|_| frame(DATA, 0, 1, b"hello")).collect();
        if last {
            bytes.extend(frame(DATA, END_STREAM, 1, &[]));
        }
        client.write(&bytes);
    }
    let mut got = 0;
    loop {
        let frame = client.next().expect("the connection stays");
        match frame.kind {
            DATA => {
                got += frame.payload.len();
                // A window update for every frame, on the stream and on the connection.
                let len = u32::try_from(frame.payload.len()).expect("short").to_be_bytes();
                if frame.payload.is_empty() || frame.flags & END_STREAM != 0 {
                    break;
                }
                client.send(WINDOW_UPDATE, 0, 1, &len);
                client.send(WINDOW_UPDATE, 0, 0, &len);
            }
            GOAWAY | RST_STREAM => panic!("{frame:?} after {got} bytes"),
            _ => {}
        }
    }
    assert_eq!(got, 200_000);
}

#[test]
fn a_client_may_ask_twice_and_take_back_the_slower_request() {
    let (gateway, _origin) = stage();
    let mut session = Session::connect(gateway.http());
    for _ in 0..700 {
        let request = || Request::get("http://a.example/").body(()).expect("a request");
        session.open(request(), true).reset(h2::Reason::CANCEL);
        assert_eq!(session.ask(request(), b"").status, 200);
    }
}

#[test]
fn a_quiet_connection_may_ping_and_be_quiet_again() {
    let (gateway, _origin) = stage();
    let mut client = Frames::connect(gateway.http());
    for round in 0..500_u64 {
        client.send(PING, 0, 0, &round.to_be_bytes());
        loop {
            let pong = client.until(PING);
            if pong.flags & ACK != 0 && pong.payload == round.to_be_bytes() {
                break;
            }
        }
    }
    assert!(client.is_quiet(Duration::from_millis(1)));
}
