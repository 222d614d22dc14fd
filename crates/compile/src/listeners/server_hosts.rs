//! The hosts of a server: which of them a VirtualService shares, as requests name them, and which
//! names choose the server in a TLS handshake.

use std::collections::{HashMap, HashSet};

use crate::host::{intersection, is_wildcard};
use crate::listeners::gateway::OpenServer;
use crate::routes::virtual_service::Bound;

/// A server's hosts, so arranged that a VirtualService finds those in common without trying all.
pub(crate) struct ServerHosts<'s> {
    exact: HashMap<&'s str, Vec<Option<&'s str>>>,
    wildcards: Vec<(Option<&'s str>, &'s str)>,
}

impl<'s> ServerHosts<'s> {
    pub(crate) fn new(server: &OpenServer<'s>) -> Self {
        let mut exact: HashMap<&str, Vec<_>> = HashMap::new();
        let mut wildcards = Vec::new();
        for (namespace, host) in &server.hosts {
            if is_wildcard(host) {
                wildcards.push((*namespace, *host));
            } else {
                exact.entry(host).or_default().push(*namespace);
            }
        }
        Self { exact, wildcards }
    }

    /// The domains that a VirtualService and the server have in common, in lower case.
    pub(crate) fn common(&self, bound: &Bound<'_>) -> Vec<String> {
        let namespace = &*bound.object.meta.key.namespace;
        let may = |allowed: &Option<&str>| allowed.is_none_or(|allowed| allowed == namespace);
        let mut seen = HashSet::new();
        let mut common = Vec::new();
        let mut add = |domain: &str| {
            let domain = domain_of(domain);
            if seen.insert(domain.clone()) {
                common.push(domain);
            }
        };
        for host in &bound.hosts {
            let wildcards = self.wildcards.iter().filter(|(allowed, _)| may(allowed));
            wildcards.filter_map(|(_, wild)| intersection(wild, host)).for_each(&mut add);
            if is_wildcard(host) {
                let exact = self.exact.iter().filter(|(_, allowed)| allowed.iter().any(may));
                exact.filter_map(|(exact, _)| intersection(exact, host)).for_each(&mut add);
            } else if self.exact.get(host.as_str()).is_some_and(|all| all.iter().any(may)) {
                add(host);
            }
        }
        common
    }
}

/// The names that choose a TLS server in a handshake. One that serves `*` answers for any name and
/// for none, and its other names do not make it more specific (Istio's rule).
pub(crate) fn server_names(server: &OpenServer<'_>) -> Vec<Box<str>> {
    if server.hosts.iter().any(|(_, host)| *host == "*") {
        return vec!["*".into()];
    }
    let mut names: Vec<Box<str>> = Vec::new();
    for (_, host) in &server.hosts {
        let name: Box<str> = host.to_ascii_lowercase().into();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A host as requests name it: in lower case, an IPv6 address in brackets.
pub(crate) fn domain_of(host: &str) -> String {
    if host.parse::<std::net::Ipv6Addr>().is_ok() {
        format!("[{}]", host.to_ascii_lowercase())
    } else {
        host.to_ascii_lowercase()
    }
}
