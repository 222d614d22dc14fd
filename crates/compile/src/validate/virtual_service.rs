//! VirtualService: hosts, gateways, and that it routes something. Routes have files of their own.

use propylon_model::VirtualService;

use super::gateway_reference::gateway_names;
use super::host::{is_ip, refuse, wildcard_flaw};
use super::names::export_to;
use super::report::{Findings, Place};
use super::{code, http_route, l4_route};
use crate::host::{MESH, overlaps};

/// Checks a VirtualService as Istio's webhook does.
pub(super) fn check(out: &mut Findings<'_>, service: &VirtualService) {
    let VirtualService { hosts, gateways, http, tls, tcp, export_to: exported } = service;
    let spec = Place::top("spec");
    let delegate = hosts.is_empty();
    if delegate {
        check_delegate(out, &spec, service);
    }
    gateway_names(out, &spec.key("gateways"), gateways);
    let at_gateway = !gateways.is_empty() && gateways.iter().all(|name| name != MESH);
    check_hosts(out, &spec.key("hosts"), hosts, at_gateway);
    if http.is_empty() && tls.is_empty() && tcp.is_empty() {
        out.error(
            code::MISSING,
            &spec,
            "the VirtualService has no routes, so it does nothing",
            "add `http:`, `tls:` or `tcp:` with a list of routes",
        );
    }
    let list = spec.key("http");
    for (position, route) in http.iter().enumerate() {
        let here = list.index(position);
        http_route::check(out, &here, route, delegate);
        if !at_gateway && !delegate {
            refuse_claims(out, &here, route);
        }
    }
    let list = spec.key("tls");
    for (position, route) in tls.iter().enumerate() {
        l4_route::check_tls(out, &list.index(position), route, hosts);
    }
    let list = spec.key("tcp");
    for (position, route) in tcp.iter().enumerate() {
        l4_route::check_tcp(out, &list.index(position), route);
    }
    export_to(out, &spec.key("exportTo"), exported, false);
}

fn check_delegate(out: &mut Findings<'_>, spec: &Place<'_>, service: &VirtualService) {
    let misplaced = [
        ("gateways", !service.gateways.is_empty()),
        ("tls", !service.tls.is_empty()),
        ("tcp", !service.tcp.is_empty()),
    ];
    for (field, set) in misplaced {
        if set {
            out.error(
                code::CONFLICT,
                &spec.key(field),
                format!(
                    "a VirtualService without hosts is a delegate, and a delegate has no `{field}`"
                ),
                format!("add `hosts:`, or remove `{field}`"),
            );
        }
    }
}

fn check_hosts(out: &mut Findings<'_>, list: &Place<'_>, hosts: &[String], at_gateway: bool) {
    let mut valid = true;
    for (position, host) in hosts.iter().enumerate() {
        let here = list.index(position);
        if let Some(flaw) = wildcard_flaw(host).filter(|_| !is_ip(host) && !is_sni_name(host)) {
            refuse(out, &here, "host", host, &flaw);
            valid = false;
        } else if host == "*" && !at_gateway {
            out.error(
                code::HOST,
                &here,
                "host `*` is not allowed in the mesh, where it would take all outbound traffic",
                "name the hosts, or list only real gateways in `gateways:`",
            );
            valid = false;
        }
    }
    if !valid {
        return;
    }
    for (second, host) in hosts.iter().enumerate() {
        let overlap = hosts[..second].iter().position(|earlier| overlaps(earlier, host));
        if let Some(first) = overlap {
            out.error(
                code::DUPLICATE,
                &list.index(second),
                format!(
                    "host `{host}` overlaps hosts[{first}] `{}` of the same VirtualService",
                    hosts[first]
                ),
                "keep the wider one, or give each a VirtualService of its own",
            );
        }
    }
}

/// Istio's own server names, `outbound_.80_._.host`, as used behind AUTO_PASSTHROUGH.
fn is_sni_name(host: &str) -> bool {
    host.starts_with("outbound_") && host.matches('_').count() >= 3
}

fn refuse_claims(
    out: &mut Findings<'_>,
    route: &Place<'_>,
    spec: &propylon_model::virtual_service::HttpRoute,
) {
    let list = route.key("match");
    for (position, condition) in spec.r#match.iter().enumerate() {
        let here = list.index(position);
        let maps =
            [("headers", &condition.headers), ("withoutHeaders", &condition.without_headers)];
        for (field, map) in maps {
            for name in map.keys().filter(|name| super::header::is_claim(name)) {
                out.error(
                    code::VALUE,
                    &here.key(field).key(name),
                    format!("token claims (`{name}`) can only be matched at gateways"),
                    "list a Gateway in `gateways:` and remove `mesh`",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
