//! Locality settings of load balancers: shares, fail-over, and that patterns do not overlap.

use propylon_model::destination_rule::{
    LocalityDistribute, LocalityFailover, LocalityLb, ZoneAwareLb,
};

use super::code;
use super::report::{Findings, Place};

/// Labels that say the same as `failover`.
const TOPOLOGY_LABELS: [&str; 3] =
    ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];
/// Region, zone, sub-zone.
const PARTS_MAX: usize = 3;
/// What the shares of one `distribute` entry add up to.
const SHARES_TOTAL: u64 = 100;

/// Checks locality settings. `outlier`: outlier detection stands beside them.
pub(super) fn check(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    setting: &LocalityLb,
    outlier: bool,
) {
    let LocalityLb { distribute, failover, failover_priority, enabled: _ } = setting;
    if !distribute.is_empty() && !failover.is_empty() {
        return out.error(
            code::CONFLICT,
            &place.key("failover"),
            "`distribute` and `failover` contradict each other",
            "keep one of them",
        );
    }
    if !failover.is_empty() {
        check_priority(out, place, failover_priority);
    }
    let list = place.key("distribute");
    for (position, entry) in distribute.iter().enumerate() {
        check_shares(out, &list.index(position), entry);
    }
    let from: Vec<&str> = distribute.iter().map(|entry| entry.from.as_str()).collect();
    check_overlap(out, &list, &from);
    needs_outlier(out, place, !failover.is_empty() || !failover_priority.is_empty(), outlier);
    check_failover(out, &place.key("failover"), failover);
}

/// Checks zone-aware settings.
pub(super) fn check_zones(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    setting: &ZoneAwareLb,
    outlier: bool,
) {
    let ZoneAwareLb { enabled: _, failover, failover_priority, min_cluster_size: _ } = setting;
    check_priority(out, place, failover_priority);
    needs_outlier(out, place, !failover.is_empty() || !failover_priority.is_empty(), outlier);
    check_failover(out, &place.key("failover"), failover);
}

fn needs_outlier(out: &mut Findings<'_>, place: &Place<'_>, fails_over: bool, outlier: bool) {
    if fails_over && !outlier {
        out.warning(
            code::LOCALITY,
            place,
            "without outlierDetection no endpoint is ever found failing, so nothing fails over",
            "add `outlierDetection: {consecutive5xxErrors: 5}` beside `loadBalancer`",
        );
    }
}

/// Topology is already ordered by `failover`, and by zone-awareness itself.
fn check_priority(out: &mut Findings<'_>, place: &Place<'_>, priority: &[String]) {
    let list = place.key("failoverPriority");
    for (position, label) in priority.iter().enumerate() {
        if TOPOLOGY_LABELS.contains(&label.as_str()) {
            out.error(
                code::CONFLICT,
                &list.index(position),
                format!(
                    "`{label}` in failoverPriority repeats what is already ordered by topology"
                ),
                "remove it, or remove `failover`",
            );
        }
    }
}

fn check_shares(out: &mut Findings<'_>, place: &Place<'_>, entry: &LocalityDistribute) {
    let LocalityDistribute { from: _, to } = entry;
    let here = place.key("to");
    for (locality, share) in to {
        if *share == 0 || u64::from(*share) > SHARES_TOTAL {
            out.error(
                code::LOCALITY,
                &here.key(locality),
                format!("a share of {share} is not between 1 and 100"),
                "write a number from 1 to 100, or remove the locality",
            );
        }
    }
    let total: u64 = to.values().map(|share| u64::from(*share)).sum();
    if total != SHARES_TOTAL {
        out.error(
            code::LOCALITY,
            &here,
            format!("the shares add up to {total}, not to 100"),
            "change them so that they add up to 100",
        );
    }
    let names: Vec<&str> = to.keys().map(String::as_str).collect();
    check_overlap(out, &here, &names);
}

fn check_failover(out: &mut Findings<'_>, list: &Place<'_>, failover: &[LocalityFailover]) {
    for (position, entry) in failover.iter().enumerate() {
        let LocalityFailover { from, to } = entry;
        let here = list.index(position);
        if from == to {
            out.error(
                code::LOCALITY,
                &here.key("to"),
                format!("region `{from}` cannot fail over to itself"),
                "name another region",
            );
        }
        for (field, region) in [("from", from), ("to", to)] {
            if region.contains(['/', '*']) {
                out.error(
                    code::LOCALITY,
                    &here.key(field),
                    format!("`{region}` is no region: fail-over knows no zones and no wildcards"),
                    format!("write `{}`", region.split('/').next().unwrap_or_default()),
                );
            }
        }
    }
}

/// Localities that cover each other would share traffic in no defined way.
fn check_overlap(out: &mut Findings<'_>, place: &Place<'_>, names: &[&str]) {
    for (position, name) in names.iter().enumerate() {
        let wild = name.matches('*').count();
        let parts = name.split('/').count();
        let empty = name.split('/').any(str::is_empty);
        if wild > 1 || (wild == 1 && !name.ends_with('*')) || parts > PARTS_MAX || empty {
            out.error(
                code::LOCALITY,
                place,
                format!("`{name}` is no locality"),
                "write `region/zone/subzone`, with one `*` at most, at the end",
            );
        } else if let Some(other) = names[..position].iter().find(|other| covers(other, name)) {
            out.error(
                code::LOCALITY,
                place,
                format!("localities `{other}` and `{name}` overlap"),
                "keep one of them, or make them exclude each other",
            );
        }
    }
}

/// True if one of two localities contains the other.
fn covers(a: &str, b: &str) -> bool {
    let wild = |part: &str| part == "*";
    let mut pairs = a.split('/').zip(b.split('/'));
    pairs.all(|(a, b)| a == b || wild(a) || wild(b))
}

#[cfg(test)]
mod tests;
