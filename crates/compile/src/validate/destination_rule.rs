//! DestinationRule: its host, subsets, visibility. Policies have files of their own.

use propylon_model::DestinationRule;
use propylon_model::destination_rule::Subset;

use super::names::{dns_label, export_to, labels};
use super::report::{Findings, Place};
use super::{code, host, selector, traffic_policy};

/// Checks a DestinationRule as Istio's webhook does.
pub(super) fn check(out: &mut Findings<'_>, rule: &DestinationRule) {
    let DestinationRule {
        host: name,
        traffic_policy: policy,
        subsets,
        export_to: exported,
        workload_selector,
    } = rule;
    let spec = Place::top("spec");
    if name.is_empty() {
        out.error(
            code::MISSING,
            &spec,
            "the DestinationRule has no host, so it applies to nothing",
            "add `host:` with the name of a Service or the host of a ServiceEntry",
        );
    } else {
        host::wildcard(out, &spec.key("host"), "host", name);
    }
    if let Some(policy) = policy {
        traffic_policy::check(out, &spec.key("trafficPolicy"), policy);
    }
    let list = spec.key("subsets");
    for (position, subset) in subsets.iter().enumerate() {
        let here = list.index(position);
        check_subset(out, &here, subset);
        let earlier = subsets[..position].iter().position(|other| other.name == subset.name);
        if let Some(first) = earlier.filter(|_| !subset.name.is_empty()) {
            out.error(
                code::DUPLICATE,
                &here.key("name"),
                format!("subset `{}` is already defined by subsets[{first}]", subset.name),
                "give it another name, or remove one of the two",
            );
        }
    }
    let list = spec.key("exportTo");
    export_to(out, &list, exported, false);
    let own = |entry: &String| entry == "." || **entry == *out.meta().key.namespace;
    if workload_selector.is_some() && !exported.iter().all(own) {
        out.error(
            code::EXPORT_TO,
            &list,
            "a rule with a workloadSelector applies to clients of its own namespace only",
            "write `exportTo: [\".\"]`, or remove `workloadSelector`",
        );
    }
    if let Some(workloads) = workload_selector {
        selector::check_workloads(out, &spec.key("workloadSelector"), workloads);
    }
}

fn check_subset(out: &mut Findings<'_>, place: &Place<'_>, subset: &Subset) {
    let Subset { name, labels: selected, traffic_policy: policy } = subset;
    if name.is_empty() {
        out.error(
            code::MISSING,
            place,
            "the subset has no name, so no route can use it",
            "add `name: v1`",
        );
    } else {
        dns_label(out, &place.key("name"), "subset", name);
    }
    labels(out, &place.key("labels"), selected);
    if let Some(policy) = policy {
        traffic_policy::check(out, &place.key("trafficPolicy"), policy);
    }
}

#[cfg(test)]
mod tests;
