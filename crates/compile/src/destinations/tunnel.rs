//! Tunnels of DestinationRules: which one connections to a destination go through, and routes where
//! that is not the one their author meant.

use propylon_model::destination_rule::{TrafficPolicy, Tunnel as Written};
use propylon_model::{FieldPath, Object, VirtualService};
use propylon_snapshot::{Tunnel, TunnelMethod};

use crate::destinations::destination_rule::Merged;
use crate::problems::{Problems, code};

/// The tunnel of connections to a subset, or to the whole service where that is empty. As in Istio
/// a subset has its own or none: that of the rule is not passed on to it.
pub(crate) fn effective(rule: &Merged<'_>, subset: &str) -> Option<Tunnel> {
    match subset {
        "" => of_rule(rule),
        name => of_subset(rule, name),
    }
}

/// The tunnel that whoever wrote the rule meant for a subset: its own, else the rule's.
pub(crate) fn meant(rule: &Merged<'_>, subset: &str) -> Option<Tunnel> {
    of_subset(rule, subset).or_else(|| of_rule(rule))
}

/// Reports a destination whose connections do not go through the tunnel that was `meant`, but
/// through another one or none.
pub(crate) fn report(
    object: &Object<VirtualService>,
    field: FieldPath,
    (meant, effective): (Option<&Tunnel>, Option<&Tunnel>),
    is_alone: bool,
    problems: &mut Problems,
) {
    if meant == effective {
        return;
    }
    let goes = match effective {
        Some(tunnel) => format!("through the tunnel `{tunnel}`"),
        None => "through no tunnel".to_owned(),
    };
    let meant = match meant {
        Some(tunnel) => format!("not through `{tunnel}`"),
        None => "although its own DestinationRule has none".to_owned(),
    };
    let why = match is_alone {
        true => "a subset does not take over the `tunnel` of its DestinationRule",
        false => {
            "all destinations of a route share the `tunnel` that the first one's DestinationRule \
             has outside of its subsets"
        }
    };
    let message = format!("its connections go {goes}, {meant}: as in Istio, {why}");
    problems.warning(code::TUNNEL, object, field, message);
}

fn of_rule(rule: &Merged<'_>) -> Option<Tunnel> {
    rule.policy.as_ref().and_then(|placed| of(placed.part))
}

fn of_subset(rule: &Merged<'_>, subset: &str) -> Option<Tunnel> {
    rule.subset(subset)?.part.traffic_policy.as_ref().and_then(of)
}

fn of(policy: &TrafficPolicy) -> Option<Tunnel> {
    let Written { protocol, target_host, target_port } = policy.tunnel.as_ref()?;
    let method = match protocol.as_str() {
        "POST" => TunnelMethod::Post,
        _ => TunnelMethod::Connect,
    };
    // Go's `net.JoinHostPort`.
    let target = match target_host.contains(':') {
        true => format!("[{target_host}]:{target_port}"),
        false => format!("{target_host}:{target_port}"),
    };
    Some(Tunnel { method, target: target.into() })
}
