//! Services that the gateway sees, by host: Kubernetes Services and the hosts of ServiceEntries.
//! It decides who counts where several claim a host; endpoints and clusters are others' business.

use std::collections::HashMap;

use propylon_model::service_entry::{Location, Resolution};
use propylon_model::{Object, Service as KubernetesService, ServiceEntry, Source};

use crate::destinations::protocol::Protocol;
use crate::host;
use crate::selection::{age, in_order};
use crate::view::View;
use crate::visibility;

/// A service by one of its hosts.
pub(crate) struct Service<'w> {
    /// Its full name.
    pub(crate) host: String,
    /// The namespace of the object that defines it.
    pub(crate) namespace: &'w str,
    /// Its ports over which TCP flows, in the order written.
    pub(crate) ports: Vec<Port>,
    /// The object that defines it.
    pub(crate) behind: Behind<'w>,
}

/// What defines a service.
#[derive(Clone, Copy)]
pub(crate) enum Behind<'w> {
    /// A Kubernetes Service.
    Kubernetes(&'w Object<KubernetesService>),
    /// One host of a ServiceEntry.
    Entry(&'w Object<ServiceEntry>),
}

/// A port of a service.
pub(crate) struct Port {
    /// Its number, which destinations name.
    pub(crate) number: u16,
    /// What is spoken there.
    pub(crate) protocol: Protocol,
    /// Its position in the object's list.
    pub(crate) position: usize,
}

impl<'w> Service<'w> {
    /// The port of a number.
    pub(crate) fn port(&self, number: u16) -> Option<&Port> {
        self.ports.iter().find(|port| port.number == number)
    }

    /// Its virtual addresses and blocks of them, each once.
    pub(crate) fn addresses(&self) -> Vec<&'w str> {
        let written: Vec<&'w str> = match self.behind {
            Behind::Kubernetes(object) => {
                let spec = &object.spec;
                let all = std::iter::once(&spec.cluster_ip).chain(&spec.cluster_ips);
                let all = all.map(String::as_str);
                all.filter(|address| !address.is_empty() && *address != HEADLESS).collect()
            }
            Behind::Entry(object) => object.spec.addresses.iter().map(String::as_str).collect(),
        };
        let mut addresses: Vec<&'w str> = Vec::with_capacity(written.len());
        for address in written.into_iter().map(single) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }

    /// How a ServiceEntry finds its endpoints.
    pub(crate) fn resolution(&self) -> Option<Resolution> {
        match self.behind {
            Behind::Kubernetes(_) => None,
            Behind::Entry(object) => Some(object.spec.resolution),
        }
    }

    /// Where the object that describes it was written.
    pub(crate) fn source(&self) -> &'w Source {
        match self.behind {
            Behind::Kubernetes(object) => &object.meta.source,
            Behind::Entry(object) => &object.meta.source,
        }
    }

    /// True unless it is another name of something outside, or said to be outside
    /// (`MESH_EXTERNAL`, a ServiceEntry's default).
    pub(crate) fn is_of_the_mesh(&self) -> bool {
        match self.behind {
            Behind::Kubernetes(_) => self.alias().is_none(),
            Behind::Entry(object) => object.spec.location == Location::MeshInternal,
        }
    }

    /// The host an ExternalName Service stands for.
    pub(crate) fn alias(&self) -> Option<&'w str> {
        match self.behind {
            Behind::Kubernetes(object) if object.spec.r#type == EXTERNAL_NAME => {
                Some(object.spec.external_name.as_str()).filter(|name| !name.is_empty())
            }
            Behind::Kubernetes(_) | Behind::Entry(_) => None,
        }
    }
}

/// All services that the gateway sees.
pub(crate) struct Registry<'w> {
    services: Vec<Service<'w>>,
    by_host: HashMap<String, Vec<usize>>,
    namespace: &'w str,
}

impl<'w> Registry<'w> {
    /// Collects the services of a world.
    pub(crate) fn new(view: &View<'w>) -> Self {
        let mut services = Vec::new();
        for object in in_order(&view.world.services) {
            let export_to = annotated_export_to(object);
            if is_visible(view, &export_to, &object.meta.key.namespace) {
                services.push(kubernetes_service(object, &view.options.domain));
            }
        }
        for object in in_order(&view.world.service_entries) {
            if is_visible(view, &object.spec.export_to, &object.meta.key.namespace) {
                services.extend(entry_services(object));
            }
        }
        services.sort_by(|a, b| order(a).cmp(&order(b)));
        let mut by_host: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, service) in services.iter().enumerate() {
            by_host.entry(service.host.clone()).or_default().push(position);
        }
        Self { services, by_host, namespace: &view.options.namespace }
    }

    /// The service of a host that clusters are made of: the one in the gateway's namespace, else
    /// the oldest.
    pub(crate) fn find(&self, host: &str) -> Option<&Service<'w>> {
        self.in_namespace(host, self.namespace).or_else(|| {
            let oldest = self.candidates(host).next()?;
            self.in_namespace(host, oldest.namespace)
        })
    }

    /// Every service of the mesh, each once, in the order of hosts: not those outside of it, and
    /// not those whose host is a wildcard, which no client can name.
    pub(crate) fn of_the_mesh(&self) -> Vec<&Service<'w>> {
        let mut hosts: Vec<&String> = self.by_host.keys().collect();
        hosts.sort_unstable();
        let services = hosts.into_iter().filter_map(|host| self.find(host));
        services
            .filter(|service| service.is_of_the_mesh() && !host::is_wildcard(&service.host))
            .collect()
    }

    /// The service of a host as a VirtualService of `namespace` means it: the one in its own
    /// namespace, else what [`Self::find`] gives.
    pub(crate) fn find_for(&self, host: &str, namespace: &str) -> Option<&Service<'w>> {
        self.in_namespace(host, namespace).or_else(|| self.find(host))
    }

    /// Within a namespace a Kubernetes Service wins over a ServiceEntry, whatever their age.
    fn in_namespace(&self, host: &str, namespace: &str) -> Option<&Service<'w>> {
        let mut same = self.candidates(host).filter(|service| service.namespace == namespace);
        let first = same.next()?;
        let is_kubernetes =
            |service: &&Service<'w>| matches!(service.behind, Behind::Kubernetes(_));
        std::iter::once(first).chain(same).find(is_kubernetes).or(Some(first))
    }

    /// The service and port that a cluster of a host and port is made of. Where the service of the
    /// host lacks the port, another object for the same host may have it: those of its namespace
    /// before all others.
    pub(crate) fn find_port(&self, host: &str, number: u16) -> Option<(&Service<'w>, &Port)> {
        let first = self.find(host)?;
        let near = self.candidates(host).filter(|one| one.namespace == first.namespace);
        let all = std::iter::once(first).chain(near).chain(self.candidates(host));
        all.filter(|one| one.alias().is_none() || std::ptr::eq(*one, first))
            .find_map(|one| Some((one, one.port(number)?)))
    }

    /// The other ServiceEntries of the same namespace for a host and port, found by the same
    /// resolution: they supply endpoints together.
    pub(crate) fn beside(
        &self,
        service: &Service<'w>,
        number: u16,
    ) -> impl Iterator<Item = (&Service<'w>, &Port)> {
        let resolution = service.resolution();
        let others = self.candidates(&service.host).filter(move |one| {
            one.namespace == service.namespace
                && !std::ptr::eq(*one, service)
                && resolution.is_some()
                && one.resolution() == resolution
        });
        others.filter_map(move |one| Some((one, one.port(number)?)))
    }

    /// Every host and port once, with the service that stands for it, in the order of age.
    pub(crate) fn offers(&self) -> impl Iterator<Item = (&Service<'w>, &Port)> {
        let mut seen = std::collections::HashSet::new();
        let all = self.services.iter();
        let all = all.flat_map(|service| service.ports.iter().map(move |port| (service, port)));
        all.filter_map(move |(service, port)| {
            let first = seen.insert((service.host.as_str(), port.number));
            first.then(|| self.find_port(&service.host, port.number)).flatten()
        })
    }

    /// True if some service has this host, or, where it is a wildcard, one within it.
    pub(crate) fn has_host_within(&self, host: &str) -> bool {
        self.by_host.contains_key(host)
            || (host::is_wildcard(host)
                && self.by_host.keys().any(|known| host::is_subset(known, host)))
    }

    fn candidates(&self, host: &str) -> impl Iterator<Item = &Service<'w>> {
        let positions = self.by_host.get(host).map_or(&[][..], Vec::as_slice);
        positions.iter().map(|position| &self.services[*position])
    }
}

/// The cluster address of a Service that has none.
const HEADLESS: &str = "None";
/// The type of a Service that is another name of a host.
const EXTERNAL_NAME: &str = "ExternalName";

fn order<'a>(service: &'a Service<'_>) -> (Option<&'a str>, u8, &'a str, &'a str) {
    let (rank, (created, name, namespace)) = match service.behind {
        Behind::Kubernetes(object) => (0, age(&object.meta)),
        Behind::Entry(object) => (1, age(&object.meta)),
    };
    (created, rank, name, namespace)
}

fn is_visible(view: &View<'_>, export_to: &[String], namespace: &str) -> bool {
    let defaults = view.mesh.service_export_to();
    visibility::of(export_to, defaults, namespace, view.namespace()).is_some()
}

/// The annotation that stands for `exportTo` on Kubernetes Services.
fn annotated_export_to(object: &Object<KubernetesService>) -> Vec<String> {
    let text = object.meta.annotations.get("networking.istio.io/exportTo");
    let entries = text.map_or("", String::as_str).split(',').map(str::trim);
    entries.filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// The full name of a Kubernetes Service.
pub(crate) fn kubernetes_host(object: &Object<KubernetesService>, domain: &str) -> String {
    host::resolve(&object.meta.key.name, &object.meta.key.namespace, domain)
}

fn kubernetes_service<'w>(object: &'w Object<KubernetesService>, domain: &str) -> Service<'w> {
    let ports = object.spec.ports.iter().enumerate().filter_map(|(position, port)| {
        let tcp = port.protocol.is_empty() || port.protocol.eq_ignore_ascii_case("TCP");
        let number = u16::try_from(port.port).ok().filter(|number| *number > 0 && tcp)?;
        let protocol = Protocol::of_kubernetes(&port.app_protocol, &port.name, number);
        Some(Port { number, protocol, position })
    });
    Service {
        host: kubernetes_host(object, domain),
        namespace: &object.meta.key.namespace,
        ports: ports.collect(),
        behind: Behind::Kubernetes(object),
    }
}

fn entry_services<'w>(object: &'w Object<ServiceEntry>) -> impl Iterator<Item = Service<'w>> {
    let ports = || {
        object.spec.ports.iter().enumerate().filter_map(|(position, port)| {
            let number = u16::try_from(port.number).ok().filter(|number| *number > 0)?;
            let protocol = Protocol::parse(&port.protocol);
            Some(Port { number, protocol, position })
        })
    };
    object.spec.hosts.iter().map(move |host| Service {
        host: host.clone(),
        namespace: &object.meta.key.namespace,
        ports: ports().collect(),
        behind: Behind::Entry(object),
    })
}

/// A block that is one address is that address, as in Istio: requests may name it as their host.
fn single(text: &str) -> &str {
    let whole = if text.contains(':') { "/128" } else { "/32" };
    text.strip_suffix(whole).unwrap_or(text)
}
