//! One cluster of an admin page as people read it: what bounds it, then a line for each endpoint.

use serde_json::Value;

use crate::cli::out;

/// A cluster with its endpoints.
pub(super) fn cluster(cluster: &Value) -> String {
    let ours = &cluster["propylon"];
    let hosts = cluster["host_statuses"].as_array().map_or(&[][..], Vec::as_slice);
    let healthy = hosts.iter().filter(|host| is_healthy(host)).count();
    let health = match (hosts.len(), healthy) {
        (0, _) => "no endpoint".to_owned(),
        (all, healthy) if all == healthy => format!("{} healthy", endpoints(all)),
        (all, healthy) => format!("{healthy} of {} healthy", endpoints(all)),
    };
    let named = ["balancing", "protocol"].map(|key| text(&ours[key]));
    let about: Vec<&str> = named.iter().map(String::as_str).filter(|one| !one.is_empty()).collect();
    let mut shown = format!("{}  {health}", text(&cluster["name"]));
    if !about.is_empty() {
        shown.push_str(&format!("  {}", about.join(", ")));
    }
    shown.push('\n');
    if let Some(why) = ours["closed"].as_str() {
        shown.push_str(&format!("  closed: {why}\n"));
    }
    let in_use = in_use(&ours["in_use"]);
    if !in_use.is_empty() {
        shown.push_str(&format!("  in use: {in_use}\n"));
    }
    let rows: Vec<Vec<String>> = hosts.iter().map(host).collect();
    for (line, host) in out::table(&rows).lines().zip(hosts) {
        shown.push_str(&format!("  {line}\n"));
        if let Some(why) = ejection(&host["propylon"]) {
            shown.push_str(&format!("    {why}\n"));
        }
    }
    shown
}

/// `3 of 10 connections, 2 requests`: what is in use, and what bounds it.
fn in_use(used: &Value) -> String {
    let words = ["connections", "pending_requests", "requests", "retries"].map(|what| {
        let name = if what == "pending_requests" { "waiting requests" } else { what };
        let (now, most) = (used[what]["used"].as_u64(), used[what]["limit"].as_u64());
        match (now, most) {
            (Some(now), Some(most)) => Some(format!("{now} of {most} {name}")),
            (Some(1), None) => Some(format!("1 {}", name.trim_end_matches('s'))),
            (Some(now), None) if now > 0 => Some(format!("{now} {name}")),
            _ => None,
        }
    });
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn host(host: &Value) -> Vec<String> {
    let ours = &host["propylon"];
    let count = |name: &str| stat(host, name);
    let connections = match ours["unused_connections"].as_u64().unwrap_or_default() {
        0 => counted(count("cx_active"), "connection"),
        unused => format!("{} ({unused} unused)", counted(count("cx_active"), "connection")),
    };
    let mut done = format!("{} under way, {} in all", count("rq_active"), count("rq_total"));
    if count("rq_error") > 0 {
        done.push_str(&format!(", {} failed", count("rq_error")));
    }
    if count("cx_connect_fail") > 0 {
        let failed = counted(count("cx_connect_fail"), "connection");
        done.push_str(&format!(", {failed} not made"));
    }
    vec![
        text(&ours["address"]),
        format!("weight {}", host["weight"].as_u64().unwrap_or(1)),
        place(host),
        state(ours),
        connections,
        done,
    ]
}

fn state(ours: &Value) -> String {
    let before = ours["ejections"].as_u64().unwrap_or_default();
    match (ours["ejection"].is_null(), before) {
        _ if ours["ready"] == false => "NOT READY".to_owned(),
        (false, _) => "EJECTED".to_owned(),
        (true, 0) => "healthy".to_owned(),
        (true, times) => format!("healthy, {} before", counted(times, "ejection")),
    }
}

/// Why an endpoint is out, since when, and until when.
fn ejection(ours: &Value) -> Option<String> {
    let ejection = Some(&ours["ejection"]).filter(|ejection| !ejection.is_null())?;
    let mut shown = format!("since {}", text(&ejection["since"]));
    if let Some(until) = ejection["until"].as_str() {
        shown.push_str(&format!(", until {until} or the sweep after"));
    }
    let why = [&ejection["rule"], &ejection["cause"]].map(text);
    let why = why.iter().find(|why| !why.is_empty());
    shown.push_str(&why.map(|why| format!(": {why}")).unwrap_or_default());
    let before = ours["ejections"].as_u64().filter(|times| *times > 1);
    if let Some(times) = before {
        shown.push_str(&format!(" ({} so far)", counted(times, "ejection")));
    }
    Some(shown)
}

/// `eu/a`, or `us, priority 1` where others come first.
fn place(host: &Value) -> String {
    let parts = ["region", "zone", "sub_zone"].map(|part| text(&host["locality"][part]));
    let locality = parts.join("/").trim_end_matches('/').to_owned();
    let priority = host["priority"].as_u64().filter(|priority| *priority > 0);
    let priority = priority.map(|priority| format!("priority {priority}"));
    let parts = Some(locality).filter(|text| !text.is_empty()).into_iter().chain(priority);
    parts.collect::<Vec<_>>().join(", ")
}

fn is_healthy(host: &Value) -> bool {
    host["propylon"]["healthy"].as_bool().unwrap_or(true)
}

fn stat(host: &Value, name: &str) -> u64 {
    let stats = host["stats"].as_array().map_or(&[][..], Vec::as_slice);
    let stat = stats.iter().find(|stat| stat["name"] == name);
    stat.and_then(|stat| stat["value"].as_str()?.parse().ok()).unwrap_or_default()
}

fn endpoints(count: usize) -> String {
    counted(count as u64, "endpoint")
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
