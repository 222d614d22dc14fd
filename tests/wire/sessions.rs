//! HTTP/2 connections to endpoints as clients and endpoints see them: how many requests each
//! carries, what happens when they go away, and who waits for whom.

use std::thread;

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::gateway::{Gateway, world};
use crate::harness::http2_server::{Asked, Does, Http2Server};
use crate::harness::world::{every_host, rules, versions};

/// HTTP/2's own windows.
const USUAL: (u32, u32) = (65_535, 65_535);

/// Everything to endpoints that speak HTTP/2, by turns.
fn behind(servers: &[&Http2Server], (pool, retries): (&str, &str)) -> Gateway {
    bounded(servers, (pool, "connectTimeout: 5s", retries))
}

/// The same with bounds of connections.
fn bounded(servers: &[&Http2Server], (pool, tcp, retries): (&str, &str, &str)) -> Gateway {
    let names: Vec<String> = (0..servers.len()).map(|n| format!("v{n}")).collect();
    let named: Vec<(&str, u16)> =
        names.iter().map(String::as_str).zip(servers.iter().map(|one| one.port())).collect();
    let policy = format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: origin}}
spec:
  host: origin
  trafficPolicy:
    loadBalancer: {{simple: ROUND_ROBIN}}
    connectionPool: {{http: {{h2UpgradePolicy: UPGRADE{pool}}}, tcp: {{{tcp}}}}}
---
"
    );
    let route = format!("- retries: {retries}\n  route: [{{destination: {{host: origin}}}}]\n");
    let yaml = every_host() + &versions("origin", &named) + &policy + &rules("rules", "*", &route);
    world(&yaml).flag("--workers=1").start()
}

const NEVER: &str = "{attempts: 0}";

fn post(client: &mut Client, path: &str, body: &str) {
    let len = body.len();
    client.send(format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {len}\r\n\r\n{body}"));
}

fn answers(_: &Asked) -> Does {
    Does::Answers
}

/// How many requests each connection has carried.
fn carried(server: &Http2Server) -> Vec<usize> {
    let mut counts = vec![0; server.connections()];
    server.asked().iter().for_each(|asked| counts[asked.connection] += 1);
    counts
}

#[test]
fn a_session_carries_as_many_requests_as_it_may() {
    let server = Http2Server::does(USUAL, answers);
    let gateway = behind(&[&server], (", maxRequestsPerConnection: 3", NEVER));
    let mut client = gateway.connect();
    for _ in 0..10 {
        post(&mut client, "/", "hello");
        client.answer().is(200).says("5");
    }
    assert_eq!(carried(&server), [3, 3, 3, 1]);
}

#[test]
fn requests_that_come_together_share_no_more_of_a_session_than_it_may_carry() {
    let server = Http2Server::does(USUAL, |_| Does::Holds);
    let gateway = behind(&[&server], (", maxRequestsPerConnection: 2", NEVER));
    let mut clients: Vec<Client> = (0..7).map(|_| gateway.connect()).collect();
    clients.iter_mut().for_each(|client| post(client, "/", "hello"));
    eventually("all have arrived", || server.asked().len() == 7);
    assert!(carried(&server).iter().all(|count| *count <= 2), "{:?}", carried(&server));
    server.let_go();
    for client in &mut clients {
        client.answer().is(200).says("5");
    }
}

/// More than the hundred that are opened before an endpoint has said how many it takes.
const CROWD: usize = 130;

#[test]
fn the_only_session_that_there_may_be_takes_all_that_its_endpoint_allows() {
    let server = Http2Server::does(USUAL, |_| Does::Holds);
    let gateway = bounded(&[&server], ("", "maxConnections: 1", NEVER));
    let mut clients: Vec<Client> = (0..CROWD).map(|_| gateway.connect()).collect();
    clients.iter_mut().for_each(|client| post(client, "/", "hello"));
    eventually("all have arrived", || server.asked().len() == CROWD);
    assert_eq!(server.connections(), 1);
    server.let_go();
    for client in &mut clients {
        client.answer().is(200).says("5");
    }
}

#[test]
fn a_session_that_ends_every_few_requests_costs_none_of_them() {
    let leaves = |asked: &Asked| if asked.number == 2 { Does::Leaves } else { Does::Answers };
    let server = Http2Server::does(USUAL, leaves);
    let gateway = behind(&[&server], ("", "{attempts: 2}"));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut client = gateway.connect();
                for _ in 0..40 {
                    post(&mut client, "/", "hello");
                    client.answer().is(200).says("5");
                }
            });
        }
    });
    assert!(server.connections() > 10, "{} connections", server.connections());
}

#[test]
fn a_session_that_breaks_costs_the_requests_on_it_unless_they_are_retried() {
    let breaks = |asked: &Asked| match asked.path.as_str() {
        "/break" => Does::Breaks,
        _ => Does::Answers,
    };
    let (dying, alive) = (Http2Server::does(USUAL, breaks), Http2Server::does(USUAL, answers));
    let gateway = behind(&[&dying], ("", NEVER));
    let mut client = gateway.connect();
    post(&mut client, "/break", "hello");
    client.answer().is(503);
    post(&mut client, "/", "hello");
    client.answer().is(200);
    let gateway = behind(&[&dying, &alive], ("", "{attempts: 2, retryOn: reset}"));
    let mut client = gateway.connect();
    for _ in 0..10 {
        post(&mut client, "/break", "hello");
        client.answer().is(200).says("5");
    }
}

#[test]
fn an_upload_that_an_endpoint_does_not_read_holds_up_no_other() {
    let script = |asked: &Asked| match asked.path.as_str() {
        "/stuck" => Does::ReadsNothing,
        _ => Does::Answers,
    };
    // The stream's window is smaller than the connection's: others have room beside it.
    let server = Http2Server::does((40_000, 65_535), script);
    let other = Http2Server::does(USUAL, answers);
    let gateway = behind(&[&server, &other], ("", NEVER));
    let (mut stuck, body) = (gateway.connect(), "x".repeat(60_000));
    eventually("one is stuck", || {
        stuck = gateway.connect();
        post(&mut stuck, "/stuck", &body);
        eventually("it arrives", || {
            server.asked().iter().chain(&other.asked()).any(|asked| asked.path == "/stuck")
        });
        server.asked().iter().any(|asked| asked.path == "/stuck")
    });
    for _ in 0..6 {
        let mut client = gateway.connect();
        post(&mut client, "/", &"y".repeat(30_000));
        client.answer().is(200).says("30000");
    }
    server.let_go();
    stuck.answer().is(200).says("60000");
}

#[test]
fn a_window_that_one_upload_has_used_up_is_given_back_when_its_client_leaves() {
    let script = |asked: &Asked| match asked.path.as_str() {
        "/stuck" => Does::ReadsNothing,
        _ => Does::Answers,
    };
    // One stream may use up all that the connection has.
    let server = Http2Server::does((1_000_000, 65_535), script);
    let gateway = behind(&[&server], ("", NEVER));
    let mut stuck = gateway.connect();
    // Little enough for the kernel to hold the rest: behind more, its goodbye would not arrive.
    post(&mut stuck, "/stuck", &"x".repeat(100_000));
    eventually("it arrives", || server.asked().len() == 1);
    // What has no body needs no window.
    gateway.get("/").is(200).says("0");
    let mut waits = gateway.connect();
    post(&mut waits, "/", "hello");
    drop(stuck);
    waits.answer().is(200).says("5");
}
