//! Gateways that do not select this workload, and VirtualServices that no gateway serves.

use std::sync::Arc;

use propylon_model::{FieldPath, Gateway, Labels, Object, Problem, Severity};

use super::code;
use super::index::{Index, Reach};
use super::nearest::is_slip;
use super::uses::delegated;
use crate::Role;
use crate::host::{overlaps, split_server_host};

/// Checks selectors, mesh-only VirtualServices and delegates.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    let is_gateway = index.view.options.role == Role::Gateway;
    let gateways = &index.view.world.gateways;
    let none = gateways.iter().all(|object| !index.is_selected(&name(object)));
    let unselected_here = |object: &&Arc<Object<Gateway>>| !index.is_selected(&name(object));
    for object in gateways.iter().filter(unselected_here).filter(|_| is_gateway) {
        unselected(index, object, none, out);
    }
    let delegated = delegated(index);
    for object in &index.view.world.virtual_services {
        let key = (&*object.meta.key.namespace, &*object.meta.key.name);
        if object.spec.hosts.is_empty() {
            if !delegated.contains_key(&key) {
                let message = "nothing delegates to this VirtualService, so its routes are unused";
                let help = format!(
                    "add `hosts:` and `gateways:`, or a route with `delegate: {{name: {}}}`",
                    key.1
                );
                let field = FieldPath::spec();
                let problem =
                    Problem::of(Severity::Warning, code::UNUSED_DELEGATE, object, field, message);
                out.push(problem.help(help));
            }
        } else if index.reach(object) == Reach::Mesh {
            mesh_only(index, object, out);
        }
    }
}

fn name(object: &Object<Gateway>) -> String {
    format!("{}/{}", object.meta.key.namespace, object.meta.key.name)
}

fn unselected(index: &Index<'_, '_>, object: &Object<Gateway>, none: bool, out: &mut Vec<Problem>) {
    let own = &index.view.options.labels;
    let selector = &object.spec.selector;
    let message = format!(
        "selector {} does not select this gateway, whose labels are {}: none of its servers is \
         opened here",
        written(selector),
        written(own)
    );
    let typo = selector.iter().find_map(|(key, value)| {
        let label = own.get(key).filter(|label| is_slip(value, label))?;
        Some(format!("did you mean `{key}: {label}`?"))
    });
    let severity = if none || typo.is_some() { Severity::Warning } else { Severity::Info };
    let flags: Vec<String> =
        selector.iter().map(|(key, value)| format!("--label {key}={value}")).collect();
    let help = typo.unwrap_or_else(|| format!("to serve it here, start with {}", flags.join(" ")));
    let field = FieldPath::spec().key("selector");
    out.push(Problem::of(severity, code::SELECTOR, object, field, message).help(help));
}

fn written(labels: &Labels) -> String {
    let pairs: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if pairs.is_empty() { "none".to_owned() } else { pairs.join(",") }
}

fn mesh_only(
    index: &Index<'_, '_>,
    object: &Object<propylon_model::VirtualService>,
    out: &mut Vec<Problem>,
) {
    let own = &object.meta.key.namespace;
    // A Gateway that would take one of its hosts makes it likely that `gateways` was forgotten,
    // unless that is written, or another VirtualService has the host's routes there: then the two
    // legs of the way out are two objects.
    let meant = !object.spec.gateways.is_empty()
        || index.view.world.virtual_services.iter().any(|other| {
            let same = other.spec.hosts.iter().any(|host| object.spec.hosts.contains(host));
            same && index.reach(other) == Reach::Here
        });
    let fitting = index.view.world.gateways.iter().filter(|_| !meant).find(|gateway| {
        let servers = gateway.spec.servers.iter().flat_map(|server| &server.hosts);
        let mut hosts = servers.map(|host| split_server_host(host, &gateway.meta.key.namespace).1);
        index.is_selected(&name(gateway))
            && hosts.any(|served| {
                served != "*" && object.spec.hosts.iter().any(|host| overlaps(served, host))
            })
    });
    let message = "without a Gateway in `gateways` these routes are for sidecars only: this \
                   gateway does not serve them";
    let (severity, help) = match fitting {
        Some(gateway) => {
            let key = &gateway.meta.key;
            let reference =
                if key.namespace == *own { key.name.to_string() } else { name(gateway) };
            (Severity::Warning, format!("add `gateways: [{reference}]`"))
        }
        None => (Severity::Info, "add `gateways:` with a Gateway to serve them here".to_owned()),
    };
    let field = if object.spec.gateways.is_empty() {
        FieldPath::spec().key("hosts")
    } else {
        FieldPath::spec().key("gateways")
    };
    out.push(Problem::of(severity, code::NO_GATEWAY, object, field, message).help(help));
}

#[cfg(test)]
mod tests;
