//! Servers of several Gateways on one address: which share a listener and which give way.
//! Istio's rules; the first comer wins, and the one that gives way is reported.

use std::collections::{BTreeMap, HashSet};

use propylon_model::{FieldPath, Problem, Severity};
use propylon_snapshot::Bind;

use crate::gateway::OpenServer;
use crate::problems::Problems;
use crate::validate::protocol::Class;

/// Istio's analyzer code of conflicting gateways.
const CONFLICT: &str = "IST0145";

/// The servers of one address after merging, in their order.
pub(crate) struct Merged<'s, 'w> {
    /// All of one class; never empty.
    pub(crate) servers: Vec<&'s OpenServer<'w>>,
}

impl<'s, 'w> Merged<'s, 'w> {
    /// The server that opened the address.
    pub(crate) fn first(&self) -> Option<&'s OpenServer<'w>> {
        self.servers.first().copied()
    }
}

/// Merges servers by address. Each that gives way becomes a problem that names the winner.
pub(crate) fn merge<'s, 'w>(
    servers: &'s [OpenServer<'w>],
    problems: &mut Problems,
) -> BTreeMap<Bind, Merged<'s, 'w>> {
    let mut merged: BTreeMap<Bind, Merged<'s, 'w>> = BTreeMap::new();
    let mut tls_hosts: BTreeMap<Bind, HashSet<(Option<&str>, &str)>> = BTreeMap::new();
    for server in servers {
        let earlier = merged.entry(server.bind.clone()).or_insert(Merged { servers: Vec::new() });
        if server.server.tls.is_some() {
            let hosts = tls_hosts.entry(server.bind.clone()).or_default();
            if let Some(host) = server.hosts.iter().find_map(|host| taken(server, *host, hosts)) {
                let why = format!("host `{host}` is already served on this port with `tls`");
                report(server, winner(earlier, Some(host)), &why, problems);
                continue;
            }
            hosts.extend(server.hosts.iter().copied());
        }
        match conflict(earlier, server) {
            None => earlier.servers.push(server),
            Some(why) => report(server, winner(earlier, None), why, problems),
        }
    }
    merged.retain(|_, merged| !merged.servers.is_empty());
    merged
}

/// The host, if an earlier server has it. A redirect to https compares it with its namespace, as
/// Istio does; a TLS server without, because two chains for one server name cannot be told apart
/// (Envoy refuses such a listener as a whole).
fn taken<'h>(
    server: &OpenServer<'_>,
    (namespace, host): (Option<&str>, &'h str),
    earlier: &HashSet<(Option<&str>, &str)>,
) -> Option<&'h str> {
    let found = match server.class {
        Class::Tls => earlier.iter().any(|(_, other)| *other == host),
        Class::Http | Class::Tcp => earlier.contains(&(namespace, host)),
    };
    found.then_some(host)
}

/// Why a server cannot join those that hold its address already.
fn conflict(earlier: &Merged<'_, '_>, server: &OpenServer<'_>) -> Option<&'static str> {
    let first = earlier.servers.first()?;
    match (first.class, server.class) {
        (Class::Http, Class::Http) => None,
        (Class::Tls, Class::Tls) => {
            let same_route = earlier.servers.iter().any(|other| {
                other.name == server.name && other.server.port.name == server.server.port.name
            });
            let is_https = server.server.port.protocol.eq_ignore_ascii_case("HTTPS");
            (same_route && is_https)
                .then_some("another HTTPS server of this Gateway has the same port name")
        }
        (Class::Tcp, Class::Tcp) => Some("a TCP port can only have one server"),
        (Class::Http, _) => Some("the port already serves plaintext HTTP"),
        (Class::Tcp, _) => Some("the port already serves TCP"),
        (Class::Tls, _) => Some("the port already serves TLS"),
    }
}

fn winner<'s, 'w>(earlier: &Merged<'s, 'w>, host: Option<&str>) -> Option<&'s OpenServer<'w>> {
    let serves =
        |server: &&&OpenServer<'_>| server.hosts.iter().any(|(_, served)| Some(*served) == host);
    earlier.servers.iter().find(serves).or_else(|| earlier.servers.first()).copied()
}

fn report(
    server: &OpenServer<'_>,
    winner: Option<&OpenServer<'_>>,
    why: &str,
    problems: &mut Problems,
) {
    let message = format!("this server is not opened: {why}");
    let mut problem =
        Problem::of(Severity::Error, CONFLICT, server.gateway, server.field(), message)
            .help("give it another port or other hosts, or remove it");
    if let Some(winner) = winner {
        let text = "this server was there first";
        problem = problem.note(winner.gateway, winner.field(), text);
    }
    problems.push(problem);
}

/// The field that says why a server that is not plaintext HTTP stays closed.
pub(crate) fn protocol_field(server: &OpenServer<'_>) -> FieldPath {
    server.field().key("port").key("protocol")
}
