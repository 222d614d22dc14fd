//! One HTTP route of a VirtualService and where it is written.

use std::borrow::Cow;

use propylon_model::virtual_service::{Destination, HttpRoute};
use propylon_model::{Object, VirtualService};

use crate::host::{resolve, resolve_gateway};

/// One HTTP route and where it is written.
#[derive(Clone)]
pub(crate) struct Route<'w> {
    /// The route as written, or, if it comes from a delegate, after merging and with completed
    /// names. Whoever uses a name completes it in the namespace of `object`, which changes none
    /// that is complete.
    pub(crate) route: Cow<'w, HttpRoute>,
    /// The object that it is written in.
    pub(crate) object: &'w Object<VirtualService>,
    /// Its position in that object's `http`.
    pub(crate) entry: usize,
    /// For each of `route.match`, its position in that object's entry; `None` where it comes from
    /// the root that delegates.
    pub(crate) positions: Vec<Option<usize>>,
}

/// The HTTP routes of an object as written.
pub(crate) fn own_routes(object: &Object<VirtualService>) -> impl Iterator<Item = Route<'_>> {
    let positions = |route: &HttpRoute| (0..route.r#match.len()).map(Some).collect();
    let routes = object.spec.http.iter().enumerate();
    routes.map(move |(entry, route)| Route {
        positions: positions(route),
        route: Cow::Borrowed(route),
        object,
        entry,
    })
}

/// A route whose short names are completed in the namespace of the object that it is written in,
/// so that it can be merged with one of another namespace.
pub(crate) fn completed<'w>(mut written: Route<'w>, domain: &str) -> Route<'w> {
    let namespace = &written.object.meta.key.namespace;
    let route = written.route.to_mut();
    let complete_host = |destination: &mut Destination| {
        destination.host = resolve(&destination.host, namespace, domain);
    };
    for destination in &mut route.route {
        complete_host(&mut destination.destination);
    }
    if let Some(mirror) = &mut route.mirror {
        complete_host(mirror);
    }
    for mirror in &mut route.mirrors {
        complete_host(&mut mirror.destination);
    }
    for matching in &mut route.r#match {
        for gateway in &mut matching.gateways {
            *gateway = resolve_gateway(gateway, namespace);
        }
    }
    written
}
