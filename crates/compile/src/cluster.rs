//! Clusters: one for each service, port and subset that some rule names.
//! It resolves destinations to clusters and fills clusters with endpoints and policy.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ipnet::IpNet;
use propylon_model::destination_rule::H2UpgradePolicy;
use propylon_model::service_entry::Resolution;
use propylon_model::virtual_service::Destination;
use propylon_model::{FieldPath, Labels};
use propylon_snapshot::{
    Address, Asked, Availability, Balance, Cluster, ClusterId, Discovery, DnsTarget, Endpoint,
    Locality, Target, UpstreamProtocol,
};

use crate::Role;
use crate::destination_rule::{DestinationRules, Merged};
use crate::endpoints::{Candidate, Supply};
use crate::problems::{Problems, code};
use crate::protocol::Protocol;
use crate::registry::{Behind, Port, Registry, Service};
use crate::service_entry::Workloads;
use crate::traffic_policy::Policy;
use crate::view::{View, selects};

/// Envoy's idle timeout of upstream HTTP connections.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// Turns destinations into clusters, each made once.
pub(crate) struct Clusters<'v, 'w> {
    view: &'v View<'w>,
    registry: Rc<Registry<'w>>,
    rules: DestinationRules<'w>,
    supply: Supply<'w>,
    workloads: Workloads<'w>,
    made: BTreeMap<String, Option<Made>>,
    count: u32,
}

/// A destination with everything that it leaves to be understood.
struct Named<'d> {
    host: String,
    port: u32,
    subset: &'d str,
    name: String,
}

struct Made {
    provisional: ClusterId,
    cluster: Cluster,
}

impl<'v, 'w> Clusters<'v, 'w> {
    /// No cluster yet.
    pub(crate) fn new(view: &'v View<'w>) -> Self {
        Self {
            view,
            registry: Rc::new(Registry::new(view)),
            rules: DestinationRules::new(view),
            supply: Supply::new(view.world),
            workloads: Workloads::new(view.world),
            made: BTreeMap::new(),
            count: 0,
        }
    }

    /// The services that destinations name.
    pub(crate) fn registry(&self) -> Rc<Registry<'w>> {
        Rc::clone(&self.registry)
    }

    /// The cluster that leads captured connections wherever they were meant to go.
    pub(crate) fn passthrough(&mut self) -> Target {
        let name = crate::outbound::PASSTHROUGH;
        let provisional = ClusterId(self.count);
        let made = self.made.entry(name.to_owned()).or_insert_with(|| {
            self.count += 1;
            let pool = self.view.mesh.connection_pool();
            let idle = pool.and_then(|pool| pool.tcp.as_ref()).and_then(|tcp| tcp.idle_timeout);
            let asked = Asked { original: true, names: [].into(), port: 0, allowed: [].into() };
            let cluster = Cluster {
                name: name.into(),
                discovery: Discovery::Asked(asked),
                balance: Balance::LeastRequest,
                protocol: UpstreamProtocol::Http1,
                connect_timeout: self.view.mesh.connect_timeout(),
                idle_timeout: set(idle).unwrap_or(IDLE_TIMEOUT),
                availability: Availability::Open,
            };
            Some(Made { provisional, cluster })
        });
        match made {
            Some(made) => Target::Cluster(made.provisional),
            None => Target::Missing(name.into()),
        }
    }

    /// The cluster of a destination, whose completed host is `host`, as a VirtualService of
    /// `namespace` means it on a listener of this declared port. Ids are provisional until
    /// [`Self::finish`].
    pub(crate) fn target(
        &mut self,
        destination: &Destination,
        host: &str,
        namespace: &str,
        listener_port: u32,
        problems: &mut Problems,
    ) -> Target {
        let Named { host, port, subset, name } =
            self.named(destination, host, namespace, listener_port);
        if !self.made.contains_key(&name) {
            let cluster = self.make(&name, &host, port, subset, problems);
            let provisional = ClusterId(self.count);
            self.count += u32::from(cluster.is_some());
            let made = cluster.map(|cluster| Made { provisional, cluster });
            self.made.insert(name.clone(), made);
        }
        match self.made.get(&name) {
            Some(Some(made)) => Target::Cluster(made.provisional),
            Some(None) | None => Target::Missing(name.into()),
        }
    }

    /// The name of a destination's cluster, as [`Self::target`] understands it.
    pub(crate) fn name(
        &self,
        destination: &Destination,
        host: &str,
        namespace: &str,
        listener_port: u32,
    ) -> String {
        self.named(destination, host, namespace, listener_port).name
    }

    /// The idle timeout that a DestinationRule sets for TCP connections to a destination. Zero
    /// means none at all.
    pub(crate) fn tcp_idle_timeout(
        &self,
        destination: &Destination,
        host: &str,
        namespace: &str,
        listener_port: u32,
    ) -> Option<Duration> {
        let Named { host, port, subset, name: _ } =
            self.named(destination, host, namespace, listener_port);
        let service = self.registry.find(&host)?;
        let rule = self.rules.find(&host, service.namespace);
        let policy = rule.map_or_else(Policy::default, |rule: &Merged<'w>| {
            let port = u16::try_from(port).unwrap_or(0);
            Policy::of(rule, port, (!subset.is_empty()).then_some(subset))
        });
        let pool = policy.connection_pool.or(self.view.mesh.connection_pool());
        pool.and_then(|pool| pool.tcp.as_ref()).and_then(|tcp| tcp.idle_timeout)
    }

    fn named<'d>(
        &self,
        destination: &'d Destination,
        host: &str,
        namespace: &str,
        listener_port: u32,
    ) -> Named<'d> {
        let Destination { host: _, subset, port } = destination;
        let near = self.registry.find_for(host, namespace);
        // The port is the service's: the one named, else its only one, else the listener's.
        let port = match (port, near.map(|service| service.ports.as_slice())) {
            (Some(port), _) => port.number,
            (None, Some([only])) => u32::from(only.number),
            (None, _) => listener_port,
        };
        let host = near.and_then(Service::alias).unwrap_or(host).to_owned();
        let name = format!("outbound|{port}|{subset}|{host}");
        Named { host, port, subset, name }
    }

    /// All clusters in the order of their names, and for each provisional id the final one.
    pub(crate) fn finish(self) -> (Vec<Cluster>, Vec<ClusterId>) {
        let mut clusters = Vec::new();
        let mut ids = vec![ClusterId(0); self.count as usize];
        for (id, made) in (0..).zip(self.made.into_values().flatten()) {
            ids[made.provisional.0 as usize] = ClusterId(id);
            clusters.push(made.cluster);
        }
        (clusters, ids)
    }

    fn make(
        &self,
        name: &str,
        host: &str,
        port: u32,
        subset: &str,
        problems: &mut Problems,
    ) -> Option<Cluster> {
        let (service, port) = self.registry.find_port(host, u16::try_from(port).ok()?)?;
        let rule = self.rules.find(host, service.namespace);
        let labels = match subset {
            "" => None,
            name => Some(&rule?.subset(name)?.part.labels),
        };
        let policy = rule.map_or_else(Policy::default, |rule: &Merged<'w>| {
            Policy::of(rule, port.number, (!subset.is_empty()).then_some(subset))
        });
        let pool = policy.connection_pool.or(self.view.mesh.connection_pool());
        let tcp = pool.and_then(|pool| pool.tcp.as_ref());
        let http = pool.and_then(|pool| pool.http.as_ref());
        let idle = http.and_then(|http| http.idle_timeout).or(tcp.and_then(|tcp| tcp.idle_timeout));
        Some(Cluster {
            name: name.into(),
            discovery: self.discovery(service, port, labels, problems),
            balance: policy.balance(),
            protocol: UpstreamProtocol::Http1,
            connect_timeout: set(tcp.and_then(|tcp| tcp.connect_timeout))
                .unwrap_or_else(|| self.view.mesh.connect_timeout()),
            idle_timeout: set(idle).unwrap_or(IDLE_TIMEOUT),
            availability: self.availability(service, port, &policy, problems),
        })
    }

    /// Closed where plain HTTP/1.1 would not be what the objects ask for.
    fn availability(
        &self,
        service: &Service<'w>,
        port: &Port,
        policy: &Policy<'w>,
        problems: &mut Problems,
    ) -> Availability {
        if let (Some(mode), Some((_, object, field))) = (policy.tls_mode(), &policy.tls) {
            let why = format!("TLS to endpoints (mode {}) is not yet in effect", mode.name());
            let message = format!(
                "{why}: requests to {} port {} are answered 503 rather than sent in plaintext",
                service.host, port.number
            );
            problems.error(code::DESTINATION_CLOSED, *object, field.clone(), message);
            return Availability::Closed(why.into());
        }
        let http = policy.connection_pool.or(self.view.mesh.connection_pool());
        let http = http.and_then(|pool| pool.http.as_ref());
        // Clients speak HTTP/1.1 today, so using their protocol means HTTP/1.1.
        if http.is_some_and(|http| http.use_client_protocol) {
            return Availability::Open;
        }
        let upgrade = match http.map_or(H2UpgradePolicy::Default, |http| http.h2_upgrade_policy) {
            H2UpgradePolicy::Upgrade => true,
            H2UpgradePolicy::DoNotUpgrade => false,
            H2UpgradePolicy::Default => {
                port.protocol.is_http() && self.view.mesh.upgrades_to_http2()
            }
        };
        if !upgrade && port.protocol != Protocol::Http2 {
            return Availability::Open;
        }
        let why = "HTTP/2 to endpoints is not yet in effect";
        let message = format!(
            "{why}: requests to {} port {} are answered 503 rather than sent as HTTP/1.1",
            service.host, port.number
        );
        let field = FieldPath::spec().key("ports").index(port.position);
        match service.behind {
            Behind::Kubernetes(object) => {
                problems.error(code::DESTINATION_CLOSED, object, field, message);
            }
            Behind::Entry(object) => {
                problems.error(code::DESTINATION_CLOSED, object, field, message);
            }
        }
        Availability::Closed(why.into())
    }

    /// The endpoints of a ServiceEntry's port, with those of the entries beside it.
    fn candidates(&self, service: &Service<'w>, port: &Port) -> Vec<Candidate<'w>> {
        let all = std::iter::once((service, port));
        let all = all.chain(self.registry.beside(service, port.number));
        let of = |(service, port): (&Service<'w>, &Port)| match service.behind {
            Behind::Kubernetes(_) => Vec::new(),
            Behind::Entry(object) => {
                self.workloads.of_entry(object, &service.host, port.position, &self.supply)
            }
        };
        all.flat_map(of).collect()
    }

    /// What may be asked for, where whoever asks names the endpoint: the address that a sidecar's
    /// connection was meant for, or a name of DYNAMIC_DNS. A gateway has no such address; it looks
    /// up the hosts of NONE where it is told to.
    fn asked(&self, service: &Service<'w>, port: &Port) -> Option<Asked> {
        let Behind::Entry(object) = service.behind else { return None };
        let options = self.view.options;
        let original = matches!(options.role, Role::Sidecar(_));
        let original = match object.spec.resolution {
            Resolution::None if original => true,
            Resolution::None if options.resolve_none => false,
            Resolution::DynamicDns => false,
            Resolution::None | Resolution::Static | Resolution::Dns | Resolution::DnsRoundRobin => {
                return None;
            }
        };
        let written = object.spec.ports.get(port.position)?;
        let target = if written.target_port == 0 { written.number } else { written.target_port };
        let listed = object.spec.addresses.iter().filter_map(|text| {
            text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        });
        Some(Asked {
            original,
            names: [service.host.to_ascii_lowercase().into()].into(),
            port: u16::try_from(target).ok()?,
            allowed: listed.chain(options.allowed_destinations.iter().copied()).collect(),
        })
    }

    fn discovery(
        &self,
        service: &Service<'w>,
        port: &Port,
        labels: Option<&Labels>,
        problems: &mut Problems,
    ) -> Discovery {
        if let Some(asked) = self.asked(service, port) {
            return Discovery::Asked(asked);
        }
        let (candidates, resolution) = match service.behind {
            Behind::Kubernetes(object) => {
                (self.supply.of_service(object, port.position), Resolution::Static)
            }
            Behind::Entry(object) => {
                let resolution = object.spec.resolution;
                (self.candidates(service, port), resolution)
            }
        };
        let chosen = candidates
            .iter()
            .filter(|candidate| labels.is_none_or(|labels| selects(labels, candidate.labels)));
        let mut fixed = Vec::new();
        let mut names = Vec::new();
        for candidate in chosen {
            match place(candidate) {
                Some(Place::Address(endpoint)) => fixed.push(endpoint),
                Some(Place::Name(name)) if resolution != Resolution::Static => names.push(name),
                Some(Place::Name(_)) | None => report_address(service, candidate, problems),
            }
        }
        keep_first(&mut fixed, |endpoint| endpoint.address.clone());
        keep_first(&mut names, |target| (target.name.clone(), target.port));
        match resolution {
            Resolution::Dns | Resolution::DnsRoundRobin => Discovery::Dns {
                names: names.into(),
                fixed: fixed.into(),
                first_only: resolution == Resolution::DnsRoundRobin,
            },
            Resolution::None | Resolution::Static | Resolution::DynamicDns => {
                Discovery::Static(fixed.into())
            }
        }
    }
}

/// A duration that says something: zero means the default, as everywhere in a connection pool.
fn set(written: Option<Duration>) -> Option<Duration> {
    written.filter(|duration| !duration.is_zero())
}

enum Place {
    Address(Endpoint),
    Name(DnsTarget),
}

/// Reads an address; `None` where it or its port cannot be used.
fn place(candidate: &Candidate<'_>) -> Option<Place> {
    let weight = candidate.weight.max(1);
    let locality = locality(&candidate.locality);
    if let Some(path) = candidate.address.strip_prefix("unix://") {
        let address = Address::Unix(path.into());
        return (path.starts_with('/')).then_some(Place::Address(Endpoint {
            address,
            weight,
            locality,
        }));
    }
    let port = u16::try_from(candidate.port).ok().filter(|port| *port > 0)?;
    if let Ok(ip) = candidate.address.parse::<IpAddr>() {
        let address = Address::Ip((ip, port).into());
        return Some(Place::Address(Endpoint { address, weight, locality }));
    }
    let name = candidate.address;
    let is_name = !name.is_empty() && !name.contains(['*', '/', ':', ' ']);
    is_name.then(|| Place::Name(DnsTarget { name: name.into(), port, weight, locality }))
}

fn report_address(service: &Service<'_>, candidate: &Candidate<'_>, problems: &mut Problems) {
    let message = format!(
        "endpoint `{}` port {} of {} is no address that can be used here, so it gets no requests",
        candidate.address, candidate.port, service.host
    );
    match service.behind {
        Behind::Kubernetes(object) => {
            problems.warning(code::ENDPOINT, object, FieldPath::spec(), message);
        }
        Behind::Entry(object) => {
            problems.warning(code::ENDPOINT, object, FieldPath::spec().key("endpoints"), message);
        }
    }
}

fn locality(text: &str) -> Locality {
    let mut parts = text.splitn(3, '/').map(Box::from);
    let mut next = || parts.next().unwrap_or_default();
    Locality { region: next(), zone: next(), subzone: next() }
}

/// Drops repetitions, keeping the order.
fn keep_first<T, K: std::hash::Hash + Eq>(list: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = std::collections::HashSet::new();
    list.retain(|item| seen.insert(key(item)));
}
