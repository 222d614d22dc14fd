//! Connections: kept, pipelined, closed, pooled towards the origin.

use crate::harness::eventually;
use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::{Origin, ok};
use crate::harness::world::{everything_to, one_service};

fn plain(origin: &Origin) -> Gateway {
    world(&one_service(origin.port(), &everything_to("origin"))).start()
}

#[test]
fn a_connection_serves_request_after_request() {
    let origin = Origin::replies(|received| ok(received.target()));
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    for number in 0..100 {
        client.send(format!("GET /{number} HTTP/1.1\r\nhost: a\r\n\r\n"));
        client.answer().is(200).says(&format!("/{number}")).has_no("connection");
    }
    assert_eq!(origin.connections(), 1, "one client at a time needs one upstream connection");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::replies(|received| ok(received.target()));
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    let requests: String =
        (0..20).map(|number| format!("GET /{number} HTTP/1.1\r\nhost: a\r\n\r\n")).collect();
    client.send(requests);
    for number in 0..20 {
        client.answer().is(200).says(&format!("/{number}"));
    }
}

#[test]
fn a_request_after_a_pipelined_body_is_found() {
    let origin = Origin::replies(|received| ok(&received.body.text()));
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello\
         POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
         GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    );
    client.answer().is(200).says("hello");
    client.answer().is(200).says("abc");
    client.answer().is(200).says("");
}

#[test]
fn a_request_that_arrives_byte_by_byte_is_answered() {
    let origin = Origin::replies(|received| ok(&received.body.text()));
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    let request = "POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n0\r\n\r\n";
    for byte in request.bytes() {
        client.send([byte]);
    }
    client.answer().is(200).says("abc");
}

#[test]
fn a_client_that_asks_for_it_is_closed_after_the_answer() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    client.answer().is(200).says("ok").has("connection", "close");
    assert!(client.is_closed());
}

#[test]
fn a_client_that_ends_its_sending_side_still_gets_its_answer() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    client.answer().is(200);
    client.finish_sending();
    assert!(client.is_closed());
}

#[test]
fn an_origin_that_closes_after_each_answer_costs_no_request() {
    let origin = Origin::talks(|conversation| {
        if conversation.request()?.is_some() {
            conversation
                .write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")?;
        }
        Ok(())
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    for _ in 0..30 {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer().is(200).says("ok").has_no("connection");
    }
    assert_eq!(origin.connections(), 30);
}

#[test]
fn an_origin_that_closes_idle_connections_without_a_word_costs_no_get() {
    let origin = Origin::talks(|conversation| {
        if conversation.request()?.is_some() {
            conversation.write(ok("ok"))?;
        }
        Ok(())
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    for _ in 0..30 {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer().is(200).says("ok");
    }
}

#[test]
fn concurrent_clients_get_connections_of_their_own() {
    let origin = Origin::replies(|received| ok(received.target()));
    let gateway = plain(&origin);
    let mut clients: Vec<_> = (0..40).map(|_| gateway.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("GET /{number} HTTP/1.1\r\nhost: a\r\n\r\n"));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        client.answer().is(200).says(&format!("/{number}"));
    }
}

#[test]
fn many_idle_clients_do_not_disturb_the_others() {
    let origin = Origin::says("ok");
    let gateway = plain(&origin);
    let idle: Vec<_> = (0..300).map(|_| gateway.connect()).collect();
    for _ in 0..20 {
        gateway.get("/").is(200).says("ok");
    }
    drop(idle);
}

#[test]
fn a_client_that_leaves_before_its_answer_frees_the_upstream_connection() {
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let origin = Origin::talks(move |conversation| {
        conversation.request()?;
        let rest = conversation.rest();
        let _ = tell.lock().unwrap().send(());
        rest.map(drop)
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    origin.received_at_least(1);
    drop(client);
    told.recv_timeout(crate::harness::PATIENCE).expect("the gateway closes towards the origin");
}

#[test]
fn a_terminated_gateway_finishes_what_it_began_and_exits_with_0() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let origin = Origin::talks(move |conversation| {
        conversation.request()?;
        let _ = wait.lock().unwrap().recv();
        conversation.write(ok("late"))
    });
    let gateway = plain(&origin);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    origin.received_at_least(1);
    gateway.signal("TERM");
    eventually("new connections are refused", || {
        std::net::TcpStream::connect(gateway.http()).is_err()
    });
    release.send(()).unwrap();
    client.answer().is(200).says("late").has("connection", "close");
    eventually("the process ends", || gateway.exit_status().is_some());
    assert_eq!(gateway.exit_status().and_then(|status| status.code()), Some(0));
}

#[test]
fn idle_clients_leave_descriptors_for_probes_and_upstreams() {
    let origin = Origin::says("still here");
    let yaml = one_service(origin.port(), &everything_to("origin"));
    let gateway = world(&yaml).descriptors(200).start();
    // More than the process may open; those that do not fit are closed as they come.
    let mut clients: Vec<_> = (0..300).map(|_| gateway.connect()).collect();
    eventually("some are closed", || {
        let stats = gateway.control(gateway.admin, "/stats").is(200).text();
        let refused = stats.lines().find_map(|line| {
            line.strip_prefix("http.downstream_cx_overload_reject: ")?.parse::<u32>().ok()
        });
        refused.is_some_and(|refused| refused > 100)
    });
    gateway.control(gateway.ready, "/healthz/ready").is(200);
    clients[0].send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").answer().is(200).says("still here");
    drop(clients);
    eventually("new clients are served again", || {
        let mut client = gateway.connect();
        let _ = client.try_send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        client.try_answer("GET").is_ok_and(|answer| answer.status == 200)
    });
}
