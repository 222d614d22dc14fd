//! Listeners, generations, draining, tunnels and mirrors.

mod support;

use std::time::Duration;

use propylon_proxy::ListenError;
use propylon_proxy::limits::Patience;
use propylon_snapshot::{Bind, ClusterId, Fraction, Listener, Mirror, Target};
use socket2::SockRef;
use support::origin::{header, ok};
use support::snapshots::listener;
use support::{
    DEADLINE, Origin, Route, Wire, bound, gateway, gateway_of, gateway_with, get, world,
};

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nhost: a.test\r\nconnection: Upgrade\r\n\
                         upgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                         sec-websocket-version: 13\r\n\r\n";

const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
                        upgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n";

/// Accepts WebSockets and sends back whatever comes.
async fn echoing() -> Origin {
    Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            log.note(&wire.head().await);
            wire.send(ACCEPTED).await;
            while let Some(byte) = wire.try_exactly(1).await {
                wire.send(byte).await;
            }
        })
    })
    .await
}

#[tokio::test]
async fn a_new_generation_takes_over_between_two_requests() {
    let mut gateway = gateway(world(vec![Route::answering("/", 200, "old")], &[])).await;
    let mut client = gateway.connect().await;
    assert_eq!(client.ask(&get("/")).await.text(), "old");
    let statuses = gateway.publish(world(vec![Route::answering("/", 200, "new")], &[])).await;
    assert_eq!(bound(&statuses[0]), gateway.address);
    assert_eq!(client.ask(&get("/")).await.text(), "new");
}

#[tokio::test]
async fn a_request_under_way_ends_on_the_generation_it_began_with() {
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            log.note(&wire.head().await);
            while log.count() < 2 {
                tokio::task::yield_now().await;
            }
            wire.send(ok("late")).await;
            wire.to_end().await;
        })
    })
    .await;
    let mut gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    client.send(get("/")).await;
    origin.received(1).await;
    gateway.publish(world(vec![Route::answering("/", 404, "")], &[])).await;
    origin.note("published");
    assert_eq!(client.answer(false).await.text(), "late");
    assert_eq!(client.ask(&get("/")).await.status, 404);
}

#[tokio::test]
async fn kept_connections_survive_a_reload_that_does_not_concern_them() {
    let origin = Origin::saying("same").await;
    let mut gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    client.ask(&get("/")).await;
    let route = Route::to("/", 0).timeout(Duration::from_secs(9));
    gateway.publish(world(vec![route], &[&[origin.address]])).await;
    client.ask(&get("/")).await;
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn endpoints_change_under_a_running_cluster() {
    let (first, second) = (Origin::saying("first").await, Origin::saying("second").await);
    let mut gateway = gateway(world(vec![Route::to("/", 0)], &[&[first.address]])).await;
    let mut client = gateway.connect().await;
    assert_eq!(client.ask(&get("/")).await.text(), "first");
    gateway.publish(world(vec![Route::to("/", 0)], &[&[second.address]])).await;
    assert_eq!(client.ask(&get("/")).await.text(), "second");
    gateway.stat_becomes("cluster.outbound|80||c0.upstream_cx_active", 1).await;
}

#[tokio::test]
async fn listeners_open_and_close_while_others_serve() {
    let first = world(vec![Route::answering("/", 200, "here")], &[]);
    let mut both = first.clone();
    both.listeners.push(Listener { port: 81, ..listener("127.0.0.2:0") });
    let mut gateway = gateway(first.clone()).await;
    let mut kept = gateway.connect().await;
    assert_eq!(kept.ask(&get("/")).await.text(), "here");
    let statuses = gateway.publish(both).await;
    assert_eq!((statuses.len(), statuses[1].port), (2, 81));
    let second = bound(&statuses[1]);
    let mut client = Wire::connect(second).await;
    assert_eq!(client.ask(&get("/")).await.text(), "here");
    gateway.publish(first).await;
    // An idle connection of the closed listener is closed too; the other listener's stays.
    assert!(client.is_closed().await);
    assert_eq!(kept.ask(&get("/")).await.text(), "here");
    let refused = async { while tokio::net::TcpStream::connect(second).await.is_ok() {} };
    tokio::time::timeout(DEADLINE, refused).await.unwrap();
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_the_holder() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut snapshot = world(vec![Route::answering("/", 200, "here")], &[]);
    snapshot.listeners.push(listener(&address.to_string()));
    let mut gateway = gateway(snapshot.clone()).await;
    let statuses = gateway.publish(snapshot.clone()).await;
    let Err(error) = &statuses[1].outcome else { panic!("bound") };
    assert!(matches!(error, ListenError::InUse { .. }), "{error}");
    let process = format!("(process {})", std::process::id());
    assert!(error.to_string().contains(&process), "{error}");
    assert_eq!(gateway.get("/").await.text(), "here");
    drop(taken);
    let statuses = gateway.publish(snapshot).await;
    assert_eq!(bound(&statuses[1]), address);
    assert_eq!(Wire::connect(address).await.ask(&get("/")).await.text(), "here");
}

#[tokio::test]
async fn an_address_of_another_machine_is_an_error() {
    let mut snapshot = world(vec![Route::answering("/", 200, "")], &[]);
    snapshot.listeners.push(listener("192.0.2.1:0"));
    let mut gateway = gateway(snapshot.clone()).await;
    let statuses = gateway.publish(snapshot).await;
    assert!(matches!(statuses[1].outcome, Err(ListenError::NotHere { .. })));
}

#[tokio::test]
async fn a_unix_socket_serves_and_its_file_goes_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.sock");
    let mut snapshot = world(vec![Route::answering("/", 200, "local")], &[]);
    snapshot.listeners.push(Listener { bind: Bind::Unix(path.clone()), ..listener("0.0.0.0:0") });
    let gateway = gateway_with(2, snapshot).await;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("local"), "{answer}");
    gateway.plane.drain(DEADLINE).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_drain_lets_requests_end_and_closes_the_rest() {
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            log.note(&wire.head().await);
            while log.count() < 2 {
                tokio::task::yield_now().await;
            }
            wire.send(ok("done")).await;
            wire.to_end().await;
        })
    })
    .await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut idle = gateway.connect().await;
    gateway.stat_becomes("http.downstream_cx_active", 1).await;
    let mut busy = gateway.connect().await;
    busy.send(get("/")).await;
    origin.received(1).await;
    let address = gateway.address;
    let draining = tokio::spawn(gateway.plane.drain(DEADLINE));
    assert!(idle.is_closed().await);
    origin.note("draining");
    let answer = busy.answer(false).await;
    assert_eq!((answer.text(), answer.header("connection")), ("done", Some("close")));
    assert!(busy.is_closed().await);
    draining.await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline() {
    let origin = Origin::answering(|_| String::new()).await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut stuck = gateway.connect().await;
    stuck.send(get("/")).await;
    origin.received(1).await;
    let drained = gateway.plane.drain(Duration::from_millis(20));
    tokio::time::timeout(DEADLINE, drained).await.unwrap();
    assert!(stuck.is_closed().await);
}

#[tokio::test]
async fn a_websocket_tunnels_both_ways_and_survives_a_reload() {
    let origin = echoing().await;
    let mut gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    client.send(HANDSHAKE).await;
    let answer = client.answer(false).await;
    assert_eq!((answer.status, answer.header("upgrade")), (101, Some("websocket")));
    assert_eq!(answer.header("connection"), Some("upgrade"));
    assert_eq!(answer.header("sec-websocket-accept"), Some("x"));
    let received = origin.last();
    assert_eq!(header(&received, "upgrade"), Some("websocket"));
    assert_eq!(header(&received, "connection"), Some("upgrade"));
    client.send("ping").await;
    assert_eq!(client.exactly(4).await, b"ping");
    gateway.publish(world(vec![Route::answering("/", 404, "")], &[])).await;
    client.send("pong").await;
    assert_eq!(client.exactly(4).await, b"pong");
    assert_eq!(gateway.stat("http.downstream_cx_upgrades_active"), 1);
    drop(client);
    gateway.stat_becomes("http.downstream_cx_upgrades_active", 0).await;
}

#[tokio::test]
async fn a_refused_websocket_passes_the_status_and_closes() {
    let origin = Origin::answering(|_| ok("no socket here")).await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let mut client = gateway.connect().await;
    client.send(HANDSHAKE).await;
    let answer = client.answer(false).await;
    assert_eq!((answer.status, answer.text()), (200, ""));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_101_that_nobody_asked_for_is_502() {
    let origin = echoing().await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    assert_eq!(gateway.get("/").await.status, 502);
}

#[tokio::test]
async fn a_mirror_gets_a_copy_and_cannot_disturb() {
    let origin = Origin::saying("main").await;
    let copy = Origin::saying("copy").await;
    let absent = Origin::absent().await;
    let mirror = |id| Mirror { target: Target::Cluster(ClusterId(id)), share: Fraction::ALL };
    let route = Route::to("/", 0).forward(|forward| {
        forward.mirrors = vec![mirror(1), mirror(2), Mirror { share: Fraction(0), ..mirror(1) }];
    });
    let clusters: &[&[_]] = &[&[origin.address], &[copy.address], &[absent]];
    let gateway = gateway(world(vec![route], clusters)).await;
    let mut client = gateway.connect().await;
    client.send("POST /x HTTP/1.1\r\nhost: a.test\r\ncontent-length: 10\r\n\r\nhello").await;
    client.send("world").await;
    assert_eq!(client.answer(false).await.text(), "main");
    let received = copy.received(1).await;
    assert!(received[0].starts_with("POST /x HTTP/1.1\r\nhost: a.test\r\n"), "{}", received[0]);
    assert!(received[0].ends_with("\r\n\r\nhelloworld"));
    assert_eq!(header(&received[0], "x-envoy-internal"), Some("true"));
    assert_eq!(header(&received[0], "x-forwarded-for"), Some("127.0.0.1,127.0.0.1"));
    assert_eq!(client.ask(&get("/y")).await.text(), "main");
    assert_eq!(copy.received(2).await.len(), 2);
}

#[tokio::test]
async fn several_workers_share_a_port() {
    let gateway = gateway_with(3, world(vec![Route::answering("/", 200, "any")], &[])).await;
    for _ in 0..30 {
        assert_eq!(gateway.get("/").await.text(), "any");
    }
    assert_eq!(gateway.stat("http.downstream_rq_total"), 30);
    assert_eq!(gateway.stat("http.downstream_cx_total"), 30);
}

#[tokio::test]
async fn cluster_status_tells_endpoints_and_counters() {
    let origin = Origin::saying("").await;
    let gateway = gateway(world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    gateway.get("/").await;
    let clusters = gateway.plane.cluster_status();
    assert_eq!(&*clusters[0].name, "outbound|80||c0");
    assert_eq!(clusters[0].endpoints.len(), 1);
    assert!(clusters[0].counters.contains(&("upstream_rq_2xx", 1)));
    assert_eq!(gateway.stat("http.downstream_rq_2xx"), 1);
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_is_answered_408() {
    let patience = Patience { head: Duration::from_millis(30), ..Patience::default() };
    let snapshot = world(vec![Route::answering("/", 200, "")], &[]);
    let gateway = gateway_of(1, patience, snapshot).await;
    let mut client = gateway.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: a").await;
    let answer = client.answer(false).await;
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    assert!(client.is_closed().await);
    assert_eq!(gateway.stat("http.reason.head_timeout"), 1);
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_after_a_while() {
    let short = Duration::from_millis(30);
    let patience = Patience { idle: short, sweep: short, ..Patience::default() };
    let snapshot = world(vec![Route::answering("/", 200, "")], &[]);
    let gateway = gateway_of(1, patience, snapshot).await;
    let mut client = gateway.connect().await;
    assert!(client.is_closed().await);
    gateway.stat_becomes("http.downstream_cx_idle_timeout", 1).await;
}

#[tokio::test]
async fn reloads_under_load_fail_no_request() {
    let origin = Origin::saying("steady").await;
    let mut gateway = gateway_with(2, world(vec![Route::to("/", 0)], &[&[origin.address]])).await;
    let address = gateway.address;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(async move {
                let mut client = Wire::connect(address).await;
                for _ in 0..200 {
                    assert_eq!(client.ask(&get("/")).await.text(), "steady");
                }
            })
        })
        .collect();
    let mut flip = false;
    while !clients.iter().all(tokio::task::JoinHandle::is_finished) {
        flip = !flip;
        let route = Route::to("/", 0).timeout(Duration::from_secs(if flip { 60 } else { 90 }));
        let mut snapshot = world(vec![route], &[&[origin.address]]);
        if flip {
            // Other settings: the cluster begins anew.
            snapshot.clusters[0].connect_timeout = Duration::from_secs(4);
        }
        gateway.publish(snapshot).await;
    }
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(gateway.stat("http.downstream_rq_2xx"), 1600);
}

#[tokio::test]
async fn a_client_that_breaks_off_an_upload_nobody_takes_is_noticed() {
    let origin = Origin::serving(|mut wire, log, _| {
        Box::pin(async move {
            log.note(&wire.head().await);
            // Reads nothing more, and stays.
            std::future::pending::<()>().await;
        })
    })
    .await;
    let patience = Patience { sweep: Duration::from_millis(20), ..Patience::default() };
    let snapshot = world(vec![Route::to("/", 0)], &[&[origin.address]]);
    let gateway = gateway_of(1, patience, snapshot).await;
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 100000000\r\n\r\n").await;
    origin.received(1).await;
    let piece = vec![b'x'; 1 << 20];
    let upload = async {
        loop {
            client.patient_send(&piece).await;
        }
    };
    // Until nobody takes any more of it.
    assert!(tokio::time::timeout(Duration::from_millis(300), upload).await.is_err());
    SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    gateway.stat_becomes("http.downstream_rq_active", 0).await;
    assert_eq!(gateway.stat("http.downstream_rq_rx_reset"), 1);
}
