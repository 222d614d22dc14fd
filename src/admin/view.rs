//! What is served, as JSON: `/config`, `/server_info`.
//! Reads the published state; keys and tokens are not part of it, so none can leave.

use std::time::{Duration, SystemTime};

use propylon_model::{Problem, Severity};
use propylon_snapshot::Listener;
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
