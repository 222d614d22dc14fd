//! Routes of TLS and TCP connections: server names, subnets, ports, destinations.

use propylon_model::virtual_service::{L4Match, RouteDestination, TcpRoute, TlsMatch, TlsRoute};

use super::code;
use super::gateway_reference::gateway_names;
use super::host::{is_ip, refuse, wildcard_flaw};
use super::http_route::{check_weights, destination};
use super::names::{labels, port, subnet};
use super::report::{Findings, Place};
use crate::host::is_subset;

/// Checks one element of `tls`. `hosts` are those of its VirtualService.
pub(super) fn check_tls(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    route: &TlsRoute,
    hosts: &[String],
) {
    let TlsRoute { r#match, route } = route;
    if r#match.is_empty() {
        out.error(
            code::MISSING,
            place,
            "a TLS route needs a match: connections are told apart by server name",
            "add `match: [{sniHosts: [shop.example.com]}]`",
        );
    }
    let list = place.key("match");
    for (position, condition) in r#match.iter().enumerate() {
        check_tls_match(out, &list.index(position), condition, hosts);
    }
    check_route(out, place, route, "TLS");
}

fn check_tls_match(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    condition: &TlsMatch,
    hosts: &[String],
) {
    let TlsMatch {
        sni_hosts,
        destination_subnets,
        port: number,
        source_labels,
        gateways,
        source_namespace: _,
    } = condition;
    if sni_hosts.is_empty() {
        out.error(
            code::MISSING,
            place,
            "the match names no server, so it matches no connection",
            "add `sniHosts:` with hosts of this VirtualService",
        );
    }
    let list = place.key("sniHosts");
    for (position, name) in sni_hosts.iter().enumerate() {
        check_server_name(out, &list.index(position), name, hosts);
    }
    check_l4(out, place, destination_subnets, *number, source_labels, gateways);
}

fn check_server_name(out: &mut Findings<'_>, place: &Place<'_>, name: &str, hosts: &[String]) {
    if is_ip(name) {
        return out.warning(
            code::HOST,
            place,
            format!("clients never send the address `{name}` as server name (RFC 6066)"),
            "write the host name that clients connect to",
        );
    }
    let own = name.starts_with("outbound_");
    if let Some(flaw) = wildcard_flaw(name).filter(|_| !own) {
        return refuse(out, place, "server name", name, &flaw);
    }
    if !hosts.iter().any(|host| is_subset(name, host)) {
        out.error(
            code::HOST,
            place,
            format!("server name `{name}` is not among the hosts of this VirtualService"),
            format!("add `{name}` to `hosts:`, or write one of {}", hosts.join(", ")),
        );
    }
}

/// Checks one element of `tcp`.
pub(super) fn check_tcp(out: &mut Findings<'_>, place: &Place<'_>, route: &TcpRoute) {
    let TcpRoute { r#match, route } = route;
    let list = place.key("match");
    for (position, condition) in r#match.iter().enumerate() {
        let L4Match {
            destination_subnets,
            port: number,
            source_subnet: _,
            source_labels,
            gateways,
            source_namespace: _,
        } = condition;
        let here = list.index(position);
        check_l4(out, &here, destination_subnets, *number, source_labels, gateways);
    }
    check_route(out, place, route, "TCP");
}

fn check_l4(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    subnets: &[String],
    number: u32,
    source_labels: &propylon_model::Labels,
    gateways: &[String],
) {
    let list = place.key("destinationSubnets");
    for (position, text) in subnets.iter().enumerate() {
        subnet(out, &list.index(position), text);
    }
    if number != 0 {
        port(out, &place.key("port"), number);
    }
    labels(out, &place.key("sourceLabels"), source_labels);
    gateway_names(out, &place.key("gateways"), gateways);
}

fn check_route(out: &mut Findings<'_>, place: &Place<'_>, all: &[RouteDestination], what: &str) {
    let list = place.key("route");
    if all.is_empty() {
        out.error(
            code::MISSING,
            place,
            format!("the {what} route has no destination, so connections go nowhere"),
            "add `route: [{destination: {host: ...}}]`",
        );
    }
    for (position, entry) in all.iter().enumerate() {
        let RouteDestination { destination: target, weight: _ } = entry;
        let here = list.index(position);
        destination(out, &here.key("destination"), target);
    }
    let weights: Vec<i32> = all.iter().map(|entry| entry.weight).collect();
    check_weights(out, &list, &weights);
}
