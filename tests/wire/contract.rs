//! The header contract: what an origin sees of a request and a client of a response.

use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::{Origin, ok};
use crate::harness::world::{everything_to, one_service};

fn plain(origin: &Origin) -> Gateway {
    world(&one_service(origin.port(), &everything_to("origin"))).start()
}

fn is_uuid(value: &str) -> bool {
    let parts: Vec<usize> = value.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && value.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[test]
fn the_origin_sees_the_request_with_the_gateway_s_headers_in_envoy_s_order() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    gateway.request("GET", "/a?b=c", &[("X-One", "1"), ("Accept", "*/*")]).is(200);
    let received = origin.only();
    assert_eq!(received.line(), "GET /a?b=c HTTP/1.1");
    let expected = [
        "host",
        "x-one",
        "accept",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-envoy-external-address",
        "x-request-id",
        "x-envoy-attempt-count",
    ];
    assert_eq!(received.head.names(), expected);
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
    assert_eq!(received.header("x-envoy-external-address"), Some("127.0.0.1"));
    assert_eq!(received.header("x-envoy-attempt-count"), Some("1"));
    assert!(is_uuid(received.header("x-request-id").unwrap()));
}

#[test]
fn header_names_leave_in_lower_case_and_values_as_they_came() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    gateway.request("GET", "/", &[("X-MiXeD", "  VaLue with  spaces  ")]).is(200);
    assert!(origin.only().head.raw.contains("\r\nx-mixed: VaLue with  spaces\r\n"));
}

#[test]
fn the_peer_s_address_joins_x_forwarded_for_without_a_space() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    gateway.request("GET", "/", &[("x-forwarded-for", "1.1.1.1, 2.2.2.2")]).is(200);
    assert_eq!(origin.only().header("x-forwarded-for"), Some("1.1.1.1, 2.2.2.2,127.0.0.1"));
}

#[test]
fn a_client_cannot_name_its_request_or_its_scheme() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    let forged = [("x-request-id", "mine"), ("x-forwarded-proto", "https")];
    gateway.request("GET", "/", &forged).is(200);
    let received = origin.only();
    assert!(is_uuid(received.header("x-request-id").unwrap()));
    assert_eq!(received.head.all("x-forwarded-proto"), ["http"]);
}

#[test]
fn request_ids_differ_from_request_to_request() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    for _ in 0..50 {
        gateway.get("/").is(200);
    }
    let mut ids: Vec<String> =
        origin.received().iter().map(|r| r.header("x-request-id").unwrap().to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 50);
}

#[test]
fn internal_headers_of_a_client_are_dropped_at_the_edge() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    let names = [
        "x-envoy-internal",
        "x-envoy-retry-on",
        "x-envoy-retry-grpc-on",
        "x-envoy-max-retries",
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-decorator-operation",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-force-trace",
        "x-envoy-original-path",
        "x-forwarded-client-cert",
    ];
    let forged: Vec<(&str, &str)> = names.iter().map(|name| (*name, "1")).collect();
    gateway.request("GET", "/", &forged).is(200);
    let received = origin.only();
    for name in names {
        assert_eq!(received.header(name), None, "{name}");
    }
}

#[test]
fn other_headers_of_a_client_are_kept() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    let kept = [
        ("x-forwarded-host", "other.example"),
        ("forwarded", "for=1.1.1.1"),
        ("x_under", "1"),
        ("proxy-authorization", "Basic eDp5"),
        ("te", "trailers"),
    ];
    gateway.request("GET", "/", &kept).is(200);
    let received = origin.only();
    for (name, value) in kept {
        assert_eq!(received.header(name), Some(value), "{name}");
    }
}

#[test]
fn hop_by_hop_headers_end_at_the_gateway() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    let hops = [
        ("connection", "keep-alive, x-hop"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("x-hop", "1"),
        ("te", "gzip"),
    ];
    gateway.request("GET", "/", &hops).is(200);
    let received = origin.only();
    for (name, _) in hops {
        assert_eq!(received.header(name), None, "{name}");
    }
}

#[test]
fn a_response_carries_the_gateway_s_name_and_the_origin_s_time() {
    let origin = Origin::answers(
        "HTTP/1.1 200 OK\r\nServer: apache\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
         X-Envoy-Upstream-Service-Time: 7777\r\ncontent-length: 2\r\n\r\nok",
    );
    let answer = plain(&origin).get("/").is(200).says("ok");
    assert_eq!(answer.head.all("server"), ["istio-envoy"]);
    assert_eq!(answer.head.all("date"), ["Mon, 01 Jan 2024 00:00:00 GMT"]);
    let time = answer.header("x-envoy-upstream-service-time").unwrap();
    assert_ne!(time, "7777");
    assert!(time.bytes().all(|byte| byte.is_ascii_digit()), "{time}");
}

#[test]
fn a_response_without_a_date_gets_one() {
    let origin = Origin::says("ok");
    let answer = plain(&origin).get("/").is(200);
    assert!(answer.header("date").unwrap().ends_with(" GMT"));
}

#[test]
fn hop_by_hop_headers_of_a_response_end_at_the_gateway() {
    let origin = Origin::answers(
        "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\n\
         proxy-connection: keep-alive\r\ncontent-length: 0\r\n\r\n",
    );
    plain(&origin)
        .get("/")
        .is(200)
        .has_no("connection")
        .has_no("keep-alive")
        .has_no("proxy-connection");
}

#[test]
fn a_local_answer_carries_name_date_and_no_upstream_time() {
    let gateway = world(&crate::harness::world::every_host()).start();
    let answer = gateway.get("/").is(404).says("");
    assert_eq!(answer.head.all("server"), ["istio-envoy"]);
    assert!(answer.header("date").unwrap().ends_with(" GMT"));
    answer
        .has("content-length", "0")
        .has_no("x-envoy-upstream-service-time")
        .has_no("content-type");
}

#[test]
fn cookies_of_a_response_stay_lines_of_their_own() {
    let origin = Origin::answers(
        "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\nset-cookie: c=d\r\ncontent-length: 0\r\n\r\n",
    );
    let answer = plain(&origin).get("/").is(200);
    assert_eq!(answer.head.all("set-cookie"), ["a=b", "c=d"]);
}

#[test]
fn header_operations_remove_then_set_then_add_both_ways() {
    let origin = Origin::answers(
        "HTTP/1.1 200 OK\r\nx-set: a\r\nx-set: b\r\nx-add: a\r\nx-gone: a\r\n\
         content-length: 0\r\n\r\n",
    );
    let gateway = world(&one_service(
        origin.port(),
        "
         - headers:
             request:
               set: {x-set: set}
               add: {x-add: added}
               remove: [X-Gone]
             response:
               set: {x-set: set}
               add: {x-add: added}
               remove: [X-Gone]
           route:
           - destination: {host: origin}",
    ))
    .start();
    let sent = [("x-set", "1"), ("x-set", "2"), ("x-add", "1"), ("x-gone", "1")];
    let answer = gateway.request("GET", "/", &sent).is(200);
    for head in [&origin.only().head, &answer.head] {
        assert_eq!(head.all("x-set"), ["set"]);
        assert_eq!(head.all("x-add").last(), Some(&"added"));
        assert_eq!(head.all("x-add").len(), 2);
        assert_eq!(head.all("x-gone"), [""; 0]);
    }
}

#[test]
fn variables_of_a_header_value_are_filled_in() {
    let origin = Origin::answers(ok("ok"));
    let gateway = world(&one_service(
        origin.port(),
        "
         - headers:
             request:
               set: {x-who: \"%REQ(:METHOD)% %REQ(x-one?x-two)% 100%% %PROTOCOL%\"}
             response:
               set: {x-code: \"%RESPONSE_CODE%\"}
           route:
           - destination: {host: origin}",
    ))
    .start();
    gateway.request("GET", "/", &[("x-two", "2")]).is(200).has("x-code", "200");
    assert_eq!(origin.only().header("x-who"), Some("GET 2 100% HTTP/1.1"));
}
