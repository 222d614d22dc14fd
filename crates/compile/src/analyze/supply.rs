//! Services that routes send requests to and that have no endpoints: which object would supply
//! them, and why those that are there do not.

use std::collections::{BTreeMap, HashSet};

use propylon_model::service_entry::Resolution;
use propylon_model::{FieldPath, Labels, Object, Problem, Service as KubernetesService, Severity};

use super::code;
use super::index::{Index, Reach};
use super::uses::Use;
use crate::destinations::registry::{Behind, Service};
use crate::selection::selects;

/// The label by which an EndpointSlice names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Checks every service that this gateway sends requests to, once.
pub(super) fn check(index: &Index<'_, '_>, uses: &[Use<'_>], out: &mut Vec<Problem>) {
    let mut seen = HashSet::new();
    for one in uses.iter().filter(|one| one.reach == Reach::Here) {
        let namespace = &one.object.meta.key.namespace;
        let Some(service) = index.registry.find_for(&one.host, namespace) else { continue };
        if !seen.insert((service.host.as_str(), service.namespace)) {
            continue;
        }
        match service.behind {
            Behind::Kubernetes(object) if service.alias().is_some() => {
                check_alias(index, object, service, one, out);
            }
            Behind::Kubernetes(object) => check_service(index, object, service, one, out),
            Behind::Entry(object) => check_entry(index, object, service, one, out),
        }
    }
}

fn note_text() -> &'static str {
    "requests of this route go there"
}

/// An ExternalName Service is another name of a host, which must be a service itself.
fn check_alias(
    index: &Index<'_, '_>,
    object: &Object<KubernetesService>,
    service: &Service<'_>,
    one: &Use<'_>,
    out: &mut Vec<Problem>,
) {
    let Some(alias) = service.alias() else { return };
    if index.registry.find(alias).is_some() {
        return;
    }
    let message =
        format!("`{alias}`, which this Service stands for, does not exist: requests get 503");
    let field = FieldPath::spec().key("externalName");
    let problem = Problem::of(Severity::Error, code::NO_ENDPOINTS, object, field, message)
        .help(format!("add a ServiceEntry with `hosts: [{alias}]` and `resolution: DNS`"))
        .note(one.object, one.field.key("host"), note_text());
    out.push(problem);
}

fn check_service(
    index: &Index<'_, '_>,
    object: &Object<KubernetesService>,
    service: &Service<'_>,
    one: &Use<'_>,
    out: &mut Vec<Problem>,
) {
    let endpoints = index.endpoints(service);
    let without: Vec<u16> =
        endpoints.iter().filter(|(_, list)| list.is_empty()).map(|(port, _)| *port).collect();
    let any = without.len() < endpoints.len();
    if without.is_empty() || any && !wants(one, &without) {
        return;
    }
    let name = &object.meta.key.name;
    let (field, message, help) = if any {
        let port = without.first().copied().unwrap_or_default();
        (
            FieldPath::spec().key("ports"),
            format!(
                "no object supplies endpoints for port {port} of Service {name}: requests get 503"
            ),
            "name the port in the EndpointSlice as the Service names it, or give the target port \
             by number"
                .to_owned(),
        )
    } else {
        let spec = FieldPath::spec();
        (
            if object.spec.selector.is_empty() { spec } else { spec.key("selector") },
            format!("no object supplies endpoints for Service {name}: requests get 503"),
            advice(index, object),
        )
    };
    let problem = Problem::of(Severity::Error, code::NO_ENDPOINTS, object, field, message)
        .help(help)
        .note(one.object, one.field.key("host"), note_text());
    out.push(problem);
}

/// True if a destination goes to one of these ports.
fn wants(one: &Use<'_>, ports: &[u16]) -> bool {
    let number = one.destination.port.as_ref().map(|port| port.number);
    number.is_some_and(|number| ports.iter().any(|port| u32::from(*port) == number))
}

/// Which object would supply endpoints, starting with those that nearly do.
fn advice(index: &Index<'_, '_>, object: &Object<KubernetesService>) -> String {
    let world = index.view.world;
    let key = &object.meta.key;
    let same = |namespace: &str| *namespace == *key.namespace;
    let selector = &object.spec.selector;
    let mut near = Vec::new();
    for slice in &world.endpoint_slices {
        let named = slice.meta.labels.get(SERVICE_NAME);
        let ours = named.is_some_and(|name| **name == *key.name);
        let its = &slice.meta.key;
        if ours && same(&its.namespace) {
            near.push(format!("EndpointSlice {} has no ready address for its port", its.name));
        } else if ours {
            near.push(format!("EndpointSlice {} is in namespace {}", its.name, its.namespace));
        } else if named.is_none() && same(&its.namespace) && its.name.starts_with(&*key.name) {
            let label = format!("{SERVICE_NAME}: {}", key.name);
            near.push(format!("EndpointSlice {} lacks the label `{label}`", its.name));
        }
    }
    if !selector.is_empty() {
        for pod in world.pods.iter().filter(|pod| same(&pod.meta.key.namespace)) {
            if selects(selector, &pod.meta.labels) {
                let why = if pod.spec.status.pod_ip.is_empty() {
                    "has no status.podIP"
                } else {
                    "is not ready, or has no port of that name"
                };
                near.push(format!("Pod {} {why}", pod.meta.key.name));
            }
        }
        for deployment in world.deployments.iter().filter(|one| same(&one.meta.key.namespace)) {
            if selects(selector, &deployment.spec.template.metadata.labels) {
                let name = &deployment.meta.key.name;
                near.push(format!("Deployment {name} would, in a cluster, but files have no pods"));
            }
        }
    }
    let wanted = format!(
        "add an EndpointSlice with the label `{SERVICE_NAME}: {}`, an Endpoints object named \
         `{}`{}, or route to a ServiceEntry",
        key.name,
        key.name,
        pods_with(selector)
    );
    if near.is_empty() { wanted } else { format!("{}; {wanted}", near.join("; ")) }
}

fn pods_with(selector: &Labels) -> String {
    let labels: BTreeMap<_, _> = selector.iter().collect();
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!(", a Pod with the labels {} and a status.podIP", pairs.join(","))
}

fn check_entry(
    index: &Index<'_, '_>,
    object: &Object<propylon_model::ServiceEntry>,
    service: &Service<'_>,
    one: &Use<'_>,
    out: &mut Vec<Problem>,
) {
    let spec = FieldPath::spec();
    let host = &service.host;
    let (field, message, help) = match object.spec.resolution {
        // A sidecar knows the address that a connection was meant for.
        Resolution::None if index.is_resolved_as_asked() => return,
        Resolution::None => (
            spec.key("resolution"),
            format!(
                "with resolution NONE the address that the client connected to is used, which at \
                 a gateway is the gateway itself: requests to {host} get 503"
            ),
            "write `resolution: DNS` for a host name, DYNAMIC_DNS for a wildcard, or STATIC with \
             `endpoints:`; or start the gateway with --resolve-none",
        ),
        // Names are looked up as they are asked for.
        Resolution::DynamicDns => return,
        Resolution::Static | Resolution::Dns | Resolution::DnsRoundRobin => {
            let endpoints = index.endpoints(service);
            if endpoints.is_empty() || endpoints.iter().any(|(_, list)| !list.is_empty()) {
                return;
            }
            let field = if object.spec.workload_selector.is_some() {
                spec.key("workloadSelector")
            } else {
                spec.key("resolution")
            };
            (
                field,
                format!("no object supplies endpoints for ServiceEntry {host}: requests get 503"),
                "add `endpoints:` with addresses, or WorkloadEntries with the selected labels",
            )
        }
    };
    let problem = Problem::of(Severity::Error, code::NO_ENDPOINTS, object, field, message)
        .help(help)
        .note(one.object, one.field.key("host"), note_text());
    out.push(problem);
}

#[cfg(test)]
mod tests;
