//! What rules do, seen from outside: matches, weights, rewrites, redirects, direct responses,
//! faults, mirrors, CORS, subsets and several Gateways. The comparison with a real Envoy has the
//! fine print.

use crate::harness::gateway::world;
use crate::harness::origin::Origin;
use crate::harness::world::{
    every_host, everything_to, gateway as gateway_of, one_service, rules, service, versions,
};

#[test]
fn the_first_rule_that_matches_wins() {
    let (one, two) = (Origin::says("one"), Origin::says("two"));
    let yaml = every_host() + &service("one", one.port()) + &service("two", two.port());
    let gateway = world(
        &(yaml
            + &rules(
                "rules",
                "*",
                "
                 - match:
                   - uri: {exact: /a}
                   - uri: {prefix: /b}
                     headers: {x-v: {exact: \"1\"}}
                   route: [{destination: {host: one}}]
                 - route: [{destination: {host: two}}]",
            )),
    )
    .start();
    gateway.get("/a").says("one");
    gateway.get("/a/").says("two");
    gateway.get("/b").says("two");
    gateway.request("GET", "/b/c", &[("X-V", "1")]).says("one");
    gateway.get("/").says("two");
}

#[test]
fn an_exact_host_is_preferred_to_a_wildcard_and_a_longer_one_to_a_shorter() {
    let origins = ["exact", "long", "short", "any"].map(Origin::says);
    let mut yaml = every_host();
    let hosts = ["a.b.example", "*.b.example", "*.example", "*"];
    for (number, (host, origin)) in hosts.iter().zip(&origins).enumerate() {
        let name = format!("s{number}");
        yaml += &service(&name, origin.port());
        yaml += &rules(&name, host, &everything_to(&name));
    }
    let gateway = world(&yaml).start();
    gateway.get_from("a.b.example", "/").says("exact");
    gateway.get_from("A.B.Example:8080", "/").says("exact");
    gateway.get_from("x.b.example", "/").says("long");
    gateway.get_from("b.example", "/").says("short");
    gateway.get_from("example", "/").says("any");
}

#[test]
fn weights_share_the_requests() {
    let (one, two) = (Origin::says("one"), Origin::says("two"));
    let yaml = every_host() + &service("one", one.port()) + &service("two", two.port());
    let gateway = world(
        &(yaml
            + &rules(
                "rules",
                "*",
                "
                 - route:
                   - destination: {host: one}
                     weight: 90
                   - destination: {host: two}
                     weight: 10",
            )),
    )
    .start();
    let mut client = gateway.connect();
    for _ in 0..500 {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer().is(200);
    }
    // 10 % of 500 is 50; fewer than 10 or more than 150 comes once in more than 10^12 runs.
    let share = two.received().len();
    assert!((10..150).contains(&share), "{share} of 500");
}

#[test]
fn a_subset_gets_the_pods_with_its_labels_alone() {
    let (v1, v2) = (Origin::says("v1"), Origin::says("v2"));
    let subsets = "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: reviews
spec:
  host: reviews
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN}
  subsets:
  - name: first
    labels: {version: v1}
  - name: second
    labels: {version: v2}
---
";
    let yaml = every_host()
        + &versions("reviews", &[("v1", v1.port()), ("v2", v2.port())])
        + subsets
        + &rules(
            "rules",
            "*",
            "
             - match: [{uri: {prefix: /first}}]
               route: [{destination: {host: reviews, subset: first}}]
             - match: [{uri: {prefix: /second}}]
               route: [{destination: {host: reviews, subset: second}}]
             - route: [{destination: {host: reviews}}]",
        );
    let gateway = world(&yaml).start();
    for _ in 0..10 {
        gateway.get("/first").says("v1");
        gateway.get("/second").says("v2");
        gateway.get("/both").is(200);
    }
    let both = |origin: &Origin| origin.received().iter().any(|r| r.target() == "/both");
    assert!(both(&v1) && both(&v2), "without a subset every pod serves");
}

#[test]
fn a_prefix_rewrite_keeps_rest_and_query_without_mending_slashes() {
    let origin = Origin::says("ok");
    let gateway = world(&one_service(
        origin.port(),
        "
         - match: [{uri: {prefix: /q}}]
           rewrite: {uri: /}
           route: [{destination: {host: origin}}]
         - match: [{uri: {prefix: /api/}}]
           rewrite: {uri: /, authority: inner.example}
           route: [{destination: {host: origin}}]",
    ))
    .start();
    for (sent, seen) in [("/q/foo", "//foo"), ("/qfoo", "/foo"), ("/api/a?b=c", "/a?b=c")] {
        gateway.get(sent).is(200);
        let last = origin.last();
        assert_eq!(last.target(), seen);
        assert_eq!(last.header("x-envoy-original-path"), Some(sent));
    }
    assert_eq!(origin.last().head.all("host"), ["inner.example"]);
}

#[test]
fn a_redirect_keeps_the_host_s_port_and_the_query() {
    let gateway = world(&one_service(
        1,
        "
         - match: [{uri: {prefix: /secure}}]
           redirect: {scheme: https}
         - match: [{uri: {prefix: /moved}}]
           redirect: {uri: /to, authority: other.example, redirectCode: 308}",
    ))
    .start();
    let location = |host: &str, target: &str| {
        let answer = gateway.get_from(host, target);
        (answer.status, answer.header("location").unwrap_or_default().to_owned())
    };
    assert_eq!(location("a", "/secure?x=1"), (301, "https://a/secure?x=1".to_owned()));
    assert_eq!(location("a:8080", "/secure"), (301, "https://a:8080/secure".to_owned()));
    assert_eq!(location("a", "/moved/x?y=1"), (308, "http://other.example/to?y=1".to_owned()));
}

#[test]
fn a_redirect_answers_a_post_and_closes_over_its_unread_body() {
    let gateway = world(&one_service(1, "- redirect: {uri: /to}")).start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n");
    client.answer().is(301).has("connection", "close");
}

#[test]
fn a_direct_response_says_its_body() {
    let gateway = world(&one_service(
        1,
        "
         - match: [{uri: {exact: /healthz}}]
           directResponse: {status: 200, body: {string: fine}}
         - directResponse: {status: 418}",
    ))
    .start();
    let answer = gateway.get("/healthz").is(200).says("fine").has("content-type", "text/plain");
    answer.has("content-length", "4").has("server", "istio-envoy");
    gateway.get("/").is(418).says("").has_no("content-type");
    gateway.request("HEAD", "/healthz", &[]).is(200).has("content-length", "4").says("");
}

#[test]
fn a_fault_aborts_what_it_should_and_nothing_else() {
    let origin = Origin::says("ok");
    let gateway = world(&one_service(
        origin.port(),
        "
         - match: [{uri: {prefix: /always}}]
           fault: {abort: {httpStatus: 429, percentage: {value: 100}}}
           route: [{destination: {host: origin}}]
         - match: [{uri: {prefix: /never}}]
           fault: {abort: {httpStatus: 429, percentage: {value: 0}}}
           route: [{destination: {host: origin}}]",
    ))
    .start();
    gateway.get("/always").is(429).says("fault filter abort");
    gateway.get("/never").is(200).says("ok");
    assert_eq!(origin.received().len(), 1);
}

#[test]
fn a_delay_comes_before_the_origin_and_is_not_part_of_the_timeout() {
    let origin = Origin::says("ok");
    let gateway = world(&one_service(
        origin.port(),
        "
         - fault: {delay: {fixedDelay: 300ms, percentage: {value: 100}}}
           timeout: 200ms
           retries: {attempts: 0}
           route: [{destination: {host: origin}}]",
    ))
    .start();
    let start = std::time::Instant::now();
    gateway.get("/").is(200).says("ok");
    assert!(start.elapsed() >= std::time::Duration::from_millis(300), "no delay");
}

#[test]
fn a_mirror_gets_a_copy_and_cannot_disturb_the_answer() {
    let (origin, copy) = (Origin::says("ok"), Origin::answers("not HTTP\r\n\r\n"));
    let yaml = every_host()
        + &service("origin", origin.port())
        + &service("copy", copy.port())
        + &rules(
            "rules",
            "*",
            "
             - mirror: {host: copy}
               headers: {request: {set: {x-added: \"1\"}}}
               route: [{destination: {host: origin}}]",
        );
    let gateway = world(&yaml).start();
    let mut client = gateway.connect();
    client.send("POST /a?b HTTP/1.1\r\nhost: h.example\r\ncontent-length: 5\r\n\r\nhello");
    client.answer().is(200).says("ok");
    let copied = copy.received_at_least(1).remove(0);
    assert_eq!(copied.line(), "POST /a?b HTTP/1.1");
    assert_eq!(copied.body.text(), "hello");
    assert_eq!(copied.header("host"), Some("h.example"));
    assert_eq!(copied.header("x-added"), Some("1"));
    assert_eq!(copied.header("x-envoy-internal"), Some("true"));
    assert_eq!(origin.only().body.text(), "hello");
    client.send("GET / HTTP/1.1\r\nhost: h.example\r\n\r\n");
    client.answer().is(200).says("ok");
}

#[test]
fn cors_answers_preflights_and_marks_answers() {
    let origin = Origin::says("ok");
    let gateway = world(&one_service(
        origin.port(),
        "
         - corsPolicy:
             allowOrigins: [{exact: \"https://a.example\"}]
             allowMethods: [GET, POST]
             allowHeaders: [x-one]
             maxAge: 24h
             allowCredentials: true
           route: [{destination: {host: origin}}]",
    ))
    .start();
    let preflight = [("origin", "https://a.example"), ("access-control-request-method", "POST")];
    let answer = gateway.request("OPTIONS", "/", &preflight).is(200).says("");
    answer
        .has("access-control-allow-origin", "https://a.example")
        .has("access-control-allow-methods", "GET,POST")
        .has("access-control-allow-headers", "x-one")
        .has("access-control-max-age", "86400")
        .has("access-control-allow-credentials", "true");
    assert!(origin.received().is_empty());
    let answer = gateway.request("GET", "/", &[("origin", "https://a.example")]).is(200);
    answer.has("access-control-allow-origin", "https://a.example").says("ok");
    let stranger = gateway.request("GET", "/", &[("origin", "https://b.example")]).is(200);
    stranger.has_no("access-control-allow-origin").says("ok");
}

#[test]
fn https_redirect_answers_every_path_of_its_hosts() {
    let yaml = "apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: web
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [secure.example]
    tls: {httpsRedirect: true}
";
    let gateway = world(yaml).start();
    let answer = gateway.get_from("secure.example", "/a?b=c").is(301).says("");
    answer.has("location", "https://secure.example/a?b=c");
    gateway.get_from("other.example", "/").is(404);
}

#[test]
fn several_gateways_on_one_port_share_it_and_other_ports_are_their_own() {
    let (one, two) = (Origin::says("one"), Origin::says("two"));
    let bound = |name: &str, gateway: &str, host: &str| {
        rules(name, host, &everything_to(name)).replace("  - web\n", &format!("  - {gateway}\n"))
    };
    let yaml = gateway_of("a", 80, &["a.example"])
        + &gateway_of("b", 80, &["b.example"])
        + &gateway_of("c", 8080, &["*"])
        + &service("one", one.port())
        + &service("two", two.port())
        + &bound("one", "a", "a.example")
        + &bound("two", "b", "b.example")
        + &rules("third", "c.example", &everything_to("two")).replace("  - web\n", "  - c\n");
    let gateway = world(&yaml).ports(&[80, 8080]).start();
    gateway.get_from("a.example", "/").says("one");
    gateway.get_from("b.example", "/").says("two");
    gateway.get_from("c.example", "/").is(404);
    let mut client = crate::harness::client::Client::connect(gateway.address(8080));
    client.send("GET / HTTP/1.1\r\nhost: c.example\r\n\r\n");
    client.answer().is(200).says("two");
}

#[test]
fn a_service_entry_with_addresses_is_a_destination() {
    let origin = Origin::says("outside");
    let entry = format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: outside
spec:
  hosts: [outside.example]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports:
  - {{number: 80, name: http, protocol: HTTP}}
  endpoints:
  - address: 127.0.0.1
    ports: {{http: {}}}
---
",
        origin.port()
    );
    let yaml = every_host() + &entry + &rules("rules", "*", &everything_to("outside.example"));
    world(&yaml).start().get("/").is(200).says("outside");
}

#[test]
fn a_security_policy_that_is_not_enforced_closes_what_it_covers() {
    let origin = Origin::says("ok");
    let policy = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: deny
  namespace: istio-system
spec:
  action: DENY
  rules:
  - to:
    - operation: {paths: [/admin]}
---
";
    let yaml = one_service(origin.port(), &everything_to("origin")) + policy;
    world(&yaml).start().get("/").is(403);
    assert!(origin.received().is_empty());
    world(&yaml).flag("--allow-unenforced-policies").start().get("/").is(200);
}
