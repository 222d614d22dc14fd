//! Balancers that cannot know what they need: places where the gateway's own is unknown, and the
//! original destination where no connection has one.

use propylon_model::destination_rule::{
    LbPolicy, LoadBalancer, LocalityLb, SimpleLb, TrafficPolicy,
};
use propylon_model::{DestinationRule, FieldPath, Object, Problem, Severity};
use propylon_snapshot::Locality;

use super::code;
use super::index::Index;
use crate::Role;
use crate::destinations::place::{Own, REGION, SUBZONE, ZONE};

/// Checks the balancers of rules and subsets.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    let options = index.view.options;
    let is_placed = Own::of(options).locality != Locality::default();
    for rule in &index.view.world.destination_rules {
        let own = &rule.meta.key.namespace;
        let host = index.complete(&rule.spec.host, own);
        if index.registry.find_for(&host, own).is_none() {
            continue;
        }
        for (field, balancer) in balancers(&rule.spec) {
            if !is_placed {
                check_place(rule, &field, balancer, out);
            }
            if options.role == Role::Gateway {
                check_destination(rule, &field, balancer, out);
            }
        }
    }
}

fn balancers(rule: &DestinationRule) -> Vec<(FieldPath, &LoadBalancer)> {
    let whole = rule.traffic_policy.iter();
    let whole = whole.map(|policy| (FieldPath::spec().key("trafficPolicy"), policy));
    let subsets = rule.subsets.iter().enumerate().filter_map(|(position, subset)| {
        let field = FieldPath::spec().key("subsets").index(position).key("trafficPolicy");
        Some((field, subset.traffic_policy.as_ref()?))
    });
    whole.chain(subsets).flat_map(|(field, policy)| of_policy(&field, policy)).collect()
}

fn of_policy<'p>(
    field: &FieldPath,
    policy: &'p TrafficPolicy,
) -> Vec<(FieldPath, &'p LoadBalancer)> {
    let own = policy.load_balancer.iter().map(|one| (field.key("loadBalancer"), one));
    let ports = policy.port_level_settings.iter().enumerate().filter_map(|(position, port)| {
        let field = field.key("portLevelSettings").index(position).key("loadBalancer");
        Some((field, port.load_balancer.as_ref()?))
    });
    own.chain(ports).collect()
}

/// True if the setting compares places with the gateway's.
fn compares(setting: &LocalityLb) -> bool {
    let LocalityLb { distribute, failover, failover_priority, enabled } = setting;
    let named = |one: &String| [REGION, ZONE, SUBZONE].contains(&one.as_str());
    *enabled != Some(false)
        && (!failover.is_empty()
            || failover_priority.iter().any(named)
            || distribute.iter().any(|one| one.from != "*"))
}

fn check_place(
    rule: &Object<DestinationRule>,
    field: &FieldPath,
    balancer: &LoadBalancer,
    out: &mut Vec<Problem>,
) {
    if !balancer.locality_lb_setting.as_ref().is_some_and(compares) {
        return;
    }
    let message = "it is not known where this gateway runs, so no endpoint is nearer than another";
    let field = field.key("localityLbSetting");
    let problem = Problem::of(Severity::Warning, code::PLACE, rule, field, message);
    out.push(problem.help("start it with `--locality REGION/ZONE`"));
}

fn check_destination(
    rule: &Object<DestinationRule>,
    field: &FieldPath,
    balancer: &LoadBalancer,
    out: &mut Vec<Problem>,
) {
    if balancer.policy != Some(LbPolicy::Simple(SimpleLb::Passthrough)) {
        return;
    }
    let message = "PASSTHROUGH sends requests where their connections were meant to go before they \
                   were captured; a gateway captures none, so as in Istio requests get 503";
    let field = field.key("simple");
    let problem = Problem::of(Severity::Warning, code::ORIGINAL, rule, field, message);
    out.push(problem.help("remove it, or write `simple: ROUND_ROBIN`"));
}

#[cfg(test)]
mod tests;
