//! What a policy is attached to: workloads by label, or objects by reference.

use propylon_model::PeerAuthentication;
use propylon_model::selector::{TargetRef, WorkloadSelector};

use super::code;
use super::names::port;
use super::report::{Findings, Place};

/// Group and kind of objects that a policy can be attached to.
const TARGETS: [(&str, &str); 4] = [
    ("", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
];

/// Checks labels of a workload selector.
pub(super) fn check_workloads(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    selector: &WorkloadSelector,
) {
    let WorkloadSelector { match_labels } = selector;
    let list = place.key("matchLabels");
    if match_labels.is_empty() {
        out.warning(
            code::NO_EFFECT,
            place,
            "a selector without labels selects every workload of the namespace",
            "add `matchLabels:`, or remove the selector",
        );
    }
    for (key, value) in match_labels {
        if key.is_empty() {
            out.error(
                code::LABEL,
                &list,
                "a label has no key, so no workload carries it",
                "write `key: value`",
            );
        } else if key.contains('*') || value.contains('*') {
            out.error(
                code::LABEL,
                &list.key(key),
                format!(
                    "`{key}: {value}`: labels are compared as they are, there are no wildcards"
                ),
                "write the whole label, or remove it",
            );
        }
    }
}

/// Checks that a policy is attached in one way, to objects it can be attached to.
pub(super) fn check_attachment(
    out: &mut Findings<'_>,
    spec: &Place<'_>,
    selector: Option<&WorkloadSelector>,
    target: Option<&TargetRef>,
    targets: &[TargetRef],
) {
    let ways = [selector.is_some(), target.is_some(), !targets.is_empty()];
    if ways.iter().filter(|way| **way).count() > 1 {
        let second = if targets.is_empty() { "targetRef" } else { "targetRefs" };
        out.error(
            code::CONFLICT,
            &spec.key(second),
            "a policy is attached either to workloads or to objects",
            "keep `selector` or `targetRefs`",
        );
    }
    if let Some(selector) = selector {
        check_workloads(out, &spec.key("selector"), selector);
    }
    if let Some(target) = target {
        check_target(out, &spec.key("targetRef"), target);
    }
    let list = spec.key("targetRefs");
    for (position, target) in targets.iter().enumerate() {
        check_target(out, &list.index(position), target);
    }
}

fn check_target(out: &mut Findings<'_>, place: &Place<'_>, target: &TargetRef) {
    let TargetRef { group, kind, name, namespace } = target;
    if name.is_empty() {
        out.error(
            code::MISSING,
            place,
            "the reference has no name, so the policy is attached to nothing",
            "add `name:`",
        );
    }
    if !namespace.is_empty() {
        out.error(
            code::UNSUPPORTED,
            &place.key("namespace"),
            "a policy can only be attached to objects of its own namespace",
            "remove `namespace`, and put the policy into that namespace",
        );
    }
    let canonical = if group == "core" { "" } else { group };
    if !TARGETS.contains(&(canonical, kind)) {
        out.error(
            code::VALUE,
            &place.key("kind"),
            format!("a policy cannot be attached to `{kind}` of group `{group}`"),
            "write kind Gateway of group gateway.networking.k8s.io; for an Istio Gateway use \
             `selector`",
        );
    }
}

/// Checks a PeerAuthentication.
pub(super) fn check_peer(out: &mut Findings<'_>, policy: &PeerAuthentication) {
    let PeerAuthentication { selector, mtls: _, port_level_mtls } = policy;
    let spec = Place::top("spec");
    let list = spec.key("portLevelMtls");
    let whole = selector.as_ref().is_none_or(|selector| selector.match_labels.is_empty());
    if whole && !port_level_mtls.is_empty() {
        out.error(
            code::CONFLICT,
            &list,
            "modes of single ports need a selector: ports of a whole namespace differ",
            "add `selector: {matchLabels: {app: ...}}`",
        );
    }
    for number in port_level_mtls.keys() {
        port(out, &list.key(&number.to_string()), *number);
    }
    if let Some(selector) = selector {
        check_workloads(out, &spec.key("selector"), selector);
    }
}
