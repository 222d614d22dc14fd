//! What changed between two snapshots, as counts of things people configure.
//! Ids are resolved before anything is compared: they shift whenever an object comes or goes.
//! It makes a handful of short phrases, however much changed; it does not print them.

mod hosts;
mod routes;
mod servers;

use std::collections::{BTreeMap, BTreeSet};

use propylon_snapshot::{
    Cluster, Discovery, Endpoint, Listener, Serves, Snapshot, Target, TcpRoute, Then,
};

/// What changed between two snapshots, in the words of the reload line: `+1 route`, `-2 hosts`,
/// `1 route changed`, `endpoints of reviews.default changed: 2 -> 3`. Empty where requests cannot
/// tell the two apart.
#[must_use]
pub fn summary(old: &Snapshot, new: &Snapshot) -> Vec<String> {
    let mut phrases = Vec::new();
    let (before, after) = (listeners(old), listeners(new));
    differences("listener", &before, &after, |a, b| a == b, &mut phrases);
    servers::changes(old, new, &mut phrases);
    hosts::changes(old, new, &mut phrases);
    routes::changes(old, new, &mut phrases);
    let (before, after) = (clusters(old), clusters(new));
    differences("cluster", &before, &after, |a, b| same_settings(a, b), &mut phrases);
    endpoints(&before, &after, &mut phrases);
    if old.http != new.http || old.dns_refresh != new.dns_refresh {
        phrases.push("mesh settings changed".to_owned());
    }
    match (old.proxy_protocol, new.proxy_protocol) {
        (false, true) => phrases.push("PROXY protocol headers required".to_owned()),
        (true, false) => phrases.push("no PROXY protocol headers any more".to_owned()),
        (false, false) | (true, true) => {}
    }
    match (old.closed, new.closed) {
        (false, true) => phrases.push("closed by an unenforced policy".to_owned()),
        (true, false) => phrases.push("open again".to_owned()),
        (false, false) | (true, true) => {}
    }
    phrases
}

/// Counts things by name: those that came, those that went, and those that are not the same.
fn differences<T>(
    what: &str,
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
    same: impl Fn(&T, &T) -> bool,
    phrases: &mut Vec<String>,
) {
    let added = new.keys().filter(|name| !old.contains_key(*name)).count();
    let removed = old.keys().filter(|name| !new.contains_key(*name)).count();
    let changed = old.iter().filter(|(name, a)| new.get(*name).is_some_and(|b| !same(a, b)));
    let changed: Vec<&str> = changed.map(|(name, _)| name.as_str()).collect();
    came(added, what, phrases);
    went(removed, what, phrases);
    match changed.as_slice() {
        [] => {}
        [one] => phrases.push(format!("{what} {one} changed")),
        several => phrases.push(format!("{} {what}s changed", several.len())),
    }
}

fn came(number: usize, what: &str, phrases: &mut Vec<String>) {
    if number > 0 {
        phrases.push(format!("+{}", counted(number, what)));
    }
}

fn went(number: usize, what: &str, phrases: &mut Vec<String>) {
    if number > 0 {
        phrases.push(format!("-{}", counted(number, what)));
    }
}

/// `1 route`, `2 routes`.
fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Every listener with its declared port and where it hands connections on to.
fn listeners(snapshot: &Snapshot) -> BTreeMap<String, (u16, Vec<String>)> {
    let named = |one: &Listener| (one.bind.to_string(), (one.port, connections(snapshot, one)));
    snapshot.listeners.iter().map(named).collect()
}

fn connections(snapshot: &Snapshot, listener: &Listener) -> Vec<String> {
    let route = |route: &TcpRoute| {
        let TcpRoute {
            destinations,
            idle_timeout,
            duration,
            stat_prefix,
            protocol,
            hash_source,
            tunnel,
            origin: _,
        } = route;
        let names = destinations.iter().map(|one| match &one.target {
            Target::Cluster(id) => (&*snapshot.cluster(*id).name, one.weight),
            Target::Missing(name) => (&**name, one.weight),
        });
        let names = names.collect::<Vec<_>>();
        let times = (idle_timeout, duration);
        format!("{names:?} {times:?} {stat_prefix} {protocol:?} {hash_source} {tunnel:?}")
    };
    match &listener.serves {
        Serves::Http(_) => Vec::new(),
        Serves::Tcp(one) => vec![route(one)],
        Serves::Captured(outbound) | Serves::Proxy(outbound) => {
            let routes = outbound.routes();
            routes.map(|(one, names, it)| format!("{} {names:?} {}", one.name, route(it))).collect()
        }
        Serves::Tls(names) => {
            let chains = names.chains().iter();
            let handed_on = chains.filter_map(|chain| match &chain.then {
                Then::Http(_) => None,
                Then::Tcp(one) => Some(format!("{:?} {}", chain.names, route(one))),
            });
            handed_on.collect()
        }
    }
}

fn clusters(snapshot: &Snapshot) -> BTreeMap<String, &Cluster> {
    snapshot.clusters.iter().map(|cluster| (short_name(&cluster.name), cluster)).collect()
}

/// `outbound|80|v1|a.default.svc.cluster.local` as people say it: `a.default port 80 subset v1`.
fn short_name(name: &str) -> String {
    let parts: Vec<&str> = name.splitn(4, '|').collect();
    let [_, port, subset, host] = parts.as_slice() else { return name.to_owned() };
    let service = short_host(host);
    let subset = if subset.is_empty() { String::new() } else { format!(" subset {subset}") };
    format!("{service} port {port}{subset}")
}

fn short_host(host: &str) -> &str {
    host.split_once(".svc.").map_or(host, |(service, _)| service)
}

/// True if two clusters differ in nothing but their endpoints.
fn same_settings(a: &Cluster, b: &Cluster) -> bool {
    // A new field of a cluster must be compared here or count as endpoints.
    let Cluster {
        name: _,
        discovery,
        balance,
        // Weights follow from the endpoints, except whether there are any at all.
        localities,
        warmup,
        protocol,
        tls,
        proxy_header,
        connect_timeout,
        idle_timeout,
        limits,
        outlier,
        availability,
    } = a;
    let same_discovery = match (discovery, &b.discovery) {
        (Discovery::Static(_), Discovery::Static(_)) => true,
        (Discovery::Dns { first_only: a, .. }, Discovery::Dns { first_only: b, .. }) => a == b,
        (Discovery::Asked(a), Discovery::Asked(b)) => a == b,
        (Discovery::Static(_), Discovery::Dns { .. } | Discovery::Asked(_))
        | (Discovery::Dns { .. }, Discovery::Static(_) | Discovery::Asked(_))
        | (Discovery::Asked(_), Discovery::Static(_) | Discovery::Dns { .. }) => false,
    };
    same_discovery
        && *balance == b.balance
        && localities.is_some() == b.localities.is_some()
        && *warmup == b.warmup
        && *protocol == b.protocol
        && *tls == b.tls
        && *proxy_header == b.proxy_header
        && *connect_timeout == b.connect_timeout
        && *idle_timeout == b.idle_timeout
        && *limits == b.limits
        && *outlier == b.outlier
        && *availability == b.availability
}

/// Names services whose endpoints changed, as long as they are few. The ports and subsets of one
/// service usually change together and are named once.
fn endpoints(
    old: &BTreeMap<String, &Cluster>,
    new: &BTreeMap<String, &Cluster>,
    phrases: &mut Vec<String>,
) {
    let mut changed = BTreeSet::new();
    for (name, before) in old {
        let Some(after) = new.get(name) else { continue };
        if before.discovery != after.discovery && same_settings(before, after) {
            let counts = match (number(before), number(after)) {
                (same, other) if same == other => format!("still {same}, other ones"),
                (fewer, more) => format!("{fewer} -> {more}"),
            };
            let service = name.split_once(" port ").map_or(name.as_str(), |(service, _)| service);
            let subset = name.split_once(" subset ").map(|(_, subset)| format!(" subset {subset}"));
            changed.insert((service, subset.unwrap_or_default(), counts));
        }
    }
    if changed.len() > SERVICES_NAMED_MAX {
        let services: BTreeSet<&str> = changed.iter().map(|(service, ..)| *service).collect();
        let services = counted(services.len(), "service");
        phrases.push(format!("endpoints of {services} changed"));
        return;
    }
    for (service, subset, counts) in changed {
        phrases.push(format!("endpoints of {service}{subset} changed: {counts}"));
    }
}

fn number(cluster: &Cluster) -> usize {
    let ready = |endpoints: &[Endpoint]| endpoints.iter().filter(|one| one.ready).count();
    match &cluster.discovery {
        Discovery::Static(endpoints) => ready(endpoints),
        Discovery::Dns { names, fixed, first_only: _ } => names.len() + ready(fixed),
        Discovery::Asked(_) => 0,
    }
}

/// Services whose endpoint counts are named one by one; beyond it the line would get too long.
const SERVICES_NAMED_MAX: usize = 2;

#[cfg(test)]
mod tests;
