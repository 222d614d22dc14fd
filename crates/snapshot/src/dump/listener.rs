//! What a listener serves, as text: routes, TCP destinations, TLS chains. Of certificates and keys
//! only where they came from and what is wrong with them.

use std::sync::Arc;

use super::page::{Page, line};
use crate::{
    Captured, ClientCheck, Credential, Listener, Offered, Outbound, RouteTableId, ServerNames,
    ServerTls, Serves, Snapshot, TcpDestination, TcpProtocol, TcpRoute, Termination, Then,
    TlsChain, TlsVersion,
};

impl Snapshot {
    pub(super) fn dump_serves(&self, page: &mut Page, serves: &Serves) {
        match serves {
            Serves::Http(table) => self.dump_routed(page, *table),
            Serves::Tcp(route) => self.dump_tcp(page, route, "tcp"),
            Serves::Tls(names) => self.dump_names(page, names),
            Serves::Captured(outbound) => self.dump_outbound(page, outbound, "captured"),
            Serves::Proxy(outbound) => self.dump_proxy(page, outbound),
        }
    }

    /// An explicit proxy shares what is captured, where anything is.
    fn dump_proxy(&self, page: &mut Page, outbound: &Arc<Outbound>) {
        let captures = |listener: &Listener| match &listener.serves {
            Serves::Captured(other) => Arc::ptr_eq(other, outbound),
            Serves::Http(_) | Serves::Tcp(_) | Serves::Tls(_) | Serves::Proxy(_) => false,
        };
        match self.listeners.iter().find(|listener| captures(listener)) {
            Some(same) => line!(page, "proxy of what is captured at {}", same.bind),
            None => self.dump_outbound(page, outbound, "proxy"),
        }
    }

    fn dump_outbound(&self, page: &mut Page, outbound: &Outbound, how: &str) {
        for listener in outbound.listeners() {
            let Captured { name, meant: _, hosts, http, names, bytes } = listener;
            line!(page, "{how} {name}");
            page.inside(|page| {
                if !hosts.is_empty() {
                    line!(page, "for {}", hosts.join(" "));
                }
                if let Some(table) = http {
                    self.dump_routed(page, *table);
                }
                self.dump_names(page, names);
                if let Some(route) = bytes {
                    self.dump_tcp(page, route, "tcp");
                }
            });
        }
        line!(page, "{how} anything else");
        page.inside(|page| match outbound.otherwise() {
            Some(route) => self.dump_tcp(page, route, "tcp"),
            None => line!(page, "closed"),
        });
    }

    fn dump_routed(&self, page: &mut Page, table: RouteTableId) {
        line!(page, "routes {}", self.table(table).name);
    }

    fn dump_names(&self, page: &mut Page, names: &ServerNames) {
        for chain in names.chains() {
            let TlsChain { names, offered, termination, then, origin } = chain;
            let list = match termination {
                Termination::Terminate(_) => "tcp",
                Termination::Passthrough => "tls",
            };
            line!(page, "tls {}", names.join(" "));
            page.inside(|page| {
                if *offered == Offered::Istio {
                    line!(page, "for {}", crate::ISTIO_PROTOCOLS.join(" "));
                }
                match termination {
                    Termination::Terminate(tls) => server_tls(page, tls),
                    Termination::Passthrough => line!(page, "passes through"),
                }
                match then {
                    Then::Http(table) => self.dump_routed(page, *table),
                    Then::Tcp(route) => self.dump_tcp(page, route, list),
                }
                line!(page, "from {}", self.origin(*origin, list));
            });
        }
    }

    fn dump_tcp(&self, page: &mut Page, route: &TcpRoute, list: &str) {
        let TcpRoute {
            destinations,
            idle_timeout,
            duration,
            stat_prefix,
            protocol,
            hash_source,
            tunnel,
            origin,
        } = route;
        let protocol = match protocol {
            TcpProtocol::Tcp => "tcp",
            TcpProtocol::Mongo => "mongo",
        };
        line!(page, "{protocol} {stat_prefix}");
        page.inside(|page| {
            for TcpDestination { target, weight } in destinations {
                line!(page, "to {} weight {weight}", self.target(target));
            }
            if let Some(idle) = idle_timeout {
                line!(page, "idle timeout {idle:?}");
            }
            if let Some(duration) = duration {
                line!(page, "closed after {duration:?}");
            }
            if *hash_source {
                line!(page, "hash of source address");
            }
            if let Some(tunnel) = tunnel {
                line!(page, "through a tunnel: {tunnel}");
            }
            line!(page, "from {}", self.origin(*origin, list));
        });
    }
}

fn server_tls(page: &mut Page, tls: &ServerTls) {
    let ServerTls { certificates, clients, min_version, max_version, cipher_suites, groups } = tls;
    for certificate in certificates {
        credential(page, "certificate", certificate);
    }
    clients_of(page, clients);
    line!(page, "versions {} to {}", version(*min_version), version(*max_version));
    if !cipher_suites.is_empty() {
        let names: Vec<_> = cipher_suites.iter().map(|suite| suite.name()).collect();
        line!(page, "cipher suites {}", names.join(" "));
    }
    if !groups.is_empty() {
        let names: Vec<_> = groups.iter().map(|group| group.name()).collect();
        line!(page, "groups {}", names.join(" "));
    }
}

fn clients_of(page: &mut Page, clients: &ClientCheck) {
    let ClientCheck::Verify {
        required,
        authorities,
        revoked,
        names,
        keys,
        certificates,
        accept_unverified,
    } = clients
    else {
        return;
    };
    line!(page, "client certificate {}", if *required { "required" } else { "optional" });
    page.inside(|page| {
        credential(page, "authorities", authorities);
        if let Some(revoked) = revoked {
            credential(page, "revoked", revoked);
        }
        if !names.is_empty() {
            line!(page, "names {}", names.join(" "));
        }
        for (what, hashes) in [("key", keys), ("certificate", certificates)] {
            for hash in hashes {
                line!(page, "{what} sha256 {}", hex(hash));
            }
        }
        if *accept_unverified {
            line!(page, "accepted although it does not verify");
        }
    });
}

/// A credential by its name, and why it cannot be used.
pub(super) fn credential<T>(page: &mut Page, what: &str, credential: &Credential<T>) {
    let Credential { name, read } = credential;
    match read {
        Ok(_) => line!(page, "{what} {name}"),
        Err(why) => line!(page, "{what} {name}: {why}"),
    }
}

fn version(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::V1_2 => "1.2",
        TlsVersion::V1_3 => "1.3",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
