//! `/clusters`: every cluster with its endpoints, their health and load, and what bounds it. As
//! text and JSON it is Envoy's page; what Envoy has no field for stands under `propylon`.

use std::fmt::Write;

use propylon_proxy::{ClusterStatus, EndpointHealth, InUse, Load, Loads};
use propylon_snapshot::{
    Address, Availability, Cluster, Endpoint, Limits, Outlier, Snapshot, UpstreamProtocol,
};
use serde_json::{Value, json};

use crate::certificates::moment;

/// All clusters at one moment.
pub(super) struct Clusters<'a> {
    /// What is served.
    pub(super) snapshot: &'a Snapshot,
    /// What the control side knows.
    pub(super) statuses: &'a [ClusterStatus],
    /// What workers know.
    pub(super) loads: &'a Loads,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// One cluster.
struct Seen<'a> {
    status: &'a ClusterStatus,
    settings: Option<&'a Cluster>,
    hosts: Vec<Host>,
    now: i64,
}

/// One endpoint.
struct Host {
    endpoint: Endpoint,
    health: EndpointHealth,
    load: Load,
}

impl Clusters<'_> {
    /// The page as text: Envoy's lines `cluster::address::key::value`, with our counters of each
    /// cluster.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.seen().for_each(|cluster| cluster.text(&mut text));
        text
    }

    /// The page as JSON: Envoy's `admin.v3.Clusters`.
    pub(super) fn json(&self) -> Value {
        json!({ "cluster_statuses": self.seen().map(|cluster| cluster.json()).collect::<Vec<_>>() })
    }

    fn seen(&self) -> impl Iterator<Item = Seen<'_>> {
        self.statuses.iter().map(|status| {
            let mut settings = self.snapshot.clusters.iter();
            let settings = settings.find(|cluster| cluster.name == status.name);
            Seen { status, settings, hosts: self.hosts(status), now: self.now }
        })
    }

    fn hosts(&self, status: &ClusterStatus) -> Vec<Host> {
        let load = |address: &Address| self.loads.of(&status.name, address);
        let known = status.endpoints.iter().zip(&status.states).map(|(endpoint, health)| {
            let load = load(&endpoint.address);
            Host { endpoint: endpoint.clone(), health: *health, load }
        });
        let mut hosts: Vec<Host> = known.collect();
        // Those that were asked for are no part of the configuration.
        for address in self.loads.endpoints(&status.name) {
            if !status.endpoints.iter().any(|endpoint| endpoint.address == *address) {
                hosts.push(Host {
                    load: load(address),
                    endpoint: Endpoint::at(address.clone()),
                    health: EndpointHealth::default(),
                });
            }
        }
        hosts
    }
}

impl Seen<'_> {
    fn limits(&self) -> Limits {
        self.settings.map(|cluster| cluster.limits).unwrap_or_default()
    }

    /// What is in use: as the bound counts it, else as workers do.
    fn in_use(&self) -> [(&'static str, Option<u32>, Option<u64>); 4] {
        let Limits { connections, pending, requests, retries, .. } = self.limits();
        let InUse { connections: open, pending: waiting, requests: running, retries: again } =
            self.status.used;
        let sum = |of: fn(&Load) -> u64| self.hosts.iter().map(|host| of(&host.load)).sum();
        let either = |bound: Option<u32>, counted: u32, summed: u64| {
            Some(if bound.is_some() { counted.into() } else { summed })
        };
        [
            ("connections", connections, either(connections, open, sum(|load| load.connections))),
            ("pending_requests", pending, either(pending, waiting, sum(|load| load.waiting))),
            ("requests", requests, either(requests, running, sum(|load| load.requests))),
            // Nobody counts retries that nothing bounds.
            ("retries", retries, retries.map(|_| again.into())),
        ]
    }

    fn text(&self, text: &mut String) {
        // Writing to a text cannot fail, here and below.
        let name = &self.status.name;
        let _ = writeln!(text, "{name}::observability_name::{name}");
        for (what, bound, _) in self.in_use() {
            let bound = bound.unwrap_or(u32::MAX);
            let _ = writeln!(text, "{name}::default_priority::max_{what}::{bound}");
        }
        for (counter, value) in &self.status.counters {
            let _ = writeln!(text, "{name}::{counter}::{value}");
        }
        for host in &self.hosts {
            let Endpoint {
                address,
                weight,
                locality,
                priority,
                ready,
                stands_for: _,
                plaintext: _,
            } = &host.endpoint;
            let address = short(address);
            let mut line = |key: &str, value: &dyn std::fmt::Display| {
                let _ = writeln!(text, "{name}::{address}::{key}::{value}");
            };
            for (key, _, value) in stats(&host.load) {
                line(key, &value);
            }
            let flags = match (host.health.ejected, ready) {
                (true, true) => "/failed_outlier_check",
                (true, false) => "/failed_outlier_check/failed_eds_health",
                (false, true) => "healthy",
                (false, false) => "/failed_eds_health",
            };
            line("health_flags", &flags);
            line("weight", weight);
            line("region", &locality.region);
            line("zone", &locality.zone);
            line("sub_zone", &locality.subzone);
            line("priority", priority);
            if host.health.ejections > 0 {
                line("ejections", &host.health.ejections);
                line("ejection_cause", &host.health.cause.unwrap_or_default());
            }
        }
    }

    fn json(&self) -> Value {
        let name = &self.status.name;
        let counters = self.status.counters.iter().map(|(name, n)| ((*name).to_owned(), json!(n)));
        let thresholds = self
            .in_use()
            .map(|(what, bound, _)| (format!("max_{what}"), json!(bound.unwrap_or(u32::MAX))));
        let in_use = self
            .in_use()
            .map(|(what, bound, used)| (what.to_owned(), json!({ "used": used, "limit": bound })));
        json!({
            "name": name,
            "observability_name": name,
            "circuit_breakers": {
                "thresholds": [thresholds.into_iter().collect::<serde_json::Map<_, _>>()],
            },
            "host_statuses": self.hosts.iter().map(|host| self.host(host)).collect::<Vec<_>>(),
            "propylon": {
                "balancing": self.settings.map(|cluster| cluster.balance.to_string()),
                "protocol": self.settings.map(protocol),
                "closed": self.settings.and_then(closed),
                "in_use": in_use.into_iter().collect::<serde_json::Map<_, _>>(),
                "counters": counters.collect::<serde_json::Map<_, _>>(),
            },
        })
    }

    fn host(&self, host: &Host) -> Value {
        let Host { endpoint, health, load } = host;
        let Endpoint { address, weight, locality, priority, ready, stands_for: _, plaintext: _ } =
            endpoint;
        let stats = stats(load).map(|(name, gauge, value)| match gauge {
            true => json!({ "type": "GAUGE", "name": name, "value": value.to_string() }),
            false => json!({ "name": name, "value": value.to_string() }),
        });
        let mut state =
            json!({ "eds_health_status": if *ready { "HEALTHY" } else { "UNHEALTHY" } });
        if health.ejected {
            state["failed_outlier_check"] = json!(true);
        }
        json!({
            "address": machine(address),
            "stats": stats,
            "health_status": state,
            "weight": weight,
            "priority": priority,
            "locality": {
                "region": locality.region, "zone": locality.zone, "sub_zone": locality.subzone
            },
            "propylon": {
                "address": short(address),
                "ready": ready,
                "healthy": *ready && !health.ejected,
                "ejections": health.ejections,
                "ejection": health.ejected.then(|| self.ejection(health)),
                "unused_connections": load.unused,
            },
        })
    }

    /// Why an endpoint is out, since when, and until when at least.
    fn ejection(&self, health: &EndpointHealth) -> Value {
        let seconds = |time: std::time::Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let since = health.since.map(|since| moment::text(self.now.saturating_sub(seconds(since))));
        let until = health.left.map(|left| moment::text(self.now.saturating_add(seconds(left))));
        let rules = self.settings.and_then(|cluster| cluster.outlier.as_deref());
        let rule = health.cause.zip(rules).and_then(|(cause, rules)| rule(cause, rules));
        json!({
            "cause": health.cause,
            "rule": rule,
            "since": since,
            "until": until,
            "seconds_left": health.left.map(|left| left.as_secs()),
        })
    }
}

/// The field of a DestinationRule that ejected an endpoint, and what it means.
fn rule(cause: &str, rules: &Outlier) -> Option<String> {
    let failures = match rules.statuses.as_ref() {
        [] => "responses with 5xx".to_owned(),
        listed => {
            let listed: Vec<String> = listed.iter().map(ToString::to_string).collect();
            format!("responses with {}", listed.join(", "))
        }
    };
    let others = if rules.local_errors.is_none() { " or none at all" } else { "" };
    Some(match cause {
        "consecutive_5xx" => {
            let most = rules.server_errors?;
            format!("consecutive5xxErrors {most}: {most} {failures}{others} in a row")
        }
        "consecutive_gateway_failure" => {
            let most = rules.gateway_errors?;
            format!(
                "consecutiveGatewayErrors {most}: {most} responses with 502, 503 or 504{others} in \
                 a row"
            )
        }
        "consecutive_local_origin_failure" => {
            let most = rules.local_errors?;
            format!(
                "consecutiveLocalOriginFailures {most}: {most} failures to connect or to get a \
                 response in a row"
            )
        }
        _ => return None,
    })
}

/// Envoy's counts of an endpoint: name, whether it is a gauge, value.
fn stats(load: &Load) -> [(&'static str, bool, u64); 9] {
    let Load {
        connections,
        unused: _,
        requests,
        waiting,
        connections_total,
        connections_failed,
        requests_total,
        requests_succeeded,
        requests_failed,
        requests_late,
    } = *load;
    [
        ("cx_active", true, connections),
        ("cx_connect_fail", false, connections_failed),
        ("cx_total", false, connections_total),
        ("rq_active", true, requests),
        ("rq_error", false, requests_failed),
        ("rq_pending_active", true, waiting),
        ("rq_success", false, requests_succeeded),
        ("rq_timeout", false, requests_late),
        ("rq_total", false, requests_total),
    ]
}

fn protocol(cluster: &Cluster) -> String {
    let spoken = match cluster.protocol {
        UpstreamProtocol::Http1 => "HTTP/1.1",
        UpstreamProtocol::Http2(_) => "HTTP/2",
        UpstreamProtocol::AsClient(_) => "as the client speaks",
    };
    let tls = match cluster.tls {
        Some(_) if cluster.discovery.has_plaintext() => ", TLS with endpoints that speak it",
        Some(_) => ", TLS",
        None => "",
    };
    format!("{spoken}{tls}")
}

fn closed(cluster: &Cluster) -> Option<&str> {
    match &cluster.availability {
        Availability::Open => None,
        Availability::Closed(why) => Some(why),
    }
}

/// An address as Envoy writes it.
fn short(address: &Address) -> String {
    match address {
        Address::Ip(address) => address.to_string(),
        Address::Unix(path) => path.display().to_string(),
        Address::Abstract(name) => format!("@{name}"),
    }
}

fn machine(address: &Address) -> Value {
    match address {
        Address::Ip(address) => json!({
            "socket_address": { "address": address.ip().to_string(), "port_value": address.port() }
        }),
        Address::Unix(_) | Address::Abstract(_) => json!({ "pipe": { "path": short(address) } }),
    }
}

#[cfg(test)]
mod tests;
