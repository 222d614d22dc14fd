//! Every destination that routes name, with its completed host and whose traffic it gets.
//!
//! Delegates count as far as the roots that name them; routes for sidecars only are left out.

use std::collections::HashMap;

use propylon_model::virtual_service::{Destination, HttpMatch, HttpRoute, L4Match, TlsMatch};
use propylon_model::{FieldPath, Labels, Object, VirtualService};

use super::index::{Index, Reach};
use crate::Role;
use crate::selection::selects;

/// A destination where a route names it.
pub(super) struct Use<'w> {
    /// The object that the route is written in.
    pub(super) object: &'w Object<VirtualService>,
    /// The destination as written.
    pub(super) destination: &'w Destination,
    /// Its completed host.
    pub(super) host: String,
    /// The list of the VirtualService that the route is in: `http`, `tls` or `tcp`.
    list: &'static str,
    /// The way to the destination.
    pub(super) field: FieldPath,
    /// Whose traffic it gets; never [`Reach::Mesh`].
    pub(super) reach: Reach,
    /// True if it gets copies only, which nobody misses.
    pub(super) copy: bool,
    /// True if it has no weight beside others, so that it gets no requests at all.
    pub(super) idle: bool,
}

/// All destinations of a world.
pub(super) fn collect<'w>(index: &Index<'_, 'w>) -> Vec<Use<'w>> {
    let delegated = delegated(index);
    let mut uses = Vec::new();
    for object in &index.view.world.virtual_services {
        let own = index.reach(object);
        let reach = if object.spec.hosts.is_empty() {
            let key = (&*object.meta.key.namespace, &*object.meta.key.name);
            delegated.get(&key).copied().unwrap_or(Reach::Mesh)
        } else {
            own
        };
        for (entry, route) in object.spec.http.iter().enumerate() {
            let reach = route_reach(index, object, route, reach);
            if reach != Reach::Mesh {
                of_route(index, object, entry, route, reach, &mut uses);
            }
        }
        if reach != Reach::Mesh {
            of_connections(index, object, reach, &mut uses);
        }
    }
    uses
}

/// Delegates by namespace and name, with the reach of the roots that name them.
pub(super) fn delegated<'w>(index: &Index<'_, 'w>) -> HashMap<(&'w str, &'w str), Reach> {
    let mut delegated: HashMap<(&str, &str), Reach> = HashMap::new();
    for object in &index.view.world.virtual_services {
        let reach = index.reach(object);
        for route in &object.spec.http {
            let Some(delegate) = &route.delegate else { continue };
            let own = &*object.meta.key.namespace;
            let namespace = if delegate.namespace.is_empty() { own } else { &*delegate.namespace };
            let reach = route_reach(index, object, route, reach);
            let entry = delegated.entry((namespace, &delegate.name)).or_insert(reach);
            *entry = reach.max(*entry);
        }
    }
    delegated
}

/// Whose traffic a route gets: its matches may narrow what its object is about.
pub(super) fn route_reach(
    index: &Index<'_, '_>,
    object: &Object<VirtualService>,
    route: &HttpRoute,
    of_object: Reach,
) -> Reach {
    let of_match = |condition: &HttpMatch| {
        if !condition.gateways.is_empty() {
            return named_reach(index, object, &condition.gateways, of_object);
        }
        let ours = is_source(index, &condition.source_labels, &condition.source_namespace);
        if ours { of_object } else { of_object.min(Reach::Elsewhere) }
    };
    route.r#match.iter().map(of_match).max().unwrap_or(of_object)
}

/// Whose connections a match of a `tls` or `tcp` route gets. Sources count at sidecars only.
fn connection_reach(
    index: &Index<'_, '_>,
    object: &Object<VirtualService>,
    (gateways, labels, namespace): (&[String], &Labels, &str),
    of_object: Reach,
) -> Reach {
    let reach = named_reach(index, object, gateways, of_object);
    let ours = index.view.options.role == Role::Gateway || is_source(index, labels, namespace);
    if ours { reach } else { reach.min(Reach::Elsewhere) }
}

/// Whose traffic a match for these gateways gets; without any, that of its object.
fn named_reach(
    index: &Index<'_, '_>,
    object: &Object<VirtualService>,
    gateways: &[String],
    of_object: Reach,
) -> Reach {
    let own = &object.meta.key.namespace;
    let named = gateways.iter().map(|name| index.reach_at(name, own));
    named.max().map_or(of_object, |reach| reach.min(of_object))
}

fn is_source(index: &Index<'_, '_>, labels: &Labels, namespace: &str) -> bool {
    let options = index.view.options;
    selects(labels, &options.labels) && (namespace.is_empty() || *namespace == options.namespace)
}

fn of_route<'w>(
    index: &Index<'_, 'w>,
    object: &'w Object<VirtualService>,
    entry: usize,
    route: &'w HttpRoute,
    reach: Reach,
    uses: &mut Vec<Use<'w>>,
) {
    let place = FieldPath::spec().key("http").index(entry);
    let mut add = |destination: &'w Destination, field: FieldPath, copy: bool, idle: bool| {
        let host = index.complete(&destination.host, &object.meta.key.namespace);
        let reach = if idle { reach.min(Reach::Elsewhere) } else { reach };
        uses.push(Use { object, destination, host, list: "http", field, reach, copy, idle });
    };
    for (position, one) in route.route.iter().enumerate() {
        let field = place.key("route").index(position).key("destination");
        add(&one.destination, field, false, route.route.len() > 1 && one.weight == 0);
    }
    if let Some(mirror) = &route.mirror {
        add(mirror, place.key("mirror"), true, false);
    }
    for (position, mirror) in route.mirrors.iter().enumerate() {
        let field = place.key("mirrors").index(position).key("destination");
        add(&mirror.destination, field, true, false);
    }
}

fn of_connections<'w>(
    index: &Index<'_, 'w>,
    object: &'w Object<VirtualService>,
    reach: Reach,
    uses: &mut Vec<Use<'w>>,
) {
    type Sources<'s> = (&'s [String], &'s Labels, &'s str);
    let widest = |matches: Vec<Sources<'_>>| {
        let reaches = matches.into_iter().map(|one| connection_reach(index, object, one, reach));
        reaches.max().unwrap_or(reach)
    };
    let of_tls =
        |one: &'w TlsMatch| (&*one.gateways, &one.source_labels, one.source_namespace.as_str());
    let of_tcp =
        |one: &'w L4Match| (&*one.gateways, &one.source_labels, one.source_namespace.as_str());
    let tls = object.spec.tls.iter().enumerate().map(|(entry, route)| {
        ("tls", entry, widest(route.r#match.iter().map(of_tls).collect()), &route.route)
    });
    let tcp = object.spec.tcp.iter().enumerate().map(|(entry, route)| {
        ("tcp", entry, widest(route.r#match.iter().map(of_tcp).collect()), &route.route)
    });
    for (list, entry, reach, route) in tls.chain(tcp) {
        if reach == Reach::Mesh {
            continue;
        }
        for (position, one) in route.iter().enumerate() {
            let place = FieldPath::spec().key(list).index(entry);
            let destination = &one.destination;
            let host = index.complete(&destination.host, &object.meta.key.namespace);
            let field = place.key("route").index(position).key("destination");
            let (copy, idle) = (false, false);
            uses.push(Use { object, destination, host, list, field, reach, copy, idle });
        }
    }
}

impl Use<'_> {
    /// True if a route of this list names it: `http`, `tls` or `tcp`.
    pub(super) fn takes(&self, list: &str) -> bool {
        self.list == list
    }

    /// What happens to requests that cannot get there.
    pub(super) fn consequence(&self) -> &'static str {
        match (self.copy, self.idle) {
            (true, _) => "no copy is sent",
            (false, true) => "with a weight its requests would get 503",
            (false, false) => "its requests get 503",
        }
    }

    /// Error where this gateway's traffic is lost, else a warning.
    pub(super) fn severity(&self) -> propylon_model::Severity {
        if self.reach == Reach::Here && !self.copy {
            propylon_model::Severity::Error
        } else {
            propylon_model::Severity::Warning
        }
    }
}
