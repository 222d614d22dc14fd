//! From one leg of a request's way to the next: a destination that is itself a gateway of these
//! files decides the request anew. Which workload that is, and what reaches it; deciding is the
//! snapshot's matter on every leg.

use std::sync::Arc;

use propylon_compile::Role;
use propylon_model::kubernetes::PortRef;
use propylon_model::{Gateway, Labels, Object, Service};
use propylon_snapshot::{Action, Cluster, HeaderOps, Scheme, SniName, WriteMode};

use super::outlook::{Branch, Outlook};
use super::request::Request;
use crate::load::{Loaded, Settings};

/// One workload that decides the request.
#[derive(Debug, Clone)]
pub(super) struct Leg {
    /// Which it is, for people.
    pub(super) title: String,
    /// Whom the files are compiled for.
    pub(super) settings: Settings,
    /// What reaches it.
    pub(super) request: Request,
    /// The ports under which a Gateway may declare the server that it reaches.
    pub(super) ports: Vec<u16>,
}

impl Leg {
    /// The leg that the command line asks about.
    pub(super) fn first(settings: Settings, request: Request) -> Self {
        let role = match settings.compile.role {
            Role::Gateway => "gateway",
            Role::Sidecar(_) => "sidecar",
        };
        let title = workload(role, &settings.compile.namespace, &settings.compile.labels);
        let ports = vec![request.port];
        Self { title, settings, request, ports }
    }

    /// Where a request goes on to that this leg forwards: each gateway once.
    pub(super) fn after(&self, loaded: &Loaded, outlook: &Outlook<'_>, path: &str) -> Vec<Self> {
        let Outlook::Forwarded { rule, forward, branches } = outlook else { return Vec::new() };
        let Action::Forward(_) = &rule.action else { return Vec::new() };
        let mut legs: Vec<Self> = Vec::new();
        for Branch { destination, cluster, fails } in branches {
            let Some(cluster) = cluster.filter(|_| fails.is_none()) else { continue };
            let mut sent = self.request.clone();
            sent.path = path.to_owned();
            if let Some(rewrite) = &forward.path {
                sent.path.clear();
                rewrite.apply(&rule.matcher, path, &mut sent.path);
            }
            if let Some(authority) = &forward.authority {
                sent.authority = authority.to_string();
            }
            // Envoy's order: those of the destination first.
            edit(&mut sent, &destination.headers.request);
            edit(&mut sent, &rule.headers.request);
            legs.extend(self.to(loaded, cluster, sent));
        }
        legs.dedup_by(|one, other| one.title == other.title && one.request == other.request);
        legs
    }

    /// Where a connection goes on to that this leg hands on to these clusters.
    pub(super) fn after_bytes<'c>(
        &self,
        loaded: &Loaded,
        clusters: impl Iterator<Item = &'c Cluster>,
    ) -> Vec<Self> {
        clusters.filter_map(|cluster| self.to(loaded, cluster, self.request.clone())).collect()
    }

    /// The gateway behind a cluster, if there is one.
    fn to(&self, loaded: &Loaded, cluster: &Cluster, mut request: Request) -> Option<Self> {
        let mut parts = cluster.name.splitn(4, '|').skip(1);
        let (port, _, host) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
        let domain = &self.settings.compile.domain;
        let called = |service: &&Arc<Object<Service>>| {
            let key = &service.meta.key;
            host == format!("{}.{}.svc.{domain}", key.name, key.namespace)
        };
        let service = loaded.world.services.iter().find(called)?;
        let labels = labels(service);
        let selected = |gateway: &Arc<Object<Gateway>>| {
            let selector = &gateway.spec.selector;
            let mut pairs = selector.iter();
            !selector.is_empty() && pairs.all(|(key, value)| labels.get(key) == Some(value))
        };
        if !loaded.world.gateways.iter().any(selected) {
            return None;
        }
        let mut settings = self.settings.clone();
        settings.compile.role = Role::Gateway;
        settings.compile.namespace = service.meta.key.namespace.to_string();
        let name = format!("gateway {}", service.meta.key.name);
        let title = workload(&name, &settings.compile.namespace, &labels);
        settings.compile.labels = labels;
        if let Some(tls) = &cluster.tls {
            request.scheme = Scheme::Https;
            if let SniName::Fixed(name) = &tls.asks_for {
                request.host = name.to_string();
            }
        }
        let mut ports = vec![port];
        ports.extend(target_port(service, port));
        request.port = port;
        Some(Self { title, settings, request, ports })
    }
}

/// `sidecar of namespace default with app=curl`.
fn workload(role: &str, namespace: &str, labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let with = if pairs.is_empty() { String::new() } else { format!(" with {}", pairs.join(", ")) };
    format!("{role} in namespace {namespace}{with}")
}

/// The labels of the workload behind a Service: what the Service selects. Where it selects nothing,
/// as in files without pods, what Istio's charts make of the name of a gateway.
fn labels(service: &Object<Service>) -> Labels {
    if !service.spec.selector.is_empty() {
        return service.spec.selector.clone();
    }
    let name = &service.meta.key.name;
    let called = name.strip_prefix("istio-").unwrap_or(name);
    Labels::from([("istio".to_owned(), called.to_owned())])
}

fn target_port(service: &Object<Service>, port: u16) -> Option<u16> {
    let mut ports = service.spec.ports.iter();
    match &ports.find(|one| one.port == u32::from(port))?.target_port {
        Some(PortRef::Number(number)) => u16::try_from(*number).ok(),
        Some(PortRef::Name(_)) | None => None,
    }
}

/// Does to a request what a rule says. A value that depends on the connection is not known here,
/// so that header has whatever the rule before left.
fn edit(request: &mut Request, ops: &HeaderOps) {
    for name in &ops.remove {
        request.headers.retain(|(known, _)| known != name.as_str());
    }
    for mode in [WriteMode::Set, WriteMode::Append] {
        for write in ops.write.iter().filter(|write| write.mode == mode) {
            let Some(value) = write.value.as_literal() else { continue };
            let name = write.name.as_str();
            if mode == WriteMode::Set {
                request.headers.retain(|(known, _)| known != name);
            }
            request.headers.push((name.to_owned(), value.to_owned()));
        }
    }
}
