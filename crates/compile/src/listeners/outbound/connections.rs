//! Routes of bytes that leave a workload: the `tcp` and `tls` routes of the VirtualService that
//! counts for a service, else the service itself.

use std::net::IpAddr;

use ipnet::IpNet;
use propylon_model::virtual_service::{L4Match, TlsMatch};
use propylon_model::{Labels, Object, VirtualService};
use propylon_snapshot::{Origin, Target, TcpDestination, TcpProtocol, TcpRoute, TlsChain};

use super::offer::Offer;
use super::{Key, Leaving, passed};
use crate::destinations::handing::Handing;
use crate::host::{MESH, is_subset, resolve_gateway};
use crate::routes::http_route::Builder;
use crate::routes::virtual_service::Bound;
use crate::selection::selects;

/// What `tcp` and `tls` matches share, as Istio's sidecars look at it.
struct Source<'m> {
    gateways: &'m [String],
    port: u32,
    labels: &'m Labels,
    namespace: &'m str,
}

impl Source<'_> {
    /// True for connections of this workload to this port.
    fn fits(&self, port: u16, object: &Object<VirtualService>, builder: &Builder<'_, '_>) -> bool {
        let options = builder.view.options;
        let written_in = &*object.meta.key.namespace;
        let mesh = |gateway: &String| resolve_gateway(gateway, written_in) == MESH;
        (self.port == 0 || self.port == u32::from(port))
            && (self.gateways.is_empty() || self.gateways.iter().any(mesh))
            && selects(self.labels, &options.labels)
            && (self.namespace.is_empty() || self.namespace == options.namespace)
    }
}

impl<'b, 'w> Leaving<'b, 'w> {
    /// The VirtualServices with a host for a service, the most specific ones first.
    fn bound_to(&self, offer: Offer<'_, 'w>) -> impl Iterator<Item = &'b Bound<'w>> + use<'b, 'w> {
        let host = offer.service.host.as_str();
        let exact = |bound: &&Bound<'w>| bound.hosts.iter().any(|wanted| wanted == host);
        let fits = |bound: &&Bound<'w>| bound.hosts.iter().any(|wanted| is_subset(host, wanted));
        let bound = self.bound;
        let first: Vec<&'b Bound<'w>> = bound.iter().filter(exact).collect();
        let then: Vec<&'b Bound<'w>> =
            bound.iter().filter(|one| fits(one) && !exact(one)).collect();
        first.into_iter().chain(then)
    }

    /// Where bytes meant for a service go: by its first `tcp` route that fits, whose subnets may
    /// narrow it, else to the service itself.
    pub(super) fn tcp_routes(
        &self,
        offer: Offer<'_, 'w>,
        builder: &mut Builder<'_, 'w>,
    ) -> Vec<(Option<Key>, TcpRoute)> {
        let port = offer.port.number;
        let mut routes = Vec::new();
        let first = self.bound_to(offer).find(|bound| !bound.object.spec.tcp.is_empty());
        if let Some(bound) = first {
            let object = bound.object;
            for (entry, written) in object.spec.tcp.iter().enumerate() {
                let matches = &written.r#match;
                let fitting = matches
                    .iter()
                    .enumerate()
                    .filter(|(_, one)| source_of(one).fits(port, object, builder));
                let fitting: Vec<(usize, &L4Match)> = fitting.collect();
                if fitting.is_empty() && !matches.is_empty() {
                    continue;
                }
                let position = fitting.first().map(|(position, _)| *position);
                let origin = builder.objects.origin(object, entry, position);
                let route =
                    builder.connections(object, ("tcp", &written.route), origin, (port, false));
                let subnets = fitting.iter().flat_map(|(_, one)| &one.destination_subnets);
                let blocks: Vec<IpNet> = subnets.filter_map(|text| block(text)).collect();
                if blocks.is_empty() {
                    routes.push((None, route));
                    return routes;
                }
                let narrowed = blocks.into_iter();
                routes.extend(narrowed.map(|one| (Some(Key::Block(one, port)), route.clone())));
            }
        }
        let origin = offer.origin(builder);
        let host = offer.service.host.clone();
        let written = offer.written();
        let namespace = offer.service.namespace;
        let handing = builder.clusters.handing(&host, "");
        let name = builder.clusters.name(&written, &host, namespace, port.into());
        let target = offer.target(builder);
        routes.push((None, only(target, &name, handing, origin)));
        routes
    }

    /// The chains that the `tls` routes for a service make.
    pub(super) fn tls_chains(
        &self,
        offer: Offer<'_, 'w>,
        builder: &mut Builder<'_, 'w>,
    ) -> Vec<TlsChain> {
        let port = offer.port.number;
        let mut chains = Vec::new();
        let first = self.bound_to(offer).find(|bound| !bound.object.spec.tls.is_empty());
        if let Some(bound) = first {
            let object = bound.object;
            for (entry, written) in object.spec.tls.iter().enumerate() {
                for (position, one) in written.r#match.iter().enumerate() {
                    if !source_of_tls(one).fits(port, object, builder) {
                        continue;
                    }
                    let origin = builder.objects.origin(object, entry, Some(position));
                    let list = ("tls", &*written.route);
                    let route = builder.connections(object, list, origin, (port, false));
                    let names = one.sni_hosts.iter().map(|name| name.to_ascii_lowercase().into());
                    chains.push(passed(names.collect(), route, origin));
                }
            }
        }
        chains
    }
}

fn source_of(one: &L4Match) -> Source<'_> {
    // `sourceSubnet` is not read by Istio either.
    let L4Match {
        destination_subnets: _,
        port,
        source_subnet: _,
        source_labels,
        gateways,
        source_namespace,
    } = one;
    Source { gateways, port: *port, labels: source_labels, namespace: source_namespace }
}

fn source_of_tls(one: &TlsMatch) -> Source<'_> {
    let TlsMatch {
        sni_hosts: _,
        destination_subnets: _,
        port,
        source_labels,
        gateways,
        source_namespace,
    } = one;
    Source { gateways, port: *port, labels: source_labels, namespace: source_namespace }
}

/// A block of addresses; a single one is a block of its own.
fn block(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(address).map(|block| block.trunc())
}

/// A route with one destination.
pub(super) fn only(target: Target, name: &str, handing: Handing, origin: Origin) -> TcpRoute {
    let Handing { idle_timeout, duration, hash_source, tunnel } = handing;
    TcpRoute {
        destinations: vec![TcpDestination { target, weight: 1 }],
        idle_timeout,
        duration,
        stat_prefix: name.into(),
        protocol: TcpProtocol::Tcp,
        hash_source,
        tunnel,
        origin,
    }
}
