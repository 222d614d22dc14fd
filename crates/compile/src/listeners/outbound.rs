//! A sidecar's outbound listeners, as Istio makes them for a workload: requests by port and Host,
//! connections by address and server name, and what nobody defined. It sorts services into
//! listeners; `hosts` makes their route tables and `connections` their routes of bytes.

mod connections;
mod hosts;
mod offer;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use propylon_snapshot::{
    Bind, Captured, ClusterId, Listener, Meant, Offered, Origin, Outbound, PASSTHROUGH, RouteTable,
    ServerNames, Serves, TcpRoute, Then, TlsChain,
};

use crate::Leg;
use crate::destinations::handing::Handing;
use crate::destinations::protocol::Protocol;
use crate::destinations::registry::{Behind, Service};
use crate::listeners::renumber;
use crate::problems::code;
use crate::routes::http_route::Builder;
use crate::routes::virtual_service::Bound;
use crate::scope::{Scope, Unknown};

use hosts::Table;
use offer::Offer;

/// A sidecar's listeners under construction; clusters have provisional ids.
pub(crate) struct Leaving<'b, 'w> {
    bound: &'b [Bound<'w>],
    scope: &'b Scope<'w>,
    listeners: BTreeMap<Key, Making>,
    tables: Vec<Table>,
    /// What takes traffic that nobody defined.
    otherwise: Option<TcpRoute>,
    origin: Origin,
}

/// What a listener is for, in the order in which listeners are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Port(u16),
    Block(IpNet, u16),
    Address(SocketAddr),
}

/// One listener under construction.
#[derive(Default)]
struct Making {
    hosts: Vec<Box<str>>,
    http: Option<usize>,
    chains: Vec<TlsChain>,
    bytes: Option<TcpRoute>,
}

impl<'b, 'w> Leaving<'b, 'w> {
    /// Compiles everything that leaves the workload.
    pub(crate) fn new(
        bound: &'b [Bound<'w>],
        scope: &'b Scope<'w>,
        builder: &mut Builder<'_, 'w>,
    ) -> Self {
        let origin = match scope.sidecar {
            Some(object) => builder.objects.origin(object, 0, None),
            None => builder.objects.mesh(builder.view.mesh.root_namespace()),
        };
        let mut leaving = Self {
            bound,
            scope,
            listeners: BTreeMap::new(),
            tables: Vec::new(),
            otherwise: None,
            origin,
        };
        leaving.otherwise = leaving.unknown(builder);
        let registry = builder.clusters.registry();
        let registry = &*registry;
        let offers: Vec<Offer<'_, 'w>> = registry
            .offers()
            .filter(|(service, port)| scope.has(service.namespace, &service.host, port.number))
            .map(|(service, port)| Offer { service, port })
            .collect();
        let requests = offers.iter().filter(|offer| leaving.routes_requests(offer));
        let mut by_port: BTreeMap<u16, Vec<Offer<'_, 'w>>> = BTreeMap::new();
        for offer in requests {
            by_port.entry(offer.port.number).or_default().push(*offer);
        }
        // Hosts that only a VirtualService knows are routed on port 80, as in Istio.
        by_port.entry(HTTP_PORT).or_default();
        for (port, offers) in &by_port {
            let table = leaving.port_table(*port, offers, builder);
            if !leaving.tables[table].hosts.is_empty() {
                leaving.at(Key::Port(*port)).http = Some(table);
            }
        }
        for offer in &offers {
            leaving.add_connections(*offer, builder);
        }
        leaving
    }

    /// True if a port's requests are routed by their Host, whatever address they were sent to.
    fn routes_requests(&self, offer: &Offer<'_, 'w>) -> bool {
        match offer.port.protocol {
            Protocol::Http | Protocol::Http2 => true,
            Protocol::Unknown => places(offer.service).is_empty(),
            Protocol::Tls | Protocol::Tcp => false,
        }
    }

    fn at(&mut self, key: Key) -> &mut Making {
        self.listeners.entry(key).or_default()
    }

    fn add_connections(&mut self, offer: Offer<'_, 'w>, builder: &mut Builder<'_, 'w>) {
        let Offer { service, port } = offer;
        match port.protocol {
            Protocol::Http | Protocol::Http2 => {}
            Protocol::Tcp => {
                let routes = self.tcp_routes(offer, builder);
                self.take_bytes(offer, routes, builder);
            }
            Protocol::Unknown => {
                let routes = self.tcp_routes(offer, builder);
                if !places(service).is_empty() {
                    let table = self.only_table(offer, builder);
                    for key in keys(service, port.number) {
                        let making = self.at(key);
                        making.http.get_or_insert(table);
                    }
                }
                self.take_bytes(offer, routes, builder);
            }
            Protocol::Tls => self.add_tls(offer, builder),
        }
    }

    /// Lets routes take the bytes meant for a service: where an address is known by it, else by its
    /// port, which one service only can have.
    fn take_bytes(
        &mut self,
        offer: Offer<'_, 'w>,
        routes: Vec<(Option<Key>, TcpRoute)>,
        builder: &mut Builder<'_, 'w>,
    ) {
        let Offer { service, port } = offer;
        let names = hosts::domains(service, builder.view.namespace(), &builder.view.options.domain);
        for (narrowed, route) in routes {
            let keys = match narrowed {
                Some(key) => vec![key],
                None => keys(service, port.number),
            };
            for key in keys {
                let making = self.at(key);
                if making.bytes.is_some() {
                    report_taken(offer, key, builder);
                    continue;
                }
                making.bytes = Some(route.clone());
                if key != Key::Port(port.number) {
                    making.hosts.extend(names.iter().map(|name| name.as_str().into()));
                }
            }
        }
    }

    fn add_tls(&mut self, offer: Offer<'_, 'w>, builder: &mut Builder<'_, 'w>) {
        let Offer { service, port } = offer;
        let chains = self.tls_chains(offer, builder);
        if chains.is_empty() {
            let routes = self.tcp_routes(offer, builder);
            let by_name = places(service).iter().all(|place| matches!(place, Place::Block(_)));
            if !by_name {
                return self.take_bytes(offer, routes, builder);
            }
            let Some((_, route)) = routes.into_iter().next() else { return };
            let origin = route.origin;
            let name = service.host.to_ascii_lowercase().into();
            let chain = passed(vec![name], route, origin);
            return self.add_chains(keys(service, port.number), &[chain]);
        }
        self.add_chains(keys(service, port.number), &chains);
    }

    fn add_chains(&mut self, keys: Vec<Key>, chains: &[TlsChain]) {
        for key in keys {
            let making = self.at(key);
            for chain in chains {
                let taken = |name: &str| {
                    making.chains.iter().any(|one| one.names.iter().any(|own| **own == *name))
                };
                let free: Vec<Box<str>> =
                    chain.names.iter().filter(|name| !taken(name.as_ref())).cloned().collect();
                if !free.is_empty() {
                    making.chains.push(TlsChain { names: free, ..chain.clone() });
                }
            }
        }
    }

    /// The finished listeners and tables; `clusters` has the final id of each provisional one.
    pub(crate) fn finish(
        self,
        leg: &Leg,
        clusters: &[ClusterId],
    ) -> (Vec<Listener>, Vec<RouteTable>) {
        let Self { listeners, tables, otherwise, origin, .. } = self;
        let tables = hosts::finish(tables, clusters);
        let finished = |mut route: TcpRoute| {
            renumber::connections(&mut route, clusters);
            route
        };
        let otherwise = otherwise.map(finished);
        let listeners = listeners.into_iter().map(|(key, making)| {
            let Making { hosts, http, mut chains, bytes } = making;
            for chain in &mut chains {
                if let Then::Tcp(route) = &mut chain.then {
                    renumber::connections(route, clusters);
                }
            }
            // Where names decide, what they do not is unknown traffic.
            let by_name = !chains.is_empty() && matches!(key, Key::Port(_));
            let bytes = bytes.map(finished).or_else(|| otherwise.clone().filter(|_| by_name));
            let http = http.map(hosts::table_id);
            let (name, meant) = key.finish();
            Captured { name, meant, hosts, http, names: ServerNames::new(chains), bytes }
        });
        let outbound = Arc::new(Outbound::new(listeners.collect(), otherwise.clone()));
        let listener = |address: &SocketAddr, serves: Serves| Listener {
            bind: Bind::Ip(*address),
            also: None,
            port: address.port(),
            serves,
            origin,
        };
        let captured = leg.captured.iter();
        let captured =
            captured.map(|address| listener(address, Serves::Captured(Arc::clone(&outbound))));
        let proxies = leg.proxy.iter();
        let proxies =
            proxies.map(|address| listener(address, Serves::Proxy(Arc::clone(&outbound))));
        let mut listeners: Vec<Listener> = captured.chain(proxies).collect();
        listeners.sort_by(|a, b| a.bind.cmp(&b.bind));
        (listeners, tables)
    }

    /// What takes connections that nobody defined.
    fn unknown(&self, builder: &mut Builder<'_, 'w>) -> Option<TcpRoute> {
        let target = match self.scope.unknown(builder.view) {
            Unknown::Refused => return None,
            Unknown::Allowed => builder.clusters.passthrough(),
            Unknown::Through(destination) => offer::target_of(destination, self.scope, builder),
        };
        Some(connections::only(target, PASSTHROUGH, Handing::of(None, ""), self.origin))
    }
}

impl Key {
    fn finish(self) -> (Box<str>, Meant) {
        match self {
            Self::Port(port) => (format!("0.0.0.0_{port}").into(), Meant::Port(port)),
            Self::Block(block, port) => {
                (format!("{block}_{port}").into(), Meant::Block(block, port))
            }
            Self::Address(address) => {
                (format!("{}_{}", address.ip(), address.port()).into(), Meant::Address(address))
            }
        }
    }
}

/// An address that a service is known by.
#[derive(Clone, Copy)]
enum Place {
    Address(IpAddr),
    Block(IpNet),
}

/// The virtual addresses of a service.
fn places(service: &Service<'_>) -> Vec<Place> {
    let texts = service.addresses();
    let read = |text: &&str| match text.parse::<IpAddr>() {
        Ok(address) => Some(Place::Address(address)),
        Err(_) => text.parse::<IpNet>().ok().map(Place::Block),
    };
    texts.iter().filter_map(read).collect()
}

/// Where connections to a service's port are found.
fn keys(service: &Service<'_>, port: u16) -> Vec<Key> {
    let keys: Vec<Key> = places(service)
        .into_iter()
        .map(|place| match place {
            Place::Address(address) => Key::Address(SocketAddr::new(address, port)),
            Place::Block(block) => Key::Block(block.trunc(), port),
        })
        .collect();
    if keys.is_empty() { vec![Key::Port(port)] } else { keys }
}

/// A chain that hands TLS on as it comes.
fn passed(names: Vec<Box<str>>, route: TcpRoute, origin: Origin) -> TlsChain {
    let termination = propylon_snapshot::Termination::Passthrough;
    TlsChain { names, offered: Offered::Anything, termination, then: Then::Tcp(route), origin }
}

fn report_taken(offer: Offer<'_, '_>, key: Key, builder: &mut Builder<'_, '_>) {
    let (name, _) = key.finish();
    let host = &offer.service.host;
    let message = format!(
        "port {} of {host} is not reached: connections to {name} go to an earlier service, and \
         nothing tells the two apart",
        offer.port.number
    );
    let field = propylon_model::FieldPath::spec().key("ports").index(offer.port.position);
    let problems = &mut builder.problems;
    match offer.service.behind {
        Behind::Kubernetes(object) => {
            problems.warning(code::OUTBOUND_TAKEN, object, field, message);
        }
        Behind::Entry(object) => problems.warning(code::OUTBOUND_TAKEN, object, field, message),
    }
}

/// The port of HTTP without TLS.
const HTTP_PORT: u16 = 80;
