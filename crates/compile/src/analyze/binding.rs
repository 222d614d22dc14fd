//! Hosts and ports of VirtualServices against those of the Gateways they bind to.

use std::collections::{BTreeMap, HashMap};

use propylon_model::{FieldPath, Gateway, Object, Problem, Severity, VirtualService};

use super::code;
use super::index::{Index, Reach};
use crate::host::{MESH, intersection, is_wildcard, split_server_host};
use crate::routes::virtual_service::gateways;

/// Checks every VirtualService that binds to a Gateway.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    let mut served: HashMap<String, Served<'_>> = HashMap::new();
    for object in &index.view.world.virtual_services {
        if object.spec.hosts.is_empty() || index.reach(object) == Reach::Mesh {
            continue;
        }
        let bound = index.bound(object);
        let gateways: Vec<_> = bound.iter().map(|(_, _, gateway)| *gateway).collect();
        for (_, name, gateway) in &bound {
            if !served.contains_key(name) {
                served.insert(name.clone(), Served::new(gateway));
            }
        }
        let hosts: Vec<_> = bound.iter().filter_map(|(_, name, _)| served.get(name)).collect();
        for position in 0..object.spec.hosts.len() {
            check_host(index, object, position, &hosts, out);
        }
        check_ports(index, object, &gateways, out);
    }
}

fn check_host(
    index: &Index<'_, '_>,
    object: &Object<VirtualService>,
    position: usize,
    gateways: &[&Served<'_>],
    out: &mut Vec<Problem>,
) {
    let own = &object.meta.key.namespace;
    let written = &object.spec.hosts[position];
    let host = index.complete(written, own);
    let field = FieldPath::spec().key("hosts").index(position);
    let may = |allowed: Option<&str>| allowed.is_none_or(|allowed| *allowed == **own);
    let bound = gateways.iter().any(|one| one.find(&host, |allowed, _| may(allowed)).is_some());
    if gateways.is_empty() || bound {
        if *written != host {
            short_host(object, field, written, &host, out);
        }
        return;
    }
    let restricted = gateways.iter().find_map(|one| one.find(&host, |_, _| true));
    let (message, help) = if let Some((Some(allowed), name)) = restricted {
        (
            format!(
                "`{written}` is served for VirtualServices of namespace {allowed} only, and this \
                 one is in {own}: its requests get 404"
            ),
            format!("move it to {allowed}, or write `*/{name}` in the Gateway's hosts"),
        )
    } else {
        let names: Vec<&str> =
            gateways.iter().flat_map(|one| one.names()).take(NAMES_MAX).collect();
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
        let field = FieldPath::spec().key("servers");
        problem = problem.note(gateway.gateway, field, "the Gateway's hosts");
    }
    out.push(problem.help(help));
}

/// The hosts of a Gateway, each with the namespace that may bind it, found without trying all.
struct Served<'g> {
    gateway: &'g Object<Gateway>,
    exact: BTreeMap<&'g str, Vec<Option<&'g str>>>,
    wildcards: Vec<(Option<&'g str>, &'g str)>,
}

impl<'g> Served<'g> {
    fn new(gateway: &'g Object<Gateway>) -> Self {
        let mut exact: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        let mut wildcards = Vec::new();
        for entry in gateway.spec.servers.iter().flat_map(|server| &server.hosts) {
            let (allowed, host) = split_server_host(entry, &gateway.meta.key.namespace);
            if is_wildcard(host) {
                wildcards.push((allowed, host));
            } else {
                exact.entry(host).or_default().push(allowed);
            }
        }
        Self { gateway, exact, wildcards }
    }

    /// A host in common that is wanted, with the namespace that may bind it.
    fn find(
        &self,
        host: &str,
        wanted: impl Fn(Option<&str>, &str) -> bool,
    ) -> Option<(Option<&'g str>, &'g str)> {
        let fits = |&(allowed, served): &(Option<&'g str>, &'g str)| {
            intersection(served, host).is_some() && wanted(allowed, served)
        };
        if let Some(found) = self.wildcards.iter().copied().find(fits) {
            return Some(found);
        }
        let of = |(served, allowed): (&&'g str, &Vec<Option<&'g str>>)| {
            allowed.iter().map(|allowed| (*allowed, *served)).find(fits)
        };
        if is_wildcard(host) {
            return self.exact.iter().find_map(of);
        }
        self.exact.get_key_value(host).and_then(of)
    }

    /// Its hosts, sorted.
    fn names(&self) -> Vec<&'g str> {
        let wildcards = self.wildcards.iter().map(|(_, host)| *host);
        let mut names: Vec<_> = wildcards.chain(self.exact.keys().copied()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// More hosts than this are not listed in a sentence.
const NAMES_MAX: usize = 8;

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
