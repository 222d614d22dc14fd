//! Clusters: one for each service, port and subset that some rule names.
//! It resolves destinations to clusters and fills clusters with endpoints and policy.

mod asked;
mod automatic;
mod found;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use propylon_model::Labels;
use propylon_model::destination_rule::ConsistentHash;
use propylon_model::virtual_service::Destination;
use propylon_snapshot::{
    Availability, ClientTls, Cluster, ClusterId, Discovery, PASSTHROUGH, Target, Tunnel,
    UpstreamProtocol,
};

use crate::destinations::destination_rule::{DestinationRules, Merged};
use crate::destinations::endpoints::{Candidate, Supply, TLS_MODE};
use crate::destinations::handing::Handing;
use crate::destinations::limits::limits;
use crate::destinations::outlier::outlier;
use crate::destinations::registry::{Behind, Port, Registry, Service};
use crate::destinations::service_entry::Workloads;
use crate::destinations::tls_client;
use crate::destinations::traffic_distribution::{Distributions, TrafficDistribution};
use crate::destinations::traffic_policy::{self, Policy};
use crate::destinations::tunnel;
use crate::destinations::upstream_protocol;
use crate::destinations::warmup::warmup;
use crate::host;
use crate::problems::{Problems, code};
use crate::view::View;

/// Envoy's idle timeout of upstream HTTP connections.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// Turns destinations into clusters, each made once.
pub(crate) struct Clusters<'v, 'w> {
    view: &'v View<'w>,
    registry: Rc<Registry<'w>>,
    rules: DestinationRules<'w>,
    supply: Supply<'w>,
    workloads: Workloads<'w>,
    distributions: Distributions<'w>,
    made: BTreeMap<String, Option<Made>>,
    count: u32,
    problems: Problems,
}

/// All clusters, with what there is to say of them.
pub(crate) struct Finished {
    /// In the order of their names.
    pub(crate) clusters: Vec<Cluster>,
    /// For each provisional id the final one.
    pub(crate) ids: Vec<ClusterId>,
    /// What is wrong with their endpoints and settings.
    pub(crate) problems: Problems,
}

/// A destination with everything that it leaves to be understood.
struct Named<'d> {
    host: String,
    port: u32,
    subset: &'d str,
    name: String,
}

/// A cluster for the bytes of a mesh.
pub(crate) struct Meshed {
    /// Its name, which is also what clients ask for: `outbound_.<port>_.<subset>_.<host>`.
    pub(crate) name: Box<str>,
    /// The cluster, provisional as everywhere.
    pub(crate) cluster: ClusterId,
    /// How connections to it are handed on.
    pub(crate) handing: Handing,
    /// Some endpoint speaks mutual TLS, or may turn out to.
    pub(crate) has_endpoints: bool,
}

/// Which endpoints of a service a cluster is made for.
struct Sought<'s, 'w> {
    /// Those that carry these labels; `None`: all.
    labels: Option<&'s Labels>,
    policy: &'s Policy<'w>,
    /// TLS is for those that are known to speak it; others get plaintext.
    automatic: bool,
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
            distributions: Distributions::new(view.world),
            made: BTreeMap::new(),
            count: 0,
            problems: Problems::default(),
        }
    }

    /// The services that destinations name.
    pub(crate) fn registry(&self) -> Rc<Registry<'w>> {
        Rc::clone(&self.registry)
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
    ) -> Target {
        let Named { host, port, subset, name } =
            self.named(destination, host, namespace, listener_port);
        if !self.made.contains_key(&name) {
            let mut found = Problems::default();
            let cluster = self.make(&name, &host, port, subset, &mut found);
            self.problems.extend(found);
            self.keep(&name, cluster);
        }
        match self.made.get(&name) {
            Some(Some(made)) => Target::Cluster(made.provisional),
            Some(None) | None => Target::Missing(name.into()),
        }
    }

    fn keep(&mut self, name: &str, cluster: Option<Cluster>) {
        let provisional = ClusterId(self.count);
        self.count += u32::from(cluster.is_some());
        let made = cluster.map(|cluster| Made { provisional, cluster });
        self.made.insert(name.to_owned(), made);
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

    /// What a DestinationRule says of connections to a destination.
    pub(crate) fn handing(&self, host: &str, subset: &str) -> Handing {
        let service = self.registry.find(host);
        Handing::of(service.and_then(|one| self.rules.find(host, one.namespace)), subset)
    }

    /// The tunnel that a DestinationRule means for connections to a destination.
    pub(crate) fn tunnel_meant(&self, host: &str, subset: &str) -> Option<Tunnel> {
        let service = self.registry.find(host)?;
        tunnel::meant(self.rules.find(host, service.namespace)?, subset)
    }

    /// What a DestinationRule makes requests to a destination hash.
    pub(crate) fn http_hash(
        &self,
        destination: &Destination,
        host: &str,
        namespace: &str,
        listener_port: u32,
    ) -> Option<&'w ConsistentHash> {
        let Named { host, .. } = self.named(destination, host, namespace, listener_port);
        let rule = self.rules.find(&host, self.registry.find(&host)?.namespace)?;
        let port = destination.port.as_ref().map(|port| port.number);
        traffic_policy::http_hash(rule, port, &destination.subset)
    }

    /// The cluster of every service, port and subset of the mesh whose host is within `hosts`, for
    /// clients that speak mutual TLS with the endpoint: only those endpoints count that do, and the
    /// gateway adds no TLS of its own, whatever the DestinationRule says (Istio's SNI-DNAT
    /// clusters).
    pub(crate) fn of_the_mesh(&mut self, hosts: &[&str]) -> Vec<Meshed> {
        let fits = |host: &str| hosts.iter().any(|wide| host::is_subset(host, wide));
        let services = self.registry.of_the_mesh().into_iter();
        let (mut found, mut problems) = (Vec::new(), Problems::default());
        for service in services.filter(|service| fits(&service.host)) {
            let rule = self.rules.find(&service.host, service.namespace);
            let subsets = rule.map_or(&[][..], |rule| &rule.subsets).iter();
            let names: Vec<&str> =
                std::iter::once("").chain(subsets.map(|one| one.part.name.as_str())).collect();
            for port in &service.ports {
                for subset in &names {
                    let name = format!("outbound_.{}_.{subset}_.{}", port.number, service.host);
                    let asked = (service, port, *subset);
                    let handing = Handing::of(rule, subset);
                    let cluster = self.make_meshed(&name, asked, &mut problems);
                    found.push((cluster, name, handing));
                }
            }
        }
        self.problems.extend(problems);
        let meshed = found.into_iter().filter_map(|(cluster, name, handing)| {
            if !self.made.contains_key(&name) {
                self.keep(&name, cluster);
            }
            let made = self.made.get(&name)?.as_ref()?;
            let discovery = &made.cluster.discovery;
            let is_asked = matches!(discovery, Discovery::Asked(_));
            let has_endpoints = !is_asked && discovery.has_endpoints();
            let cluster = made.provisional;
            Some(Meshed { name: name.into(), cluster, handing, has_endpoints })
        });
        meshed.collect()
    }

    fn make_meshed(
        &self,
        name: &str,
        (service, port, subset): (&Service<'w>, &Port, &str),
        problems: &mut Problems,
    ) -> Option<Cluster> {
        // What keeps others from the service does not concern bytes that are handed on.
        let mut unsaid = Problems::default();
        let made = self.make(name, &service.host, port.number.into(), subset, &mut unsaid)?;
        let rule = self.rules.find(&service.host, service.namespace);
        let chosen = rule.and_then(|rule| rule.subset(subset)).map(|subset| &subset.part.labels);
        let mut labels = chosen.cloned().unwrap_or_default();
        labels.insert(TLS_MODE.0.to_owned(), TLS_MODE.1.to_owned());
        let policy = policy(rule, port.number, subset);
        let sought = Sought { labels: Some(&labels), policy: &policy, automatic: false };
        let (discovery, localities) = self.discovery(service, port, &sought, problems);
        Some(Cluster {
            discovery,
            localities,
            protocol: UpstreamProtocol::Http1,
            tls: None,
            proxy_header: None,
            availability: Availability::Open,
            ..made
        })
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

    /// The clusters of every target that was asked for.
    pub(crate) fn finish(self) -> Finished {
        let mut clusters = Vec::new();
        let mut ids = vec![ClusterId(0); self.count as usize];
        for (id, made) in (0..).zip(self.made.into_values().flatten()) {
            ids[made.provisional.0 as usize] = ClusterId(id);
            clusters.push(made.cluster);
        }
        Finished { clusters, ids, problems: self.problems }
    }

    /// Clusters of an earlier world again, with the endpoints of this one. Which there are must not
    /// have changed. `None` if there is one whose making has a say in what listeners do.
    pub(crate) fn again(self, before: &[Cluster]) -> Option<(Vec<Cluster>, Problems)> {
        let mut problems = Problems::default();
        let mut clusters = Vec::with_capacity(before.len());
        for old in before {
            if *old.name == *PASSTHROUGH {
                clusters.push(old.clone());
                continue;
            }
            let (port, rest) = old.name.strip_prefix("outbound|")?.split_once('|')?;
            let (subset, host) = rest.split_once('|')?;
            let port = port.parse().ok()?;
            clusters.push(self.make(&old.name, host, port, subset, &mut problems)?);
        }
        Some((clusters, problems))
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
        let policy = policy(rule, port.number, subset);
        let balance = policy.balance();
        let distribution = self.distributions.of(service);
        let pool = policy.connection_pool.or(self.view.mesh.connection_pool());
        let tcp = pool.and_then(|pool| pool.tcp.as_ref());
        let http = pool.and_then(|pool| pool.http.as_ref());
        let idle = http.and_then(|http| http.idle_timeout).or(tcp.and_then(|tcp| tcp.idle_timeout));
        let protocol = upstream_protocol::of(port.protocol, http, self.view.mesh);
        let http2 = matches!(protocol, UpstreamProtocol::Http2(_));
        let asked = (service, port, subset);
        let tls = match policy.tls {
            Some(_) => self.tls(asked, http2, &policy, problems),
            None => Ok(self.automatic(asked, labels, problems)),
        };
        let automatic = policy.tls.is_none() && matches!(tls, Ok(Some(_)));
        let sought = Sought { labels, policy: &policy, automatic };
        let (discovery, localities) = self.discovery(service, port, &sought, problems);
        let (tls, availability) = match tls {
            Ok(tls) => (tls.map(Arc::new), Availability::Open),
            // What asks for TLS is never sent in plaintext.
            Err(why) => (None, Availability::Closed(why.into())),
        };
        Some(Cluster {
            name: name.into(),
            discovery,
            balance,
            localities,
            warmup: warmup(policy.load_balancer, balance),
            protocol,
            tls,
            proxy_header: policy.proxy_header(),
            connect_timeout: set(tcp.and_then(|tcp| tcp.connect_timeout))
                .unwrap_or_else(|| self.view.mesh.connect_timeout()),
            idle_timeout: set(idle).unwrap_or(IDLE_TIMEOUT),
            outlier: policy
                .outlier
                .or(self.view.mesh.outlier())
                .map(|written| outlier(written, distribution != TrafficDistribution::Any)),
            limits: limits(pool, policy.retry_budget, self.view.mesh.tcp_keepalive()),
            availability,
        })
    }

    /// TLS towards the endpoints; `None` for plaintext.
    ///
    /// # Errors
    /// Why nothing may be sent, which is reported.
    fn tls(
        &self,
        (service, port, subset): (&Service<'w>, &Port, &str),
        http2: bool,
        policy: &Policy<'w>,
        problems: &mut Problems,
    ) -> Result<Option<ClientTls>, String> {
        let Some((written, object, field)) = &policy.tls else { return Ok(None) };
        let asked =
            tls_client::Asked { written, object, field, service, port: port.number, subset, http2 };
        tls_client::settings(&asked, self.view, problems).inspect_err(|why| {
            let message = format!(
                "{why}: requests to {} port {} are answered 503 rather than sent in plaintext",
                service.host, port.number
            );
            problems.error(code::DESTINATION_CLOSED, *object, field.clone(), message);
        })
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
}

/// The policy of a rule for a port and a subset (`""`: none).
fn policy<'w>(rule: Option<&Merged<'w>>, port: u16, subset: &str) -> Policy<'w> {
    rule.map_or_else(Policy::default, |rule| {
        Policy::of(rule, port, (!subset.is_empty()).then_some(subset))
    })
}

/// A duration that says something: zero means the default, as everywhere in a connection pool.
fn set(written: Option<Duration>) -> Option<Duration> {
    written.filter(|duration| !duration.is_zero())
}
