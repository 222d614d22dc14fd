//! Rules that another VirtualService of the same host takes all requests from. Several
//! VirtualServices of one host are joined in order, catch-alls last.

use std::collections::{BTreeMap, HashSet};

use propylon_model::gateway::ServerTlsMode;
use propylon_model::virtual_service::HttpMatch;
use propylon_model::{FieldPath, Object, Problem, Severity, VirtualService};

use super::code;
use super::cover::{Earlier, Expressions, covers_request, takes_everything};
use super::index::Index;
use super::shadow::{describe, field};
use crate::listeners::gateway::{self, OpenServer};
use crate::listeners::merge::merge;
use crate::listeners::server_hosts::ServerHosts;
use crate::problems::Problems;
use crate::routes::matching::applies;
use crate::routes::virtual_service::{Bound, by_gateway};
use crate::validate::protocol::Class;

/// One rule of a host, in the order of trial.
struct Item<'b> {
    bound: usize,
    object: &'b Object<VirtualService>,
    entry: usize,
    position: Option<usize>,
    condition: Option<&'b HttpMatch>,
}

impl Item<'_> {
    fn is_catch_all(&self) -> bool {
        self.condition.is_none_or(takes_everything)
    }
}

/// Checks the hosts that several VirtualServices share.
pub(super) fn check<'w>(index: &Index<'_, 'w>, bound: &[Bound<'w>], out: &mut Vec<Problem>) {
    // The translation reports its own problems; here only its results count.
    let mut silent = Problems::default();
    let gateways = gateway::selected(index.view);
    let servers = gateway::servers(index.view, &gateways, &mut silent);
    let mut reported = HashSet::new();
    for merged in merge(&servers, &mut silent).values() {
        let mut tables: Vec<Vec<&OpenServer<'_>>> = Vec::new();
        for server in &merged.servers {
            match (server.class, tables.first_mut()) {
                (Class::Http, Some(table)) => table.push(server),
                (Class::Http, None) => tables.push(vec![server]),
                // Every server that terminates TLS has a table of its own.
                (Class::Tls, _) if terminates(server) => tables.push(vec![server]),
                (Class::Tls | Class::Tcp, _) => {}
            }
        }
        for table in tables {
            check_table(index, &table, bound, &mut reported, out);
        }
    }
}

fn terminates(server: &OpenServer<'_>) -> bool {
    server.server.tls.as_ref().is_some_and(|tls| {
        !matches!(tls.mode, ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough)
    })
}

type Reported<'w> = HashSet<(*const Object<VirtualService>, usize, Option<usize>)>;

fn check_table<'w>(
    index: &Index<'_, 'w>,
    servers: &[&OpenServer<'w>],
    bound: &[Bound<'w>],
    reported: &mut Reported<'w>,
    out: &mut Vec<Problem>,
) {
    let by_gateway = by_gateway(bound);
    let mut hosts: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, server) in servers.iter().enumerate() {
        let served = ServerHosts::new(server);
        let positions = by_gateway.get(server.name.as_str()).map_or(&[][..], Vec::as_slice);
        for position in positions {
            for host in served.common(&bound[*position]) {
                hosts.entry(host).or_default().push((*position, number));
            }
        }
    }
    let mut seen = HashSet::new();
    for (host, groups) in hosts {
        let mut distinct: Vec<usize> = groups.iter().map(|(position, _)| *position).collect();
        distinct.dedup();
        if distinct.len() < 2 || !seen.insert(groups.clone()) {
            continue;
        }
        let items = in_order_of_trial(index, servers, bound, &groups);
        check_host(&host, &items, reported, out);
    }
}

fn in_order_of_trial<'b>(
    index: &Index<'_, '_>,
    servers: &[&OpenServer<'_>],
    bound: &'b [Bound<'_>],
    groups: &[(usize, usize)],
) -> Vec<Item<'b>> {
    let mut items = Vec::new();
    let mut last = Vec::new();
    let mut done: HashSet<(usize, &str, u16)> = HashSet::new();
    for (position, number) in groups {
        let server = servers[*number];
        if !done.insert((*position, &server.name, server.port)) {
            continue;
        }
        'rules: for route in &bound[*position].routes {
            let written_in = &*route.object.meta.key.namespace;
            let conditions: Vec<Option<(usize, &HttpMatch)>> = if route.route.r#match.is_empty() {
                vec![None]
            } else {
                route.route.r#match.iter().enumerate().map(Some).collect()
            };
            for one in conditions {
                let condition = one.map(|(_, condition)| condition);
                let here = |condition: &HttpMatch| {
                    let (name, port) = (&server.name, server.port.into());
                    applies(condition, written_in, name, port, index.view.options)
                };
                if !condition.is_none_or(here) {
                    continue;
                }
                let item = Item {
                    bound: *position,
                    object: route.object,
                    entry: route.entry,
                    position: one.and_then(|(at, _)| route.positions.get(at).copied().flatten()),
                    condition,
                };
                if item.is_catch_all() {
                    last.push(item);
                    break 'rules;
                }
                items.push(item);
            }
        }
    }
    items.extend(last);
    items
}

fn check_host(host: &str, items: &[Item<'_>], reported: &mut Reported<'_>, out: &mut Vec<Problem>) {
    let anything = HttpMatch::default();
    let known = Expressions::default();
    let mut earlier = Earlier::default();
    for (position, item) in items.iter().enumerate() {
        let wanted = item.condition.unwrap_or(&anything);
        let takes = |by: &&Item<'_>| {
            by.bound != item.bound
                && by.condition.is_none_or(|condition| covers_request(condition, wanted, &known))
        };
        let candidates = earlier.candidates(wanted);
        earlier.add(position, item.condition);
        let Some(winner) = candidates.iter().map(|by| &items[*by]).find(takes) else { continue };
        let key = (std::ptr::from_ref(item.object), item.entry, item.position);
        if reported.insert(key) {
            report(host, item, winner, out);
        }
    }
}

fn report(host: &str, item: &Item<'_>, winner: &Item<'_>, out: &mut Vec<Problem>) {
    let winning = &winner.object.meta.key;
    let message = format!(
        "this rule is never reached for host `{host}`: {winning} comes first and takes every \
         request it could receive"
    );
    let help = if item.is_catch_all() {
        "the older VirtualService, then the one whose name sorts first, wins: keep one catch-all \
         per host"
    } else {
        "put both rules into one VirtualService in the order you mean"
    };
    let at = place(item);
    let problem = Problem::of(Severity::Warning, code::SHADOWED, item.object, at, message)
        .help(help)
        .note(winner.object, place(winner), describe(winner.condition));
    out.push(problem);
}

fn place(item: &Item<'_>) -> FieldPath {
    field(item.entry, item.position, item.condition)
}

#[cfg(test)]
mod tests;
