//! Requests that reach an upstream: what goes up and what comes down.

mod support;

use std::time::Duration;

use propylon_snapshot::{PathRewrite, ServerHeader};
use support::origin::{self, header, ok};
use support::snapshots::{destination, ops};
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
}

#[tokio::test]
async fn the_gateway_adds_its_own_lines_behind_the_clients() {
    let origin = Origin::saying("").await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let request = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n\
                   X-Request-Id: mine\r\nAccept: */*\r\n\r\n";
    gateway.ask(request).await;
    let received = origin.last();
    let names: Vec<&str> = received
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": ").map(|(name, _)| name))
        .collect();
    let expected = [
        "host",
        "accept",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-envoy-external-address",
        "x-request-id",
        "x-envoy-attempt-count",
    ];
    assert_eq!(names, expected);
    assert_eq!(header(&received, "x-forwarded-for"), Some("1.1.1.1, 2.2.2.2,127.0.0.1"));
    assert_eq!(header(&received, "x-envoy-external-address"), Some("127.0.0.1"));
    assert_eq!(header(&received, "x-forwarded-proto"), Some("http"));
    let id = header(&received, "x-request-id").unwrap();
    assert_eq!((id.len(), &id[14..15]), (36, "4"));
    assert_eq!(header(&received, "x-envoy-attempt-count"), Some("1"));
}

#[tokio::test]
async fn a_trusted_proxy_in_front_is_believed() {
    let origin = Origin::saying("").await;
    let mut snapshot = world(vec![Route::to("/", 0)], &[&[origin.address]]);
    snapshot.http.trusted_proxies = 1;
    let gateway = gateway(snapshot).await;
    let request = "GET / HTTP/1.1\r\nhost: a.test\r\nx-forwarded-for: 1.1.1.1, 2.2.2.2\r\n\
                   x-forwarded-proto: https\r\n\r\n";
    gateway.ask(request).await;
    let received = origin.last();
    assert_eq!(header(&received, "x-envoy-external-address"), Some("2.2.2.2"));
    assert_eq!(header(&received, "x-forwarded-proto"), Some("https"));
    assert_eq!(header(&received, "x-forwarded-for"), Some("1.1.1.1, 2.2.2.2,127.0.0.1"));
}

#[tokio::test]
async fn what_only_the_gateway_may_say_is_stripped_from_requests() {
    let origin = Origin::saying("").await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let request = "GET / HTTP/1.1\r\nhost: a.test\r\nx-envoy-internal: true\r\n\
                   x-envoy-retry-on: 5xx\r\nx-envoy-original-path: /forged\r\n\
                   x-envoy-original-host: forged\r\nx-envoy-ip-tags: a\r\n\
                   x-forwarded-client-cert: By=x\r\nx-envoy-anything: kept\r\n\
                   connection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\n\
                   te: trailers, gzip\r\n\r\n";
    gateway.ask(request).await;
    let received = origin.last();
    for gone in [
        "x-envoy-internal",
        "x-envoy-retry-on",
        "x-envoy-original-path",
        "x-envoy-original-host",
        "x-envoy-ip-tags",
        "x-forwarded-client-cert",
        "x-hop",
        "keep-alive",
        "connection",
    ] {
        assert_eq!(header(&received, gone), None, "{gone}");
    }
    assert_eq!(header(&received, "x-envoy-anything"), Some("kept"));
    assert_eq!(header(&received, "te"), Some("trailers"));
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let origin = Origin::saying("again").await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    for _ in 0..5 {
        assert_eq!(client.ask(&get("/")).await.text(), "again");
    }
    assert_eq!(origin.connections(), 1);
    assert_eq!(gateway.stat("http.downstream_cx_total"), 1);
    assert_eq!(gateway.stat("http.downstream_rq_total"), 5);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::answering(|request| ok(request.split(' ').nth(1).unwrap())).await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    client.send([get("/1"), get("/2"), get("/3")].concat()).await;
    for expected in ["/1", "/2", "/3"] {
        assert_eq!(client.answer(false).await.text(), expected);
    }
}

#[tokio::test]
async fn a_client_that_asks_to_close_is_closed() {
    let origin = Origin::saying("bye").await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    let answer = client.ask("GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n").await;
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.text(), "bye");
}

#[tokio::test]
async fn a_head_that_dribbles_in_is_one_request() {
    let origin = Origin::saying("slow").await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    for byte in get("/").bytes() {
        client.send([byte]).await;
    }
    assert_eq!(client.answer(false).await.text(), "slow");
}

#[tokio::test]
async fn a_head_larger_than_the_small_buffer_passes() {
    let origin = Origin::saying("big").await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let cookie = "c".repeat(40_000);
    let request = format!("GET / HTTP/1.1\r\nhost: a.test\r\ncookie: {cookie}\r\n\r\n");
    assert_eq!(gateway.ask(&request).await.text(), "big");
    assert_eq!(header(&origin.last(), "cookie").unwrap().len(), 40_000);
}

#[tokio::test]
async fn a_head_answer_keeps_its_length_and_has_no_body() {
    let origin =
        Origin::answering(|_| "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n".to_owned()).await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    for _ in 0..2 {
        let answer = client.ask("HEAD / HTTP/1.1\r\nhost: a.test\r\n\r\n").await;
        assert_eq!(answer.header("content-length"), Some("1234"));
    }
}

#[tokio::test]
async fn answers_without_a_body_keep_the_connection() {
    let origin = Origin::answering(|request| {
        let status = if request.contains("/304") { 304 } else { 204 };
        format!("HTTP/1.1 {status} Whatever\r\netag: \"a\"\r\n\r\n")
    })
    .await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    let answer = client.ask(&get("/204")).await;
    assert_eq!((answer.status, answer.header("content-length")), (204, None));
    let answer = client.ask(&get("/304")).await;
    assert_eq!((answer.status, answer.header("content-length")), (304, None));
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_method_that_could_have_a_body_says_that_it_has_none() {
    let origin = Origin::saying("").await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    gateway.ask("POST / HTTP/1.1\r\nhost: a.test\r\n\r\n").await;
    assert_eq!(header(&origin.last(), "content-length"), Some("0"));
    gateway.ask("DELETE / HTTP/1.1\r\nhost: a.test\r\n\r\n").await;
    assert_eq!(header(&origin.last(), "content-length"), None);
}

#[tokio::test]
async fn an_absolute_target_gives_the_authority() {
    let origin = Origin::saying("").await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    gateway.ask("GET http://b.test:81/p?q HTTP/1.1\r\nhost: a.test\r\n\r\n").await;
    let received = origin.last();
    assert!(received.starts_with("GET /p?q HTTP/1.1\r\nhost: b.test:81\r\n"), "{received}");
}

#[tokio::test]
async fn a_path_is_normalised_before_it_goes_up() {
    let origin = Origin::saying("").await;
    let gateway = gateway(world(vec![Route::to("/b", 0)], &[&[origin.address]])).await;
    assert_eq!(gateway.get("/a/../b/%7euser?x=/../").await.status, 200);
    assert!(origin.last().starts_with("GET /b/~user?x=/../ HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_rewrite_tells_the_original_path_and_host() {
    let origin = Origin::saying("").await;
    let route = Route::to("/old", 0).forward(|forward| {
        forward.path = Some(PathRewrite::Uri("/new".into()));
        forward.authority = Some("b.test".into());
    });
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    gateway.get("/old/x?y=1").await;
    let received = origin.last();
    assert!(received.starts_with("GET /new/x?y=1 HTTP/1.1\r\nhost: b.test\r\n"), "{received}");
    assert_eq!(header(&received, "x-envoy-original-path"), Some("/old/x?y=1"));
    assert_eq!(header(&received, "x-envoy-original-host"), Some("a.test"));
}

#[tokio::test]
async fn header_operations_remove_set_and_add_in_this_order() {
    let origin = Origin::answering(|_| {
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-gone: 1\r\nx-set: 1\r\nx-add: 1\r\n\r\n".into()
    })
    .await;
    let list = ["-x-gone", "x-set=2", "+x-add=2", "x-path=%REQ(:PATH)%", "x-empty=%REQ(x-none)%"];
    let route = Route::to("/", 0).request_headers(ops(&list)).response_headers(ops(&list));
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    let request = "GET /p?q HTTP/1.1\r\nhost: a.test\r\nx-gone: 1\r\nx-set: 1\r\nx-add: 1\r\n\r\n";
    let answer = gateway.ask(request).await;
    let received = origin.last();
    assert_eq!(header(&received, "x-gone"), None);
    assert_eq!(header(&received, "x-set"), Some("2"));
    assert!(received.contains("x-add: 1\r\n") && received.contains("x-add: 2\r\n"));
    assert_eq!(header(&received, "x-path"), Some("/p?q"));
    assert_eq!(header(&received, "x-empty"), None);
    assert_eq!(answer.header("x-gone"), None);
    assert_eq!(answer.headers("x-set"), ["2"]);
    assert_eq!(answer.headers("x-add"), ["1", "2"]);
    assert_eq!(answer.header("x-path"), Some("/p?q"));
}

#[tokio::test]
async fn the_routes_operations_win_over_a_weighted_destinations() {
    let origin = Origin::saying("").await;
    let route = Route::to("/", 0)
        .forward(|forward| {
            forward.destinations = vec![destination(0, 1), destination(0, 1)];
            for destination in &mut forward.destinations {
                destination.headers.request = ops(&["x-set=destination", "+x-add=destination"]);
            }
        })
        .request_headers(ops(&["x-set=route", "+x-add=route"]));
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    gateway.get("/").await;
    let received = origin.last();
    assert_eq!(header(&received, "x-set"), Some("route"));
    let added: Vec<_> = received.lines().filter(|line| line.starts_with("x-add")).collect();
    assert_eq!(added, ["x-add: destination", "x-add: route"]);
}

#[tokio::test]
async fn no_operation_can_touch_framing_or_host() {
    let origin = Origin::saying("safe").await;
    let list = ["content-length=99", "transfer-encoding=chunked", "connection=close", "host=b"];
    let route = Route::to("/", 0).request_headers(ops(&list)).response_headers(ops(&list[..3]));
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    let answer = gateway.get("/").await;
    assert_eq!(answer.text(), "safe");
    assert_eq!(answer.headers("content-length"), ["4"]);
    assert_eq!(answer.header("transfer-encoding"), None);
    let received = origin.last();
    assert_eq!(header(&received, "content-length"), None);
    assert_eq!(header(&received, "host"), Some("a.test"));
}

#[tokio::test]
async fn the_server_header_is_the_gateways_unless_it_passes_through() {
    let origin = Origin::answering(|_| {
        "HTTP/1.1 200 OK\r\nserver: theirs\r\ndate: then\r\ncontent-length: 0\r\n\r\n".into()
    })
    .await;
    let mut snapshot = world(vec![Route::to("/", 0)], &[&[origin.address]]);
    let mut gateway = gateway(snapshot.clone()).await;
    let answer = gateway.get("/").await;
    assert_eq!(answer.headers("server"), ["istio-envoy"]);
    assert_eq!(answer.headers("date"), ["then"]);
    snapshot.http.server = ServerHeader::PassThrough;
    gateway.publish(snapshot).await;
    assert_eq!(gateway.get("/").await.headers("server"), ["theirs"]);
}

#[tokio::test]
async fn the_upstream_is_told_how_long_it_has() {
    let origin = Origin::saying("").await;
    let route = Route::to("/", 0).timeout(Duration::from_secs(7));
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    gateway.get("/").await;
    assert_eq!(header(&origin.last(), "x-envoy-expected-rq-timeout-ms"), Some("7000"));
    gateway
        .ask(
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\n\
              grpc-timeout: 3S\r\n\r\n",
        )
        .await;
    assert_eq!(header(&origin.last(), "x-envoy-expected-rq-timeout-ms"), Some("3000"));
    assert_eq!(header(&origin.last(), "grpc-timeout"), Some("3000m"));
}

#[tokio::test]
async fn a_flood_of_interim_answers_is_no_answer_even_if_one_follows_at_once() {
    let origin = Origin::answering(|_| {
        format!("{}{}", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100), ok("final"))
    })
    .await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    client.send(get("/")).await;
    let mut interims = 0;
    let last = loop {
        let answer = client.answer(false).await;
        if answer.status != 103 {
            break answer;
        }
        interims += 1;
    };
    assert_eq!((last.status, interims), (502, 16));
}

#[tokio::test]
async fn an_http10_client_gets_no_interim_answers() {
    let origin =
        Origin::answering(|_| format!("HTTP/1.1 103 Early Hints\r\n\r\n{}", ok("final"))).await;
    let mut snapshot = world(vec![Route::to("/", 0)], &[&[origin.address]]);
    snapshot.http.accept_http10 = true;
    let gateway = gateway(snapshot).await;
    let answer = gateway.ask("GET / HTTP/1.0\r\nhost: a.test\r\n\r\n").await;
    assert_eq!((answer.status, answer.text()), (200, "final"));
}

#[tokio::test]
async fn interim_answers_are_relayed() {
    let origin = Origin::answering(|_| {
        format!("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n{}", ok("final"))
    })
    .await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    client.send(get("/")).await;
    let interim = client.answer(false).await;
    assert_eq!((interim.status, interim.header("link")), (103, Some("</a>")));
    let answer = client.answer(false).await;
    assert_eq!((answer.status, answer.text()), (200, "final"));
}

#[tokio::test]
async fn weights_divide_requests() {
    let first = Origin::saying("first").await;
    let second = Origin::saying("second").await;
    let route = Route::to("/", 0).forward(|forward| {
        forward.destinations = vec![destination(0, 1), destination(1, 3)];
    });
    let gateway = gateway(world(vec![route], &[&[first.address], &[second.address]])).await;
    let mut client = gateway.connect().await;
    for _ in 0..200 {
        assert_eq!(client.ask(&get("/")).await.status, 200);
    }
    let (first, second) = (first.requests().len(), second.requests().len());
    assert_eq!(first + second, 200);
    // Five standard deviations around 150.
    assert!((119..=181).contains(&second), "{second}");
}

#[tokio::test]
async fn an_http10_client_that_asks_for_it_keeps_its_connection_where_a_length_is_known() {
    let origin = Origin::answering(|request| match request.starts_with("GET /chunked") {
        true => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n".into(),
        false => ok("hello"),
    })
    .await;
    let mut snapshot = world(vec![Route::to("/", 0)], &[&[origin.address]]);
    snapshot.http.accept_http10 = true;
    let gateway = gateway(snapshot).await;
    let mut client = gateway.connect().await;
    for (path, connection) in [("/", "keep-alive"), ("/", "keep-alive"), ("/chunked", "close")] {
        let asked = format!("GET {path} HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n");
        let answer = client.ask(&asked).await;
        assert_eq!(answer.header("connection"), Some(connection), "{path}");
    }
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn an_http10_client_is_served_where_that_is_enabled() {
    let origin = Origin::answering(|_| {
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            .into()
    })
    .await;
    let mut snapshot = world(vec![Route::to("/", 0)], &[&[origin.address]]);
    snapshot.http.accept_http10 = true;
    let gateway = gateway(snapshot).await;
    let answer = gateway.ask("GET / HTTP/1.0\r\nhost: a.test\r\n\r\n").await;
    assert!(answer.head.starts_with("HTTP/1.0 200 OK\r\n"), "{}", answer.head);
    assert_eq!(answer.header("transfer-encoding"), None);
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.text(), "abcde");
    let connection = origin::header(&origin.last(), "connection").map(str::to_owned);
    assert_eq!(connection, None);
}

#[tokio::test]
async fn values_can_name_the_request_and_its_connections() {
    let origin = Origin::saying("").await;
    let list = [
        "x-id=%STREAM_ID%",
        "x-connection=%CONNECTION_ID%",
        "x-host=%HOSTNAME%",
        "x-cluster=%UPSTREAM_CLUSTER%",
        "x-upstream=%UPSTREAM_HOST%",
        "x-from=%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
        "x-route=%ROUTE_NAME%",
        "x-client=%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    ];
    let route = Route::to("/", 0).response_headers(ops(&list));
    let gateway = gateway(world(vec![route], &[&[origin.address]])).await;
    let answer = gateway.get("/").await;
    assert_eq!(answer.header("x-id"), header(&origin.last(), "x-request-id"));
    assert_eq!(answer.header("x-connection"), Some("1"));
    assert!(answer.header("x-host").is_some_and(|name| !name.is_empty()));
    assert_eq!(answer.header("x-cluster"), Some("outbound|80||c0"));
    assert_eq!(answer.header("x-upstream"), Some(&*origin.address.to_string()));
    assert_eq!(answer.header("x-from"), Some("127.0.0.1"));
    assert_eq!(answer.header("x-route"), Some("route"));
    assert_eq!(answer.header("x-client"), Some("127.0.0.1"));
}
