//! Kubernetes objects from files, which no API server has looked at: ports and addresses.

use propylon_model::kubernetes::{EndpointSlice, Endpoints, Service};

use super::code;
use super::host::{fqdn_flaw, is_ip};
use super::names::port;
use super::report::{Findings, Place};

/// Checks a Service's ports.
pub(super) fn check_service(out: &mut Findings<'_>, service: &Service) {
    let spec = Place::top("spec");
    let list = spec.key("ports");
    for (position, given) in service.ports.iter().enumerate() {
        let here = list.index(position);
        port(out, &here.key("port"), given.port);
        let earlier = &service.ports[..position];
        let twice = |other: &&propylon_model::kubernetes::KubernetesPort| {
            other.port == given.port && same_transport(&other.protocol, &given.protocol)
        };
        if earlier.iter().any(|other| twice(&other)) {
            out.error(
                code::DUPLICATE,
                &here.key("port"),
                format!("port {} is already listed", given.port),
                "keep one of the two",
            );
        }
        if service.ports.len() > 1 && given.name.is_empty() {
            out.error(
                code::MISSING,
                &here,
                "a Service with several ports needs a name for each",
                format!("add `name: http-{}`", given.port),
            );
        } else if earlier.iter().any(|other| other.name == given.name) {
            out.error(
                code::DUPLICATE,
                &here.key("name"),
                format!("port name `{}` is already used", given.name),
                "give every port its own name",
            );
        }
    }
}

fn same_transport(a: &str, b: &str) -> bool {
    let or_tcp = |name: &str| if name.is_empty() { "TCP".to_owned() } else { name.to_owned() };
    or_tcp(a) == or_tcp(b)
}

/// Checks the addresses of an Endpoints object.
pub(super) fn check_endpoints(out: &mut Findings<'_>, endpoints: &Endpoints) {
    let list = Place::top("subsets");
    for (group, subset) in endpoints.subsets.iter().enumerate() {
        let here = list.index(group);
        let addresses = here.key("addresses");
        for (position, address) in subset.addresses.iter().enumerate() {
            let place = addresses.index(position);
            endpoint_address(out, &place.key("ip"), &address.ip, false);
        }
        let ports = here.key("ports");
        for (position, given) in subset.ports.iter().enumerate() {
            port(out, &ports.index(position).key("port"), given.port);
        }
    }
}

/// Checks the addresses of an EndpointSlice.
pub(super) fn check_slice(out: &mut Findings<'_>, slice: &EndpointSlice) {
    let named = slice.address_type == "FQDN";
    let list = Place::top("endpoints");
    for (group, endpoint) in slice.endpoints.iter().enumerate() {
        let here = list.index(group);
        let addresses = here.key("addresses");
        for (position, address) in endpoint.addresses.iter().enumerate() {
            endpoint_address(out, &addresses.index(position), address, named);
        }
    }
    let ports = Place::top("ports");
    for (position, given) in slice.ports.iter().enumerate().filter(|(_, port)| port.port != 0) {
        port(out, &ports.index(position).key("port"), given.port);
    }
}

fn endpoint_address(out: &mut Findings<'_>, place: &Place<'_>, address: &str, named: bool) {
    let fine = is_ip(address) || named && fqdn_flaw(address).is_none();
    if !fine {
        out.error(
            code::ADDRESS,
            place,
            format!("`{address}` is no IP address, so nothing can be sent there"),
            "write an IP address such as `127.0.0.1`; names go into a ServiceEntry with \
             `resolution: DNS`",
        );
    }
}

#[cfg(test)]
mod tests;
