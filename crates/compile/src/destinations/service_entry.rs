//! Endpoints of a ServiceEntry: those it lists, or the WorkloadEntries and Pods it selects.

use std::borrow::Cow;
use std::collections::HashMap;

use propylon_model::service_entry::{Resolution, ServicePort};
use propylon_model::{Labels, Object, ServiceEntry, WorkloadEntry, World};
use propylon_snapshot::Locality;

use crate::destinations::endpoints::{Candidate, Supply};
use crate::destinations::place;
use crate::selection::{in_order, selects};

/// A host that resolves itself carries no labels, so no subset with labels selects it.
static NO_LABELS: Labels = Labels::new();

/// WorkloadEntries by namespace.
pub(crate) struct Workloads<'w>(HashMap<&'w str, Vec<&'w Object<WorkloadEntry>>>);

impl<'w> Workloads<'w> {
    /// Indexes a world.
    pub(crate) fn new(world: &'w World) -> Self {
        let mut by_namespace: HashMap<&str, Vec<_>> = HashMap::new();
        for object in in_order(&world.workload_entries) {
            by_namespace.entry(&object.meta.key.namespace).or_default().push(object);
        }
        Self(by_namespace)
    }

    /// The endpoints of one host and one port of a ServiceEntry, before addresses are read.
    pub(crate) fn of_entry(
        &self,
        object: &'w Object<ServiceEntry>,
        host: &str,
        port: usize,
        supply: &Supply<'w>,
    ) -> Vec<Candidate<'w>> {
        let entry = &object.spec;
        let Some(port) = entry.ports.get(port) else { return Vec::new() };
        match entry.resolution {
            // A gateway has no original destination, and no name of a request is resolved.
            Resolution::None | Resolution::DynamicDns => return Vec::new(),
            Resolution::Static | Resolution::Dns | Resolution::DnsRoundRobin => {}
        }
        if entry.workload_selector.is_some() {
            return self.selected(object, port, supply);
        }
        if !entry.endpoints.is_empty() {
            let of = |one: &'w WorkloadEntry| candidate(one, Cow::Borrowed(&one.labels), port);
            return entry.endpoints.iter().map(of).collect();
        }
        // Without endpoints DNS resolves the host itself.
        let own = entry.hosts.iter().find(|own| *own == host);
        let resolves = entry.resolution != Resolution::Static;
        own.filter(|_| resolves)
            .map(|host| Candidate {
                address: host,
                port: target(port),
                weight: 0,
                place: Locality::default(),
                labels: Cow::Borrowed(&NO_LABELS),
                node: "",
                network: "",
                has_account: false,
                ready: true,
            })
            .into_iter()
            .collect()
    }

    fn selected(
        &self,
        object: &'w Object<ServiceEntry>,
        port: &'w ServicePort,
        supply: &Supply<'w>,
    ) -> Vec<Candidate<'w>> {
        let namespace = &*object.meta.key.namespace;
        let Some(selector) = object.spec.workload_selector.as_ref().map(|one| &one.labels) else {
            return Vec::new();
        };
        let entries = self.0.get(namespace).map_or(&[][..], Vec::as_slice).iter();
        let entries = entries.filter_map(|entry| {
            let labels = labels(entry);
            selects(selector, &labels).then(|| candidate(&entry.spec, labels, port))
        });
        let pods = supply.pods(namespace, selector).map(|pod| supply.of_pod(pod, target(port)));
        entries.chain(pods.filter(|pod| pod.ready)).collect()
    }
}

/// The labels of a WorkloadEntry: those of its spec and those of its metadata, which win (Istio).
pub(crate) fn labels(entry: &Object<WorkloadEntry>) -> Cow<'_, Labels> {
    let (said, own) = (&entry.spec.labels, &entry.meta.labels);
    match (said.is_empty(), own.is_empty()) {
        (true, _) => Cow::Borrowed(own),
        (false, true) => Cow::Borrowed(said),
        (false, false) => {
            let mut all = said.clone();
            all.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
            Cow::Owned(all)
        }
    }
}

fn candidate<'w>(
    entry: &'w WorkloadEntry,
    labels: Cow<'w, Labels>,
    port: &'w ServicePort,
) -> Candidate<'w> {
    let WorkloadEntry { address, ports, labels: _, network, locality, weight, service_account } =
        entry;
    Candidate {
        address,
        port: ports.get(&port.name).copied().unwrap_or_else(|| target(port)),
        weight: *weight,
        place: place::locality(&match locality.as_str() {
            "" => place::of_workload(&labels).unwrap_or_default(),
            said => said.into(),
        }),
        labels,
        node: "",
        network,
        has_account: !service_account.is_empty(),
        ready: true,
    }
}

fn target(port: &ServicePort) -> u32 {
    if port.target_port == 0 { port.number } else { port.target_port }
}
