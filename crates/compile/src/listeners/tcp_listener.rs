//! Listeners whose connections are handed on: TCP servers with the route that is bound to them, TLS
//! servers that pass through by server name. Which route, and where to, is `tcp_route`'s.

use std::collections::HashSet;

use propylon_model::gateway::ServerTlsMode;
use propylon_snapshot::{Listener, ServerNames, Serves, TcpRoute, TlsChain};

use crate::listeners::gateway::OpenServer;
use crate::listeners::merge::{Merged, protocol_field};
use crate::listeners::route_table::Tables;
use crate::listeners::server_hosts::ServerHosts;
use crate::listeners::tcp_route::Taken;
use crate::problems::code;
use crate::routes::http_route::Builder;
use crate::routes::virtual_service::List;

impl<'w> Tables<'_, 'w> {
    /// Adds the listener of a TCP server. Without a route there is none, as in Istio.
    pub(crate) fn add_tcp(&mut self, merged: &Merged<'_, 'w>, builder: &mut Builder<'_, 'w>) {
        let Some(server) = merged.first() else { return };
        if server.server.port.protocol.eq_ignore_ascii_case("UDP") {
            return report_closed(server, builder);
        }
        if let Some(route) = self.connections_of(server, builder) {
            self.open(server, Serves::Tcp(route), builder);
        }
    }

    /// The `tcp` route of a server: the first that fits. Reported where there is none.
    pub(crate) fn connections_of(
        &mut self,
        server: &OpenServer<'w>,
        builder: &mut Builder<'_, 'w>,
    ) -> Option<TcpRoute> {
        for position in self.bound_to(server) {
            if let Some(route) = builder.tcp_route(&self.bound[position], server) {
                self.used.insert((position, List::Tcp));
                return Some(route);
            }
        }
        report_unbound(server, List::Tcp, builder);
        None
    }

    /// Adds the listener of TLS servers: a chain for each match of the `tls` routes bound to those
    /// that pass through, and one for each server that ends TLS.
    pub(crate) fn add_tls(&mut self, merged: &Merged<'_, 'w>, builder: &mut Builder<'_, 'w>) {
        let Some(first) = merged.first() else { return };
        let mut taken = Taken::new();
        let mut chains = Vec::new();
        let passes = |server: &&&OpenServer<'_>| mode(server) == Some(ServerTlsMode::Passthrough);
        // Names of servers count before those of routes, which give way to them.
        for server in merged.servers.iter().filter(|server| !passes(server)) {
            let own = match mode(server) {
                Some(ServerTlsMode::AutoPassthrough) => builder.every_service(server, &taken),
                _ => self.chain(server, builder).into_iter().collect(),
            };
            let names = own.iter().flat_map(|chain| &chain.names);
            taken.extend(names.map(|name| (name.clone(), None)));
            chains.extend(own);
        }
        for server in merged.servers.iter().filter(passes) {
            match self.passthrough(server, &mut taken, builder) {
                Some(own) => chains.extend(own),
                None => report_unbound(server, List::Tls, builder),
            }
        }
        if !chains.is_empty() {
            self.open(first, Serves::Tls(ServerNames::new(chains)), builder);
        }
    }

    /// The chains of a server that passes through; `None` if no route is bound to it.
    fn passthrough(
        &mut self,
        server: &OpenServer<'w>,
        taken: &mut Taken,
        builder: &mut Builder<'_, 'w>,
    ) -> Option<Vec<TlsChain>> {
        let mut chains = None;
        for position in self.bound_to(server) {
            let own = builder.passthrough_chains(&self.bound[position], server, taken);
            if let Some(own) = own {
                self.used.insert((position, List::Tls));
                chains.get_or_insert_with(Vec::new).extend(own);
            }
        }
        chains
    }

    /// The VirtualServices that are bound to a server and have hosts in common with it.
    fn bound_to(&self, server: &OpenServer<'w>) -> Vec<usize> {
        let index = ServerHosts::new(server);
        let positions = self.by_gateway.get(server.name.as_str()).cloned().unwrap_or_default();
        let fits = |position: &usize| !index.common(&self.bound[*position]).is_empty();
        positions.into_iter().filter(fits).collect()
    }

    fn open(&mut self, server: &OpenServer<'w>, serves: Serves, builder: &mut Builder<'_, 'w>) {
        self.connections.push(Listener {
            bind: server.bind.clone(),
            also: server.also.clone(),
            port: server.port,
            serves,
            origin: builder.objects.origin(server.gateway, server.position, None),
        });
    }

    /// Reports routes of connections that no server takes: a server takes one `tcp` route only, and
    /// `tls` routes are for servers that pass TLS through.
    pub(crate) fn report_unused(&self, servers: &[OpenServer<'_>], builder: &mut Builder<'_, 'w>) {
        let open: HashSet<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        for (position, bound) in self.bound.iter().enumerate() {
            if !bound.gateways.iter().any(|gateway| open.contains(gateway.as_str())) {
                continue;
            }
            let spec = &bound.object.spec;
            for (list, is_empty, whom) in [
                (List::Tcp, spec.tcp.is_empty(), "a server takes the first TCP route that fits it"),
                (List::Tls, spec.tls.is_empty(), "they are for servers with `mode: PASSTHROUGH`"),
            ] {
                if !is_empty && !self.used.contains(&(position, list)) {
                    let key = list.key();
                    let message = format!(
                        "the `{key}` routes have no effect: no server of these gateways takes \
                         them ({whom})"
                    );
                    let field = propylon_model::FieldPath::spec().key(key);
                    builder.problems.warning(code::ROUTE_UNUSED, bound.object, field, message);
                }
            }
        }
    }
}

fn mode(server: &OpenServer<'_>) -> Option<ServerTlsMode> {
    server.server.tls.as_ref().map(|tls| tls.mode)
}

fn report_unbound(server: &OpenServer<'_>, list: List, builder: &mut Builder<'_, '_>) {
    let key = list.key();
    let effect = match list {
        List::Tcp => format!("port {} stays closed", server.port),
        List::Tls => format!("port {} answers nobody for it", server.port),
    };
    let message = format!(
        "no VirtualService of gateway {} has a `{key}` route for this server, so {effect}",
        server.name
    );
    let field = protocol_field(server);
    builder.problems.warning(code::SERVER_UNBOUND, server.gateway, field, message);
}

/// Reports a server that is not served at all.
fn report_closed(server: &OpenServer<'_>, builder: &mut Builder<'_, '_>) {
    let protocol = server.server.port.protocol.to_ascii_uppercase();
    let what = match &server.server.tls {
        Some(tls) => format!("{protocol} {}", tls.mode.name()),
        None => protocol,
    };
    let message = format!(
        "{what} servers are not yet in effect: port {} stays closed for {}",
        server.port,
        server.server.hosts.join(", ")
    );
    let field = protocol_field(server);
    builder.problems.error(code::SERVER_CLOSED, server.gateway, field, message);
}
