//! What the gateway refuses, and what it answers itself.

mod support;

use std::sync::Arc;
use std::time::Duration;

use propylon_snapshot::{
    Abort, AbortAnswer, Availability, Cors, Delay, Fault, Fraction, Redirect, RedirectPath,
    RedirectPort, StringMatch,
};
use support::snapshots::ops;
use support::{Answer, Gateway, Origin, Route, gateway, get, world};

async fn answering() -> Gateway {
    gateway(world(vec![Route::answering("/", 200, "direct")], &[])).await
}

const GRPC: &str = "POST /x HTTP/1.1\r\nhost: a.test\r\ncontent-type: application/grpc\r\n\
                    content-length: 0\r\n\r\n";

#[tokio::test]
async fn malformed_and_ambiguous_messages_get_400_and_are_closed() {
    let gateway = answering().await;
    for request in [
        "GET / HTTP/1.1\nhost: a\n\n",
        "GET / HTTP/1.1\r\nhost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n x: folded\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: \x01\r\n\r\n",
        "FOO / HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\
         \r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9223372036854775808\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "GET /%00 HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut client = gateway.connect().await;
        client.send(request).await;
        let answer = client.answer(false).await;
        assert_eq!(answer.status, 400, "{request:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{request:?}");
        assert_eq!(answer.header("server"), Some("istio-envoy"));
        assert!(answer.header("date").is_some());
        assert!(client.is_closed().await, "{request:?}");
    }
}

#[tokio::test]
async fn nothing_behind_a_refused_message_is_answered() {
    let gateway = answering().await;
    let mut client = gateway.connect().await;
    let bad =
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(format!("{bad}0\r\n\r\n{}", get("/smuggled"))).await;
    assert_eq!(client.answer(false).await.status, 400);
    assert!(client.is_closed().await);
    assert_eq!(gateway.stat("http.downstream_rq_total"), 1);
    assert_eq!(gateway.stat("http.downstream_rq_4xx"), 1);
}

#[tokio::test]
async fn too_large_a_head_gets_431() {
    let gateway = answering().await;
    let long = "x".repeat(61 * 1024);
    let answer = gateway.ask(&format!("GET / HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n")).await;
    assert_eq!((answer.status, answer.text()), (431, "Request Header Fields Too Large"));
    let many: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    let answer = gateway.ask(&format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n")).await;
    assert_eq!(answer.status, 431);
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn http10_is_told_to_upgrade() {
    let gateway = answering().await;
    for request in ["GET / HTTP/1.0\r\nhost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"] {
        let answer = gateway.ask(request).await;
        assert!(answer.head.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{}", answer.head);
        assert_eq!(answer.text(), "Upgrade Required");
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[tokio::test]
async fn connect_and_asterisk_find_no_route() {
    let gateway = answering().await;
    let answer = gateway.ask("CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n").await;
    assert_eq!((answer.status, answer.header("connection")), (404, Some("close")));
    let mut client = gateway.connect().await;
    let answer = client.ask("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!((answer.status, answer.header("connection")), (404, None));
    assert_eq!(client.ask(&get("/")).await.text(), "direct");
}

#[tokio::test]
async fn a_miss_is_an_empty_404_and_the_connection_stays() {
    let gateway = gateway(world(vec![Route::answering("/only", 200, "")], &[])).await;
    let mut client = gateway.connect().await;
    for _ in 0..2 {
        let answer = client.ask(&get("/other")).await;
        assert_eq!((answer.status, answer.header("content-length")), (404, Some("0")));
        assert_eq!(answer.header("content-type"), None);
        assert_eq!(answer.header("server"), Some("istio-envoy"));
    }
    assert_eq!(gateway.stat("http.reason.no_route"), 2);
    let answer = client.ask(GRPC).await;
    assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("12")));
    assert_eq!(answer.header("content-type"), Some("application/grpc"));
}

#[tokio::test]
async fn missing_clusters_and_endpoints_answer_503() {
    let routes = vec![Route::to_nowhere("/gone"), Route::to("/empty", 0), Route::to("/closed", 1)];
    let mut snapshot = world(routes, &[&[], &[]]);
    snapshot.clusters[1].availability = Availability::Closed("TLS is not served yet".into());
    let gateway = gateway(snapshot).await;
    let answer = gateway.get("/gone").await;
    assert_eq!((answer.status, answer.text()), (503, ""));
    let answer = gateway.get("/empty").await;
    assert_eq!((answer.status, answer.text()), (503, "no healthy upstream"));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(gateway.get("/closed").await.status, 503);
    assert_eq!(gateway.stat("http.reason.no_cluster"), 1);
    assert_eq!(gateway.stat("http.reason.cluster_closed"), 1);
    assert_eq!(gateway.stat("cluster.outbound|80||c0.upstream_cx_none_healthy"), 1);
}

#[tokio::test]
async fn an_unenforced_policy_closes_everything() {
    let mut snapshot = world(vec![Route::answering("/", 200, "direct")], &[]);
    snapshot.closed = true;
    let gateway = gateway(snapshot).await;
    assert_eq!(gateway.get("/").await.status, 403);
}

#[tokio::test]
async fn a_direct_answer_has_its_status_body_and_headers() {
    let gateway = gateway(world(
        vec![
            Route::answering("/json", 418, "{}")
                .response_headers(ops(&["content-type=application/json", "+x-a=%REQ(:METHOD)%"])),
            Route::answering("/empty", 204, ""),
            Route::answering("/", 200, "plain"),
        ],
        &[],
    ))
    .await;
    let answer = gateway.get("/json").await;
    assert!(answer.head.starts_with("HTTP/1.1 418 Unknown\r\n"));
    assert_eq!(answer.headers("content-type"), ["application/json"]);
    assert_eq!((answer.header("x-a"), answer.text()), (Some("GET"), "{}"));
    let answer = gateway.get("/empty").await;
    assert_eq!((answer.status, answer.header("content-length")), (204, None));
    assert_eq!(gateway.get("/").await.header("content-type"), Some("text/plain"));
    let answer = gateway.ask("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(answer.header("content-length"), Some("5"));
}

#[tokio::test]
async fn a_redirect_names_its_location() {
    let redirect = Redirect {
        status: 302,
        scheme: None,
        authority: Some("b.test".into()),
        port: RedirectPort::Keep,
        path: RedirectPath::Replace("/to".into()),
    };
    let gateway = gateway(world(vec![Route::redirecting("/", redirect)], &[])).await;
    let answer = gateway.get("/from?y=1").await;
    assert_eq!((answer.status, answer.header("location")), (302, Some("http://b.test/to?y=1")));
    assert_eq!(answer.header("content-length"), Some("0"));
}

#[tokio::test]
async fn a_local_answer_with_an_unread_body_closes_the_connection() {
    let gateway = answering().await;
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nonly a part").await;
    let answer = client.answer(false).await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn an_injected_fault_delays_then_aborts() {
    let fault = |answer| Fault {
        delay: Some(Delay { share: Fraction::ALL, duration: Duration::from_millis(30) }),
        abort: Some(Abort { share: Fraction::ALL, answer }),
    };
    let origin = Origin::saying("never").await;
    let routes = vec![
        Route::to("/http", 0).fault(fault(AbortAnswer::Http(418))),
        Route::to("/", 0).fault(fault(AbortAnswer::Grpc(14))),
    ];
    let gateway = gateway(world(routes, &[&[origin.address]])).await;
    let began = std::time::Instant::now();
    let answer = gateway.get("/http").await;
    assert!(began.elapsed() >= Duration::from_millis(30));
    assert_eq!((answer.status, answer.text()), (418, "fault filter abort"));
    let answer = gateway.get("/").await;
    assert_eq!((answer.status, answer.text()), (200, "fault filter abort"));
    let answer = gateway.ask(GRPC).await;
    assert_eq!(answer.header("grpc-status"), Some("14"));
    assert_eq!(answer.header("grpc-message"), Some("fault filter abort"));
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn a_preflight_is_answered_and_an_allowed_origin_is_told_so() {
    let origin = Origin::saying("hello").await;
    let mut route = Route::to("/", 0);
    route.0.cors = Some(Arc::new(Cors {
        origins: vec![StringMatch::Exact("https://a.example".into())],
        methods: "GET,POST".into(),
        headers: "x-one".into(),
        expose: "x-two".into(),
        max_age: "60".into(),
        credentials: true,
        ignore_unmatched: false,
    }));
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    let ask = async |method: &str, from: &str, extra: &str| -> Answer {
        let text = format!("{method} / HTTP/1.1\r\nhost: a\r\norigin: {from}\r\n{extra}\r\n");
        gateway.ask(&text).await
    };
    let preflight = "access-control-request-method: GET\r\n";
    let answer = ask("OPTIONS", "https://a.example", preflight).await;
    assert_eq!((answer.status, answer.text()), (200, ""));
    for (name, value) in [
        ("access-control-allow-origin", "https://a.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-headers", "x-one"),
        ("access-control-max-age", "60"),
        ("access-control-expose-headers", "x-two"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    let answer = ask("GET", "https://a.example", "").await;
    assert_eq!(answer.text(), "hello");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://a.example"));
    assert_eq!(answer.header("access-control-allow-methods"), None);
    let answer = ask("OPTIONS", "https://b.example", preflight).await;
    assert_eq!((answer.text(), answer.header("access-control-allow-origin")), ("hello", None));
}

#[tokio::test]
async fn other_upgrades_are_forbidden_and_h2c_is_overlooked() {
    let origin = Origin::saying("one").await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let ask = async |upgrade: &str| {
        let text = format!(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: {upgrade}\r\n\r\n"
        );
        gateway.ask(&text).await
    };
    let answer = ask("foo").await;
    assert_eq!((answer.status, answer.header("connection")), (403, Some("close")));
    assert_eq!(ask("h2c").await.text(), "one");
    assert!(!origin.last().contains("upgrade"));
}
