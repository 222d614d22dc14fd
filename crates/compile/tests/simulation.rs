//! Calls and their results: the golden cases' worlds, asked like a gateway is asked. One table per
//! subject, in the manner of istiod's simulation tests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what broke by panicking")]

use std::path::Path;

use propylon_compile::admission::Ledger;
use propylon_compile::{Options, compile};
use propylon_model::Labels;
use propylon_snapshot::{Bind, Discovery, Head, Line, Scheme, Serves, Snapshot, Target, Verdict};
use propylon_source::file::{ReadOptions, read};

/// One request and what it comes to: `closed` (nothing listens), a status, a status and a
/// location, or the cluster it goes to.
type Call = (u16, &'static str, &'static str, &'static str);

fn check(case: &str, calls: &[Call]) {
    check_as(case, &Options::default(), calls);
}

fn check_as(case: &str, options: &Options, calls: &[Call]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(case);
    let found = read(&[path.with_extension("yaml")], &ReadOptions::default());
    let (world, _) = Ledger::default().admit(found.objects, &[]);
    let snapshot = compile(&world, options).snapshot;
    for (port, host, target, expected) in calls {
        let result = call(&snapshot, *port, host, target);
        assert_eq!(&result, expected, "{case}: {host}:{port}{target}");
    }
}

fn call(snapshot: &Snapshot, port: u16, authority: &str, target: &str) -> String {
    let listens = |bind: &Bind| matches!(bind, Bind::Ip(address) if address.port() == port);
    let Some(listener) = snapshot.listeners.iter().find(|one| listens(&one.bind)) else {
        return "closed".to_owned();
    };
    let (target, header) = target.split_once(' ').unwrap_or((target, ""));
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let lines: Vec<Line<'_>> = header
        .split_once(':')
        .map(|(name, value)| Line { name, value: value.as_bytes() })
        .into_iter()
        .collect();
    let head = Head { method: "GET", scheme: Scheme::Http, authority, path, query, lines: &lines };
    let Serves::Http(table) = listener.serves else {
        // Plaintext on any other port gets no answer.
        return "closed".to_owned();
    };
    let decision = snapshot.decide(table, &head, &mut |_| 0);
    match decision.verdict {
        Verdict::Forward { destination, .. } => match &destination.target {
            Target::Missing(name) => panic!("{name} is no cluster and was not rejected"),
            Target::Cluster(id) => endpoint_of(snapshot, *id),
        },
        Verdict::Redirect { status, location } => format!("{status} {location}"),
        Verdict::Respond(response) => response.status.to_string(),
        Verdict::Reject(reason) if reason.status() == 503 => format!("503 {reason:?}"),
        Verdict::Reject(reason) => reason.status().to_string(),
        other => panic!("no expectation for {other:?}"),
    }
}

fn endpoint_of(snapshot: &Snapshot, id: propylon_snapshot::ClusterId) -> String {
    let cluster = snapshot.cluster(id);
    match &cluster.discovery {
        Discovery::Static(endpoints) if endpoints.is_empty() => "503 no endpoint".to_owned(),
        Discovery::Static(_) | Discovery::Dns { .. } => cluster.name.to_string(),
    }
}

fn egress() -> Options {
    let labels = Labels::from([("istio".to_owned(), "egressgateway".to_owned())]);
    Options { labels, ..Options::default() }
}

const A: &str = "outbound|80||a.default.svc.cluster.local";
const B: &str = "outbound|80||b.default.svc.cluster.local";

#[test]
fn two_virtual_services_of_one_host_answer_in_turn_and_the_first_catch_all_wins() {
    check(
        "merge-01-two-gateways-one-host",
        &[
            (80, "bar.foo.com", "/one", A),
            (80, "bar.foo.com", "/two", B),
            (80, "bar.foo.com", "/rest", A),
            (80, "other.foo.com", "/", "404"),
            (81, "bar.foo.com", "/", "closed"),
        ],
    );
}

#[test]
fn tls_ports_are_never_served_as_plaintext() {
    check("merge-02-one-tls-host-twice", &[(443, "a.com", "/", "closed")]);
    check("merge-13-tls-before-http", &[(443, "b.com", "/", "closed")]);
}

#[test]
fn the_first_of_two_protocols_keeps_the_port() {
    check("merge-04-tcp-before-http", &[(80, "a.com", "/", "closed")]);
    check("merge-06-http-before-tcp", &[(80, "a.com", "/", A)]);
}

#[test]
fn only_named_namespaces_bind() {
    check(
        "merge-08-namespace-of-a-server",
        &[(80, "x.com", "/", A), (80, "own.com", "/", A), (80, "any.com", "/", A)],
    );
}

#[test]
fn hosts_outside_a_server_are_unknown() {
    check(
        "merge-09-host-outside",
        &[
            (80, "a.out.com", "/", "404"),
            (80, "exact.org", "/", A),
            (80, "other.org", "/", "404"),
            (80, "A.B.in.com:8080", "/", A),
        ],
    );
}

#[test]
fn a_redirecting_server_answers_301_with_and_without_virtual_service() {
    check(
        "merge-10-https-redirect",
        &[
            (80, "a.com", "/x?y=1", "301 https://a.com/x?y=1"),
            (80, "none.com:8080", "/", "301 https://none.com:8080/"),
            (80, "third.com", "/", "404"),
            (443, "a.com", "/", "closed"),
        ],
    );
}

#[test]
fn a_port_match_means_the_declared_port() {
    let options = Options { port_map: [(81, 9081)].into(), ..Options::default() };
    check_as(
        "merge-11-declared-port",
        &options,
        &[
            (8080, "a.com", "/", A),
            (9081, "a.com", "/", B),
            (80, "a.com", "/", "closed"),
            (8081, "a.com", "/", "closed"),
            (82, "a.com", "/", "404"),
        ],
    );
}

#[test]
fn a_miss_in_an_exact_host_does_not_fall_through_to_star() {
    check(
        "merge-12-exact-and-star",
        &[(80, "a.com", "/only", A), (80, "a.com", "/else", "404"), (80, "b.com", "/else", B)],
    );
}

#[test]
fn the_first_tutorial_binds_by_namespace_and_redirects() {
    let labels = Labels::from([("app".to_owned(), "my-gateway-controller".to_owned())]);
    check_as(
        "s0-gateway-ports",
        &Options { labels, ..Options::default() },
        &[
            (80, "uk.bookinfo.com", "/", "301 https://uk.bookinfo.com/"),
            (80, "us.bookinfo.com", "/", "404"),
            (9080, "any.example.com", "/", "200"),
            (9080, "foo.bar.com", "/", "200"),
            (9080, "not.bar.com", "/", "404"),
            (443, "uk.bookinfo.com", "/", "closed"),
            (2379, "any", "/", "closed"),
        ],
    );
    check("s0-gateway-ports", &[(80, "uk.bookinfo.com", "/", "closed")]);
}

#[test]
fn the_egress_tutorial_needs_the_namespace_of_its_gateway() {
    check_as(
        "s2-egress",
        &egress(),
        &[
            (80, "httpbin.org", "/get", "outbound|80||httpbin.org"),
            (80, "httpbin.org", "/post", "404"),
        ],
    );
    check_as("s2-egress-wrong-namespace", &egress(), &[(80, "httpbin.org", "/get", "404")]);
    check_as(
        "s3-egress",
        &egress(),
        &[(80, "edition.cnn.com", "/politics", "outbound|80||edition.cnn.com")],
    );
}

#[test]
fn a_subset_without_its_rule_is_answered_503() {
    let httpbin = "outbound|8000||httpbin.default.svc.cluster.local";
    check(
        "s4-httpbin",
        &[
            (80, "httpbin.s1.whuanle.cn", "/status/200", httpbin),
            (80, "192.168.3.150:32309", "/delay/5", httpbin),
            (80, "any.example.com", "/ip", "503 NoCluster"),
        ],
    );
}

#[test]
fn delegates_answer_within_the_matches_of_their_root() {
    let c = "outbound|80||c.team.svc.cluster.local";
    check(
        "delegates",
        &[
            (80, "a.com", "/all/x", c),
            (80, "a.com", "/hidden", c),
            (80, "a.com", "/missing", A),
            (80, "a.com", "/private", A),
            (80, "a.com", "/shop/cart", A),
            (80, "a.com", "/elsewhere", A),
        ],
    );
}

#[test]
fn rules_that_take_everything_come_last_across_virtual_services() {
    check(
        "catch-alls",
        &[(80, "a.com", "/one", A), (80, "a.com", "/two", A), (80, "a.com", "/x x:1", A)],
    );
}

#[test]
fn claims_of_tokens_never_match_while_tokens_are_not_validated() {
    check(
        "matching-claims",
        &[(80, "a.com", "/", B), (80, "a.com", "/ @request.auth.claims.group:admin", B)],
    );
}

#[test]
fn destinations_that_cannot_be_served_safely_are_closed() {
    check(
        "destination-closed",
        &[
            (80, "a.com", "/tls", "503 ClusterClosed"),
            (80, "a.com", "/plain-again", "outbound|80|plain|a.default.svc.cluster.local"),
            (80, "a.com", "/grpc", "503 no endpoint"),
            (80, "a.com", "/as-client", "503 no endpoint"),
            (80, "a.com", "/upgrade", "outbound|80||b.default.svc.cluster.local"),
        ],
    );
}

#[test]
fn an_unenforced_policy_answers_403_unless_the_operator_says_otherwise() {
    check("security", &[(80, "a.com", "/", "403"), (80, "unknown.com", "/", "403")]);
    let options = Options { allow_unenforced_policies: true, ..Options::default() };
    check_as("security", &options, &[(80, "a.com", "/", "200")]);
}

#[test]
fn redirects_keep_or_name_their_port() {
    check(
        "redirects",
        &[
            (8080, "a.com:8080", "/1?x=1", "301 http://ex.com/to?x=1"),
            (8080, "a.com:8080", "/2", "308 https://a.com:8080/2"),
            (8080, "a.com:8080", "/3", "301 https://a.com:8443/3"),
            (8080, "a.com", "/4", "301 http://a.com:8080/"),
            (8080, "a.com:80", "/5", "301 https://a.com/5"),
            (8080, "a.com", "/6/x", "301 http://a.com/six/x"),
            (8080, "a.com", "/else", "418"),
        ],
    );
}
