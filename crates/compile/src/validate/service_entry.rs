//! ServiceEntry: hosts, addresses, ports, and what each way of resolution needs and excludes.

use propylon_model::ServiceEntry;
use propylon_model::service_entry::{Location, Resolution, ServicePort, WorkloadEntry};

use super::host::{fqdn_flaw, is_ip, is_partial_wildcard};
use super::names::{dns_label, export_to, port, subnet};
use super::protocol::{Class, class};
use super::report::{Findings, Place};
use super::{code, host, workload_entry};

/// The API's upper bound of hosts in one object.
const HOSTS_MAX: usize = 256;

/// Checks a ServiceEntry as Istio's webhook does.
pub(super) fn check(out: &mut Findings<'_>, entry: &ServiceEntry) {
    let ServiceEntry {
        hosts,
        addresses,
        ports,
        location: _,
        resolution,
        endpoints,
        workload_selector,
        export_to: exported,
        subject_alt_names: _,
    } = entry;
    let spec = Place::top("spec");
    if let Some(selector) = workload_selector {
        check_selector(out, &spec, entry, &selector.labels);
    }
    check_hosts(out, &spec, hosts, *resolution);
    let list = spec.key("addresses");
    for (position, address) in addresses.iter().enumerate() {
        let here = list.index(position);
        subnet(out, &here, address);
        let by_address = matches!(resolution, Resolution::None | Resolution::Static);
        if address.contains('/') && !by_address {
            out.error(
                code::CONFLICT,
                &here,
                format!("a block of addresses does not go with resolution {}", resolution.name()),
                "write single addresses, or `resolution: NONE` or STATIC",
            );
        }
    }
    check_ports(out, &spec, entry);
    match resolution {
        Resolution::None => check_none(out, &spec, entry),
        Resolution::Static => {
            let list = spec.key("endpoints");
            for (position, endpoint) in endpoints.iter().enumerate() {
                workload_entry::check_static(out, &list.index(position), endpoint, ports);
            }
        }
        Resolution::Dns | Resolution::DnsRoundRobin => check_dns(out, &spec, entry),
        Resolution::DynamicDns => check_dynamic(out, &spec, entry),
    }
    let untold = ports.iter().find(|port| class_of(port) == Class::Tcp);
    if let Some(port) = untold.filter(|_| *resolution != Resolution::None && hosts.len() > 1) {
        out.error(
            code::CONFLICT,
            &spec.key("hosts"),
            format!(
                "on {} port {} the hosts cannot be told apart",
                protocol_name(port),
                port.number
            ),
            "give each host a ServiceEntry of its own, or write protocol HTTP or TLS",
        );
    }
    export_to(out, &spec.key("exportTo"), exported, true);
}

/// An unset or unknown protocol is handled as TCP at a gateway.
fn class_of(port: &ServicePort) -> Class {
    class(&port.protocol).unwrap_or(Class::Tcp)
}

fn protocol_name(port: &ServicePort) -> &str {
    if port.protocol.is_empty() { "TCP" } else { &port.protocol }
}

fn check_selector(
    out: &mut Findings<'_>,
    spec: &Place<'_>,
    entry: &ServiceEntry,
    labels: &propylon_model::Labels,
) {
    let place = spec.key("workloadSelector");
    if !entry.endpoints.is_empty() {
        out.error(
            code::CONFLICT,
            &spec.key("endpoints"),
            "endpoints are either listed or selected, not both",
            "remove `workloadSelector` or `endpoints`",
        );
    }
    if labels.is_empty() {
        out.warning(
            code::NO_EFFECT,
            &place,
            "a selector without labels makes every workload of the namespace an endpoint",
            "add `labels:`",
        );
    }
    for (key, value) in labels {
        if key.is_empty() || key.contains('*') || value.contains('*') {
            out.error(
                code::LABEL,
                &place.key("labels").key(key),
                format!(
                    "`{key}: {value}`: labels are compared as they are, there are no wildcards"
                ),
                "write the whole label",
            );
        }
    }
}

fn check_hosts(out: &mut Findings<'_>, spec: &Place<'_>, hosts: &[String], resolution: Resolution) {
    let list = spec.key("hosts");
    if hosts.is_empty() {
        out.error(
            code::MISSING,
            spec,
            "the ServiceEntry has no hosts, so nothing can route to it",
            "add `hosts:` with the name that routes use",
        );
    }
    if hosts.len() > HOSTS_MAX {
        out.error(
            code::RANGE,
            &list,
            format!("{} hosts are listed, at most {HOSTS_MAX} are allowed", hosts.len()),
            "split the ServiceEntry",
        );
    }
    for (position, name) in hosts.iter().enumerate() {
        let here = list.index(position);
        if name == "*" {
            out.error(
                code::HOST,
                &here,
                "`*` is no service: it would stand for every host there is",
                "write the host, or `*.example.com`",
            );
            continue;
        }
        host::wildcard(out, &here, "host", name);
        if is_partial_wildcard(name) && resolution != Resolution::DynamicDns {
            out.warning(
                code::HOST,
                &here,
                format!("`{name}` is a partial wildcard, which sidecars do not match"),
                "write `*.example.com`",
            );
        }
    }
}

fn check_ports(out: &mut Findings<'_>, spec: &Place<'_>, entry: &ServiceEntry) {
    let list = spec.key("ports");
    for (position, given) in entry.ports.iter().enumerate() {
        let ServicePort { number, protocol, name, target_port } = given;
        let here = list.index(position);
        if name.is_empty() {
            out.error(
                code::MISSING,
                &here,
                "the port has no name",
                format!("add `name: {}`", protocol_name(given).to_ascii_lowercase()),
            );
        } else {
            dns_label(out, &here.key("name"), "port name", name);
        }
        port(out, &here.key("number"), *number);
        if *target_port != 0 {
            port(out, &here.key("targetPort"), *target_port);
        }
        let earlier = &entry.ports[..position];
        if earlier.iter().any(|other| other.name == *name) {
            out.error(
                code::DUPLICATE,
                &here.key("name"),
                format!("port name `{name}` is already used"),
                "give every port its own name",
            );
        }
        if earlier.iter().any(|other| other.number == *number) {
            out.error(
                code::DUPLICATE,
                &here.key("number"),
                format!("port {number} is already listed"),
                "keep one of the two",
            );
        }
        if !protocol.is_empty() && class(protocol).is_none() {
            out.error(
                code::VALUE,
                &here.key("protocol"),
                format!("`{protocol}` is no protocol that Istio knows"),
                "write one of HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS",
            );
        }
        let plain = protocol.is_empty() || protocol == "TCP";
        let external = entry.location == Location::MeshExternal;
        if plain && external && entry.addresses.is_empty() {
            out.warning(
                "IST0134",
                &here,
                format!("without addresses, sidecars send all TCP traffic to port {number} here"),
                "add `addresses:`; at a gateway, routes name the host and nothing is lost",
            );
        }
    }
}

fn check_none(out: &mut Findings<'_>, spec: &Place<'_>, entry: &ServiceEntry) {
    if !entry.endpoints.is_empty() {
        out.error(
            code::CONFLICT,
            &spec.key("endpoints"),
            "with resolution NONE the client's own address is used, so endpoints contradict it",
            "write `resolution: STATIC` for addresses, or DNS for names",
        );
    }
    if entry.workload_selector.is_some() {
        out.warning(
            code::NO_EFFECT,
            &spec.key("workloadSelector"),
            "with resolution NONE no endpoint is ever selected",
            "write `resolution: STATIC`",
        );
    }
}

fn check_dns(out: &mut Findings<'_>, spec: &Place<'_>, entry: &ServiceEntry) {
    let mode = entry.resolution.name();
    let list = spec.key("hosts");
    if entry.endpoints.is_empty() {
        let nameless = entry.hosts.iter().position(|host| fqdn_flaw(host).is_some());
        if let Some(position) = nameless.filter(|at| entry.hosts[*at].starts_with('*')) {
            out.error(
                code::HOST,
                &list.index(position),
                format!("`{}` cannot be looked up: DNS knows no wildcards", entry.hosts[position]),
                "write `resolution: NONE` or DYNAMIC_DNS, or list `endpoints:`",
            );
        }
    }
    let endpoints = spec.key("endpoints");
    if entry.resolution == Resolution::DnsRoundRobin && entry.endpoints.len() > 1 {
        out.error(
            code::CONFLICT,
            &endpoints,
            format!("{mode} looks up one name only, but {} are listed", entry.endpoints.len()),
            "keep one endpoint, or write `resolution: DNS`",
        );
    }
    for (position, endpoint) in entry.endpoints.iter().enumerate() {
        let here = endpoints.index(position);
        check_dns_address(out, &here, endpoint);
        workload_entry::check_ports(out, &here, &endpoint.ports, Some(&entry.ports));
        super::names::labels(out, &here.key("labels"), &endpoint.labels);
    }
    let tcp = |port: &ServicePort| class(&port.protocol).is_some_and(|class| class != Class::Http);
    let shared = !entry.addresses.is_empty() && entry.hosts.len() > 1;
    if shared && entry.ports.iter().any(tcp) {
        out.warning(
            code::CONFLICT,
            &list,
            "several hosts share addresses and a TCP port, so only one of them is reachable",
            "give each host a ServiceEntry of its own",
        );
    }
}

fn check_dns_address(out: &mut Findings<'_>, place: &Place<'_>, endpoint: &WorkloadEntry) {
    let address = &endpoint.address;
    if let Some(flaw) = fqdn_flaw(address).filter(|_| !is_ip(address)) {
        out.error(
            code::ADDRESS,
            &place.key("address"),
            format!("`{address}` is neither a host name nor an IP address: {flaw}"),
            "write a name that DNS knows, or an address",
        );
    }
}

fn check_dynamic(out: &mut Findings<'_>, spec: &Place<'_>, entry: &ServiceEntry) {
    let list = spec.key("hosts");
    for (position, name) in entry.hosts.iter().enumerate() {
        if !name.starts_with('*') {
            out.error(
                code::CONFLICT,
                &list.index(position),
                format!(
                    "DYNAMIC_DNS looks up what clients ask for, but `{name}` is one fixed name"
                ),
                "write `resolution: DNS`, or a wildcard such as `*.example.com`",
            );
        }
    }
    let excluded =
        [("addresses", !entry.addresses.is_empty()), ("endpoints", !entry.endpoints.is_empty())];
    for (field, _) in excluded.iter().filter(|(_, set)| *set) {
        out.error(
            code::CONFLICT,
            &spec.key(field),
            format!("DYNAMIC_DNS looks up what clients ask for, so `{field}` contradicts it"),
            format!("remove `{field}`, or write another resolution"),
        );
    }
    let ports = spec.key("ports");
    for (position, port) in entry.ports.iter().enumerate() {
        let name = port.protocol.to_ascii_uppercase();
        if !["HTTP", "TLS", "GRPC", "HTTP2"].contains(&name.as_str()) {
            out.error(
                code::VALUE,
                &ports.index(position).key("protocol"),
                format!("on a {} port nothing says which host is meant", protocol_name(port)),
                "write protocol HTTP, HTTP2, GRPC or TLS",
            );
        }
    }
}

#[cfg(test)]
mod tests;
