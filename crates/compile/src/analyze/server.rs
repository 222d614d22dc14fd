//! Servers that pass TLS through although HTTP routes are bound to them: `tls.mode` left out.

use std::collections::HashMap;

use propylon_model::gateway::{Server, ServerTlsMode};
use propylon_model::{FieldPath, Gateway, Object, ObjectKey, Problem, Severity, VirtualService};

use super::code;
use super::index::Index;
use crate::host::{overlaps, split_server_host};

/// Checks every server that passes TLS through.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    let world = index.view.world;
    let mut bound: HashMap<&ObjectKey, Vec<&Object<VirtualService>>> = HashMap::new();
    for object in &world.virtual_services {
        for (_, _, gateway) in index.bound(object) {
            bound.entry(&gateway.meta.key).or_default().push(object);
        }
    }
    for gateway in &world.gateways {
        for (position, server) in gateway.spec.servers.iter().enumerate() {
            let Some(tls) = &server.tls else { continue };
            let speaks_tls =
                ["HTTPS", "TLS"].iter().any(|name| server.port.protocol.eq_ignore_ascii_case(name));
            if !speaks_tls || tls.mode != ServerTlsMode::Passthrough {
                continue;
            }
            let ours = bound.get(&gateway.meta.key).map_or(&[][..], Vec::as_slice);
            let services: Vec<_> = ours
                .iter()
                .copied()
                .filter(|object| shares_host(index, object, gateway, server))
                .collect();
            if services.iter().any(|object| !object.spec.tls.is_empty()) {
                continue;
            }
            let Some(http) = services.iter().find(|object| !object.spec.http.is_empty()) else {
                continue;
            };
            report(gateway, position, server, http, out);
        }
    }
}

fn shares_host(
    index: &Index<'_, '_>,
    object: &Object<VirtualService>,
    gateway: &Object<Gateway>,
    server: &Server,
) -> bool {
    let own = &object.meta.key.namespace;
    let mut served =
        server.hosts.iter().map(|host| split_server_host(host, &gateway.meta.key.namespace));
    served.any(|(allowed, served)| {
        allowed.is_none_or(|allowed| *allowed == **own)
            && object.spec.hosts.iter().any(|host| overlaps(served, &index.complete(host, own)))
    })
}

fn report(
    gateway: &Object<Gateway>,
    position: usize,
    server: &Server,
    http: &Object<VirtualService>,
    out: &mut Vec<Problem>,
) {
    let message = format!(
        "port {} passes TLS through undecrypted (PASSTHROUGH, also when `mode` is left out), so \
         the HTTP routes of {} are never used there and connections are reset",
        server.port.number, http.meta.key
    );
    let field = FieldPath::spec().key("servers").index(position).key("tls");
    let help = "write `mode: SIMPLE` with a `credentialName` to decrypt here, or route with `tls:` \
                and `sniHosts`";
    let problem = Problem::of(Severity::Error, code::PASSTHROUGH, gateway, field, message)
        .help(help)
        .note(http, FieldPath::spec().key("http"), "these routes need decrypted requests");
    out.push(problem);
}

#[cfg(test)]
mod tests;
