//! DestinationRule fields without effect yet. TLS is not among them: a destination that asks for it
//! is closed and reported where it is used.

use propylon_model::destination_rule::{
    LoadBalancer, PortTrafficPolicy, RetryBudget, Subset, TrafficPolicy, ZoneAwareLb,
};
use propylon_model::{DestinationRule, FieldPath, Object};

use super::fields;
use crate::problems::{Problems, code};

/// Reports one rule.
pub(super) fn report(object: &Object<DestinationRule>, problems: &mut Problems) {
    let DestinationRule { host: _, traffic_policy, subsets, export_to: _, workload_selector: _ } =
        &object.spec;
    if let Some(policy) = traffic_policy {
        self::policy(object, policy, &FieldPath::spec().key("trafficPolicy"), problems);
    }
    for (position, subset) in subsets.iter().enumerate() {
        let Subset { name: _, labels: _, traffic_policy } = subset;
        if let Some(policy) = traffic_policy {
            let place = FieldPath::spec().key("subsets").index(position).key("trafficPolicy");
            self::policy(object, policy, &place, problems);
        }
    }
}

fn policy(
    object: &Object<DestinationRule>,
    policy: &TrafficPolicy,
    place: &FieldPath,
    problems: &mut Problems,
) {
    let TrafficPolicy {
        load_balancer,
        connection_pool: _,
        outlier_detection: _,
        tls: _,
        port_level_settings,
        tunnel: _,
        proxy_protocol: _,
        retry_budget,
    } = policy;
    let list = [("retryBudget.budgetInterval", retry_budget.as_ref().is_some_and(counts_past))];
    fields(object, place, list, problems);
    balancer(object, load_balancer.as_ref(), place, problems);
    for (position, settings) in port_level_settings.iter().enumerate() {
        let PortTrafficPolicy {
            port: _,
            load_balancer,
            connection_pool: _,
            outlier_detection: _,
            tls: _,
        } = settings;
        let place = place.key("portLevelSettings").index(position);
        balancer(object, load_balancer.as_ref(), &place, problems);
    }
}

/// A budget that counts requests which have ended, too.
fn counts_past(budget: &RetryBudget) -> bool {
    let RetryBudget { percent: _, min_retry_concurrency: _, budget_interval } = budget;
    budget_interval.is_some_and(|interval| !interval.is_zero())
}

/// What zone-awareness does, and what it does not.
pub(super) const ZONES: &str = "`zoneAwareLbSetting` keeps requests within the region and orders \
                                the others, but zones of a region are not yet balanced: their \
                                endpoints are all alike";

/// Zones would be balanced.
pub(super) fn balances_zones(setting: &ZoneAwareLb) -> bool {
    let ZoneAwareLb { enabled, failover: _, failover_priority: _, min_cluster_size: _ } = setting;
    *enabled != Some(false)
}

fn balancer(
    object: &Object<DestinationRule>,
    balancer: Option<&LoadBalancer>,
    place: &FieldPath,
    problems: &mut Problems,
) {
    let Some(balancer) = balancer else { return };
    let LoadBalancer {
        policy: _,
        locality_lb_setting: _,
        zone_aware_lb_setting,
        warmup_duration_secs: _,
        warmup: _,
    } = balancer;
    if let Some(zones) = zone_aware_lb_setting
        && balances_zones(zones)
    {
        let field = place.key("loadBalancer").key("zoneAwareLbSetting");
        problems.warning(code::NOT_IN_EFFECT, object, field, ZONES);
    }
}
