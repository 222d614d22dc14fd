//! Endpoints of a service's port: from EndpointSlices, Endpoints and Pods of Kubernetes, or from
//! what a ServiceEntry lists and selects. It finds addresses and labels; subsets filter later.

use std::borrow::Cow;
use std::collections::HashMap;

use propylon_model::kubernetes::{Endpoint, EndpointPort, ObjectRef, PortRef};
use propylon_model::{
    EndpointSlice, Endpoints, Labels, Node, Object, Pod, Service as KubernetesService, World,
};
use propylon_snapshot::Locality;

use crate::destinations::place::{self, HOSTNAME, NETWORK};
use crate::selection::{in_order, selects};

/// The label of endpoints that speak mutual TLS themselves, and its value.
pub(crate) const TLS_MODE: (&str, &str) = ("security.istio.io/tlsMode", "istio");
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
    /// Where it runs, as far as known.
    pub(crate) place: Locality,
    /// Its own labels.
    pub(crate) labels: Cow<'w, Labels>,
    /// The node it is on; empty where unknown.
    pub(crate) node: &'w str,
    /// The network it is in; empty where unknown.
    pub(crate) network: &'w str,
    /// It is said to run as a service account, as workloads of a mesh do.
    pub(crate) has_account: bool,
    /// False for one that is known and takes no requests now.
    pub(crate) ready: bool,
}

impl Candidate<'_> {
    /// A label, or what Istio adds to labels: place, node and network.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        let own = || place::label(&self.labels, &self.place, name);
        match name {
            HOSTNAME if !self.node.is_empty() => Some(self.node),
            NETWORK if !self.network.is_empty() => {
                own().filter(|text| !text.is_empty()).or(Some(self.network))
            }
            _ => own(),
        }
    }

    /// True if it speaks the mesh's mutual TLS as far as is known: it is labelled so, or runs as a
    /// service account and is not labelled otherwise.
    pub(crate) fn is_mutual(&self) -> bool {
        let (label, mutual) = TLS_MODE;
        self.labels.get(label).map_or(self.has_account, |mode| mode == mutual)
    }

    /// True if it carries every pair of a subset.
    pub(crate) fn carries(&self, selector: &Labels) -> bool {
        selector.iter().all(|(name, value)| self.label(name) == Some(value))
    }
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
    nodes: HashMap<&'w str, &'w Object<Node>>,
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
        let nodes = world.nodes.iter().map(|object| (&*object.meta.key.name, &**object)).collect();
        Self { slices, endpoints, pods, pods_by_address, nodes, pods_of }
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

    /// Pods of a namespace that carry the labels, have an address and have not ended.
    pub(crate) fn pods(
        &self,
        namespace: &'w str,
        selector: &'w Labels,
    ) -> impl Iterator<Item = &'w Object<Pod>> {
        // An empty selector selects nothing here.
        let first = selector.iter().next();
        let pods = first.and_then(|(key, value)| self.pods_of.get(&(namespace, key, value)));
        pods.map_or(&[][..], Vec::as_slice).iter().copied().filter(move |pod| {
            selects(selector, &pod.meta.labels)
                && !pod.spec.status.pod_ip.is_empty()
                && !has_ended(pod)
        })
    }

    /// An endpoint that is a pod.
    pub(crate) fn of_pod(&self, pod: &'w Object<Pod>, port: u32) -> Candidate<'w> {
        let node = pod.spec.spec.node_name.as_str();
        Candidate {
            address: &pod.spec.status.pod_ip,
            port,
            weight: 0,
            place: self.place(Some(pod), node).unwrap_or_default(),
            labels: Cow::Borrowed(&pod.meta.labels),
            node,
            network: "",
            has_account: false,
            ready: is_ready(pod),
        }
    }

    /// Where a pod or whatever is on a node runs: its labels say, else those of the node.
    fn place(&self, pod: Option<&'w Object<Pod>>, node: &str) -> Option<Locality> {
        let own = pod.and_then(|pod| place::of_workload(&pod.meta.labels));
        let node = || place::of_node(&self.nodes.get(node)?.meta.labels);
        own.map(|text| place::locality(&text)).or_else(|| node().map(|text| place::locality(&text)))
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
        let is_ready = |one: &Endpoint| all || one.conditions.ready.unwrap_or(true);
        // One that is about to end is not waited for.
        let stays = |one: &&'w Endpoint| is_ready(one) || one.conditions.terminating != Some(true);
        endpoints
            .filter(stays)
            .flat_map(|endpoint| endpoint.addresses.iter().map(move |address| (endpoint, address)))
            .map(|(endpoint, address)| {
                let pod = self.pod(slice, endpoint.target_ref.as_ref(), address);
                let own = pod.map_or("", |pod| pod.spec.spec.node_name.as_str());
                let node = if own.is_empty() { endpoint.node_name.as_str() } else { own };
                let place = self.place(pod, node);
                Candidate {
                    address,
                    port: number,
                    weight: 0,
                    place: place.unwrap_or_else(|| topology(endpoint)),
                    labels: Cow::Borrowed(pod.map_or(&slice.meta.labels, |pod| &pod.meta.labels)),
                    node,
                    network: "",
                    has_account: false,
                    ready: is_ready(endpoint),
                }
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
            let not_ready = subset.not_ready_addresses.iter().map(|address| (address, all));
            let ready = subset.addresses.iter().map(|address| (address, true));
            candidates.extend(ready.chain(not_ready).map(|(address, ready)| {
                let pod = self.pod(object, address.target_ref.as_ref(), &address.ip);
                let own = pod.map_or("", |pod| pod.spec.spec.node_name.as_str());
                let node = if own.is_empty() { address.node_name.as_str() } else { own };
                Candidate {
                    address: &address.ip,
                    port: number,
                    weight: 0,
                    place: self.place(pod, node).unwrap_or_default(),
                    labels: Cow::Borrowed(pod.map_or(&object.meta.labels, |pod| &pod.meta.labels)),
                    node,
                    network: "",
                    has_account: false,
                    ready,
                }
            }));
        }
        candidates
    }

    fn of_pods(&self, service: &'w Object<KubernetesService>, port: usize) -> Vec<Candidate<'w>> {
        let all = service.spec.publish_not_ready_addresses;
        let pods = self.pods(&service.meta.key.namespace, &service.spec.selector);
        pods.filter_map(|pod| {
            let candidate = self.of_pod(pod, target_port(service, port, Some(pod))?);
            Some(Candidate { ready: all || candidate.ready, ..candidate })
        })
        .collect()
    }

    /// The pod of an endpoint. Where none stands behind it, as in files, the labels of the object
    /// that lists it count.
    fn pod<S>(
        &self,
        object: &'w Object<S>,
        target: Option<&'w ObjectRef>,
        address: &str,
    ) -> Option<&'w Object<Pod>> {
        match target {
            Some(target) if target.kind == "Pod" => {
                let namespace = match target.namespace.as_str() {
                    "" => &*object.meta.key.namespace,
                    named => named,
                };
                self.pods.get(&(namespace, target.name.as_str())).copied()
            }
            _ => self.pods_by_address.get(address).copied(),
        }
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
/// ready.
fn is_ready(pod: &Object<Pod>) -> bool {
    let conditions = &pod.spec.status.conditions;
    let ready = conditions.iter().find(|condition| condition.r#type == "Ready");
    ready.is_none_or(|condition| condition.status == "True")
}

fn has_ended(pod: &Object<Pod>) -> bool {
    matches!(pod.spec.status.phase.as_str(), "Failed" | "Succeeded")
}

/// What a slice itself says of an endpoint's place: files often have no nodes.
fn topology(endpoint: &Endpoint) -> Locality {
    let Endpoint { deprecated_topology, zone, .. } = endpoint;
    let said = place::of_node(deprecated_topology);
    let said = said.map(|text| place::locality(&text)).unwrap_or_default();
    if zone.is_empty() { said } else { Locality { zone: zone.as_str().into(), ..said } }
}
