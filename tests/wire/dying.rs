//! Endpoints that die in every way an endpoint can, beside one that lives: what clients see of it,
//! and what is sent twice.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::{Conversation, Origin, ok};
use crate::harness::world::{every_host, rules, versions};

/// Requests of each kind: enough for every pick of a balancer.
const REQUESTS: usize = 20;

/// Everything to endpoints at these ports, by turns.
fn behind(ports: &[u16], retries: &str) -> Gateway {
    let names: Vec<String> = (0..ports.len()).map(|n| format!("v{n}")).collect();
    let named: Vec<(&str, u16)> =
        names.iter().map(String::as_str).zip(ports.iter().copied()).collect();
    let policy = "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: origin}
spec: {host: origin, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}
---
";
    let retries = match retries {
        "" => String::new(),
        policy => format!("  retries: {policy}\n"),
    };
    let route = format!("- route: [{{destination: {{host: origin}}}}]\n{retries}");
    let yaml = every_host() + &versions("origin", &named) + policy + &rules("rules", "*", &route);
    world(&yaml).flag("--workers=1").start()
}

fn statuses(gateway: &Gateway, method: &str) -> Vec<u16> {
    let mut client = gateway.connect();
    (0..REQUESTS).map(|_| status(&mut client, method)).collect()
}

fn status(client: &mut Client, method: &str) -> u16 {
    let length = if method == "POST" { "content-length: 2\r\n\r\nhi" } else { "\r\n" };
    client.send(format!("{method} / HTTP/1.1\r\nhost: a\r\n{length}"));
    client.answer().status
}

/// An endpoint that does this with every request that reaches it.
fn dies(
    way: impl Fn(&mut Conversation) -> io::Result<()> + Send + Sync + 'static,
) -> (Origin, Origin) {
    let dying = Origin::talks(move |conversation| match conversation.request()? {
        Some(_) => way(conversation),
        None => Ok(()),
    });
    (dying, Origin::says("alive"))
}

#[test]
fn an_endpoint_that_refuses_connections_costs_no_request_whatever_its_method() {
    let gone = Origin::says("gone").port();
    let alive = Origin::says("alive");
    let gateway = behind(&[gone, alive.port()], "");
    for method in ["GET", "POST"] {
        assert_eq!(statuses(&gateway, method), [200; REQUESTS]);
    }
    assert_eq!(alive.received().len(), 2 * REQUESTS);
    let again = alive.received().iter().filter(|one| one.header(TRIES) == Some("2")).count();
    assert!(again >= REQUESTS / 2, "by turns: {again}");
}

const TRIES: &str = "x-envoy-attempt-count";

#[test]
fn an_endpoint_that_closes_before_it_answers_costs_the_requests_that_it_has_read() {
    let (dying, alive) = dies(|_| Ok(()));
    let gateway = behind(&[dying.port(), alive.port()], "");
    let statuses = statuses(&gateway, "POST");
    // The default policy retries what was certainly not processed, and this may have been.
    let lost = statuses.iter().filter(|status| **status == 503).count();
    assert_eq!((lost, dying.received().len()), (REQUESTS / 2, REQUESTS / 2));
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
}

#[test]
fn retry_on_reset_sends_to_another_endpoint_what_one_did_not_answer() {
    for half in
        ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.1 100 Continue\r\n\r\n"]
    {
        let (dying, alive) = dies(move |conversation| conversation.write(half));
        let gateway = behind(&[dying.port(), alive.port()], "{attempts: 2, retryOn: \"reset\"}");
        for method in ["GET", "POST"] {
            assert_eq!(statuses(&gateway, method), [200; REQUESTS], "{method} after {half:?}");
        }
        assert_eq!(alive.received().len(), 2 * REQUESTS);
        assert!(dying.received().len() >= REQUESTS, "by turns");
    }
}

#[test]
fn an_answer_that_has_begun_is_never_asked_for_again() {
    let (dying, alive) =
        dies(|conversation| conversation.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"));
    let retries = "{attempts: 2, retryOn: \"reset,5xx,connect-failure\"}";
    let gateway = behind(&[dying.port(), alive.port()], retries);
    let cut = (0..REQUESTS).filter(|_| {
        let mut client = gateway.connect();
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        client.try_answer("GET").is_err()
    });
    assert_eq!(cut.count(), REQUESTS / 2);
    assert_eq!(alive.received().len(), REQUESTS / 2);
}

#[test]
fn connections_that_an_endpoint_closes_between_requests_cost_nothing() {
    let closed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&closed);
    // It keeps connections open for one request, and does not say so.
    let origin = Origin::talks(move |conversation| {
        if conversation.request()?.is_some() {
            conversation.write(ok("once"))?;
            conversation.close();
            count.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    });
    let gateway = behind(&[origin.port()], "{attempts: 0}");
    let mut client = gateway.connect();
    for number in 1..=REQUESTS {
        assert_eq!(status(&mut client, "POST"), 200, "request {number}");
        eventually("the connection is closed", || closed.load(Ordering::Acquire) == number);
    }
    assert_eq!(origin.received().len(), REQUESTS, "and nothing is sent twice");
}

#[test]
fn an_endpoint_that_comes_back_serves_again() {
    let first = Origin::says("first");
    let port = first.port();
    let gateway = behind(&[port], "{attempts: 0}");
    let mut client = gateway.connect();
    assert_eq!(status(&mut client, "POST"), 200);
    drop(first);
    // Its kept connection may carry one more request: the origin's thread still has it.
    eventually("it is gone", || {
        let mut other = gateway.connect();
        let answers = [status(&mut client, "POST"), status(&mut other, "POST")];
        answers.contains(&503) || std::net::TcpStream::connect(("127.0.0.1", port)).is_err()
    });
    let address = ([127, 0, 0, 1], port).into();
    let _second = Origin::talks_at(address, |conversation| {
        while conversation.request()?.is_some() {
            conversation.write(ok("second"))?;
        }
        Ok(())
    });
    gateway.get("/").is(200);
}
