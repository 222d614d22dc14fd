//! Small snapshots and heads for tests.

use std::sync::Arc;
use std::time::Duration;

use crate::{
    Action, Availability, Balance, Bind, Cluster, ClusterId, Destination, DirectResponse,
    Discovery, Forward, Head, HttpSettings, Line, Listener, Matcher, ObjectId, ObjectName, Origin,
    PathMatch, RouteHeaders, RouteTable, RouteTableId, Rule, RuleList, Scheme, Serves, Snapshot,
    Target, UpstreamProtocol, VirtualHost,
};

/// The only table of [`snapshot`].
pub(crate) const TABLE: RouteTableId = RouteTableId(0);

pub(crate) fn origin(object: u32, entry: u32) -> Origin {
    Origin { object: ObjectId(object), entry, matching: None }
}

pub(crate) fn cluster(name: &str) -> Cluster {
    Cluster {
        name: name.into(),
        discovery: Discovery::Static(Arc::new([])),
        balance: Balance::LeastRequest,
        localities: None,
        warmup: None,
        protocol: UpstreamProtocol::Http1,
        tls: None,
        proxy_header: None,
        connect_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(3600),
        limits: crate::Limits::default(),
        outlier: None,
        availability: Availability::Open,
    }
}

/// Clusters `a` (0) and `b` (1), one table with `hosts`, one listener.
pub(crate) fn snapshot(hosts: Vec<VirtualHost>) -> Snapshot {
    let name = |kind: &str, name: &str| ObjectName {
        kind: kind.into(),
        namespace: "default".into(),
        name: name.into(),
    };
    Snapshot {
        listeners: vec![Listener {
            bind: Bind::Ip(([0, 0, 0, 0], 8080).into()),
            also: None,
            port: 80,
            serves: Serves::Http(TABLE),
            origin: origin(0, 0),
        }],
        tables: [RouteTable::new("http.80", hosts)].into(),
        clusters: vec![cluster("outbound|80||a"), cluster("outbound|80||b")],
        http: HttpSettings::default(),
        objects: vec![name("Gateway", "web"), name("VirtualService", "shop")],
        proxy_protocol: false,
        alert_unknown_names: false,
        dns_refresh: None,
        closed: false,
    }
}

pub(crate) fn host(domain: &str, rules: Vec<Rule>) -> VirtualHost {
    VirtualHost {
        domain: domain.into(),
        require_tls: false,
        rules: Arc::new(RuleList::new(rules)),
        origin: origin(0, 0),
    }
}

pub(crate) fn rule(name: &str, matcher: Matcher, action: Action) -> Rule {
    Rule {
        name: name.into(),
        matcher,
        action,
        headers: RouteHeaders::default(),
        cors: None,
        fault: None,
        origin: origin(1, 0),
    }
}

pub(crate) fn to(id: u32, weight: u32) -> Destination {
    Destination {
        target: Target::Cluster(ClusterId(id)),
        weight,
        headers: RouteHeaders::default(),
        authority: None,
    }
}

pub(crate) fn forward(destinations: Vec<Destination>) -> Action {
    Action::Forward(Forward {
        destinations,
        path: None,
        authority: None,
        timeout: None,
        retry: None,
        mirrors: Vec::new(),
        hash: Box::default(),
    })
}

pub(crate) fn respond(status: u16) -> Action {
    Action::Respond(DirectResponse { status, body: Arc::from(&b""[..]) })
}

pub(crate) fn exact(path: &str) -> Matcher {
    let path = PathMatch::Exact { text: path.into(), ignore_case: false };
    Matcher { path, ..Matcher::any() }
}

pub(crate) fn prefix(path: &str) -> Matcher {
    let path = PathMatch::Prefix { text: path.into(), ignore_case: false };
    Matcher { path, ..Matcher::any() }
}

pub(crate) fn line<'a>(name: &'a str, value: &'a str) -> Line<'a> {
    Line { name, value: value.as_bytes() }
}

/// A plaintext GET; `target` is path and query.
pub(crate) fn head<'a>(authority: &'a str, target: &'a str, lines: &'a [Line<'a>]) -> Head<'a> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    Head { method: "GET", scheme: Scheme::Http, authority, path, query, lines }
}

/// A dice that nothing may ask.
pub(crate) fn no_dice(_: u32) -> u32 {
    panic!("chance was drawn where the outcome does not depend on it")
}
