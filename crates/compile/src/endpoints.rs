//! Endpoints of a service's port: from EndpointSlices, Endpoints and Pods of Kubernetes, or from
//! what a ServiceEntry lists and selects. It finds addresses and labels; subsets filter later.

use std::borrow::Cow;
use std::collections::HashMap;

use propylon_model::kubernetes::{EndpointPort, ObjectRef, PortRef};
use propylon_model::{
    EndpointSlice, Endpoints, Labels, Object, Pod, Service as KubernetesService, World,
};

use crate::view::{in_order, selects};

/// The label by which a slice names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Somewhere requests may go, before its address is read.
#[derive(Debug, Clone)]
pub(crate) struct Candidate<'w> {
    /// IP address, `unix://` path or DNS name.
    pub(crate) address: &'w str,
    /// Port; 0 for sockets.
    pub(crate) port: u32,
    /// Weight; 0 means 1.
    pub(crate) weight: u32,
    /// `region/zone/subzone`, from the left as far as known.
    pub(crate) locality: Cow<'w, str>,
    /// Labels that subsets select by.
    pub(crate) labels: &'w Labels,
}

type Name<'w> = (&'w str, &'w str);
/// A namespace, and a label with its value.
type Labelled<'w> = (&'w str, &'w str, &'w str);

/// Kubernetes objects that supply endpoints, by what they are looked up by.
pub(crate) struct Supply<'w> {
    slices: HashMap<Name<'w>, Vec<&'w Object<EndpointSlice>>>,
    endpoints: HashMap<Name<'w>, &'w Object<Endpoints>>,
    pods: HashMap<Name<'w>, &'w Object<Pod>>,
    pods_by_address: HashMap<&'w str, &'w Object<Pod>>,
    /// By namespace and each of their labels, so that a selector looks at few of them.
    pods_of: HashMap<Labelled<'w>, Vec<&'w Object<Pod>>>,
}

impl<'w> Supply<'w> {
    /// Indexes a world.
    pub(crate) fn new(world: &'w World) -> Self {
        let mut slices: HashMap<Name<'_>, Vec<_>> = HashMap::new();
        for object in in_order(&world.endpoint_slices) {
            if let Some(service) = object.meta.labels.get(SERVICE_NAME) {
                slices.entry((&object.meta.key.namespace, service)).or_default().push(object);
            }
        }
        let mut pods_of: HashMap<Labelled<'_>, Vec<_>> = HashMap::new();
        let mut pods = HashMap::new();
        let mut pods_by_address = HashMap::new();
        for object in in_order(&world.pods) {
            for (key, value) in &object.meta.labels {
                let labelled = (&*object.meta.key.namespace, key.as_str(), value.as_str());
                pods_of.entry(labelled).or_default().push(object);
            }
            pods.insert((&*object.meta.key.namespace, &*object.meta.key.name), object);
            if !object.spec.status.pod_ip.is_empty() {
                pods_by_address.entry(object.spec.status.pod_ip.as_str()).or_insert(object);
            }
        }
        let endpoints = in_order(&world.endpoints)
            .into_iter()
            .map(|object| ((&*object.meta.key.namespace, &*object.meta.key.name), object))
            .collect();
        Self { slices, endpoints, pods, pods_by_address, pods_of }
    }

    /// The endpoints of one port of a Kubernetes Service. Slices count before Endpoints, and both
    /// before Pods that the Service selects.
    pub(crate) fn of_service(
        &self,
        service: &'w Object<KubernetesService>,
        port: usize,
    ) -> Vec<Candidate<'w>> {
        let name = (&*service.meta.key.namespace, &*service.meta.key.name);
        if let Some(slices) = self.slices.get(&name) {
            return slices.iter().flat_map(|slice| self.of_slice(slice, service, port)).collect();
        }
        match self.endpoints.get(&name) {
            Some(object) => self.of_endpoints(object, service, port),
            None => self.of_pods(service, port),
        }
    }

    /// Ready pods of a namespace that carry the labels, with their address.
    pub(crate) fn pods(
        &self,
        namespace: &'w str,
        selector: &'w Labels,
        not_ready_too: bool,
    ) -> impl Iterator<Item = &'w Object<Pod>> {
        // An empty selector selects nothing here.
        let first = selector.iter().next();
        let pods = first.and_then(|(key, value)| self.pods_of.get(&(namespace, key, value)));
        pods.map_or(&[][..], Vec::as_slice).iter().copied().filter(move |pod| {
            selects(selector, &pod.meta.labels)
                && !pod.spec.status.pod_ip.is_empty()
                && (not_ready_too || is_ready(pod))
        })
    }

    fn of_slice(
        &self,
        slice: &'w Object<EndpointSlice>,
        service: &'w Object<KubernetesService>,
        port: usize,
    ) -> Vec<Candidate<'w>> {
        // Names are resolved by ServiceEntries only, as in Istio.
        if slice.spec.address_type == "FQDN" {
            return Vec::new();
        }
        let Some(number) = port_of(&slice.spec.ports, service, port) else { return Vec::new() };
        let all = service.spec.publish_not_ready_addresses;
        let endpoints = slice.spec.endpoints.iter();
        let ready = endpoints.filter(|one| all || one.conditions.ready.unwrap_or(true));
        ready
            .flat_map(|endpoint| endpoint.addresses.iter().map(move |address| (endpoint, address)))
            .map(|(endpoint, address)| Candidate {
                address,
                port: number,
                weight: 0,
                locality: locality(&endpoint.deprecated_topology, &endpoint.zone),
                labels: self.labels(slice, endpoint.target_ref.as_ref(), address),
            })
            .collect()
    }

    fn of_endpoints(
        &self,
        object: &'w Object<Endpoints>,
        service: &'w Object<KubernetesService>,
        port: usize,
    ) -> Vec<Candidate<'w>> {
        let mut candidates = Vec::new();
        for subset in &object.spec.subsets {
            let Some(number) = port_of(&subset.ports, service, port) else { continue };
            let all = service.spec.publish_not_ready_addresses;
            let not_ready = subset.not_ready_addresses.iter().filter(|_| all);
            candidates.extend(subset.addresses.iter().chain(not_ready).map(|address| Candidate {
                address: &address.ip,
                port: number,
                weight: 0,
                locality: Cow::Borrowed(""),
                labels: self.labels(object, address.target_ref.as_ref(), &address.ip),
            }));
        }
        candidates
    }

    fn of_pods(&self, service: &'w Object<KubernetesService>, port: usize) -> Vec<Candidate<'w>> {
        let all = service.spec.publish_not_ready_addresses;
        let pods = self.pods(&service.meta.key.namespace, &service.spec.selector, all);
        pods.filter_map(|pod| {
            Some(Candidate {
                address: &pod.spec.status.pod_ip,
                port: target_port(service, port, Some(pod))?,
                weight: 0,
                locality: Cow::Borrowed(""),
                labels: &pod.meta.labels,
            })
        })
        .collect()
    }

    /// The labels of an endpoint: those of its pod. Where no pod stands behind it, as in files,
    /// those of the object that lists it.
    fn labels<S>(
        &self,
        object: &'w Object<S>,
        target: Option<&'w ObjectRef>,
        address: &str,
    ) -> &'w Labels {
        let pod = match target {
            Some(target) if target.kind == "Pod" => {
                let namespace = match target.namespace.as_str() {
                    "" => &*object.meta.key.namespace,
                    named => named,
                };
                self.pods.get(&(namespace, target.name.as_str()))
            }
            _ => self.pods_by_address.get(address),
        };
        pod.map_or(&object.meta.labels, |pod| &pod.meta.labels)
    }
}

/// The port of endpoints that belongs to a port of the Service: the one of the same name. A list of
/// one nameless port serves a Service of one port, whatever that is called.
fn port_of(
    ports: &[EndpointPort],
    service: &Object<KubernetesService>,
    position: usize,
) -> Option<u32> {
    let name = service.spec.ports.get(position).map_or("", |port| port.name.as_str());
    let only = ports.len() == 1 && service.spec.ports.len() == 1;
    let fits = |port: &&EndpointPort| port.name == name || (only && port.name.is_empty());
    let number = ports.iter().find(fits)?.port;
    if number == 0 { target_port(service, position, None) } else { Some(number) }
}

/// The port a pod listens on for a port of the Service; `None` where its name finds no container
/// port.
pub(crate) fn target_port(
    service: &Object<KubernetesService>,
    position: usize,
    pod: Option<&Object<Pod>>,
) -> Option<u32> {
    let port = service.spec.ports.get(position)?;
    match &port.target_port {
        None => Some(port.port),
        Some(PortRef::Number(0)) => Some(port.port),
        Some(PortRef::Number(number)) => Some(*number),
        Some(PortRef::Name(name)) => {
            let ports = pod?.spec.spec.containers.iter().flat_map(|one| &one.ports);
            ports.into_iter().find(|port| port.name == *name).map(|port| port.container_port)
        }
    }
}

/// A pod is ready if its status says so; one written into a file without conditions is taken as
/// ready unless it has ended.
fn is_ready(pod: &Object<Pod>) -> bool {
    let status = &pod.spec.status;
    let ended = matches!(status.phase.as_str(), "Failed" | "Succeeded");
    let ready = status.conditions.iter().find(|condition| condition.r#type == "Ready");
    !ended && ready.is_none_or(|condition| condition.status == "True")
}

fn locality<'w>(topology: &'w Labels, zone: &'w str) -> Cow<'w, str> {
    let label = |name: &str| topology.get(name).map_or("", String::as_str);
    let region = label("topology.kubernetes.io/region");
    let zone = if zone.is_empty() { label("topology.kubernetes.io/zone") } else { zone };
    if region.is_empty() && zone.is_empty() {
        Cow::Borrowed("")
    } else {
        Cow::Owned(format!("{region}/{zone}"))
    }
}
