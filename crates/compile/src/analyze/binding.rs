//! Hosts and ports of VirtualServices against those of the Gateways they bind to.

use propylon_model::{FieldPath, Gateway, Object, Problem, Severity, VirtualService};

use super::code;
use super::index::{Index, Reach};
use crate::host::{MESH, intersection, split_server_host};
use crate::virtual_service::gateways;

/// Checks every VirtualService that binds to a Gateway.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    for object in &index.view.world.virtual_services {
        if object.spec.hosts.is_empty() || index.reach(object) == Reach::Mesh {
            continue;
        }
        let bound = index.bound(object);
        let gateways: Vec<_> = bound.iter().map(|(_, _, gateway)| *gateway).collect();
        for position in 0..object.spec.hosts.len() {
            check_host(index, object, position, &gateways, out);
        }
        check_ports(index, object, &gateways, out);
    }
}

fn check_host(
    index: &Index<'_, '_>,
    object: &Object<VirtualService>,
    position: usize,
    gateways: &[&Object<Gateway>],
    out: &mut Vec<Problem>,
) {
    let own = &object.meta.key.namespace;
    let written = &object.spec.hosts[position];
    let host = index.complete(written, own);
    let field = FieldPath::spec().key("hosts").index(position);
    let served = served(gateways);
    let takes = |served: &str| intersection(served, &host).is_some();
    let may = |allowed: &Option<&str>| allowed.is_none_or(|allowed| *allowed == **own);
    if gateways.is_empty() || served.iter().any(|(allowed, name)| may(allowed) && takes(name)) {
        if *written != host {
            short_host(object, field, written, &host, out);
        }
        return;
    }
    let restricted = served.iter().find(|(_, name)| takes(name));
    let (message, help) = if let Some((Some(allowed), name)) = restricted {
        (
            format!(
                "`{written}` is served for VirtualServices of namespace {allowed} only, and this \
                 one is in {own}: its requests get 404"
            ),
            format!("move it to {allowed}, or write `*/{name}` in the Gateway's hosts"),
        )
    } else {
        let mut names: Vec<&str> = served.iter().map(|(_, name)| *name).collect();
        names.dedup();
        let message = if *written == host {
            format!(
                "`{written}` is not among the hosts of its Gateway ({}): its requests get 404",
                names.join(", ")
            )
        } else {
            format!(
                "`{written}` is short for `{host}`, which is not among the hosts of its Gateway \
                 ({}): its requests get 404",
                names.join(", ")
            )
        };
        (message, format!("add `{written}` to the Gateway's hosts, or write one of those"))
    };
    let mut problem = Problem::of(Severity::Error, code::HOST_OUTSIDE, object, field, message);
    for gateway in gateways {
        problem = problem.note(gateway, FieldPath::spec().key("servers"), "the Gateway's hosts");
    }
    out.push(problem.help(help));
}

/// The hosts of all servers, each with the namespace that may bind it.
fn served<'g>(gateways: &[&'g Object<Gateway>]) -> Vec<(Option<&'g str>, &'g str)> {
    let of_gateway = |gateway: &&'g Object<Gateway>| {
        let namespace = &*gateway.meta.key.namespace;
        let hosts = gateway.spec.servers.iter().flat_map(|server| &server.hosts);
        hosts.map(move |host| split_server_host(host, namespace)).collect::<Vec<_>>()
    };
    gateways.iter().flat_map(of_gateway).collect()
}

fn short_host(
    object: &Object<VirtualService>,
    field: FieldPath,
    written: &str,
    host: &str,
    out: &mut Vec<Problem>,
) {
    let message = format!(
        "`{written}` is completed to `{host}`: clients that send `Host: {written}` get 404"
    );
    let problem = Problem::of(Severity::Warning, code::SHORT_HOST, object, field, message);
    out.push(problem.help("write the whole name that clients send"));
}

/// `match.port` is compared with the ports that the Gateways declare.
fn check_ports(
    index: &Index<'_, '_>,
    object: &Object<VirtualService>,
    bound: &[&Object<Gateway>],
    out: &mut Vec<Problem>,
) {
    let names = gateways(object);
    // Sidecars have other ports, and a missing Gateway may have any.
    if names.iter().any(|name| name == MESH || index.gateway(name).is_none()) {
        return;
    }
    let servers = bound.iter().flat_map(|gateway| &gateway.spec.servers);
    let ports: Vec<u32> = servers.map(|server| server.port.number).collect();
    for (entry, route) in object.spec.http.iter().enumerate() {
        for (position, condition) in route.r#match.iter().enumerate() {
            if condition.port == 0 || ports.contains(&condition.port) {
                continue;
            }
            let place = FieldPath::spec().key("http").index(entry).key("match").index(position);
            let message = format!(
                "no server of its Gateways has port {}, so this match never applies",
                condition.port
            );
            let mut known: Vec<String> = ports.iter().map(u32::to_string).collect();
            known.dedup();
            let help = format!("write a port that the Gateway declares: {}", known.join(", "));
            let field = place.key("port");
            let problem = Problem::of(Severity::Warning, code::DEAD_MATCH, object, field, message);
            out.push(problem.help(help));
        }
    }
}

#[cfg(test)]
mod tests;
