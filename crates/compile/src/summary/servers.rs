//! What changed about TLS servers: certificates that were rotated, and anything else of their
//! settings. Bytes are compared, never shown.

use std::collections::BTreeMap;

use propylon_snapshot::{ServerTls, Serves, Snapshot, Termination};

use super::counted;

/// `certificate of a.example rotated`, `3 certificates rotated`, `TLS settings of a.example
/// changed`.
pub(super) fn changes(old: &Snapshot, new: &Snapshot, phrases: &mut Vec<String>) {
    let before = servers(old);
    let (mut rotated, mut changed) = (Vec::new(), Vec::new());
    for (name, settings) in servers(new) {
        let Some(earlier) = before.get(&name) else { continue };
        if earlier.certificates != settings.certificates {
            rotated.push(name.1.clone());
        }
        if !alike(earlier, settings) {
            changed.push(name.1);
        }
    }
    match rotated.as_slice() {
        [] => {}
        [one] => phrases.push(format!("certificate of {one} rotated")),
        several => phrases.push(format!("{} rotated", counted(several.len(), "certificate"))),
    }
    match changed.as_slice() {
        [] => {}
        [one] => phrases.push(format!("TLS settings of {one} changed")),
        several => {
            let servers = counted(several.len(), "server");
            phrases.push(format!("TLS settings of {servers} changed"));
        }
    }
}

/// True if nothing but certificates differs.
fn alike(a: &ServerTls, b: &ServerTls) -> bool {
    let ServerTls { certificates: _, clients, min_version, max_version, cipher_suites, groups } = a;
    *clients == b.clients
        && (*min_version, *max_version) == (b.min_version, b.max_version)
        && *cipher_suites == b.cipher_suites
        && *groups == b.groups
}

/// TLS servers by the address of their listener and the names that they answer.
fn servers(snapshot: &Snapshot) -> BTreeMap<(String, String), &ServerTls> {
    let mut servers = BTreeMap::new();
    for listener in &snapshot.listeners {
        let Serves::Tls(names) = &listener.serves else { continue };
        for chain in names.chains() {
            if let Termination::Terminate(settings) = &chain.termination {
                servers.insert((listener.bind.to_string(), chain.names.join(" ")), &**settings);
            }
        }
    }
    servers
}
