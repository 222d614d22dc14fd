//! What one object says wrongly by itself: every rule of Istio's validating webhook, with the
//! exact field and what to write instead.
//!
//! Looks at one object and nothing else; what objects say about each other is `analyze`'s. An
//! error means the object is not admitted and its last good version stays in force.

mod code;
mod report;

mod gateway;
mod server_tls;

mod cors;
mod fault;
mod gateway_reference;
mod header;
mod http_answer;
mod http_match;
mod http_route;
mod l4_route;
mod retry;
mod virtual_service;

mod client_tls;
mod destination_rule;
mod load_balancer;
mod locality;
mod traffic_policy;

mod service_entry;
mod workload_entry;

mod authorization;
mod condition;
mod request_authentication;
mod selector;

mod kubernetes;

mod host;
mod names;
pub(crate) mod protocol;

use propylon_model::{AnyObject, Problem};

use report::Findings;

/// All problems of one object. Empty for a healthy one, and then nothing was allocated.
///
/// Severity says what follows: [`propylon_model::Severity::Error`] rejects the object, as Istio's
/// webhook does; anything less is advice.
#[must_use]
pub fn object(any: &AnyObject) -> Vec<Problem> {
    let mut findings = Findings::new(any.meta());
    let out = &mut findings;
    match any {
        AnyObject::Gateway(object) => gateway::check(out, &object.spec),
        AnyObject::VirtualService(object) => virtual_service::check(out, &object.spec),
        AnyObject::DestinationRule(object) => destination_rule::check(out, &object.spec),
        AnyObject::ServiceEntry(object) => service_entry::check(out, &object.spec),
        AnyObject::WorkloadEntry(object) => workload_entry::check(out, &object.spec),
        AnyObject::AuthorizationPolicy(object) => authorization::check(out, &object.spec),
        AnyObject::RequestAuthentication(object) => {
            request_authentication::check(out, &object.spec);
        }
        AnyObject::PeerAuthentication(object) => selector::check_peer(out, &object.spec),
        AnyObject::Service(object) => kubernetes::check_service(out, &object.spec),
        AnyObject::Endpoints(object) => kubernetes::check_endpoints(out, &object.spec),
        AnyObject::EndpointSlice(object) => kubernetes::check_slice(out, &object.spec),
        // These have no effect on a gateway, or nothing that could be wrong by itself.
        AnyObject::WorkloadGroup(_)
        | AnyObject::Sidecar(_)
        | AnyObject::EnvoyFilter(_)
        | AnyObject::ProxyConfig(_)
        | AnyObject::Telemetry(_)
        | AnyObject::WasmPlugin(_)
        | AnyObject::Pod(_)
        | AnyObject::Deployment(_)
        | AnyObject::Secret(_)
        | AnyObject::ConfigMap(_)
        | AnyObject::Namespace(_)
        | AnyObject::Node(_) => {}
    }
    findings.into_problems()
}

#[cfg(test)]
pub(crate) mod testing;
