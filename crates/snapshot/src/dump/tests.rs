//! The printed form, whole.

use std::sync::Arc;
use std::time::Duration;

use crate::samples::{exact, forward, host, prefix, respond, rule, snapshot, to};
use crate::{
    Abort, AbortAnswer, Action, Address, Availability, Cors, Delay, Discovery, DnsTarget, Endpoint,
    Fault, Format, Fraction, HeaderMatch, HeaderName, HeaderWrite, Locality, LocalityWeight,
    Matcher, Mirror, Origin, PathRewrite, Redirect, RedirectPath, RedirectPort, Retry, RetryOn,
    Scheme, StringMatch, Target, VirtualHost, Warmup, WriteMode,
};

const EVERYTHING: &str = r#"http
  path normalization BASE
  trusted proxies 0
  server "istio-envoy"
listener 0.0.0.0:8080
  port 80
  routes http.80
  from Gateway default/web servers[0]
routes http.80
  host a.com
    rules 1
    from Gateway default/web servers[0]
  host *.a.com
    redirects to https
    rules 1
    from Gateway default/web servers[0]
  host b.com
    rules 2
    from Gateway default/web servers[0]
rules 1
  rule first
    when path prefix "/api"
    when method exact "GET"
    when header x-a not present
    delay 12.5% by 5s
    abort 100% with gRPC 14
    cors
      origin prefix "http://"
      methods GET,POST
      credentials
    to outbound|80||a weight 1
      authority a.internal
    to outbound|80|v9|c (missing: nothing defines it) weight 3
    path "/" in place of regex "/+"
    timeout 1.5s
    retry 2 times on 5xx,503
      back-off 25ms
    copy of 0.0001% to outbound|80||b
    request header x-b removed
    response header x-c set to "%PROTOCOL%"
    from VirtualService default/shop http[2].match[1]
  rule
    answer 418 "tea"
    from VirtualService default/shop http[0]
rules 2
  rule
    when path exact "/old"
    redirect 308
      scheme https
      port 8443
      path "/new"
    from VirtualService default/shop http[0]
cluster outbound|80||a
  LEAST_REQUEST HTTP/1.1
  connect timeout 10s, idle timeout 3600s
  endpoint 192.0.2.1:8080 weight 2 at r/z/ priority 1 not ready
cluster outbound|80||b
  closed: TLS is asked for
  LEAST_REQUEST HTTP/1.1
  connect timeout 10s, idle timeout 3600s
  locality r// of priority 2 weighs 30
  warms up for 60s from 10 %, aggression 1500000 millionths
  first address of an answer only
  name b.example:443 priority 2
  endpoint unix:/run/b.sock
"#;

fn full_rule() -> crate::Rule {
    let mut first = rule("first", prefix("/api"), forward(vec![to(0, 1), to(0, 3)]));
    first.matcher.method = Some(StringMatch::Exact("GET".into()));
    first.matcher.headers.push(HeaderMatch { name: "x-a".into(), test: None, invert: true });
    first.origin = Origin { entry: 2, matching: Some(1), ..first.origin };
    let half = Fraction(125_000);
    first.fault = Some(Fault {
        delay: Some(Delay { share: half, duration: Duration::from_secs(5) }),
        abort: Some(Abort { share: Fraction::ALL, answer: AbortAnswer::Grpc(14) }),
    });
    first.cors = Some(Arc::new(Cors {
        origins: vec![StringMatch::Prefix("http://".into())],
        methods: "GET,POST".into(),
        credentials: true,
        ..Cors::default()
    }));
    first.headers.request.remove.push(HeaderName::parse("X-B").unwrap());
    first.headers.response.write.push(HeaderWrite {
        name: HeaderName::parse("x-c").unwrap(),
        value: Format::parse("%PROTOCOL%").unwrap(),
        mode: WriteMode::Set,
    });
    if let Action::Forward(forward) = &mut first.action {
        forward.destinations[0].authority = Some("a.internal".into());
        forward.destinations[1].target = Target::Missing("outbound|80|v9|c".into());
        forward.path = Some(PathRewrite::regex("/+", "/").unwrap());
        forward.timeout = Some(Duration::from_millis(1500));
        let (on, statuses) = RetryOn::parse("5xx,503").unwrap();
        forward.retry = Some(Retry {
            attempts: 2,
            on,
            statuses,
            per_try_timeout: None,
            backoff: Duration::from_millis(25),
            ignore_previous_hosts: false,
            remote_localities: false,
        });
        let target = Target::Cluster(crate::ClusterId(1));
        forward.mirrors.push(Mirror { target, share: Fraction(1) });
    }
    first
}

fn tea() -> crate::Rule {
    let mut tea = rule("", Matcher::any(), respond(418));
    if let Action::Respond(response) = &mut tea.action {
        response.body = Arc::from(&b"tea"[..]);
    }
    tea
}

fn moved() -> crate::Rule {
    let redirect = Redirect {
        status: 308,
        scheme: Some(Scheme::Https),
        authority: None,
        port: RedirectPort::Number(8443),
        path: RedirectPath::Replace("/new".into()),
    };
    rule("", exact("/old"), Action::Redirect(redirect))
}

fn full_snapshot() -> crate::Snapshot {
    let shared = host("a.com", vec![full_rule(), tea()]);
    let secure = VirtualHost { domain: "*.a.com".into(), require_tls: true, ..shared.clone() };
    let mut snapshot = snapshot(vec![shared, secure, host("b.com", vec![moved()])]);
    let locality = Locality { region: "r".into(), zone: "z".into(), subzone: "".into() };
    let address = Address::Ip(([192, 0, 2, 1], 8080).into());
    snapshot.clusters[0].discovery = Discovery::Static(Arc::new([Endpoint {
        weight: 2,
        locality,
        priority: 1,
        ready: false,
        ..Endpoint::at(address)
    }]));
    let address = Address::Unix("/run/b.sock".into());
    snapshot.clusters[1].discovery = Discovery::Dns {
        names: Arc::new([DnsTarget {
            name: "b.example".into(),
            port: 443,
            weight: 1,
            locality: Locality::default(),
            priority: 2,
            plaintext: false,
        }]),
        fixed: Arc::new([Endpoint::at(address)]),
        first_only: true,
    };
    let locality = Locality { region: "r".into(), ..Locality::default() };
    snapshot.clusters[1].localities =
        Some(Arc::new([LocalityWeight { priority: 2, locality, weight: 30 }]));
    snapshot.clusters[1].warmup = Some(Warmup {
        duration: Duration::from_secs(60),
        minimum: Fraction(100_000),
        aggression: 1_500_000,
    });
    snapshot.clusters[1].availability = Availability::Closed("TLS is asked for".into());
    snapshot
}

#[test]
fn everything_is_printed_and_shared_rules_once() {
    assert_eq!(full_snapshot().dump(), EVERYTHING);
}

#[test]
fn a_closed_snapshot_says_so_first() {
    let mut snapshot = full_snapshot();
    snapshot.closed = true;
    assert!(snapshot.dump().starts_with("closed: every request is answered 403\n"));
}

#[test]
fn equal_snapshots_print_alike() {
    assert_eq!(full_snapshot(), full_snapshot());
    assert_eq!(full_snapshot().dump(), full_snapshot().dump());
}
