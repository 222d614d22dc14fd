//! Snapshots built by hand: one listener, one host `*`, and the routes a test wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use propylon_snapshot::{
    Action, Address, Availability, Balance, Bind, Cluster, ClusterId, Destination, DirectResponse,
    Discovery, Endpoint, Fault, Format, Forward, HeaderName, HeaderOps, HeaderWrite, HttpSettings,
    Listener, Matcher, ObjectId, Origin, PathMatch, Redirect, Retry, RetryOn, RouteHeaders,
    RouteTable, RouteTableId, Rule, RuleList, Serves, Snapshot, Target, UpstreamProtocol,
    VirtualHost, WriteMode,
};

const ORIGIN: Origin = Origin { object: ObjectId(0), entry: 0, matching: None };

/// A rule that is being built.
pub struct Route(pub Rule);

impl Route {
    /// Forwards paths with a prefix to a cluster.
    pub fn to(prefix: &str, cluster: u32) -> Self {
        Self::with(prefix, Action::Forward(forward(cluster)))
    }

    /// Forwards to a cluster that does not exist.
    pub fn to_nowhere(prefix: &str) -> Self {
        let mut forward = forward(0);
        forward.destinations[0].target = Target::Missing("outbound|80||gone".into());
        Self::with(prefix, Action::Forward(forward))
    }

    /// Answers directly.
    pub fn answering(prefix: &str, status: u16, body: &str) -> Self {
        let body = Arc::from(body.as_bytes());
        Self::with(prefix, Action::Respond(DirectResponse { status, body }))
    }

    /// Redirects.
    pub fn redirecting(prefix: &str, redirect: Redirect) -> Self {
        Self::with(prefix, Action::Redirect(redirect))
    }

    fn with(prefix: &str, action: Action) -> Self {
        let mut matcher = Matcher::any();
        matcher.path = PathMatch::Prefix { text: prefix.into(), ignore_case: false };
        Self(Rule {
            name: "route".into(),
            matcher,
            action,
            headers: RouteHeaders::default(),
            cors: None,
            fault: None,
            origin: ORIGIN,
        })
    }

    /// Changes the forwarding part.
    pub fn forward(mut self, change: impl FnOnce(&mut Forward)) -> Self {
        match &mut self.0.action {
            Action::Forward(forward) => change(forward),
            other => panic!("no forward: {other:?}"),
        }
        self
    }

    pub fn timeout(self, limit: Duration) -> Self {
        self.forward(|forward| forward.timeout = Some(limit))
    }

    /// Retries with these conditions, a tiny back-off and this many attempts.
    pub fn retry(self, attempts: u32, on: &str) -> Self {
        let (on, statuses) = RetryOn::parse(on).unwrap();
        self.retry_with(Retry {
            attempts,
            on,
            statuses,
            per_try_timeout: None,
            backoff: Duration::from_millis(1),
            ignore_previous_hosts: true,
            remote_localities: false,
        })
    }

    pub fn retry_with(self, retry: Retry) -> Self {
        self.forward(|forward| forward.retry = Some(retry))
    }

    pub fn request_headers(mut self, ops: HeaderOps) -> Self {
        self.0.headers.request = ops;
        self
    }

    pub fn response_headers(mut self, ops: HeaderOps) -> Self {
        self.0.headers.response = ops;
        self
    }

    pub fn fault(mut self, fault: Fault) -> Self {
        self.0.fault = Some(fault);
        self
    }
}

fn forward(cluster: u32) -> Forward {
    Forward {
        destinations: vec![destination(cluster, 1)],
        path: None,
        authority: None,
        timeout: None,
        retry: None,
        mirrors: Vec::new(),
        hash: Box::default(),
    }
}

/// A weighted destination.
pub fn destination(cluster: u32, weight: u32) -> Destination {
    Destination {
        target: Target::Cluster(ClusterId(cluster)),
        weight,
        headers: RouteHeaders::default(),
        authority: None,
    }
}

/// Header operations: `-name` removes, `name=value` sets, `+name=value` adds.
pub fn ops(list: &[&str]) -> HeaderOps {
    let mut ops = HeaderOps::default();
    for text in list {
        if let Some(name) = text.strip_prefix('-') {
            ops.remove.push(HeaderName::parse(name).unwrap());
            continue;
        }
        let (mode, text) = match text.strip_prefix('+') {
            Some(rest) => (WriteMode::Append, rest),
            None => (WriteMode::Set, *text),
        };
        let (name, value) = text.split_once('=').unwrap();
        let name = HeaderName::parse(name).unwrap();
        ops.write.push(HeaderWrite { name, value: Format::parse(value).unwrap(), mode });
    }
    ops
}

/// A snapshot with one listener on a free port; cluster n has the endpoints of the nth list.
pub fn world(routes: Vec<Route>, clusters: &[&[SocketAddr]]) -> Snapshot {
    let rules = Arc::new(RuleList::new(routes.into_iter().map(|route| route.0).collect()));
    let host = VirtualHost { domain: "*".into(), require_tls: false, rules, origin: ORIGIN };
    let clusters = clusters.iter().enumerate();
    Snapshot {
        listeners: vec![listener("127.0.0.1:0")],
        tables: [RouteTable::new("http.80", vec![host])].into(),
        clusters: clusters.map(|(index, endpoints)| cluster(index, endpoints)).collect(),
        http: HttpSettings::default(),
        objects: Vec::new(),
        proxy_protocol: false,
        alert_unknown_names: false,
        dns_refresh: None,
        closed: false,
    }
}

/// A listener of table 0.
pub fn listener(bind: &str) -> Listener {
    let bind = Bind::Ip(bind.parse().unwrap());
    Listener { bind, also: None, port: 80, serves: Serves::Http(RouteTableId(0)), origin: ORIGIN }
}

/// A cluster of listed endpoints.
pub fn cluster(index: usize, endpoints: &[SocketAddr]) -> Cluster {
    let endpoint = |address: &SocketAddr| Endpoint::at(Address::Ip(*address));
    Cluster {
        name: format!("outbound|80||c{index}").into(),
        discovery: Discovery::Static(endpoints.iter().map(endpoint).collect()),
        balance: Balance::RoundRobin,
        localities: None,
        warmup: None,
        protocol: UpstreamProtocol::Http1,
        tls: None,
        proxy_header: None,
        connect_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(3600),
        limits: propylon_snapshot::Limits::default(),
        outlier: None,
        availability: Availability::Open,
    }
}
