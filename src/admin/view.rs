//! What is served, as JSON and text: `/config`, `/clusters`, `/server_info`.
//! Reads the published state; keys and tokens are not part of it, so none can leave.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use propylon_model::{Problem, Severity};
use propylon_proxy::ClusterStatus;
use propylon_snapshot::{Address, Listener, Locality};
use propylon_source::file::Positions;
use serde_json::{Value, json};

use crate::place::origin_text;
use crate::report;
use crate::status::{Phase, Served};

/// Everything about the generation that is served: listeners, problems, and the compiled tables.
pub(super) fn config(served: &Served, problems: &[Problem]) -> Value {
    let snapshot = &served.snapshot;
    let mut positions = Positions::new();
    let count = |severity| problems.iter().filter(|p| p.severity == severity).count();
    json!({
        "generation": served.generation,
        "since": served.since.map(httpdate::fmt_http_date),
        "listeners": snapshot.listeners.iter().map(|l| listener(served, l)).collect::<Vec<_>>(),
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "problems": problems.iter().map(|p| positions.render_json(p)).collect::<Vec<_>>(),
        "snapshot": snapshot.dump(),
    })
}

fn listener(served: &Served, listener: &Listener) -> Value {
    let snapshot = &served.snapshot;
    let tables = || listener.tables().map(|table| snapshot.table(table));
    let hosts = tables().flat_map(|table| table.hosts().iter().map(|host| &*host.domain));
    let status = served.listeners.iter().find(|status| status.bind == listener.bind);
    let outcome = status.map(|status| &status.outcome);
    json!({
        "bind": listener.bind.to_string(),
        "also": listener.also.as_ref().map(ToString::to_string),
        "bound": outcome.and_then(|o| o.as_ref().ok()).map(ToString::to_string),
        "error": outcome.and_then(|o| o.as_ref().err()).map(ToString::to_string),
        "port": listener.port,
        "protocol": report::protocol(listener),
        "tables": tables().map(|table| &*table.name).collect::<Vec<_>>(),
        "hosts": hosts.collect::<Vec<_>>(),
        "routes": tables().map(report::rules).sum::<usize>(),
        "origin": origin_text(snapshot, listener.origin),
    })
}

/// Clusters with their endpoints and counters, in the `cluster::address::key::value` lines of
/// Envoy.
pub(super) fn clusters(clusters: &[ClusterStatus]) -> String {
    let mut text = String::new();
    for cluster in clusters {
        let name = &cluster.name;
        for (counter, value) in &cluster.counters {
            let _ = writeln!(text, "{name}::{counter}::{value}");
        }
        for (endpoint, health) in cluster.endpoints.iter().zip(&cluster.states) {
            let flags = match (health.ejected, endpoint.ready) {
                (true, true) => "/failed_outlier_check",
                (true, false) => "/failed_outlier_check/failed_eds_health",
                (false, true) => "healthy",
                (false, false) => "/failed_eds_health",
            };
            let address = address(&endpoint.address);
            let _ = writeln!(text, "{name}::{address}::weight::{}", endpoint.weight);
            let _ = writeln!(text, "{name}::{address}::health_flags::{flags}");
            if health.ejections > 0 {
                let (times, cause) = (health.ejections, health.cause.unwrap_or_default());
                let _ = writeln!(text, "{name}::{address}::ejections::{times}");
                let _ = writeln!(text, "{name}::{address}::ejection_cause::{cause}");
            }
            let _ = writeln!(text, "{name}::{address}::priority::{}", endpoint.priority);
            let locality = &endpoint.locality;
            for (key, value) in [
                ("region", &locality.region),
                ("zone", &locality.zone),
                ("sub_zone", &locality.subzone),
            ] {
                let _ = writeln!(text, "{name}::{address}::{key}::{value}");
            }
        }
    }
    text
}

/// The same as JSON.
pub(super) fn clusters_json(clusters: &[ClusterStatus]) -> Value {
    let one = |cluster: &ClusterStatus| {
        let endpoints = cluster.endpoints.iter().zip(&cluster.states).map(|(endpoint, health)| {
            json!({
                "address": address(&endpoint.address),
                "weight": endpoint.weight,
                "priority": endpoint.priority,
                "locality": locality(&endpoint.locality),
                "healthy": endpoint.ready && !health.ejected,
                "ejections": health.ejections,
                "cause": health.cause,
                "ejected_for_s": health.since.map(|since| since.as_secs()),
            })
        });
        let counters = cluster.counters.iter().map(|(name, n)| ((*name).to_owned(), json!(n)));
        json!({
            "name": cluster.name,
            "endpoints": endpoints.collect::<Vec<_>>(),
            "counters": counters.collect::<serde_json::Map<_, _>>(),
        })
    };
    json!({ "clusters": clusters.iter().map(one).collect::<Vec<_>>() })
}

/// `region/zone/subzone`.
fn locality(locality: &Locality) -> String {
    let Locality { region, zone, subzone } = locality;
    format!("{region}/{zone}/{subzone}").trim_end_matches('/').to_owned()
}

fn address(address: &Address) -> String {
    match address {
        Address::Ip(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
        Address::Abstract(name) => format!("unix:@{name}"),
    }
}

/// Version, state and age of the process.
pub(super) fn server_info(phase: Phase, uptime: Duration, now: SystemTime) -> Value {
    json!({
        "version": format!("propylon/{}", env!("CARGO_PKG_VERSION")),
        "state": phase.envoy_name(),
        "uptime_all_epochs": format!("{}s", uptime.as_secs()),
        "now": httpdate::fmt_http_date(now),
        "pid": std::process::id(),
    })
}

#[cfg(test)]
mod tests;
