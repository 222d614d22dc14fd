//! A service's port as a sidecar's listeners see it: where it is written, and the cluster it is.

use propylon_model::virtual_service::{Destination, PortSelector};
use propylon_snapshot::{Origin, Target};

use crate::destinations::registry::{Behind, Port, Service};
use crate::host::resolve;
use crate::routes::http_route::Builder;
use crate::scope::Scope;

/// One port of one service.
#[derive(Clone, Copy)]
pub(super) struct Offer<'r, 'w> {
    pub(super) service: &'r Service<'w>,
    pub(super) port: &'r Port,
}

impl Offer<'_, '_> {
    /// Where it is written.
    pub(super) fn origin(self, builder: &mut Builder<'_, '_>) -> Origin {
        let position = self.port.position;
        match self.service.behind {
            Behind::Kubernetes(object) => builder.objects.origin(object, position, None),
            Behind::Entry(object) => builder.objects.origin(object, position, None),
        }
    }

    /// As a route would name it.
    pub(super) fn written(self) -> Destination {
        Destination {
            host: self.service.host.clone(),
            subset: String::new(),
            port: Some(PortSelector { number: self.port.number.into() }),
        }
    }

    /// Its cluster.
    pub(super) fn target(self, builder: &mut Builder<'_, '_>) -> Target {
        let written = self.written();
        let host = self.service.host.clone();
        let port = self.port.number.into();
        let namespace = self.service.namespace;
        builder.clusters.target(&written, &host, namespace, port)
    }
}

/// The cluster of a Sidecar's `egressProxy`.
pub(super) fn target_of(
    destination: &Destination,
    scope: &Scope<'_>,
    builder: &mut Builder<'_, '_>,
) -> Target {
    let namespace = scope.sidecar.map_or(builder.view.namespace(), |one| &*one.meta.key.namespace);
    let host = resolve(&destination.host, namespace, &builder.view.options.domain);
    builder.clusters.target(destination, &host, namespace, 0)
}
