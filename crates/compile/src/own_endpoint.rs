//! Endpoints that are this workload itself: what is sent to one of its own listeners is routed
//! again, and the same rule leads it there again. It compares addresses; whether another rule takes
//! the request the second time is nothing that addresses tell, so this only warns.

use std::net::{IpAddr, SocketAddr};

use propylon_model::FieldPath;
use propylon_snapshot::{Address, Bind, Cluster, Discovery, Listener};

use crate::destinations::registry::{Behind, Registry, Service};
use crate::problems::{Problems, code};

/// The name that every machine has for itself.
const LOCALHOST: &str = "localhost";

/// Warns of clusters with an endpoint that one of the listeners is.
pub(crate) fn report(
    registry: &Registry<'_>,
    (clusters, listeners): (&[Cluster], &[Listener]),
    problems: &mut Problems,
) {
    for cluster in clusters {
        // `outbound|<port>|<subset>|<host>`
        let mut parts = cluster.name.split('|').skip(1);
        let port = parts.next().and_then(|port| port.parse().ok());
        let Some((port, host)) = port.zip(parts.nth(1)) else { continue };
        let Some((service, _)) = registry.find_port(host, port) else { continue };
        let own = |address: &Address| {
            listeners.iter().flat_map(Listener::binds).find(|bind| is_own(address, bind))
        };
        for address in addresses(&cluster.discovery) {
            if let Some(bind) = own(&address) {
                tell(service, &address, bind, problems);
            }
        }
    }
}

/// The addresses that are known before anybody is asked.
fn addresses(discovery: &Discovery) -> Vec<Address> {
    let (listed, names) = match discovery {
        Discovery::Static(endpoints) => (&**endpoints, &[][..]),
        Discovery::Dns { names, fixed, first_only: _ } => (&**fixed, &**names),
        Discovery::Asked(_) => (&[][..], &[][..]),
    };
    let local = names.iter().filter(|target| target.name.eq_ignore_ascii_case(LOCALHOST));
    let local = local.map(|target| Address::Ip(([127, 0, 0, 1], target.port).into()));
    listed.iter().map(|endpoint| endpoint.address.clone()).chain(local).collect()
}

/// True if what connects to the address comes to what is bound.
fn is_own(address: &Address, bind: &Bind) -> bool {
    match (address, bind) {
        (Address::Ip(to), Bind::Ip(bound)) => is_own_ip(*to, *bound),
        (Address::Unix(to), Bind::Unix(bound)) => to == bound,
        (Address::Abstract(to), Bind::Abstract(bound)) => to == bound,
        (Address::Ip(_) | Address::Unix(_) | Address::Abstract(_), _) => false,
    }
}

fn is_own_ip(to: SocketAddr, bound: SocketAddr) -> bool {
    let is_here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    let alike = to.is_ipv4() == bound.is_ipv4();
    let same = to.ip() == bound.ip();
    // Whoever connects to no address in particular comes to the loopback one.
    let wide = alike && is_here(to.ip()) && bound.ip().is_unspecified();
    let narrow = alike && to.ip().is_unspecified() && bound.ip().is_loopback();
    to.port() == bound.port() && (same || wide || narrow)
}

fn tell(service: &Service<'_>, address: &Address, bind: &Bind, problems: &mut Problems) {
    let (shown, ip) = match address {
        Address::Ip(address) => (address.to_string(), Some(address.ip())),
        Address::Unix(path) => (format!("unix://{}", path.display()), None),
        Address::Abstract(name) => (format!("unix://@{name}"), None),
    };
    let message = format!(
        "endpoint {shown} of {} is this workload itself: its listener {bind} takes what is sent \
         there. What the same rule leads there again goes round, with a connection for each time, \
         until its head is too large",
        service.host
    );
    match service.behind {
        Behind::Kubernetes(object) => {
            problems.warning(code::OWN_ENDPOINT, object, FieldPath::spec(), message);
        }
        Behind::Entry(object) => {
            let mut listed = object.spec.endpoints.iter();
            let at = listed.position(|one| match ip {
                Some(ip) => one.address.parse() == Ok(ip),
                None => one.address == shown,
            });
            let field = match at {
                Some(at) => FieldPath::spec().key("endpoints").index(at),
                None => FieldPath::spec(),
            };
            problems.warning(code::OWN_ENDPOINT, object, field, message);
        }
    }
}

#[cfg(test)]
mod tests;
