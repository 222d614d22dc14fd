//! The tutorials: each example's own YAML in the real binary, and the printed transcripts.

use crate::exchanges::Exchanges;
use crate::harness::gateway::{Plan, example};
use crate::harness::origin::{Origin, Received, empty};

/// httpbin as the tutorials use it: a status by its number, everything else 200.
pub(crate) fn httpbin() -> Origin {
    Origin::replies(|received: &Received| {
        let headers = concat!(
            "content-type: text/html; charset=utf-8\r\naccess-control-allow-origin: *\r\n",
            "access-control-allow-credentials: true\r\n"
        );
        let status = match received.target().strip_prefix("/status/") {
            Some("418") => "418 I'm a teapot",
            _ => "200 OK",
        };
        format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\n\r\n")
    })
}

fn with_flags(plan: Plan, exchanges: &Exchanges) -> Plan {
    exchanges.flags.iter().fold(plan, |plan, flag| plan.flag(flag))
}

#[test]
fn bookinfo_answers_as_printed() {
    let page = "x".repeat(7712);
    let productpage = Origin::replies(move |received| {
        let body = if received.method() == "HEAD" { "" } else { &page };
        format!(
            "HTTP/1.1 200 OK\r\nserver: gunicorn\r\ncontent-type: text/html; charset=utf-8\r\n\
             content-length: 7712\r\nvary: Cookie\r\n\r\n{body}"
        )
    });
    let gateway = example("bookinfo").behind(18080, productpage.port()).start();
    Exchanges::of("bookinfo").happen_on(&gateway);
    assert_eq!(productpage.only().line(), "HEAD /productpage HTTP/1.1");
}

#[test]
fn dk_shop_answers_as_printed_and_only_from_v1() {
    let user = |version: &str| {
        Origin::answers(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n\
             content-length: 5\r\n\r\n\"{version} \""
        ))
    };
    let (v1, v2) = (user("v1"), user("v2"));
    let gateway = example("dk-shop").behind(18101, v1.port()).behind(18102, v2.port()).start();
    Exchanges::of("dk-shop").happen_on(&gateway);
    for _ in 0..20 {
        gateway.get_from("user.thanhoo.com", "/").is(200).says("\"v1 \"");
    }
    assert!(v2.received().is_empty(), "the subset v1 alone is named");
}

#[test]
fn httpbin_example_com_answers_as_printed() {
    let httpbin = httpbin();
    let gateway = example("httpbin-example-com").behind(18000, httpbin.port()).start();
    Exchanges::of("httpbin-example-com").happen_on(&gateway);
    assert_eq!(httpbin.only().header("host"), Some("httpbin.example.com"));
}

#[test]
fn httpbin_answers_for_every_host() {
    let httpbin = httpbin();
    let gateway = example("httpbin").behind(18000, httpbin.port()).start();
    Exchanges::of("httpbin").happen_on(&gateway);
    gateway.get_from("httpbin.s1.whuanle.cn", "/status/200").is(200);
    gateway.get_from("whatever.example", "/delay/5").is(200);
    gateway.get_from("whatever.example", "/headers").is(404);
}

#[test]
fn ports_of_every_kind_answer_as_printed_in_plaintext() {
    // Their TLS ports and the database: tests/programs/ports.rs.
    let exchanges = Exchanges::of("gateway-ports");
    let echo = Origin::says("echo");
    let plan = example("gateway-ports").behind(18200, echo.port());
    let gateway = with_flags(plan.ports(&[80, 443, 9443, 9080, 2379]), &exchanges).start();
    exchanges.happen_on(&gateway);
    let hosts: Vec<_> =
        echo.received().iter().map(|it| it.header("host").map(str::to_owned)).collect();
    assert_eq!(hosts, [Some("any.example:9080".to_owned()), Some("foo.bar.com:9080".to_owned())]);
}

#[test]
fn an_answer_that_takes_its_time_is_waited_for() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let httpbin = Origin::talks(move |conversation| {
        while conversation.request()?.is_some() {
            let _ = wait.lock().unwrap().recv();
            conversation.write(empty("200 OK"))?;
        }
        Ok(())
    });
    let gateway = example("httpbin").behind(18000, httpbin.port()).start();
    let mut client = gateway.connect();
    client.send("GET /delay/5 HTTP/1.1\r\nhost: a\r\n\r\n");
    httpbin.received_at_least(1);
    gateway.get("/nothing").is(404);
    release.send(()).unwrap();
    client.answer().is(200);
}
