//! Every field that is read and has no effect yet, by name: nothing is ignored silently.
//!
//! One list for each kind. Specs are taken apart without `..`, so that a new field of the model
//! does not compile until it is given a place here. Fields that Istio itself gives no effect at a
//! gateway (addresses that sidecars capture, ports of the control plane) are not reported.

mod destination;
mod mesh;
mod route;

use propylon_model::gateway::{Port, Server};
use propylon_model::sidecar::{CaptureMode, EgressListener, LabelSelector, Sidecar};
use propylon_model::{
    EndpointSlice, FieldPath, Gateway, Kind, Labels, Object, Problem, ProxyConfig, Service,
    ServiceEntry, Severity, Telemetry, WorkloadEntry,
};

use crate::Role;
use crate::problems::{Problems, code};
use crate::scope::Scope;
use crate::selection::{in_order, selects};
use crate::view::View;

/// Reports what has no effect yet, of all objects that concern this gateway.
pub(crate) fn report(view: &View<'_>, gateways: &[&Object<Gateway>], problems: &mut Problems) {
    for object in gateways {
        gateway(object, problems);
    }
    route::report(view, gateways, problems);
    for object in in_order(&view.world.destination_rules) {
        destination::report(object, problems);
    }
    for object in in_order(&view.world.service_entries) {
        service_entry(object);
    }
    for object in in_order(&view.world.workload_entries) {
        workload_entry(&object.spec);
    }
    for object in in_order(&view.world.services) {
        service(object);
    }
    for object in in_order(&view.world.endpoint_slices) {
        endpoint_slice(object, problems);
    }
    whole_kinds(view, problems);
    mesh::report(view, problems);
}

/// Says of a list of fields of one place which are set and have no effect yet.
pub(super) fn fields<S, const N: usize>(
    object: &Object<S>,
    place: &FieldPath,
    list: [(&str, bool); N],
    problems: &mut Problems,
) {
    for (name, _) in list.into_iter().filter(|(_, set)| *set) {
        let message = format!("`{name}` is not yet in effect");
        let field = name.split('.').fold(place.clone(), |path, key| path.key(key));
        problems.warning(code::NOT_IN_EFFECT, object, field, message);
    }
}

fn gateway(object: &Object<Gateway>, problems: &mut Problems) {
    let Gateway { servers, selector: _ } = &object.spec;
    for (position, server) in servers.iter().enumerate() {
        // TLS servers stay closed as a whole, which is reported once for each.
        let Server { port, bind: _, hosts: _, tls: _, default_endpoint, name } = server;
        let Port { number: _, protocol: _, name: _, target_port: _ } = port;
        let place = FieldPath::spec().key("servers").index(position);
        let list = [("defaultEndpoint", !default_endpoint.is_empty()), ("name", !name.is_empty())];
        fields(object, &place, list, problems);
    }
}

fn service_entry(object: &Object<ServiceEntry>) {
    let ServiceEntry {
        hosts: _,
        addresses: _,
        ports: _,
        location: _,
        resolution: _,
        endpoints,
        workload_selector: _,
        export_to: _,
        subject_alt_names: _,
    } = &object.spec;
    endpoints.iter().for_each(workload_entry);
}

/// Every field of an endpoint is in effect. A network matters where some gateway leads into it;
/// `mesh` reports those.
fn workload_entry(entry: &WorkloadEntry) {
    let WorkloadEntry {
        address: _,
        ports: _,
        labels: _,
        network: _,
        locality: _,
        weight: _,
        service_account: _,
    } = entry;
}

/// Every field is in effect, or concerns others than a gateway.
fn service(object: &Object<Service>) {
    let Service {
        selector: _,
        ports: _,
        r#type: _,
        cluster_ip: _,
        cluster_ips: _,
        external_name: _,
        external_ips: _,
        publish_not_ready_addresses: _,
        traffic_distribution: _,
        session_affinity: _,
    } = &object.spec;
}

fn endpoint_slice(object: &Object<EndpointSlice>, problems: &mut Problems) {
    let EndpointSlice { address_type, endpoints: _, ports: _ } = &object.spec;
    if address_type == "FQDN" {
        let message = "slices of names are not read, as in Istio: its endpoints get no requests";
        let field = FieldPath::root().key("addressType");
        let problem = Problem::of(Severity::Warning, code::NOT_IN_EFFECT, object, field, message);
        problems.push(problem.help("write a ServiceEntry with `resolution: DNS`"));
    }
}

/// Kinds that have no effect as a whole.
fn whole_kinds(view: &View<'_>, problems: &mut Problems) {
    let world = view.world;
    let reach = |object: &propylon_model::Meta, selector: Option<&Labels>| {
        let namespace = &*object.key.namespace;
        let near = namespace == view.namespace() || namespace == view.mesh.root_namespace();
        near && selector.is_none_or(|labels| selects(labels, &view.options.labels))
    };
    for object in in_order(&world.envoy_filters) {
        let selector = object.spec.workload_selector.as_ref().map(labels_of);
        if reach(&object.meta, selector) {
            whole(object, "its patches of Envoy's configuration change nothing here", problems);
        }
    }
    for object in in_order(&world.wasm_plugins) {
        let selector = object.spec.selector.as_ref().map(|one| &one.match_labels);
        if reach(&object.meta, selector) {
            whole(object, "the plugin does not run, whatever it was to check", problems);
        }
    }
    for object in in_order(&world.telemetries) {
        let selector = object.spec.selector.as_ref().map(|one| &one.match_labels);
        if reach(&object.meta, selector) {
            let Telemetry {
                selector: _,
                target_ref: _,
                target_refs: _,
                tracing,
                metrics,
                access_logging,
            } = &object.spec;
            let list = [
                ("tracing", !tracing.is_empty()),
                ("metrics", !metrics.is_empty()),
                ("accessLogging", !access_logging.is_empty()),
            ];
            fields(object, &FieldPath::spec(), list, problems);
        }
    }
    for object in in_order(&world.proxy_configs) {
        let selector = object.spec.selector.as_ref().map(|one| &one.match_labels);
        if reach(&object.meta, selector) {
            proxy_config(object, problems);
        }
    }
    let chosen = match view.options.role {
        Role::Gateway => None,
        Role::Sidecar(_) => Scope::of(view).sidecar,
    };
    for object in in_order(&world.sidecars) {
        match chosen {
            Some(one) if one.meta.key == object.meta.key => sidecar(object, problems),
            Some(_) | None if view.options.role == Role::Gateway => never(object, problems),
            Some(_) | None => {}
        }
    }
    for object in in_order(&world.peer_authentications) {
        never(object, problems);
    }
    for object in in_order(&world.workload_groups) {
        never(object, problems);
    }
}

/// A Sidecar that holds for this workload: what comes in is not intercepted.
fn sidecar(object: &Object<Sidecar>, problems: &mut Problems) {
    let Sidecar {
        workload_selector: _,
        ingress,
        egress,
        inbound_connection_pool,
        outbound_traffic_policy: _,
    } = &object.spec;
    let place = FieldPath::spec();
    let list = [
        ("ingress", !ingress.is_empty()),
        ("inboundConnectionPool", inbound_connection_pool.is_some()),
    ];
    fields(object, &place, list, problems);
    for (position, listener) in egress.iter().enumerate() {
        let EgressListener { port: _, bind, capture_mode, hosts: _ } = listener;
        let place = place.key("egress").index(position);
        let list =
            [("bind", !bind.is_empty()), ("captureMode", *capture_mode == CaptureMode::None)];
        fields(object, &place, list, problems);
    }
}

fn proxy_config(object: &Object<ProxyConfig>, problems: &mut Problems) {
    let ProxyConfig { selector: _, concurrency, environment_variables, image } = &object.spec;
    let place = FieldPath::spec();
    let list = [("concurrency", concurrency.is_some()), ("image", image.is_some())];
    fields(object, &place, list, problems);
    for name in environment_variables.keys().filter(|name| *name != crate::mesh::HTTP10) {
        let message = format!("environment variable `{name}` is not yet in effect");
        let field = place.key("environmentVariables").key(name.as_str());
        problems.warning(code::NOT_IN_EFFECT, object, field, message);
    }
}

fn whole<S>(object: &Object<S>, consequence: &str, problems: &mut Problems) {
    let message = format!("{} is not yet in effect: {consequence}", object.meta.key.kind);
    problems.warning(code::NOT_IN_EFFECT, object, FieldPath::root(), message);
}

/// Kinds that Istio applies to other workloads than gateways.
fn never<S>(object: &Object<S>, problems: &mut Problems) {
    let kind: Kind = object.meta.key.kind;
    let message = format!("a {kind} has no effect on a gateway");
    let problem =
        Problem::of(Severity::Info, code::NOT_IN_EFFECT, object, FieldPath::root(), message);
    problems.push(problem);
}

fn labels_of(selector: &LabelSelector) -> &Labels {
    &selector.labels
}
