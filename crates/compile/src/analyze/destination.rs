//! Destinations that lead nowhere: unknown hosts, ports that the service does not have.

use std::collections::BTreeSet;

use propylon_model::kubernetes::PortRef;
use propylon_model::{Problem, Severity};

use super::code;
use super::index::Index;
use super::nearest::question;
use super::uses::Use;
use crate::Role;
use crate::destinations::registry::{Behind, Port, Service};
use crate::host::{is_subset, is_wildcard};

/// Checks the host and port of every destination.
pub(super) fn check(index: &Index<'_, '_>, uses: &[Use<'_>], out: &mut Vec<Problem>) {
    for one in uses {
        match index.registry.find_for(&one.host, &one.object.meta.key.namespace) {
            Some(service) => check_port(index, one, service, out),
            // The rejected object has an error of its own.
            None if index.is_rejected_host(&one.host) => {}
            None => unknown(index, one, out),
        }
    }
}

fn unknown(index: &Index<'_, '_>, one: &Use<'_>, out: &mut Vec<Problem>) {
    let field = one.field.key("host");
    let written = &one.destination.host;
    let name = if *written == one.host {
        format!("`{written}`")
    } else {
        format!("`{written}` (that is {})", one.host)
    };
    let what = if one.copy { "mirror" } else { "destination" };
    let message = format!("{what} {name} does not exist, so {}", one.consequence());
    let help = host_advice(index, written, &one.host, &one.object.meta.key.namespace);
    let problem = Problem::of(one.severity(), code::NOT_FOUND, one.object, field, message);
    out.push(problem.help(help));
}

/// What to write instead of a host that no object defines.
pub(super) fn host_advice(
    index: &Index<'_, '_>,
    written: &str,
    host: &str,
    namespace: &str,
) -> String {
    let domain = &index.view.options.domain;
    let mut parts = written.split('.');
    let (name, next) = (parts.next().unwrap_or_default(), parts.next());
    let named = index.services_named(name);
    let full = |space: &str| format!("{name}.{space}.svc.{domain}");
    if let Some(space) =
        next.filter(|space| named.iter().any(|service| *service.meta.key.namespace == **space))
    {
        let full = full(space);
        if full == host {
            return format!("Service {space}/{name} is not exported to this gateway's namespace");
        }
        return format!("a name with a dot is taken as it is, never completed: write `{full}`");
    }
    if next.is_none() {
        if named.iter().any(|service| *service.meta.key.namespace == *namespace) {
            return format!(
                "Service {namespace}/{name} is not exported to this gateway's namespace"
            );
        }
        if let [only] = named {
            return format!(
                "a short name is looked up in namespace {namespace}; write `{}`",
                full(&only.meta.key.namespace)
            );
        }
    }
    if !index.may_search() {
        return "name a Service or the host of a ServiceEntry".to_owned();
    }
    let world = index.view.world;
    let hidden =
        world.service_entries.iter().find(|entry| entry.spec.hosts.iter().any(|h| h == host));
    if let Some(entry) = hidden {
        return format!("{} is not exported to this gateway's namespace", entry.meta.key);
    }
    let covering = world.service_entries.iter().find_map(|entry| {
        let hosts = entry.spec.hosts.iter();
        let wild = hosts.into_iter().find(|wild| is_wildcard(wild) && is_subset(host, wild))?;
        Some((&entry.meta.key, wild))
    });
    if let Some((key, wild)) = covering {
        return format!(
            "{key} has `{wild}`, but a destination names one host: add `{host}` to its hosts, \
             with a resolution that finds it"
        );
    }
    let services =
        world.services.iter().filter(|service| *service.meta.key.namespace == *namespace);
    let short = services.map(|service| &*service.meta.key.name);
    let entries = world.service_entries.iter().flat_map(|entry| &entry.spec.hosts);
    if let Some(question) = question(written, short.chain(entries.map(String::as_str))) {
        return question;
    }
    let deployed = world.deployments.iter().any(|deployment| {
        *deployment.meta.key.name == *written && *deployment.meta.key.namespace == *namespace
    });
    if deployed {
        return format!("Deployment {written} is no destination: add a Service named `{written}`");
    }
    let suffix = format!(".svc.{domain}");
    if let Some((name, space)) = host.strip_suffix(&suffix).and_then(|own| own.split_once('.')) {
        format!("add a Service named `{name}` to namespace {space}")
    } else if written.contains('.') {
        format!("add a ServiceEntry with `hosts: [{written}]`")
    } else {
        format!("add a Service named `{written}` to namespace {namespace}")
    }
}

fn check_port(index: &Index<'_, '_>, one: &Use<'_>, service: &Service<'_>, out: &mut Vec<Problem>) {
    if service.alias().is_some() {
        return;
    }
    let known = ports(service);
    match &one.destination.port {
        Some(port) => {
            let number = u16::try_from(port.number).ok();
            // Another object for the same host may add it.
            let has = |number| index.registry.find_port(&service.host, number).is_some();
            if number.is_some_and(|number| service.port(number).is_some() || has(number)) {
                return;
            }
            let field = one.field.key("port").key("number");
            let message =
                format!("{} has no port {}, so {}", service.host, port.number, one.consequence());
            let problem = Problem::of(one.severity(), code::NOT_FOUND, one.object, field, message);
            out.push(problem.help(port_advice(service, port.number, &known)));
        }
        None if service.ports.len() > 1 => {
            let (served, missing): (Vec<u16>, Vec<u16>) =
                listening(index, one).into_iter().partition(|port| service.port(*port).is_some());
            let severity = if missing.is_empty() && !served.is_empty() {
                Severity::Warning
            } else {
                one.severity()
            };
            let message = format!(
                "{} has several ports ({known}), and none is chosen: {}",
                service.host,
                port_taken(index, one, &served, &missing)
            );
            let number = service.ports.first().map_or(80, |port| port.number);
            let help = format!("add `port: {{number: {number}}}`, or another of them");
            let field = one.field.clone();
            let problem = Problem::of(severity, code::PORT_NEEDED, one.object, field, message);
            out.push(problem.help(help));
        }
        None if service.ports.is_empty() => {
            let message = format!("{} has no TCP port, so {}", service.host, one.consequence());
            let field = one.field.key("host");
            let problem = Problem::of(one.severity(), code::NOT_FOUND, one.object, field, message);
            out.push(problem.help("add `ports:` to the service"));
        }
        None => {}
    }
}

/// What Istio does where a service has several ports and a destination names none: it takes the
/// port that the Gateway's server declares, at a sidecar the one that the application asked for.
fn port_taken(index: &Index<'_, '_>, one: &Use<'_>, served: &[u16], missing: &[u16]) -> String {
    let list = |ports: &[u16]| {
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        ports.join(" and ")
    };
    let rule = match index.view.options.role {
        Role::Gateway => "Istio takes the port that the Gateway listens on",
        Role::Sidecar(_) => "Istio takes the port that is asked for",
    };
    match (served, missing) {
        ([], []) => rule.to_owned(),
        (served, []) => format!("{rule}, {}, which the service has too", list(served)),
        ([], missing) => {
            format!("{rule}, {}, which the service lacks: {}", list(missing), one.consequence())
        }
        (served, missing) => format!(
            "{rule}; what comes to {} goes to that port of the service, what comes to {} finds \
             no such port: {}",
            list(served),
            list(missing),
            one.consequence()
        ),
    }
}

/// The ports on which a destination's VirtualService is asked, each once: those that its Gateways
/// declare, at a sidecar those of the services that it routes for.
fn listening(index: &Index<'_, '_>, one: &Use<'_>) -> BTreeSet<u16> {
    if matches!(index.view.options.role, Role::Sidecar(_)) {
        let (own, spec) = (&one.object.meta.key.namespace, &one.object.spec);
        let connections = !spec.tls.is_empty() || !spec.tcp.is_empty();
        let asked = spec.hosts.iter().map(|host| index.complete(host, own));
        let services = asked.filter_map(|host| index.registry.find_for(&host, own));
        let ports = services.flat_map(|service| &service.ports);
        let routed = |port: &&Port| connections || port.protocol.may_be_http();
        return ports.filter(routed).map(|port| port.number).collect();
    }
    let bound = index.bound(one.object);
    let servers = bound.iter().flat_map(|(_, _, gateway)| &gateway.spec.servers);
    servers.filter_map(|server| u16::try_from(server.port.number).ok()).collect()
}

fn ports(service: &Service<'_>) -> String {
    let name = |position: usize| match service.behind {
        Behind::Kubernetes(object) => object.spec.ports.get(position).map(|port| &port.name),
        Behind::Entry(object) => object.spec.ports.get(position).map(|port| &port.name),
    };
    let ports = service.ports.iter().map(|port| (port.number, name(port.position)));
    let written = ports.map(|(number, name)| match name.filter(|name| !name.is_empty()) {
        Some(name) => format!("{number} {name}"),
        None => number.to_string(),
    });
    written.collect::<Vec<_>>().join(", ")
}

fn port_advice(service: &Service<'_>, written: u32, known: &str) -> String {
    if let Behind::Kubernetes(object) = service.behind {
        let behind = object.spec.ports.iter().find(
            |port| matches!(port.target_port, Some(PortRef::Number(target)) if target == written),
        );
        if let Some(port) = behind {
            return format!(
                "{written} is the pods' port; write the Service's port, `number: {}`",
                port.port
            );
        }
    }
    match service.ports.as_slice() {
        [] => "the service has no ports at all: add one".to_owned(),
        [only] => format!("write `number: {}`, its only port, or leave `port` out", only.number),
        _ => format!("write one of {known}"),
    }
}

#[cfg(test)]
mod tests;
