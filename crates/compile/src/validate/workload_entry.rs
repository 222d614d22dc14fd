//! WorkloadEntry: as an object of its own, and as an endpoint inside a ServiceEntry.

use std::collections::BTreeMap;

use propylon_model::service_entry::{ServicePort, WorkloadEntry};

use super::code;
use super::host::{fqdn_flaw, is_ip};
use super::names::{dns_label, labels, port, unix_path};
use super::report::{Findings, Place};

/// How an address names a Unix socket.
const UNIX: &str = "unix://";

/// Checks a WorkloadEntry that is an object of its own: its address may be a name.
pub(super) fn check(out: &mut Findings<'_>, entry: &WorkloadEntry) {
    check_entry(out, &Place::top("spec"), entry, None);
}

/// Checks an endpoint of a ServiceEntry with resolution STATIC: its address is no name.
pub(super) fn check_static(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    entry: &WorkloadEntry,
    ports: &[ServicePort],
) {
    check_entry(out, place, entry, Some(ports));
}

/// `service_ports`: those of the ServiceEntry with resolution STATIC that the entry stands in.
fn check_entry(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    entry: &WorkloadEntry,
    service_ports: Option<&[ServicePort]>,
) {
    let WorkloadEntry {
        address,
        ports,
        labels: own,
        network,
        locality: _,
        weight: _,
        service_account: _,
    } = entry;
    let here = place.key("address");
    if let Some(path) = address.strip_prefix(UNIX) {
        check_socket(out, place, path, ports, service_ports);
    } else if address.is_empty() && network.is_empty() {
        return out.error(code::MISSING, place, "the endpoint has no address", "add `address:`");
    } else if address.is_empty() {
        out.warning(
            code::ADDRESS,
            place,
            format!(
                "the endpoint has no address, so it is reached only through network `{network}`"
            ),
            "add `address:`",
        );
    } else if !is_ip(address) {
        check_name(out, &here, address, service_ports.is_some());
    }
    check_ports(out, place, ports, service_ports);
    labels(out, &place.key("labels"), own);
}

fn check_name(out: &mut Findings<'_>, place: &Place<'_>, address: &str, fixed: bool) {
    if fixed {
        out.error(
            code::ADDRESS,
            place,
            format!("resolution STATIC looks nothing up, but `{address}` is no IP address"),
            "write an IP address, or `resolution: DNS`",
        );
    } else if let Some(flaw) = fqdn_flaw(address) {
        out.error(
            code::ADDRESS,
            place,
            format!("`{address}` is neither a host name nor an IP address: {flaw}"),
            "write an IP address, a name that DNS knows, or `unix:///path`",
        );
    }
}

fn check_socket(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    path: &str,
    ports: &BTreeMap<String, u32>,
    service_ports: Option<&[ServicePort]>,
) {
    unix_path(out, &place.key("address"), path);
    if !ports.is_empty() {
        out.error(
            code::CONFLICT,
            &place.key("ports"),
            "a Unix socket has no ports",
            "remove `ports`",
        );
    }
    if service_ports.is_some_and(|ports| ports.len() != 1) {
        out.error(
            code::CONFLICT,
            &place.key("address"),
            "a Unix socket stands for one port, so the service must have exactly one",
            "keep one entry in `ports:` of the ServiceEntry",
        );
    }
}

/// Ports of an endpoint, by the names of the service's ports where those are known.
pub(super) fn check_ports(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    ports: &BTreeMap<String, u32>,
    service_ports: Option<&[ServicePort]>,
) {
    let list = place.key("ports");
    for (name, number) in ports {
        let here = list.key(name);
        let known = service_ports.is_none_or(|all| all.iter().any(|port| port.name == *name));
        if !known {
            let names = service_ports.unwrap_or_default().iter().map(|port| port.name.as_str());
            out.error(
                code::VALUE,
                &here,
                format!("the ServiceEntry has no port named `{name}`"),
                format!("write one of {}", names.collect::<Vec<_>>().join(", ")),
            );
        }
        dns_label(out, &here, "port name", name);
        port(out, &here, *number);
    }
}
