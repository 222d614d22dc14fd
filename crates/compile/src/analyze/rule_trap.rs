//! DestinationRules that another one overrules, and settings of ports that drop those of the rule.

use propylon_model::destination_rule::{PortTrafficPolicy, TrafficPolicy};
use propylon_model::{DestinationRule, FieldPath, Object, Problem, Severity};

use super::code;
use super::index::{Index, Reach};
use super::uses::Use;
use crate::Role;
use crate::destinations::destination_rule::Merged;
use crate::host::is_wildcard;
use crate::visibility;

/// Checks all DestinationRules.
pub(super) fn check(index: &Index<'_, '_>, uses: &[Use<'_>], out: &mut Vec<Problem>) {
    let sidecar = matches!(index.view.options.role, Role::Sidecar(_));
    // A sidecar reaches services without routes as well.
    let reached =
        |host: &str| sidecar || uses.iter().any(|one| one.reach == Reach::Here && one.host == host);
    for rule in &index.view.world.destination_rules {
        if let Some(policy) = &rule.spec.traffic_policy {
            check_ports(rule, &FieldPath::spec().key("trafficPolicy"), policy, out);
        }
        let own = &rule.meta.key.namespace;
        let host = index.complete(&rule.spec.host, own);
        // Rules for chosen workloads hold elsewhere; wildcards may hold for another service.
        if is_wildcard(&host) || rule.spec.workload_selector.is_some() {
            continue;
        }
        let Some(service) = index.registry.find_for(&host, own) else { continue };
        match index.rules.find(&service.host, service.namespace) {
            Some(merged) => check_overruled(index, rule, merged, out),
            // Rules of third namespaces are for their own workloads. A gateway that sends nothing
            // there need not know: an egress gateway's own service has such rules.
            None if !reached(&service.host) => {}
            None => {
                let message = "this DestinationRule does not hold at this gateway";
                let field = FieldPath::spec().key("host");
                let problem = Problem::of(Severity::Info, code::OVERRULED, rule, field, message);
                out.push(problem.help(apart_advice(index, rule, service.namespace)));
            }
        }
    }
}

fn check_ports(
    rule: &Object<DestinationRule>,
    place: &FieldPath,
    policy: &TrafficPolicy,
    out: &mut Vec<Problem>,
) {
    let whole = [
        ("loadBalancer", policy.load_balancer.is_some()),
        ("connectionPool", policy.connection_pool.is_some()),
        ("outlierDetection", policy.outlier_detection.is_some()),
        ("tls", policy.tls.is_some()),
    ];
    for (position, port) in policy.port_level_settings.iter().enumerate() {
        let PortTrafficPolicy {
            port: number,
            load_balancer,
            connection_pool,
            outlier_detection,
            tls,
        } = port;
        let own = [
            load_balancer.is_some(),
            connection_pool.is_some(),
            outlier_detection.is_some(),
            tls.is_some(),
        ];
        let dropped: Vec<_> = whole
            .iter()
            .zip(own)
            .filter(|((_, set), own)| *set && !own)
            .map(|((name, _), _)| *name)
            .collect();
        if dropped.is_empty() {
            continue;
        }
        let number = number.as_ref().map_or(0, |port| port.number);
        let message = format!(
            "settings of a port replace those of the rule: on port {number} {} of the rule {} not \
             apply",
            dropped.join(", "),
            if dropped.len() == 1 { "does" } else { "do" }
        );
        let field = place.key("portLevelSettings").index(position);
        let problem = Problem::of(Severity::Warning, code::PORT_SETTINGS, rule, field, message);
        out.push(problem.help(format!("repeat {} here", dropped.join(", "))));
    }
}

fn check_overruled(
    index: &Index<'_, '_>,
    rule: &Object<DestinationRule>,
    merged: &Merged<'_>,
    out: &mut Vec<Problem>,
) {
    let ours = |object: &Object<DestinationRule>| object.meta.key == rule.meta.key;
    let policy = merged.policy.as_ref();
    let takes_part = policy.is_some_and(|policy| ours(policy.object))
        || merged.subsets.iter().any(|subset| ours(subset.object));
    let first = policy.map(|one| one.object).or(merged.subsets.first().map(|one| one.object));
    let Some(winner) = first else { return };
    if rule.spec.traffic_policy.is_none() && rule.spec.subsets.is_empty() {
        return;
    }
    let same_namespace = winner.meta.key.namespace == rule.meta.key.namespace;
    if !takes_part && !same_namespace {
        let message = format!(
            "{} holds for this host at this gateway, so nothing of this DestinationRule applies",
            winner.meta.key
        );
        let field = FieldPath::spec().key("host");
        let problem = Problem::of(Severity::Warning, code::OVERRULED, rule, field, message)
            .help(replaced_advice(index, rule, &winner.meta.key.namespace))
            .note(winner, FieldPath::spec().key("host"), "this rule holds");
        return out.push(problem);
    }
    let written = rule.spec.traffic_policy.is_some();
    if let Some(policy) = policy.filter(|one| written && same_namespace && !ours(one.object)) {
        let message = format!(
            "the trafficPolicy of {} holds for this host, so this one does not apply",
            policy.object.meta.key
        );
        let field = FieldPath::spec().key("trafficPolicy");
        let problem = Problem::of(Severity::Warning, code::OVERRULED, rule, field, message)
            .help("of several DestinationRules of one host the oldest policy counts: merge them")
            .note(policy.object, policy.field.clone(), "this policy holds");
        out.push(problem);
    }
    for (position, subset) in rule.spec.subsets.iter().enumerate() {
        let Some(held) =
            merged.subset(&subset.name).filter(|one| same_namespace && !ours(one.object))
        else {
            continue;
        };
        let message = format!(
            "subset `{}` is already defined by {}, so this one does not apply",
            subset.name, held.object.meta.key
        );
        let field = FieldPath::spec().key("subsets").index(position).key("name");
        let problem = Problem::of(Severity::Warning, code::OVERRULED, rule, field, message)
            .help("give it another name, or remove one of the two")
            .note(held.object, held.field.clone(), "this subset holds");
        out.push(problem);
    }
}

/// Where a rule must be that `first`'s namespace overrules.
fn replaced_advice(index: &Index<'_, '_>, rule: &Object<DestinationRule>, first: &str) -> String {
    if !hidden(index, rule) && *first == *index.view.namespace() {
        return "rules of the gateway's namespace replace those of the service's: merge them"
            .to_owned();
    }
    apart_advice(index, rule, first)
}

/// Where a rule must be to hold here for a service of namespace `first`.
fn apart_advice(index: &Index<'_, '_>, rule: &Object<DestinationRule>, first: &str) -> String {
    let view = index.view;
    let (own, here) = (&*rule.meta.key.namespace, view.namespace());
    if hidden(index, rule) {
        return format!("its `exportTo` hides it from namespace {here}: add `{here}` there");
    }
    if own == view.mesh.root_namespace() {
        return format!("rules of the service's namespace come first: merge them in {first}");
    }
    let place = if *first == *here { here.to_owned() } else { format!("{first} or {here}") };
    format!("rules of namespace {own} are for its own workloads: put it into {place}")
}

fn hidden(index: &Index<'_, '_>, rule: &Object<DestinationRule>) -> bool {
    let view = index.view;
    let defaults = view.mesh.destination_rule_export_to();
    let own = &rule.meta.key.namespace;
    visibility::of(&rule.spec.export_to, defaults, own, view.namespace()).is_none()
}

#[cfg(test)]
mod tests;
