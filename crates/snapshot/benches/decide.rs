//! What one decision costs: host look-up among many hosts, rule look-up in short and long lists,
//! path normalisation. The allocation columns must stay empty on the common path.

use std::sync::Arc;

use divan::{AllocProfiler, Bencher, black_box};
use propylon_snapshot::{
    Action, ClusterId, Destination, Forward, Head, HeaderMatch, HttpSettings, Line, Matcher,
    ObjectId, Origin, PathMatch, PathNormalization, RouteHeaders, RouteTable, RouteTableId, Rule,
    RuleList, Scheme, Snapshot, StringMatch, Target, VirtualHost, normalize,
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const ORIGIN: Origin = Origin { object: ObjectId(0), entry: 0, matching: None };

const LINES: [Line<'static>; 6] = [
    Line { name: "user-agent", value: b"Mozilla/5.0 (X11; Linux x86_64)" },
    Line { name: "accept", value: b"text/html,application/xhtml+xml" },
    Line { name: "accept-language", value: b"en-GB,en;q=0.5" },
    Line { name: "accept-encoding", value: b"gzip, deflate, br" },
    Line { name: "cookie", value: b"session=0123456789abcdef" },
    Line { name: "x-user", value: b"jason" },
];

fn main() {
    divan::main();
}

fn rule(matcher: Matcher) -> Rule {
    let destination = Destination {
        target: Target::Missing("outbound|80||a".into()),
        weight: 1,
        headers: RouteHeaders::default(),
        authority: None,
    };
    let destination = Destination { target: Target::Cluster(ClusterId(0)), ..destination };
    Rule {
        name: "".into(),
        matcher,
        action: Action::Forward(Forward {
            destinations: vec![destination],
            path: None,
            authority: None,
            timeout: None,
            retry: None,
            mirrors: Vec::new(),
            hash: Box::default(),
        }),
        headers: RouteHeaders::default(),
        cors: None,
        fault: None,
        origin: ORIGIN,
    }
}

fn path(path: PathMatch) -> Rule {
    rule(Matcher { path, ..Matcher::any() })
}

/// Half exact paths, half prefixes, and a last rule that matches.
fn rules(count: usize) -> RuleList {
    let numbered = (1..count).map(|number| {
        let text = format!("/service-{number}/api").into();
        path(match number % 2 {
            0 => PathMatch::Exact { text, ignore_case: false },
            _ => PathMatch::Prefix { text, ignore_case: false },
        })
    });
    let last = path(PathMatch::Prefix { text: "/productpage".into(), ignore_case: false });
    RuleList::new(numbered.chain([last]).collect())
}

fn snapshot(hosts: usize, rules: RuleList) -> Snapshot {
    let rules = Arc::new(rules);
    let host = |domain: String| VirtualHost {
        domain: domain.into(),
        require_tls: false,
        rules: Arc::clone(&rules),
        origin: ORIGIN,
    };
    let wildcards = ["*.wild.example".to_owned(), "*.example".to_owned()];
    let hosts = (0..hosts).map(|number| format!("shop-{number}.example.com")).chain(wildcards);
    Snapshot {
        tables: [RouteTable::new("http.80", hosts.map(host).collect())].into(),
        clusters: vec![cluster()],
        http: HttpSettings::default(),
        ..Snapshot::default()
    }
}

fn cluster() -> propylon_snapshot::Cluster {
    propylon_snapshot::Cluster {
        name: "outbound|80||a".into(),
        discovery: propylon_snapshot::Discovery::Static(Arc::new([])),
        balance: propylon_snapshot::Balance::LeastRequest,
        localities: None,
        warmup: None,
        protocol: propylon_snapshot::UpstreamProtocol::Http1,
        tls: None,
        proxy_header: None,
        connect_timeout: std::time::Duration::from_secs(10),
        idle_timeout: std::time::Duration::from_secs(3600),
        limits: propylon_snapshot::Limits::default(),
        outlier: None,
        availability: propylon_snapshot::Availability::Open,
    }
}

fn head(authority: &str) -> Head<'_> {
    Head {
        method: "GET",
        scheme: Scheme::Http,
        authority,
        path: "/productpage",
        query: Some("u=test"),
        lines: &LINES,
    }
}

/// Few hosts take most requests; `asked` of them are asked in turn. The more there are, the more
/// of the cost is memory.
fn host_look_up(bencher: Bencher<'_, '_>, hosts: usize, asked: usize) {
    let snapshot = snapshot(hosts, rules(1));
    let table = snapshot.table(RouteTableId(0));
    let authorities: Vec<String> =
        (0..asked).map(|n| format!("shop-{}.example.com:8080", n * 97 % hosts)).collect();
    let mut next = authorities.iter().cycle();
    bencher.bench_local(|| table.lookup(black_box(next.next().map_or("", String::as_str))));
}

#[divan::bench(args = [1, 1_000, 100_000])]
fn hot_host_among(bencher: Bencher<'_, '_>, hosts: usize) {
    host_look_up(bencher, hosts, 64);
}

#[divan::bench(args = [100_000])]
fn cold_host_among(bencher: Bencher<'_, '_>, hosts: usize) {
    host_look_up(bencher, hosts, hosts);
}

#[divan::bench]
fn host_by_suffix(bencher: Bencher<'_, '_>) {
    let snapshot = snapshot(100_000, rules(1));
    let table = snapshot.table(RouteTableId(0));
    bencher.bench_local(|| table.lookup(black_box("a.b.wild.example")));
}

#[divan::bench(args = [1, 10, 1_000])]
fn decide_last_of(bencher: Bencher<'_, '_>, count: usize) {
    let snapshot = snapshot(1_000, rules(count));
    let head = head("shop-7.example.com");
    bencher.bench_local(|| {
        black_box(snapshot.decide(RouteTableId(0), black_box(&head), &mut |_| 0));
    });
}

#[divan::bench]
fn decide_by_header(bencher: Bencher<'_, '_>) {
    let test = Some(StringMatch::Exact("jason".into()));
    let header = HeaderMatch { name: "x-user".into(), test, invert: false };
    let list = vec![rule(Matcher { headers: vec![header], ..Matcher::any() })];
    let snapshot = snapshot(1_000, RuleList::new(list));
    let head = head("shop-7.example.com");
    bencher.bench_local(|| {
        black_box(snapshot.decide(RouteTableId(0), black_box(&head), &mut |_| 0));
    });
}

#[divan::bench(args = ["/productpage", "/a/b/c/d/e/f/g/h.html", "/a/../b/%7euser"])]
fn normalize_path(path: &str) {
    let _normal = black_box(normalize(black_box(path), PathNormalization::Base));
}
