//! What a sidecar may know about: the Sidecar object that holds for its workload, the hosts that it
//! lets in, and what happens to traffic for anything else. Istio's rules; gateways have no scope.

use propylon_model::mesh_config::MeshOutboundMode;
use propylon_model::sidecar::{EgressListener, OutboundMode, OutboundTrafficPolicy};
use propylon_model::virtual_service::Destination;
use propylon_model::{Object, Sidecar};

use crate::host::{is_subset, overlaps};
use crate::selection::{in_order, selects};
use crate::view::View;

/// What becomes of traffic that nobody defined.
#[derive(Clone, Copy)]
pub(crate) enum Unknown<'w> {
    /// It goes where it was meant to go (ALLOW_ANY).
    Allowed,
    /// It goes to a gateway for such traffic (`egressProxy`).
    Through(&'w Destination),
    /// It goes nowhere (REGISTRY_ONLY).
    Refused,
}

/// The scope of one workload.
pub(crate) struct Scope<'w> {
    /// The Sidecar that holds, if there is one.
    pub(crate) sidecar: Option<&'w Object<Sidecar>>,
    namespace: &'w str,
}

impl<'w> Scope<'w> {
    /// The scope of the workload that a view is for: a Sidecar of its namespace that selects it,
    /// one of its namespace without selector, or one of the root namespace without selector.
    pub(crate) fn of(view: &View<'w>) -> Self {
        let all = in_order(&view.world.sidecars);
        let namespace = view.namespace();
        let own = || all.iter().filter(|one| *one.meta.key.namespace == *namespace);
        let chosen = own().find(|one| {
            let selector = one.spec.workload_selector.as_ref();
            selector.is_some_and(|one| selects(&one.labels, &view.options.labels))
        });
        let plain = |one: &&&Object<Sidecar>| one.spec.workload_selector.is_none();
        let of_root = || {
            let root = view.mesh.root_namespace();
            all.iter().filter(|one| *one.meta.key.namespace == *root).find(plain)
        };
        let sidecar = chosen.or_else(|| own().find(plain)).or_else(of_root).copied();
        Self { sidecar, namespace }
    }

    /// True if a service's port is let in.
    pub(crate) fn has(&self, namespace: &str, host: &str, port: u16) -> bool {
        self.lists(port).is_none_or(|mut lists| {
            lists.any(|entry| self.lets_in(entry, namespace, |wanted| is_subset(host, wanted)))
        })
    }

    /// True if a VirtualService is let in: some host of it is.
    pub(crate) fn has_routes(&self, namespace: &str, hosts: &[String]) -> bool {
        let Some(egress) = self.egress() else { return true };
        let mut entries = egress.iter().flat_map(|listener| &listener.hosts);
        entries.any(|entry| {
            let fits = |wanted: &str| hosts.iter().any(|host| overlaps(host, wanted));
            self.lets_in(entry, namespace, fits)
        })
    }

    /// What becomes of traffic that nobody defined.
    pub(crate) fn unknown(&self, view: &View<'w>) -> Unknown<'w> {
        let own = self.sidecar.and_then(|one| one.spec.outbound_traffic_policy.as_ref());
        match own {
            Some(OutboundTrafficPolicy { mode: OutboundMode::RegistryOnly, .. }) => {
                Unknown::Refused
            }
            Some(OutboundTrafficPolicy { mode: OutboundMode::AllowAny, egress_proxy }) => {
                egress_proxy.as_ref().map_or(Unknown::Allowed, Unknown::Through)
            }
            None => match view.mesh.outbound_mode() {
                MeshOutboundMode::RegistryOnly => Unknown::Refused,
                MeshOutboundMode::AllowAny | MeshOutboundMode::AllowAnyDynamicDns => {
                    Unknown::Allowed
                }
            },
        }
    }

    /// The egress listeners; `None` where there are none, which lets everything in.
    fn egress(&self) -> Option<&'w [EgressListener]> {
        let egress = self.sidecar.map(|one| one.spec.egress.as_slice());
        egress.filter(|egress| !egress.is_empty())
    }

    /// The hosts of the listeners for a port: of those that name it, else of those that name none.
    fn lists(&self, port: u16) -> Option<impl Iterator<Item = &'w str>> {
        let egress = self.egress()?;
        let names = move |listener: &&EgressListener| {
            listener.port.as_ref().is_some_and(|named| named.number == u32::from(port))
        };
        let named = egress.iter().any(|listener| names(&listener));
        let fits = move |listener: &&EgressListener| match named {
            true => names(listener),
            false => listener.port.is_none(),
        };
        let hosts = egress.iter().filter(fits).flat_map(|listener| &listener.hosts);
        Some(hosts.map(String::as_str))
    }

    /// True if an entry `namespace/host` lets in what is of this namespace and fits its host.
    fn lets_in(&self, entry: &str, namespace: &str, fits: impl FnOnce(&str) -> bool) -> bool {
        let (of, host) = entry.split_once('/').unwrap_or(("*", entry));
        let of_it = match of {
            "*" => true,
            "." => namespace == self.namespace,
            "~" => false,
            named => namespace == named,
        };
        of_it && fits(host)
    }
}
