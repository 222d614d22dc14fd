//! Where connections go that are not HTTP: the `tcp` route of a server, and the chains that `tls`
//! routes make. Istio's rules; what gives way is reported.

use std::collections::HashMap;

use propylon_model::virtual_service::RouteDestination;
use propylon_model::{FieldPath, Object, VirtualService};
use propylon_snapshot::{
    Offered, Origin, TcpDestination, TcpProtocol, TcpRoute, Termination, Then, TlsChain,
};

use crate::destinations::handing::Handing;
use crate::destinations::tunnel;
use crate::host::{resolve, resolve_gateway};
use crate::listeners::gateway::OpenServer;
use crate::problems::code;
use crate::routes::http_route::Builder;
use crate::routes::virtual_service::Bound;

/// Server names of one address, with the match that has each; `None`: another kind of server has.
pub(crate) type Taken = HashMap<Box<str>, Option<Origin>>;

/// What all routes of connections share of a match: the fields that Istio looks at on a gateway.
struct Fits<'m> {
    gateways: &'m [String],
    port: u32,
}

impl Fits<'_> {
    /// True at a server. Subnets, labels and namespaces of the source say nothing at a gateway.
    fn at(&self, server: &OpenServer<'_>, namespace: &str) -> bool {
        let named = |gateway: &String| resolve_gateway(gateway, namespace) == server.name;
        (self.port == 0 || self.port == u32::from(server.port))
            && (self.gateways.is_empty() || self.gateways.iter().any(named))
    }
}

impl<'w> Builder<'_, 'w> {
    /// The `tcp` route that a VirtualService has for a server: its first whose match fits.
    pub(crate) fn tcp_route(
        &mut self,
        bound: &Bound<'w>,
        server: &OpenServer<'_>,
    ) -> Option<TcpRoute> {
        let object = bound.object;
        let namespace = &*object.meta.key.namespace;
        for (entry, route) in object.spec.tcp.iter().enumerate() {
            let found = route.r#match.iter().position(|one| {
                Fits { gateways: &one.gateways, port: one.port }.at(server, namespace)
            });
            if found.is_some() || route.r#match.is_empty() {
                let origin = self.objects.origin(object, entry, found);
                return Some(self.connections(
                    object,
                    ("tcp", &route.route),
                    origin,
                    spoken(server),
                ));
            }
        }
        None
    }

    /// The chains that the `tls` routes of a VirtualService add to a server that passes TLS
    /// through: one for each match that fits; `None` where none does. `taken` has the names of this
    /// address and who has them; a match with a name that another one has is left out.
    pub(crate) fn passthrough_chains(
        &mut self,
        bound: &Bound<'w>,
        server: &OpenServer<'_>,
        taken: &mut Taken,
    ) -> Option<Vec<TlsChain>> {
        let object = bound.object;
        let namespace = &*object.meta.key.namespace;
        let mut chains = None;
        for (entry, route) in object.spec.tls.iter().enumerate() {
            for (position, one) in route.r#match.iter().enumerate() {
                if !(Fits { gateways: &one.gateways, port: one.port }).at(server, namespace) {
                    continue;
                }
                let chains = chains.get_or_insert_with(Vec::new);
                let origin = self.objects.origin(object, entry, Some(position));
                let names: Vec<Box<str>> =
                    one.sni_hosts.iter().map(|name| name.to_ascii_lowercase().into()).collect();
                let holder = names.iter().find_map(|name| Some((name, taken.get(name)?)));
                if let Some((name, holder)) = holder {
                    // Another server of the port may have brought the same match.
                    if *holder != Some(origin) {
                        self.report_taken(object, (entry, position), name, server);
                    }
                    continue;
                }
                taken.extend(names.iter().map(|name| (name.clone(), Some(origin))));
                let list = ("tls", &*route.route);
                let route = self.connections(object, list, origin, spoken(server));
                let then = Then::Tcp(route);
                chains.push(TlsChain {
                    names,
                    offered: Offered::Anything,
                    termination: Termination::Passthrough,
                    then,
                    origin,
                });
            }
        }
        chains
    }

    fn report_taken(
        &mut self,
        object: &Object<VirtualService>,
        (entry, position): (usize, usize),
        name: &str,
        server: &OpenServer<'_>,
    ) {
        let message = format!(
            "server name `{name}` is already served on port {} by an earlier route or server, so \
             this match has no effect there",
            server.port
        );
        let field = FieldPath::spec().key("tls").index(entry).key("match").index(position);
        self.problems.warning(code::SERVER_NAME_TAKEN, object, field.key("sniHosts"), message);
    }

    /// The destinations of a route in `tcp` or `tls`, as the connections of a port meet them, which
    /// may be MongoDB's.
    /// A single one takes all; of several, those without weight take nothing.
    pub(crate) fn connections(
        &mut self,
        object: &Object<VirtualService>,
        (routes, list): (&str, &[RouteDestination]),
        origin: Origin,
        (port, is_mongo): (u16, bool),
    ) -> TcpRoute {
        let key = &object.meta.key;
        let namespace = &*key.namespace;
        let port = u32::from(port);
        let place = FieldPath::spec().key(routes).index(origin.entry as usize);
        let mut destinations = Vec::new();
        let mut stat_prefix = format!("{}.{namespace}", key.name);
        // The first destination's DestinationRule speaks for all, as in Istio.
        let handing = match list {
            [] => Handing::of(None, ""),
            [only] => self.handing(only, &only.destination.subset, namespace),
            [first, ..] => self.handing(first, "", namespace),
        };
        for (position, written) in list.iter().enumerate() {
            let weight = u32::try_from(written.weight).unwrap_or(0);
            if list.len() > 1 && weight == 0 {
                continue;
            }
            let destination = &written.destination;
            let host = resolve(&destination.host, namespace, &self.view.options.domain);
            if list.len() == 1 {
                stat_prefix = self.clusters.name(destination, &host, namespace, port);
            }
            let meant = self.clusters.tunnel_meant(&host, &destination.subset);
            let both = (meant.as_ref(), handing.tunnel.as_deref());
            let field = place.clone().key("route").index(position).key("destination");
            tunnel::report(object, field, both, list.len() == 1, &mut self.problems);
            let target = self.clusters.target(destination, &host, namespace, port);
            let weight = if list.len() == 1 { 1 } else { weight };
            destinations.push(TcpDestination { target, weight });
        }
        let Handing { idle_timeout, duration, hash_source, tunnel } = handing;
        TcpRoute {
            destinations,
            idle_timeout,
            duration,
            stat_prefix: stat_prefix.into(),
            protocol: if is_mongo { TcpProtocol::Mongo } else { TcpProtocol::Tcp },
            hash_source,
            tunnel,
            origin,
        }
    }
}

impl Builder<'_, '_> {
    /// What the DestinationRule of a destination says of connections to it, or to a subset.
    fn handing(&self, written: &RouteDestination, subset: &str, namespace: &str) -> Handing {
        let host = resolve(&written.destination.host, namespace, &self.view.options.domain);
        self.clusters.handing(&host, subset)
    }
}

/// The port of a server, and whether MongoDB is spoken there.
fn spoken(server: &OpenServer<'_>) -> (u16, bool) {
    (server.port, server.server.port.protocol.eq_ignore_ascii_case("MONGO"))
}
