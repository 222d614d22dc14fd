//! Servers of several Gateways on one address: which share a listener and which give way.
//! Istio's rules; the first comer wins, and the one that gives way is reported.

use std::collections::{BTreeMap, HashSet};

use propylon_model::{FieldPath, Problem, Severity};
use propylon_snapshot::Bind;

use crate::listeners::gateway::OpenServer;
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
    let mut held: BTreeMap<&Bind, Holdings<'_>> = BTreeMap::new();
    for server in servers {
        let held = held.entry(&server.bind).or_default();
        let earlier = merged.entry(server.bind.clone()).or_insert(Merged { servers: Vec::new() });
        if server.server.tls.is_some() {
            if let Some(host) = server.hosts.iter().find_map(|host| taken(server, *host, held)) {
                let why = format!("host `{host}` is already served on this port with `tls`");
                report(server, winner(earlier, Some(host)), &why, problems);
                continue;
            }
            held.hosts.extend(server.hosts.iter().copied());
            held.names.extend(server.hosts.iter().map(|(_, host)| *host));
        }
        match conflict(earlier, server, held) {
            None => {
                held.routes.insert((&server.name, &server.server.port.name));
                earlier.servers.push(server);
            }
            Some(why) => report(server, winner(earlier, None), why, problems),
        }
    }
    merged.retain(|_, merged| !merged.servers.is_empty());
    merged
}

/// What the servers of one address have, so that thousands need not be compared with each other.
#[derive(Default)]
struct Holdings<'s> {
    /// Hosts with `tls`, with the namespaces that may bind them.
    hosts: HashSet<(Option<&'s str>, &'s str)>,
    /// The same without namespaces.
    names: HashSet<&'s str>,
    /// Gateways with port names, which name the tables of HTTPS servers.
    routes: HashSet<(&'s str, &'s str)>,
}

/// The host, if an earlier server has it. A redirect to https compares it with its namespace, as
/// Istio does; a TLS server without, because two chains for one server name cannot be told apart
/// (Envoy refuses such a listener as a whole).
fn taken<'h>(
    server: &OpenServer<'_>,
    (namespace, host): (Option<&str>, &'h str),
    earlier: &Holdings<'_>,
) -> Option<&'h str> {
    let found = match server.class {
        Class::Tls => earlier.names.contains(host),
        Class::Http | Class::Tcp => earlier.hosts.contains(&(namespace, host)),
    };
    found.then_some(host)
}

/// Why a server cannot join those that hold its address already.
fn conflict(
    earlier: &Merged<'_, '_>,
    server: &OpenServer<'_>,
    held: &Holdings<'_>,
) -> Option<&'static str> {
    let first = earlier.servers.first()?;
    match (first.class, server.class) {
        (Class::Http, Class::Http) => None,
        (Class::Tls, Class::Tls) => {
            let same_route = held.routes.contains(&(&*server.name, &*server.server.port.name));
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
