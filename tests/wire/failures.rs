//! Origins that fail, each in one way: the local answers with Envoy's exact texts.

use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::Origin;
use crate::harness::ports;
use crate::harness::world::{every_host, everything_to, one_service, rules, service};

const RESET: &str = "upstream connect error or disconnect/reset before headers. reset reason: ";
const RETRIED: &str = "upstream connect error or disconnect/reset before headers. \
                       retried and the latest reset reason: ";

fn plain(origin: &Origin) -> Gateway {
    world(&one_service(origin.port(), &everything_to("origin"))).start()
}

#[test]
fn an_unknown_host_is_an_empty_404() {
    let world_of_one = crate::harness::world::gateway("web", 80, &["known.example"]);
    let gateway = world(&world_of_one).start();
    let answer = gateway.get_from("unknown.example", "/").is(404).says("");
    answer.has("content-length", "0").has_no("content-type");
}

#[test]
fn a_destination_that_does_not_exist_is_an_empty_503() {
    let gateway = world(&(every_host() + &rules("rules", "*", &everything_to("nowhere")))).start();
    gateway.get("/").is(503).says("").has_no("x-envoy-upstream-service-time");
}

#[test]
fn a_service_without_endpoints_has_no_healthy_upstream() {
    let empty = "apiVersion: v1
kind: Service
metadata:
  name: origin
spec:
  ports:
  - name: http
    port: 80
---
";
    let yaml = every_host() + empty + &rules("rules", "*", &everything_to("origin"));
    let gateway = world(&yaml).start();
    gateway.get("/").is(503).says("no healthy upstream").has("content-type", "text/plain");
}

#[test]
fn a_refused_connection_is_retried_and_then_told() {
    let yaml = one_service(ports::free(), &everything_to("origin"));
    let gateway = world(&yaml).start();
    let answer = gateway.get("/").is(503);
    assert_eq!(answer.text(), format!("{RETRIED}remote connection failure"));
}

#[test]
fn without_retries_a_refused_connection_is_told_at_once() {
    let gateway = world(&one_service(
        ports::free(),
        "
         - retries: {attempts: 0}
           route: [{destination: {host: origin}}]",
    ))
    .start();
    let answer = gateway.get("/").is(503);
    assert_eq!(answer.text(), format!("{RESET}remote connection failure"));
}

#[test]
fn an_origin_that_closes_without_an_answer_is_a_503() {
    let origin = Origin::talks(|conversation| conversation.request().map(drop));
    let answer = plain(&origin).request("POST", "/", &[("content-length", "0")]).is(503);
    assert_eq!(answer.text(), format!("{RESET}connection termination"));
}

#[test]
fn an_origin_that_does_not_speak_http_is_a_502() {
    let origin = Origin::talks(|conversation| {
        conversation.request()?;
        conversation.write("this is not HTTP\r\n\r\n")?;
        conversation.rest().map(drop)
    });
    let answer = plain(&origin).get("/").is(502);
    assert_eq!(answer.text(), format!("{RESET}protocol error"));
    assert_eq!(origin.connections(), 1, "not tried again");
}

#[test]
fn a_response_with_both_lengths_is_a_502_and_its_connection_is_not_used_again() {
    let origin = Origin::answers(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    let gateway = plain(&origin);
    gateway.get("/").is(502);
    gateway.get("/").is(502);
    assert_eq!(origin.connections(), 2);
}

#[test]
fn responses_that_no_strict_reader_takes_are_502s() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3",
        "HTTP/1.1 200 OK\r\ncontent-length: two",
        "HTTP/1.1 200 OK\r\ncontent-length: -2",
        "HTTP/1.1 200 OK\r\nno-colon",
        "HTTP/1.1 200 OK\r\nx-a : 1",
        "HTTP/1.1 200 OK\r\nx-a: \0",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip",
        "HTTP/2 200",
    ] {
        let origin = Origin::answers(format!("{head}\r\n\r\nok"));
        let answer = plain(&origin).get("/");
        assert_eq!(answer.status, 502, "{head:?}: {}", answer.head.raw);
    }
}

#[test]
fn a_response_head_that_is_too_large_is_a_502() {
    for lines in [format!("x-a: {}\r\n", "a".repeat(70_000)), "x-a: 1\r\n".repeat(101)] {
        let origin =
            Origin::answers(format!("HTTP/1.1 200 OK\r\n{lines}content-length: 0\r\n\r\n"));
        let status = plain(&origin).get("/").status;
        assert!([502, 503].contains(&status), "{status}");
    }
}

#[test]
fn junk_after_a_response_ends_its_connection_and_reaches_nobody() {
    let origin = Origin::talks(|conversation| {
        while conversation.request()?.is_some() {
            conversation.write(
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\
                 HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\npoisoned",
            )?;
        }
        Ok(())
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    for _ in 0..10 {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        let answer = client.answer();
        assert!(answer.status == 502 || answer.text() == "ok", "{}", answer.head.raw);
    }
    assert_eq!(origin.connections(), 10, "a connection with junk on it is not used again");
}

#[test]
fn an_origin_that_is_too_slow_is_a_504() {
    let origin = Origin::talks(|conversation| {
        while conversation.request()?.is_some() {}
        Ok(())
    });
    let gateway = world(&one_service(
        origin.port(),
        "
         - timeout: 100ms
           route: [{destination: {host: origin}}]",
    ))
    .start();
    gateway.get("/").is(504).says("upstream request timeout").has("content-type", "text/plain");
}

#[test]
fn a_timeout_after_the_head_cuts_the_response() {
    let origin = Origin::talks(|conversation| {
        while conversation.request()?.is_some() {
            conversation.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this")?;
        }
        Ok(())
    });
    let gateway = world(&one_service(
        origin.port(),
        "
         - timeout: 300ms
           route: [{destination: {host: origin}}]",
    ))
    .start();
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(client.try_answer("GET").is_err(), "the client must see the cut");
}

#[test]
fn an_error_for_grpc_is_a_200_with_the_status_in_a_header() {
    let yaml = every_host() + &service("origin", ports::free());
    let gateway =
        world(&(yaml + &rules("rules", "other.example", &everything_to("origin")))).start();
    let answer = gateway.request("POST", "/", &[("content-type", "application/grpc")]);
    answer.is(200).has("grpc-status", "12").has("content-type", "application/grpc").says("");
}

#[test]
fn a_connection_failure_for_grpc_is_unavailable_with_the_text_as_message() {
    let gateway = world(&one_service(ports::free(), &everything_to("origin"))).start();
    let answer = gateway.request("POST", "/", &[("content-type", "application/grpc")]);
    let answer = answer.is(200).has("grpc-status", "14");
    assert_eq!(
        answer.header("grpc-message"),
        Some(format!("{RETRIED}remote connection failure").as_str())
    );
}
