//! What analyses look up: services, rules, Gateways and endpoints of a world, indexed once.
//!
//! Services and rules are those of the translation itself, so that both see the same.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};

use propylon_model::{AnyObject, Gateway, Object, Service, VirtualService};

use crate::Role;
use crate::destinations::destination_rule::DestinationRules;
use crate::destinations::endpoints::{Candidate, Supply};
use crate::destinations::registry::{Behind, Port, Registry, Service as Found};
use crate::destinations::service_entry::Workloads;
use crate::host::{MESH, resolve, resolve_gateway};
use crate::listeners::gateway;
use crate::routes::virtual_service::gateways;
use crate::view::View;

/// The shared index.
pub(super) struct Index<'v, 'w> {
    pub(super) view: &'v View<'w>,
    pub(super) registry: Registry<'w>,
    pub(super) rules: DestinationRules<'w>,
    pub(super) supply: Supply<'w>,
    pub(super) workloads: Workloads<'w>,
    gateways: BTreeMap<String, &'w Object<Gateway>>,
    selected: HashSet<String>,
    services: HashMap<&'w str, Vec<&'w Object<Service>>>,
    rejected: Rejected,
    searches: Cell<u32>,
}

/// What objects would define if they were valid. Each has errors of its own, so what follows from
/// its absence is not said again.
#[derive(Default)]
struct Rejected {
    gateways: HashSet<String>,
    hosts: HashSet<String>,
    rules: HashSet<String>,
}

/// Searches through all objects for a better word; the worlds that need more have other problems.
const SEARCHES_MAX: u32 = 200;

impl<'v, 'w> Index<'v, 'w> {
    /// Indexes a world.
    pub(super) fn new(view: &'v View<'w>) -> Self {
        let world = view.world;
        let name = |object: &Object<Gateway>| {
            format!("{}/{}", object.meta.key.namespace, object.meta.key.name)
        };
        let mut services: HashMap<&str, Vec<_>> = HashMap::new();
        for object in &world.services {
            services.entry(&*object.meta.key.name).or_default().push(&**object);
        }
        Self {
            view,
            registry: Registry::new(view),
            rules: DestinationRules::new(view),
            supply: Supply::new(world),
            workloads: Workloads::new(world),
            gateways: world.gateways.iter().map(|object| (name(object), &**object)).collect(),
            selected: gateway::selected(view).into_iter().map(name).collect(),
            services,
            rejected: rejected(view),
            searches: Cell::new(SEARCHES_MAX),
        }
    }

    /// True as long as an advice may search through all objects.
    pub(super) fn may_search(&self) -> bool {
        let left = self.searches.get();
        self.searches.set(left.saturating_sub(1));
        left > 0
    }

    /// The Gateway of a reference `namespace/name`.
    pub(super) fn gateway(&self, name: &str) -> Option<&'w Object<Gateway>> {
        self.gateways.get(name).copied()
    }

    /// True if a Gateway of this name was found and is not valid.
    pub(super) fn is_rejected_gateway(&self, name: &str) -> bool {
        self.rejected.gateways.contains(name)
    }

    /// True if a Service or ServiceEntry for this host was found and is not valid.
    pub(super) fn is_rejected_host(&self, host: &str) -> bool {
        self.rejected.hosts.contains(host)
    }

    /// True if a DestinationRule for this host was found and is not valid.
    pub(super) fn has_rejected_rule(&self, host: &str) -> bool {
        self.rejected.rules.contains(host)
    }

    /// True if a Gateway selects this workload.
    pub(super) fn is_selected(&self, name: &str) -> bool {
        self.selected.contains(name)
    }

    /// All Gateways of a bare name, in any namespace, as `namespace/name`.
    pub(super) fn gateways_named(&self, name: &str) -> Vec<&str> {
        let fits = |full: &&String| full.split_once('/').is_some_and(|(_, own)| own == name);
        let mut found: Vec<&str> = self.gateways.keys().filter(fits).map(String::as_str).collect();
        found.sort_unstable();
        found
    }

    /// All Gateways as `namespace/name`.
    pub(super) fn gateway_names(&self) -> impl Iterator<Item = &str> {
        self.gateways.keys().map(String::as_str)
    }

    /// Kubernetes Services of a bare name, in any namespace, visible or not.
    pub(super) fn services_named(&self, name: &str) -> &[&'w Object<Service>] {
        self.services.get(name).map_or(&[], Vec::as_slice)
    }

    /// A host of an object completed as the translation does.
    pub(super) fn complete(&self, host: &str, namespace: &str) -> String {
        resolve(host, namespace, &self.view.options.domain)
    }

    /// The Gateways that a VirtualService binds to and that exist, with the position of the
    /// reference.
    pub(super) fn bound(
        &self,
        object: &Object<VirtualService>,
    ) -> Vec<(usize, String, &'w Object<Gateway>)> {
        let references = gateways(object).into_iter().enumerate();
        references
            .filter_map(|(position, name)| {
                let gateway = self.gateway(&name)?;
                Some((position, name, gateway))
            })
            .collect()
    }

    /// True if hosts of resolution NONE lead somewhere for this workload.
    pub(super) fn is_resolved_as_asked(&self) -> bool {
        let options = self.view.options;
        options.resolve_none || options.role != Role::Gateway
    }

    /// The endpoints of a service that are ready, port by port, with those that other
    /// ServiceEntries for its host supply.
    pub(super) fn endpoints(&self, service: &Found<'w>) -> Vec<(u16, Vec<Candidate<'w>>)> {
        let of = |service: &Found<'w>, position| match service.behind {
            Behind::Kubernetes(object) => self.supply.of_service(object, position),
            Behind::Entry(object) => {
                self.workloads.of_entry(object, &service.host, position, &self.supply)
            }
        };
        let of_port = |port: &Port| {
            let beside = self.registry.beside(service, port.number);
            let others = beside.flat_map(|(other, port)| of(other, port.position));
            let all = of(service, port.position).into_iter().chain(others);
            all.filter(|endpoint| endpoint.ready).collect()
        };
        service.ports.iter().map(|port| (port.number, of_port(port))).collect()
    }

    /// How much of this gateway's traffic a VirtualService is about.
    pub(super) fn reach(&self, object: &Object<VirtualService>) -> Reach {
        gateways(object).iter().map(|name| self.reach_of(name)).max().unwrap_or(Reach::Mesh)
    }

    /// The same for one gateway, named as in an object of `namespace`.
    pub(super) fn reach_at(&self, reference: &str, namespace: &str) -> Reach {
        self.reach_of(&resolve_gateway(reference, namespace))
    }

    /// A Gateway that does not exist is taken for one that is meant to be here.
    fn reach_of(&self, name: &str) -> Reach {
        if matches!(self.view.options.role, Role::Sidecar(_)) {
            // A sidecar's traffic is the mesh's; Gateways are for others.
            if name == MESH { Reach::Here } else { Reach::Elsewhere }
        } else if name == MESH {
            Reach::Mesh
        } else if self.gateways.contains_key(name) && !self.is_selected(name) {
            Reach::Elsewhere
        } else {
            Reach::Here
        }
    }
}

fn rejected(view: &View<'_>) -> Rejected {
    let domain = &view.options.domain;
    let mut rejected = Rejected::default();
    for object in &view.world.rejected {
        let key = &object.meta().key;
        match object {
            AnyObject::Gateway(_) => {
                rejected.gateways.insert(format!("{}/{}", key.namespace, key.name));
            }
            AnyObject::Service(_) => {
                rejected.hosts.insert(format!("{}.{}.svc.{domain}", key.name, key.namespace));
            }
            AnyObject::ServiceEntry(entry) => {
                rejected.hosts.extend(entry.spec.hosts.iter().cloned());
            }
            AnyObject::DestinationRule(rule) => {
                rejected.rules.insert(resolve(&rule.spec.host, &key.namespace, domain));
            }
            _ => {}
        }
    }
    rejected
}

/// Whose traffic something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Sidecars' only.
    Mesh,
    /// Other gateways'.
    Elsewhere,
    /// This gateway's.
    Here,
}
