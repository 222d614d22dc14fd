//! Requests that reach an upstream: what goes up and what comes down.

mod support;

use support::origin::{header, ok};
use support::{Origin, Route, gateway, get, world};

#[tokio::test]
async fn a_request_is_forwarded_and_its_answer_relayed() {
    let origin = Origin::saying("hello").await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let answer = gateway.get("/x?y=1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), "hello");
    assert_eq!(answer.header("server"), Some("istio-envoy"));
    assert!(answer.header("date").is_some());
    assert!(answer.header("x-envoy-upstream-service-time").unwrap().parse::<u64>().is_ok());
    assert_eq!(answer.header("connection"), None);
    let request = origin.last();
    assert!(request.starts_with("GET /x?y=1 HTTP/1.1\r\nhost: a.test\r\n"), "{request}");
    assert_eq!(header(&request, "x-forwarded-for"), Some("127.0.0.1"));
}
