//! Origins that die, dribble or reset, clients that leave at the worst moment: nobody else notices,
//! and nothing is left behind.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::harness::eventually;
use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::{Origin, ok};
use crate::harness::world::{everything_to, one_service};

fn plain(origin: &Origin) -> Gateway {
    world(&one_service(origin.port(), &everything_to("origin"))).start()
}

/// The value of the counters whose names end like this, summed.
fn counter(gateway: &Gateway, name: &str) -> u64 {
    let stats = gateway.control(gateway.admin, "/stats").is(200).text();
    let values = stats.lines().filter_map(|line| line.split_once(": "));
    values
        .filter(|(known, _)| known.ends_with(name))
        .filter_map(|(_, v)| v.parse::<u64>().ok())
        .sum()
}

#[test]
fn an_answer_that_dribbles_byte_by_byte_arrives_whole() {
    let origin = Origin::talks(|conversation| {
        while conversation.request()?.is_some() {
            let answer = "HTTP/1.1 200 OK\r\nx-a: 1\r\ntransfer-encoding: chunked\r\n\r\n\
                          5\r\nhello\r\n1\r\n!\r\n0\r\nx-t: 1\r\n\r\n";
            for byte in answer.bytes() {
                conversation.write([byte])?;
            }
        }
        Ok(())
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    for _ in 0..5 {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer().is(200).says("hello!").has("x-a", "1");
    }
}

#[test]
fn an_origin_that_resets_under_an_upload_is_told_and_not_waited_for() {
    let origin = Origin::talks(|conversation| conversation.head().map(drop));
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    let _ = client.try_send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 8000000\r\n\r\n");
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..100 {
        if client.try_send(&piece).is_err() {
            break;
        }
    }
    match client.try_answer("POST") {
        Ok(answer) => assert_eq!(answer.status, 503),
        Err(error) => assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "no answer, no end"),
    }
}

#[test]
fn an_origin_that_comes_back_on_its_address_serves_again() {
    let port = crate::harness::ports::free();
    let gateway = world(&one_service(port, &everything_to("origin"))).start();
    gateway.get("/").is(503);
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("bind the origin's port");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.and_then(|mut stream| stream.write_all(ok("back").as_bytes()));
        }
    });
    eventually("the origin serves", || gateway.get("/").status == 200);
}

#[test]
fn clients_that_leave_at_any_moment_leave_nothing_behind() {
    let origin = Origin::talks(|conversation| {
        while conversation.request()?.is_some() {
            conversation.write("HTTP/1.1 200 OK\r\ncontent-length: 500000\r\n\r\n")?;
            conversation.write(vec![b'x'; 500_000])?;
        }
        Ok(())
    });
    let gateway = plain(&origin);
    let request = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello";
    for end in (0..=request.len()).step_by(3) {
        let mut stream = TcpStream::connect(gateway.http()).expect("connect");
        stream.write_all(&request.as_bytes()[..end]).expect("send a part");
        drop(stream);
    }
    let mut client = gateway.connect();
    client.send(request);
    client.answer().is(200);
    drop(client);
    eventually("no client is left", || counter(&gateway, "http.downstream_cx_active") == 0);
    eventually("no request is left", || {
        counter(&gateway, "http.downstream_rq_active") == 0
            && counter(&gateway, ".upstream_rq_active") == 0
    });
}

#[test]
fn a_crowd_of_short_connections_is_served_and_forgotten() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..60 {
                    gateway.request("GET", "/", &[("connection", "close")]).is(200).says("ok");
                }
            });
        }
    });
    assert_eq!(counter(&gateway, "http.downstream_rq_total"), 480);
    eventually("no client is left", || counter(&gateway, "http.downstream_cx_active") == 0);
    let upstream = origin.connections();
    assert!(upstream < 100, "{upstream} upstream connections for 480 requests of 8 clients");
}

#[test]
fn one_stalled_origin_holds_up_nobody_else() {
    let stalled = Origin::talks(|conversation| {
        while conversation.request()?.is_some() {}
        Ok(())
    });
    let fine = Origin::says("ok");
    let yaml = crate::harness::world::every_host()
        + &crate::harness::world::service("stalled", stalled.port())
        + &crate::harness::world::service("fine", fine.port())
        + &crate::harness::world::rules("stalled", "stalled.example", &everything_to("stalled"))
        + &crate::harness::world::rules("fine", "*", &everything_to("fine"));
    let gateway = world(&yaml).start();
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let mut client = gateway.connect();
            client.send("GET / HTTP/1.1\r\nhost: stalled.example\r\n\r\n");
            client
        })
        .collect();
    stalled.received_at_least(100);
    for _ in 0..50 {
        gateway.get("/").is(200).says("ok");
    }
    drop(waiting);
    eventually("nobody waits", || counter(&gateway, "http.downstream_rq_active") == 0);
}

#[test]
fn a_request_that_is_cut_reaches_no_origin_as_a_whole_one() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    let request = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n0\r\n\r\n";
    for end in 1..request.len() {
        let mut client = gateway.connect();
        client.send(&request[..end]);
        client.finish_sending();
        let _ = client.rest();
    }
    assert!(origin.received().is_empty(), "{:#?}", origin.received());
    gateway.raw(request).is(200);
}
