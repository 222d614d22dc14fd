//! References to Gateways: whether they exist, and under which name they would.

use propylon_model::{FieldPath, Object, Problem, Severity, VirtualService};

use super::code;
use super::index::Index;
use super::nearest::question;
use crate::host::{MESH, resolve_gateway};

/// Checks the references of all VirtualServices and of their matches.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    for object in &index.view.world.virtual_services {
        let list = FieldPath::spec().key("gateways");
        for (position, reference) in object.spec.gateways.iter().enumerate() {
            check_one(index, object, list.index(position), reference, out);
        }
        if object.spec.hosts.is_empty() {
            continue;
        }
        for (entry, route) in object.spec.http.iter().enumerate() {
            for (position, condition) in route.r#match.iter().enumerate() {
                for (at, reference) in condition.gateways.iter().enumerate() {
                    let place = FieldPath::spec().key("http").index(entry).key("match");
                    let field = place.index(position).key("gateways").index(at);
                    check_narrowing(index, object, field, reference, out);
                }
            }
        }
    }
}

fn check_one(
    index: &Index<'_, '_>,
    object: &Object<VirtualService>,
    field: FieldPath,
    reference: &str,
    out: &mut Vec<Problem>,
) {
    let own = &object.meta.key.namespace;
    let full = resolve_gateway(reference, own);
    if full == MESH || index.gateway(&full).is_some() || index.is_rejected_gateway(&full) {
        return;
    }
    let bare = full.split_once('/').map_or(full.as_str(), |(_, name)| name);
    let elsewhere = index.gateways_named(bare);
    let message = format!("no Gateway {full} exists, so these routes are not served through it");
    let space = format!("{own}/");
    let near = || {
        let names = index.gateway_names();
        question(reference, names.map(|full| full.strip_prefix(&space).unwrap_or(full)))
    };
    let help = if let [only] = elsewhere[..] {
        format!(
            "a bare name is looked up in namespace {own}; the Gateway of this name is in another: \
             write `{only}`"
        )
    } else if !elsewhere.is_empty() {
        format!("write one of {}", elsewhere.join(", "))
    } else if let Some(question) = index.may_search().then(near).flatten() {
        question
    } else {
        "add the Gateway, or name one that exists as `namespace/name`".to_owned()
    };
    let problem = Problem::of(Severity::Error, code::NOT_FOUND, object, field, message);
    out.push(problem.help(help));
}

/// A match can only narrow the gateways of its VirtualService.
fn check_narrowing(
    index: &Index<'_, '_>,
    object: &Object<VirtualService>,
    field: FieldPath,
    reference: &str,
    out: &mut Vec<Problem>,
) {
    let own = &object.meta.key.namespace;
    let full = resolve_gateway(reference, own);
    let bound = crate::routes::virtual_service::gateways(object);
    if bound.contains(&full) {
        return;
    }
    if full != MESH && index.gateway(&full).is_none() {
        return check_one(index, object, field, reference, out);
    }
    let message = format!(
        "the VirtualService is not bound to `{reference}`, so this match never applies there"
    );
    let problem = Problem::of(Severity::Warning, code::DEAD_MATCH, object, field, message);
    out.push(problem.help(format!("add `{reference}` to `spec.gateways`")));
}

#[cfg(test)]
mod tests;
