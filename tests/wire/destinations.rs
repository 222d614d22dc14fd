//! Destinations as a stranger might write and change them: many endpoints, one twice, weights,
//! families, sockets, subsets that go away under load, ejections across reloads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::harness::eventually;
use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::{Origin, empty, ok};
use crate::harness::ports;
use crate::harness::world::{every_host, everything_to, rules, versions};

/// A ServiceEntry with these endpoints, as YAML, and a policy.
fn entry(endpoints: &str, policy: &str) -> String {
    let route = rules("rules", "*", &everything_to("origin.example"));
    format!(
        "{}apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: origin}}
spec:
  hosts: [origin.example]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{endpoints}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: origin}}
spec: {{host: origin.example, trafficPolicy: {{{policy}}}}}
---
{route}",
        every_host()
    )
}

fn start(endpoints: &str, policy: &str) -> Gateway {
    world(&entry(endpoints, policy)).flag("--workers=1").start()
}

fn reload(gateway: &Gateway, yaml: &str) {
    let before = gateway.reloads();
    gateway.replace("world.yaml", yaml);
    gateway.reloads_after(before);
}

/// An endpoint on loopback, with more to say about it.
fn at(port: u16, more: &str) -> String {
    format!("{{address: 127.0.0.1, ports: {{http: {port}}}{more}}}")
}

const TURNS: &str = "loadBalancer: {simple: ROUND_ROBIN}";

/// How often each answer came.
fn answers(gateway: &Gateway, requests: usize) -> BTreeMap<String, usize> {
    let mut client = gateway.connect();
    let mut counts = BTreeMap::new();
    for _ in 0..requests {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        *counts.entry(client.answer().is(200).text()).or_default() += 1;
    }
    counts
}

fn counter(gateway: &Gateway, name: &str) -> u64 {
    let stats = gateway.control(gateway.admin, "/stats").is(200).text();
    let name = format!("cluster.outbound|80||origin.example.{name}: ");
    let value = stats.lines().find_map(|line| line.strip_prefix(&name));
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}

#[test]
fn an_endpoint_listed_twice_is_one() {
    let (a, b) = (Origin::says("a"), Origin::says("b"));
    let twice = [at(a.port(), ""), at(b.port(), ""), at(a.port(), ", weight: 50")].join(",");
    let gateway = start(&twice, TURNS);
    let half = |counts: &BTreeMap<String, usize>| counts.values().all(|count| *count == 10);
    let counts = answers(&gateway, 20);
    assert!(half(&counts), "{counts:?}");
    // Its kept connection is its own through reloads, and goes when it goes.
    for round in 0..5 {
        reload(&gateway, &entry(&format!("{twice},{}", at(1000 + round, "")), ""));
        reload(&gateway, &entry(&twice, TURNS));
        answers(&gateway, 4);
    }
    eventually("nothing is left behind", || counter(&gateway, "upstream_cx_active") <= 2);
    reload(&gateway, &entry(&at(b.port(), ""), TURNS));
    answers(&gateway, 2);
    eventually("its connection is closed", || counter(&gateway, "upstream_cx_active") <= 1);
}

#[test]
fn a_weight_of_nothing_is_one_and_others_are_kept_exactly_in_turns() {
    let (a, b, c) = (Origin::says("a"), Origin::says("b"), Origin::says("c"));
    let all = [at(a.port(), ", weight: 0"), at(b.port(), ""), at(c.port(), ", weight: 3")];
    let counts = answers(&start(&all.join(","), TURNS), 100);
    let expected = [("a", 20), ("b", 20), ("c", 60)].map(|(name, n)| (name.to_owned(), n));
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn endpoints_of_both_families_and_sockets_serve_side_by_side() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("origin.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut seen = [0; 4096];
                while stream.read(&mut seen).is_ok_and(|len| len > 0) {
                    if stream.write_all(ok("socket").as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let four = Origin::says("four");
    let six = Origin::talks_at("[::1]:0".parse::<SocketAddr>().unwrap(), |conversation| {
        while conversation.request()?.is_some() {
            conversation.write(ok("six"))?;
        }
        Ok(())
    });
    let all = [
        at(four.port(), ""),
        format!("{{address: \"::1\", ports: {{http: {}}}}}", six.port()),
        format!("{{address: \"unix://{}\"}}", path.display()),
    ];
    let gateway = start(&all.join(","), TURNS);
    let counts = answers(&gateway, 30);
    let expected = ["four", "six", "socket"].map(|name| (name.to_owned(), 10));
    assert_eq!(counts, BTreeMap::from(expected));
    // A socket whose file is gone is an endpoint that refuses: others are tried.
    reload(&gateway, &entry(&all[..2].join(","), TURNS));
    fs::remove_file(&path).unwrap();
    reload(&gateway, &entry(&all.join(","), TURNS));
    let names: BTreeSet<String> = answers(&gateway, 30).into_keys().collect();
    assert_eq!(names, BTreeSet::from(["four".to_owned(), "six".to_owned()]));
}

/// Endpoints at so many addresses of loopback, all of them one process.
fn thousand(port: u16) -> Vec<String> {
    let address = |n: u16| Ipv4Addr::new(127, 1, (n / 200) as u8, (n % 200) as u8 + 1);
    let all = (0..1000).map(address);
    all.map(|ip| format!("{{address: {ip}, ports: {{http: {port}}}}}")).collect()
}

#[test]
fn a_thousand_endpoints_take_turns_and_half_of_them_may_leave() {
    let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let origin = Origin::talks_at(everywhere, |conversation| {
        let own = conversation.local().ip().to_string();
        while let Some(received) = conversation.request()? {
            let is_bad = received.target() == "/bad" && own.ends_with('7');
            conversation.write(if is_bad { empty("500 No") } else { ok(&own) })?;
        }
        Ok(())
    });
    let all = thousand(origin.port());
    let gateway = start(&all.join(","), TURNS);
    let counts = answers(&gateway, 1000);
    assert_eq!(counts.len(), 1000, "each of them once");
    reload(&gateway, &entry(&all[..500].join(","), TURNS));
    let counts = answers(&gateway, 1000);
    assert_eq!((counts.len(), counts.values().max()), (500, Some(&2)));
    assert_eq!(origin.connections(), 1000, "those that stay keep their connections");
    eventually("the others are closed", || counter(&gateway, "upstream_cx_active") == 500);
    // One in ten of them fails, and that is how many may be left out.
    let detection = "outlierDetection: {consecutive5xxErrors: 1}";
    reload(&gateway, &entry(&all[..500].join(","), &format!("{TURNS}, {detection}")));
    eventually("all that fail are left out", || {
        let mut client = gateway.connect();
        (0..500).for_each(|_| {
            client.send("GET /bad HTTP/1.1\r\nhost: a\r\n\r\n");
            client.answer();
        });
        counter(&gateway, "outlier_detection.ejections_active") == 50
    });
    let names = answers(&gateway, 900);
    assert!(names.keys().all(|name| !name.ends_with('7')), "{names:?}");
}

#[test]
fn a_subset_that_goes_away_under_load_is_503_until_it_is_back() {
    let (old, new) = (Origin::says("old"), Origin::says("new"));
    let subsets = |list: &str| {
        format!(
            "{}{}apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: origin}}
spec: {{host: origin, subsets: [{list}]}}
---
{}",
            every_host(),
            versions("origin", &[("v1", old.port()), ("v2", new.port())]),
            rules(
                "rules",
                "*",
                "- match: [{uri: {prefix: /new}}]\n  \
                 route: [{destination: {host: origin, subset: v2}}]\n\
                 - route: [{destination: {host: origin, subset: v1}}]\n"
            )
        )
    };
    let (v1, v2) = ("{name: v1, labels: {version: v1}}", "{name: v2, labels: {version: v2}}");
    let (both, one) = (subsets(&format!("{v1}, {v2}")), subsets(v1));
    let gateway = world(&both).start();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for path in ["/", "/new", "/new"] {
            let (gateway, over) = (&gateway, &over);
            scope.spawn(move || {
                let mut client = gateway.connect();
                while !over.load(Ordering::Acquire) {
                    client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"));
                    let answer = client.answer();
                    match (path, answer.status) {
                        ("/", 200) => assert_eq!(answer.text(), "old"),
                        ("/new", 200) => assert_eq!(answer.text(), "new"),
                        ("/new", 503) => assert_eq!(answer.text(), ""),
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
        for _ in 0..5 {
            reload(&gateway, &one);
            eventually("the subset is gone", || gateway.get("/new").status == 503);
            reload(&gateway, &both);
            eventually("the subset is back", || gateway.get("/new").status == 200);
        }
        over.store(true, Ordering::Release);
    });
}

#[test]
fn an_ejection_ends_with_its_rules_and_not_with_other_changes() {
    let good = Origin::says("good");
    let bad = Origin::replies(|received| match received.target() {
        "/" => empty("500 No"),
        _ => ok("bad"),
    });
    let detection = "outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 50, \
                     baseEjectionTime: 1h}";
    let endpoints = [at(good.port(), ""), at(bad.port(), "")].join(",");
    let policy = |more: &str| format!("{TURNS}{more}");
    let gateway = start(&endpoints, &policy(&format!(", {detection}")));
    let serves = || {
        let mut client = gateway.connect();
        let names = (0..10).map(|_| {
            client.send("GET /fine HTTP/1.1\r\nhost: a\r\n\r\n");
            client.answer().is(200).text()
        });
        names.collect::<BTreeSet<String>>().len()
    };
    eventually("it is ejected", || {
        gateway.get("/");
        counter(&gateway, "outlier_detection.ejections_active") == 1
    });
    assert_eq!(serves(), 1);
    // Weights, pools and balancers change; it stays where it is.
    for more in [
        ", connectionPool: {http: {maxRequestsPerConnection: 7}}",
        ", connectionPool: {tcp: {maxConnections: 70}}",
    ] {
        reload(&gateway, &entry(&endpoints, &policy(&format!(", {detection}{more}"))));
        assert_eq!(serves(), 1, "{more}");
    }
    let heavier = [at(good.port(), ""), at(bad.port(), ", weight: 9")].join(",");
    reload(&gateway, &entry(&heavier, &policy(&format!(", {detection}"))));
    assert_eq!(serves(), 1);
    reload(&gateway, &entry(&endpoints, &policy("")));
    assert_eq!(serves(), 2, "nobody looks after its health any more");
    reload(&gateway, &entry(&endpoints, &policy(&format!(", {detection}"))));
    assert_eq!(serves(), 2, "and what was is forgotten");
}

#[test]
fn a_connection_unused_for_its_time_is_closed_while_its_client_stays() {
    let origin = Origin::says("ok");
    let idle = "connectionPool: {http: {idleTimeout: 50ms}}";
    let gateway = start(&at(origin.port(), ""), idle);
    let mut client = gateway.connect();
    let mut ask = || {
        client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi");
        client.answer().is(200);
    };
    ask();
    eventually("it is closed", || counter(&gateway, "upstream_cx_active") == 0);
    ask();
    assert_eq!(origin.connections(), 2);
}

#[test]
fn an_answer_outlives_the_time_of_its_connection() {
    let free = std::sync::Arc::new(AtomicBool::new(false));
    let gate = std::sync::Arc::clone(&free);
    let origin = Origin::replies(move |received| {
        if received.target() == "/long" {
            eventually("it may go", || gate.load(Ordering::Acquire));
        }
        ok("whole")
    });
    let short = "connectionPool: {tcp: {maxConnectionDuration: 20ms}}";
    let gateway = start(&at(origin.port(), ""), short);
    let mut client = gateway.connect();
    client.send("GET /long HTTP/1.1\r\nhost: a\r\n\r\n");
    origin.received_at_least(1);
    // Others see their connections age meanwhile.
    let renewed = || {
        gateway.get("/").is(200);
        counter(&gateway, "upstream_cx_max_duration_reached") >= 2
    };
    eventually("connections have aged", renewed);
    free.store(true, Ordering::Release);
    client.answer().is(200).says("whole");
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    client.answer().is(200).says("whole");
}

#[test]
fn a_cluster_of_endpoints_that_are_all_gone_says_so_and_serves_again() {
    let port = ports::free();
    let gateway = start(&[at(port, ""), at(ports::free(), "")].join(","), TURNS);
    for _ in 0..3 {
        gateway.get("/").is(503);
    }
    let _origin = Origin::talks_at(([127, 0, 0, 1], port).into(), |conversation| {
        while conversation.request()?.is_some() {
            conversation.write(ok("back"))?;
        }
        Ok(())
    });
    assert_eq!(answers(&gateway, 10), BTreeMap::from([("back".to_owned(), 10)]));
}
