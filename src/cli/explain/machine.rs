//! An explanation for programs: one JSON object, the same facts as the text for people.

use propylon_snapshot::{Forward, Rule};
use serde_json::{Value, json};

use super::outlook::{Branch, Outlook, abort_status};
use super::{Findings, nearest};
use crate::cli::describe;
use crate::place::{Places, origin_text};

/// The whole explanation.
pub(super) fn render(findings: &Findings<'_>, places: &mut Places) -> Value {
    let Findings { request, head, snapshot, listener, explanation, outlook, problems } = findings;
    let rules: Vec<Value> = explanation
        .tried
        .iter()
        .map(|tried| {
            let why = tried.mismatches.iter();
            let why = why.map(|m| describe::mismatch(m, &tried.rule.matcher, head));
            let mut rule = rule(findings, tried.rule, places);
            rule["matched"] = json!(tried.mismatches.is_empty());
            rule["why"] = json!(why.collect::<Vec<_>>());
            rule
        })
        .collect();
    let nearest = nearest(explanation).map(|tried| rule(findings, tried.rule, places));
    let nearest_hosts: Vec<&str> =
        explanation.nearest_hosts.iter().map(|host| &*host.domain).collect();
    let mut positions = propylon_source::file::Positions::new();
    let problems: Vec<Value> = problems.iter().map(|p| positions.render_json(p)).collect();
    json!({
        "request": {
            "method": request.method,
            "scheme": request.scheme.as_str(),
            "authority": request.authority,
            "path": head.path,
            "query": request.query,
        },
        "listener": {
            "bind": listener.bind.to_string(),
            "port": listener.port,
            "origin": origin_text(snapshot, listener.origin),
        },
        "host": explanation.decision.host.map(|host| &*host.domain),
        "nearestHosts": nearest_hosts,
        "rules": rules,
        "nearestRule": nearest,
        "outcome": outcome(findings, outlook),
        "served": outlook.served(),
        "problems": problems,
    })
}

fn rule(findings: &Findings<'_>, rule: &Rule, places: &mut Places) -> Value {
    let place = places.origin(findings.snapshot, rule.origin);
    json!({
        "name": rule.name,
        "origin": origin_text(findings.snapshot, rule.origin),
        "file": place.as_ref().map(|place| place.path.display().to_string()),
        "line": place.as_ref().map(|place| place.line),
        "match": describe::matcher(&rule.matcher),
    })
}

fn outcome(findings: &Findings<'_>, outlook: &Outlook<'_>) -> Value {
    match outlook {
        Outlook::Forwarded { rule, forward, branches } => {
            forwarded(findings, rule, forward, branches)
        }
        Outlook::Redirected { status, location } => {
            json!({ "kind": "redirect", "status": status, "location": location })
        }
        Outlook::Answered(response) => {
            json!({ "kind": "respond", "status": response.status, "bytes": response.body.len() })
        }
        Outlook::Preflight { allowed } => {
            json!({ "kind": "preflight", "status": 200, "allowed": allowed })
        }
        Outlook::Aborted(abort) => json!({ "kind": "abort", "status": abort_status(abort) }),
        Outlook::Refused(reason) => json!({
            "kind": "refuse",
            "status": reason.status(),
            "flag": reason.flag(),
            "detail": reason.detail(),
        }),
    }
}

fn forwarded(
    findings: &Findings<'_>,
    rule: &Rule,
    forward: &Forward,
    branches: &[Branch<'_>],
) -> Value {
    let path = forward.path.as_ref().map(|path| {
        let mut to = String::new();
        path.apply(&rule.matcher, findings.head.path, &mut to);
        to
    });
    let destinations: Vec<Value> = branches
        .iter()
        .map(|branch| {
            let Branch { destination, cluster, fails } = branch;
            json!({
                "target": describe::target(&destination.target, findings.snapshot),
                "cluster": cluster.map(|cluster| &*cluster.name),
                "weight": destination.weight,
                "balance": cluster.map(|cluster| cluster.balance.to_string()),
                "endpoints": cluster.map(describe::endpoints).unwrap_or_default(),
                "fails": fails.as_ref().map(|(reason, why)| json!({
                    "status": reason.status(),
                    "flag": reason.flag(),
                    "why": why,
                })),
            })
        })
        .collect();
    let mirrors: Vec<String> =
        forward.mirrors.iter().map(|m| describe::target(&m.target, findings.snapshot)).collect();
    json!({
        "kind": "forward",
        "path": path,
        "authority": forward.authority,
        "requestHeaders": describe::header_ops(&rule.headers.request),
        "responseHeaders": describe::header_ops(&rule.headers.response),
        "destinations": destinations,
        "mirrors": mirrors,
        "timeout": forward.timeout.map(describe::duration),
        "retries": describe::retries(forward.retry.as_ref()),
        "cors": rule.cors.is_some(),
        "fault": rule.fault.is_some(),
    })
}
