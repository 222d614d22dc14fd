//! Subsets: destinations that name one no DestinationRule defines, subsets that select nothing,
//! and DestinationRules for hosts that do not exist.

use std::collections::HashSet;

use propylon_model::{DestinationRule, FieldPath, Labels, Object, Problem, Severity};

use super::code;
use super::destination::host_advice;
use super::index::{Index, Reach};
use super::nearest::question;
use super::uses::Use;
use crate::destinations::registry::Service;
use crate::host::{is_subset, is_wildcard};

/// Checks subsets from both sides.
pub(super) fn check(index: &Index<'_, '_>, uses: &[Use<'_>], out: &mut Vec<Problem>) {
    let mut used = HashSet::new();
    for one in uses.iter().filter(|one| !one.destination.subset.is_empty()) {
        let namespace = &one.object.meta.key.namespace;
        let Some(service) = index.registry.find_for(&one.host, namespace) else { continue };
        if one.reach == Reach::Here {
            used.insert((service.host.as_str(), one.destination.subset.as_str()));
        }
        check_defined(index, one, service, out);
    }
    for rule in &index.view.world.destination_rules {
        check_rule(index, rule, &used, out);
    }
}

fn check_defined(
    index: &Index<'_, '_>,
    one: &Use<'_>,
    service: &Service<'_>,
    out: &mut Vec<Problem>,
) {
    let name = &one.destination.subset;
    let rule = index.rules.find(&service.host, service.namespace);
    if rule.is_some_and(|rule| rule.subset(name).is_some()) {
        return;
    }
    let message = format!(
        "no DestinationRule defines subset `{name}` of {}, so {} until one does",
        service.host,
        one.consequence()
    );
    if index.has_rejected_rule(&service.host) {
        return;
    }
    let rules = index.view.world.destination_rules.iter();
    let mut rules = rules.take(if index.may_search() { usize::MAX } else { 0 });
    let defining = rules.find(|other| {
        let host = index.complete(&other.spec.host, &other.meta.key.namespace);
        is_subset(&service.host, &host)
            && other.spec.subsets.iter().any(|subset| subset.name == *name)
    });
    let known = rule.map_or(&[][..], |rule| rule.subsets.as_slice());
    let names = || known.iter().map(|subset| subset.part.name.as_str());
    let help = if let Some(other) = defining {
        format!(
            "{} defines it, but another DestinationRule holds for this host, or it is not \
             exported to this gateway: put the subset where it holds",
            other.meta.key
        )
    } else if let Some(question) = question(name, names()) {
        question
    } else if known.is_empty() {
        format!(
            "add a DestinationRule with `host: {}` and `subsets: [{{name: {name}, labels: \
             {{version: {name}}}}}]`",
            one.destination.host
        )
    } else {
        format!("write one of {}", names().collect::<Vec<_>>().join(", "))
    };
    let field = one.field.key("subset");
    let mut problem = Problem::of(one.severity(), code::NOT_FOUND, one.object, field, message);
    if let Some(other) = defining {
        let field = FieldPath::spec().key("subsets");
        problem = problem.note(other, field, "defined here, without effect");
    }
    out.push(problem.help(help));
}

fn check_rule(
    index: &Index<'_, '_>,
    rule: &Object<DestinationRule>,
    used: &HashSet<(&str, &str)>,
    out: &mut Vec<Problem>,
) {
    let own = &rule.meta.key.namespace;
    let host = index.complete(&rule.spec.host, own);
    if is_wildcard(&host) {
        return;
    }
    let Some(service) = index.registry.find_for(&host, own) else {
        if index.is_rejected_host(&host) {
            return;
        }
        let message = format!("no service {host} exists, so this DestinationRule does nothing");
        let field = FieldPath::spec().key("host");
        let problem = Problem::of(Severity::Warning, code::UNKNOWN_HOST, rule, field, message);
        out.push(problem.help(host_advice(index, &rule.spec.host, &host, own)));
        return;
    };
    let endpoints = index.endpoints(service);
    let all: Vec<_> = endpoints.iter().flat_map(|(_, list)| list).collect();
    // A service without any endpoint is a problem of its own.
    if all.is_empty() {
        return;
    }
    let merged = index.rules.find(&service.host, service.namespace);
    for (position, subset) in rule.spec.subsets.iter().enumerate() {
        // What another rule defines, or nobody here sees, takes no requests.
        let holds = merged.and_then(|merged| merged.subset(&subset.name));
        if holds.is_none_or(|holds| holds.object.meta.key != rule.meta.key) {
            continue;
        }
        if all.iter().any(|endpoint| endpoint.carries(&subset.labels)) {
            continue;
        }
        let labels_of: Vec<&Labels> = all.iter().map(|endpoint| &*endpoint.labels).collect();
        let labels: Vec<_> =
            subset.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let is_used = used.contains(&(host.as_str(), subset.name.as_str()));
        let severity = if is_used { Severity::Error } else { Severity::Warning };
        let message = format!(
            "subset `{}` selects no endpoint of {host}: none carries {}; its requests get 503",
            subset.name,
            labels.join(",")
        );
        let field = FieldPath::spec().key("subsets").index(position).key("labels");
        let problem = Problem::of(severity, code::EMPTY_SUBSET, rule, field, message);
        out.push(problem.help(label_advice(&subset.labels, &labels_of)));
    }
}

/// What the endpoints carry instead.
fn label_advice(wanted: &Labels, carried: &[&Labels]) -> String {
    for key in wanted.keys() {
        let mut values: Vec<&str> =
            carried.iter().filter_map(|labels| labels.get(key)).map(String::as_str).collect();
        values.sort_unstable();
        values.dedup();
        if values.is_empty() {
            return format!(
                "no endpoint has the label `{key}`: add it to the pods, or in files to the \
                 EndpointSlice or the ServiceEntry's endpoints"
            );
        }
        if wanted.get(key).is_none_or(|value| !values.contains(&value.as_str())) {
            return format!("endpoints carry {key}={}", values.join(&format!(", {key}=")));
        }
    }
    "no endpoint carries all of these labels together".to_owned()
}

#[cfg(test)]
mod tests;
