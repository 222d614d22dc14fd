//! Which VirtualServices a gateway sees, in which order, with short names completed and delegates
//! in the place of the routes that name them. Knows neither ports nor clusters.

use std::collections::HashMap;

use propylon_model::{Object, VirtualService};

use crate::Role;
use crate::host::{MESH, resolve, resolve_gateway};
use crate::problems::Problems;
use crate::routes::delegate;
use crate::routes::route::{Route, completed, own_routes};
use crate::scope::Scope;
use crate::selection::in_order;
use crate::view::View;
use crate::visibility;

/// A VirtualService as the gateway sees it.
pub(crate) struct Bound<'w> {
    /// The object itself.
    pub(crate) object: &'w Object<VirtualService>,
    /// Its hosts, completed.
    pub(crate) hosts: Vec<String>,
    /// The gateways it binds to as `namespace/name`, or `mesh`.
    pub(crate) gateways: Vec<String>,
    /// Its HTTP routes, delegates resolved.
    pub(crate) routes: Vec<Route<'w>>,
}

/// All VirtualServices that the workload sees and that bind to a gateway at all, or, for a sidecar,
/// to the mesh and are in its scope; in the order in which their rules are tried: private to
/// its namespace, exported to it by name, public; within these by age, name and namespace.
pub(crate) fn visible<'w>(view: &View<'w>, problems: &mut Problems) -> Vec<Bound<'w>> {
    let defaults = view.mesh.virtual_service_export_to();
    let all = in_order(&view.world.virtual_services);
    let mut seen = Vec::new();
    for object in &all {
        let namespace = &object.meta.key.namespace;
        let export_to = &object.spec.export_to;
        if let Some(seen_as) = visibility::of(export_to, defaults, namespace, view.namespace()) {
            seen.push((seen_as, *object));
        }
    }
    seen.sort_by_key(|(seen_as, _)| *seen_as);
    let delegates = delegate::Delegates::new(&all, defaults, &view.options.domain);
    let scope = matches!(view.options.role, Role::Sidecar(_)).then(|| Scope::of(view));
    let mut bound = Vec::new();
    for (_, object) in seen {
        let gateways = gateways(object);
        // Without hosts it is a delegate: its routes count only where a root names it.
        let is_mesh = |gateway: &String| gateway == MESH;
        let concerned = match view.options.role {
            Role::Gateway => !gateways.iter().all(is_mesh),
            Role::Sidecar(_) => gateways.iter().any(is_mesh),
        };
        if object.spec.hosts.is_empty() || !concerned {
            continue;
        }
        let namespace = &object.meta.key.namespace;
        let complete = |host: &String| resolve(host, namespace, &view.options.domain);
        let hosts: Vec<String> = object.spec.hosts.iter().map(complete).collect();
        if scope.as_ref().is_some_and(|scope| !scope.has_routes(namespace, &hosts)) {
            continue;
        }
        bound.push(Bound {
            object,
            hosts,
            gateways,
            routes: routes(object, &delegates, &view.options.domain, problems),
        });
    }
    bound
}

/// Positions in a list of [`Bound`] by the gateway they bind to.
pub(crate) fn by_gateway<'b>(bound: &'b [Bound<'_>]) -> HashMap<&'b str, Vec<usize>> {
    let mut index: HashMap<&str, Vec<usize>> = HashMap::new();
    for (position, virtual_service) in bound.iter().enumerate() {
        for gateway in &virtual_service.gateways {
            let list = index.entry(gateway).or_default();
            if list.last() != Some(&position) {
                list.push(position);
            }
        }
    }
    index
}

/// The gateways an object binds to; none named means `mesh`.
pub(crate) fn gateways(object: &Object<VirtualService>) -> Vec<String> {
    if object.spec.gateways.is_empty() {
        return vec![MESH.to_owned()];
    }
    let namespace = &object.meta.key.namespace;
    object.spec.gateways.iter().map(|gateway| resolve_gateway(gateway, namespace)).collect()
}

fn routes<'w>(
    object: &'w Object<VirtualService>,
    delegates: &delegate::Delegates<'_, 'w>,
    domain: &str,
    problems: &mut Problems,
) -> Vec<Route<'w>> {
    let mut routes = Vec::with_capacity(object.spec.http.len());
    for route in own_routes(object) {
        if route.route.delegate.is_some() {
            routes.extend(delegates.expand(&completed(route, domain), problems));
        } else {
            routes.push(route);
        }
    }
    routes
}

/// What `spec` of a VirtualService routes connections with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum List {
    Tcp,
    Tls,
}

impl List {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}
