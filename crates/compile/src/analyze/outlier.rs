//! Outlier detection that can never eject: Envoy counts the endpoint to be ejected, so 10 percent,
//! the default, of fewer than ten endpoints is nobody.

use propylon_model::destination_rule::OutlierDetection;
use propylon_model::{DestinationRule, FieldPath, Object, Problem, Severity};

use super::code;
use super::index::Index;

/// Envoy's default of `maxEjectionPercent`.
const DEFAULT_PERCENT: usize = 10;

/// Checks the outlier detection of rules and subsets.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    for rule in &index.view.world.destination_rules {
        let own = &rule.meta.key.namespace;
        let host = index.complete(&rule.spec.host, own);
        let Some(service) = index.registry.find_for(&host, own) else { continue };
        let endpoints = index.endpoints(service);
        let most = endpoints.iter().max_by_key(|(_, list)| list.len());
        let Some((_, most)) = most else { continue };
        let place = FieldPath::spec().key("trafficPolicy").key("outlierDetection");
        let policy = rule.spec.traffic_policy.as_ref();
        let whole = policy.and_then(|policy| policy.outlier_detection.as_ref());
        if let Some(outlier) = whole {
            check_one(rule, place, outlier, most.len(), out);
        }
        for (position, subset) in rule.spec.subsets.iter().enumerate() {
            let policy = subset.traffic_policy.as_ref();
            let Some(outlier) = policy.and_then(|policy| policy.outlier_detection.as_ref()) else {
                continue;
            };
            let place = FieldPath::spec().key("subsets").index(position).key("trafficPolicy");
            let selected = most.iter().filter(|one| one.carries(&subset.labels)).count();
            check_one(rule, place.key("outlierDetection"), outlier, selected, out);
        }
    }
}

fn check_one(
    rule: &Object<DestinationRule>,
    place: FieldPath,
    outlier: &OutlierDetection,
    endpoints: usize,
    out: &mut Vec<Problem>,
) {
    let written = usize::try_from(outlier.max_ejection_percent).unwrap_or_default();
    let percent = if written == 0 { DEFAULT_PERCENT } else { written };
    // One endpoint alone is rarely meant to be ejected.
    if endpoints < 2 || percent * endpoints >= 100 {
        return;
    }
    let message = format!(
        "with {endpoints} endpoints at most {percent} percent may be ejected, which is less than \
         one: no endpoint is ever ejected"
    );
    let field = if written == 0 { place } else { place.key("maxEjectionPercent") };
    let problem = Problem::of(Severity::Warning, code::EJECTION, rule, field, message);
    let enough = 100_usize.div_ceil(endpoints);
    out.push(problem.help(format!("write `maxEjectionPercent: {enough}` or more")));
}

#[cfg(test)]
mod tests;
