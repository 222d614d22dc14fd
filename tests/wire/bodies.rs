//! Bodies and their framing, both ways: lengths, chunks, trailers, interim responses, and that a
//! response that was cut never looks whole.

use std::io;

use crate::harness::gateway::{Gateway, world};
use crate::harness::message::Body;
use crate::harness::origin::{Conversation, Origin, ok};
use crate::harness::world::{everything_to, one_service};

/// Larger than any buffer on the way.
const LARGE: usize = 9 * 1024 * 1024;

fn plain(origin: &Origin) -> Gateway {
    world(&one_service(origin.port(), &everything_to("origin"))).start()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| b'a' + u8::try_from(at % 23).unwrap()).collect()
}

fn echo(conversation: &mut Conversation) -> io::Result<()> {
    while let Some(received) = conversation.request()? {
        let length = received.body.bytes.len();
        conversation.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"))?;
        conversation.write(&received.body.bytes)?;
    }
    Ok(())
}

#[test]
fn a_large_body_with_a_length_arrives_whole_both_ways() {
    let origin = Origin::talks(echo);
    let gateway = plain(&origin);
    let body = pattern(LARGE);
    let mut client = gateway.connect();
    let head = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {LARGE}\r\n\r\n");
    client.send(head).send(&body);
    let answer = client.answer().is(200);
    assert!(answer.body.bytes == body, "the echo differs");
    assert_eq!(origin.only().header("content-length"), Some(LARGE.to_string().as_str()));
}

#[test]
fn a_chunked_body_arrives_chunked_and_whole() {
    let origin = Origin::talks(echo);
    let gateway = plain(&origin);
    let body = pattern(300_000);
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: Chunked\r\n\r\n");
    for piece in body.chunks(70_001) {
        client.send(format!("{:x}\r\n", piece.len())).send(piece).send("\r\n");
    }
    client.send("0\r\n\r\n");
    let answer = client.answer().is(200);
    assert!(answer.body.bytes == body, "the echo differs");
    let received = origin.only();
    assert_eq!(received.head.all("transfer-encoding"), ["chunked"]);
    assert_eq!(received.header("content-length"), None);
}

#[test]
fn a_body_streams_before_it_is_complete() {
    let origin = Origin::talks(|conversation| {
        let head = conversation.head()?.expect("a head");
        let first = conversation.exactly(5)?;
        conversation.recorded(head, Body { bytes: first, trailers: Vec::new() });
        let rest = conversation.exactly(5)?;
        conversation.write(ok(&String::from_utf8_lossy(&rest)))
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello");
    assert_eq!(origin.received_at_least(1)[0].body.text(), "hello");
    client.send("world");
    client.answer().is(200).says("world");
}

#[test]
fn a_response_streams_before_it_is_complete() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let origin = Origin::talks(move |conversation| {
        conversation.request()?;
        conversation
            .write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")?;
        let _ = wait.lock().unwrap().recv();
        conversation.write("5\r\nworld\r\n0\r\n\r\n")
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(client.head().unwrap().first.starts_with("HTTP/1.1 200"));
    let mut seen = Vec::new();
    while !seen.windows(5).any(|window| window == b"hello") {
        seen.extend(client.bytes(1));
    }
    release.send(()).unwrap();
    while !seen.ends_with(b"0\r\n\r\n") {
        seen.extend(client.bytes(1));
    }
    assert!(seen.windows(5).any(|window| window == b"world"));
}

#[test]
fn trailers_pass_both_ways_and_never_become_headers() {
    let origin = Origin::talks(|conversation| {
        while conversation.request()?.is_some() {
            conversation.write(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\
                 x-their: 2\r\n\r\n",
            )?;
        }
        Ok(())
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send(
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
         2\r\nhi\r\n0\r\nX-Mine: 1\r\n\r\n",
    );
    let answer = client.answer().is(200).says("ok").has_no("x-their");
    let received = origin.only();
    assert_eq!(received.header("x-mine"), None);
    assert_eq!(received.body.text(), "hi");
    for (name, _) in received.body.trailers.iter().chain(&answer.body.trailers) {
        assert!(name == "x-mine" || name == "x-their", "{name}");
    }
}

#[test]
fn a_trailer_that_frames_or_routes_is_refused_or_dropped() {
    for trailer in ["content-length: 3", "transfer-encoding: chunked", "host: other.example"] {
        let origin = Origin::says("ok");
        let gateway = plain(&origin);
        let mut client = gateway.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{trailer}\r\n\r\n"
        ));
        let _ = client.try_answer("POST");
        for received in origin.received() {
            assert!(received.body.trailers.is_empty(), "{trailer} reached the origin");
            assert_eq!(received.header("host"), Some("a"));
        }
    }
}

#[test]
fn an_expectation_is_forwarded_and_the_origin_s_100_relayed() {
    let origin = Origin::talks(|conversation| {
        let Some(head) = conversation.head()? else { return Ok(()) };
        conversation.write("HTTP/1.1 100 Continue\r\n\r\n")?;
        let body = conversation.body(&head)?;
        conversation.recorded(head, body);
        conversation.write(ok("thanks"))
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n");
    assert!(client.head().unwrap().first.starts_with("HTTP/1.1 100"));
    client.send("hello");
    client.answer().is(200).says("thanks");
    let received = origin.only();
    assert_eq!(received.header("expect"), Some("100-continue"));
    assert_eq!(received.body.text(), "hello");
}

#[test]
fn an_origin_that_refuses_an_expectation_is_heard_before_the_body() {
    let origin = Origin::talks(|conversation| {
        conversation.head()?;
        conversation.write("HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n")
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n");
    client.answer().is(417);
}

#[test]
fn early_hints_are_relayed_before_the_answer() {
    let origin = Origin::answers(format!(
        "HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n{}",
        ok("page")
    ));
    let answer = plain(&origin).get("/").is(200).says("page");
    assert_eq!(answer.interim.len(), 1);
    assert!(answer.interim[0].first.starts_with("HTTP/1.1 103"));
    assert_eq!(answer.interim[0].get("link"), Some("</style.css>"));
}

#[test]
fn an_answer_to_head_keeps_its_length_and_has_no_body() {
    let origin = Origin::answers("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n");
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    for _ in 0..3 {
        client.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer_to("HEAD").is(200).has("content-length", "1234");
    }
}

#[test]
fn answers_that_have_no_body_have_none() {
    let origin = Origin::replies(|received| match received.target() {
        "/304" => "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n".to_owned(),
        _ => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("GET /304 HTTP/1.1\r\nhost: a\r\n\r\n");
    client.answer().is(304).has("etag", "\"a\"");
    client.send("GET /204 HTTP/1.1\r\nhost: a\r\n\r\n");
    client.answer().is(204).has_no("content-length").has_no("transfer-encoding");
}

#[test]
fn a_body_that_ends_with_the_connection_is_chunked_for_the_client() {
    let origin = Origin::talks(|conversation| {
        conversation.request()?;
        conversation.write("HTTP/1.1 200 OK\r\n\r\nuntil the end")
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    client.answer().is(200).says("until the end").has("transfer-encoding", "chunked");
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    client.answer().is(200).says("until the end");
}

#[test]
fn a_response_cut_inside_its_length_never_looks_whole() {
    let origin = Origin::talks(|conversation| {
        conversation.request()?;
        conversation.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this")
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(client.try_answer("GET").is_err(), "the client must see the cut");
}

#[test]
fn a_response_cut_between_chunks_never_looks_whole() {
    let origin = Origin::talks(|conversation| {
        conversation.request()?;
        conversation.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(client.try_answer("GET").is_err(), "the client must see the cut");
}

#[test]
fn a_request_cut_inside_its_body_never_looks_whole_to_the_origin() {
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let origin = Origin::talks(move |conversation| {
        let outcome = conversation.request();
        let _ = tell.lock().unwrap().send(outcome.is_err());
        Ok(())
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello");
    client.finish_sending();
    drop(client);
    let cut = told.recv_timeout(crate::harness::PATIENCE).unwrap();
    assert!(cut, "the origin must see the cut");
}

#[test]
fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let origin = Origin::talks(|conversation| {
        conversation.head()?;
        conversation.write("HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\n\r\n")?;
        conversation.rest().map(drop)
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nonly the start");
    client.answer().is(413);
}

#[test]
fn a_client_that_reads_slowly_does_not_make_the_gateway_buffer_everything() {
    let total = 64 * 1024 * 1024;
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&sent);
    let origin = Origin::talks(move |conversation| {
        conversation.request()?;
        conversation.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {total}\r\n\r\n"))?;
        let piece = vec![b'x'; 64 * 1024];
        for _ in 0..total / piece.len() {
            conversation.write(&piece)?;
            count.fetch_add(piece.len(), std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    client.head().unwrap();
    // The origin's progress stops once the buffers on the way are full.
    let progress = || sent.load(std::sync::atomic::Ordering::Relaxed);
    let (mut last, mut still) = (0, 0);
    crate::harness::eventually("the origin stalls or is done", || {
        still = if progress() == last { still + 1 } else { 0 };
        last = progress();
        still > 30 || last == total
    });
    assert!(last < total / 2, "{last} bytes left the origin though nobody read them");
}
