//! Retries: which failures are tried again, how often, and what an origin sees of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::{Origin, Received, empty, ok};
use crate::harness::world::one_service;

/// An origin that fails this often before it answers.
fn failing(times: usize, failure: &'static str) -> Origin {
    let count = AtomicUsize::new(0);
    Origin::replies(move |_| match count.fetch_add(1, Ordering::AcqRel) < times {
        true => empty(failure),
        false => ok("at last"),
    })
}

fn retrying(origin: &Origin, retries: &str) -> Gateway {
    let rule = format!("- retries: {retries}\n  route: [{{destination: {{host: origin}}}}]\n");
    world(&one_service(origin.port(), &rule)).start()
}

fn attempts(received: &[Received]) -> Vec<&str> {
    received.iter().map(|r| r.header("x-envoy-attempt-count").unwrap()).collect()
}

#[test]
fn a_status_that_the_policy_names_is_tried_again() {
    let origin = failing(2, "503 Service Unavailable");
    let gateway = retrying(&origin, "{attempts: 3, retryOn: \"503\"}");
    gateway.get("/").is(200).says("at last");
    assert_eq!(attempts(&origin.received()), ["1", "2", "3"]);
}

#[test]
fn a_status_that_the_policy_does_not_name_is_passed_on() {
    let origin = failing(1, "500 Internal Server Error");
    let gateway = retrying(&origin, "{attempts: 3, retryOn: \"503\"}");
    gateway.get("/").is(500);
    assert_eq!(origin.received().len(), 1);
}

#[test]
fn when_the_attempts_are_used_up_the_last_answer_is_passed_on() {
    let origin = failing(9, "502 Bad Gateway");
    let gateway = retrying(&origin, "{attempts: 2, retryOn: gateway-error}");
    gateway.get("/").is(502);
    assert_eq!(origin.received().len(), 3);
}

#[test]
fn the_default_policy_does_not_retry_statuses() {
    let origin = failing(1, "503 Service Unavailable");
    let gateway = retrying(&origin, "{attempts: 2}");
    gateway.get("/").is(503);
    assert_eq!(origin.received().len(), 1);
}

#[test]
fn a_request_s_body_is_sent_again_whole() {
    let origin = failing(1, "503 Service Unavailable");
    let gateway = retrying(&origin, "{attempts: 2, retryOn: 5xx}");
    let mut client = gateway.connect();
    let body = "x".repeat(100_000);
    client.send(format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n{body}"));
    client.answer().is(200);
    let received = origin.received();
    assert_eq!(received.len(), 2);
    assert!(received.iter().all(|r| r.body.text() == body));
}

#[test]
fn a_body_too_large_to_keep_is_sent_once() {
    let origin = failing(1, "503 Service Unavailable");
    let gateway = retrying(&origin, "{attempts: 2, retryOn: 5xx}");
    let mut client = gateway.connect();
    let length = 3 * 1024 * 1024;
    client.send(format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n"));
    client.send("x".repeat(length));
    client.answer().is(503);
    assert_eq!(origin.received().len(), 1);
}

#[test]
fn a_try_that_takes_too_long_is_followed_by_another() {
    let count = AtomicUsize::new(0);
    let origin = Origin::talks(move |conversation| {
        while conversation.request()?.is_some() {
            if count.fetch_add(1, Ordering::AcqRel) > 0 {
                conversation.write(ok("second"))?;
            }
        }
        Ok(())
    });
    let retries = "{attempts: 1, perTryTimeout: 1s, retryOn: 5xx}";
    let gateway = retrying(&origin, retries);
    gateway.get("/").is(200).says("second");
}

#[test]
fn the_last_try_s_timeout_is_a_504() {
    let origin = Origin::talks(|conversation| {
        while conversation.request()?.is_some() {}
        Ok(())
    });
    let gateway = retrying(&origin, "{attempts: 1, perTryTimeout: 50ms, retryOn: 5xx}");
    gateway.get("/").is(504).says("upstream request timeout");
    assert_eq!(origin.received_at_least(2).len(), 2);
}

#[test]
fn a_client_cannot_ask_for_retries() {
    let origin = failing(1, "503 Service Unavailable");
    let gateway = retrying(&origin, "{attempts: 0}");
    let asks = [("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "5")];
    gateway.request("GET", "/", &asks).is(503);
    assert_eq!(origin.received().len(), 1);
}

#[test]
fn a_kept_connection_that_dies_with_a_request_shows_only_where_replaying_it_would_be_unsafe() {
    for (retries, method, status, sent) in [
        ("{attempts: 2}", "GET", 200, 2),
        ("{attempts: 2}", "PUT", 200, 2),
        ("{attempts: 2}", "POST", 503, 1),
        ("{attempts: 2, retryOn: reset}", "POST", 200, 2),
        ("{attempts: 0}", "GET", 503, 1),
    ] {
        // Every connection carries one request, and ends with the next.
        let origin = Origin::talks(|conversation| {
            if conversation.request()?.is_some() {
                conversation.write(ok("answered"))?;
            }
            conversation.request().map(drop)
        });
        let gateway = retrying(&origin, retries);
        let mut client = gateway.connect();
        let head = format!("{method} / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi");
        client.send(&head);
        client.answer_to(method).is(200);
        client.send(&head);
        client.answer_to(method).is(status);
        assert_eq!(origin.received().len(), 1 + sent, "{method} {retries}");
    }
}

#[test]
fn a_post_whose_answer_was_lost_is_not_sent_twice() {
    let origin = Origin::talks(|conversation| conversation.request().map(drop));
    let gateway = retrying(&origin, "{attempts: 2}");
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi");
    client.answer().is(503);
    assert_eq!(origin.received().len(), 1);
}
