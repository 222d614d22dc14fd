//! Kubernetes objects from files, as sentences.

use propylon_model::Kind;
use serde_json::json;

use crate::validate::testing::{healthy, refused};

#[test]
fn a_services_ports_are_unique_and_named() {
    healthy(Kind::Service, json!({"ports": [{"port": 80}]}));
    healthy(
        Kind::Service,
        json!({"ports": [
        {"port": 53, "name": "a"}, {"port": 53, "name": "b", "protocol": "UDP"}]}),
    );
    let spec =
        json!({"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "a"}, {"port": 0}]});
    refused(Kind::Service, spec.clone(), "spec.ports[1].port", &["already"]);
    refused(Kind::Service, spec.clone(), "spec.ports[1].name", &["already"]);
    refused(Kind::Service, spec.clone(), "spec.ports[2].port", &["65535"]);
    refused(Kind::Service, spec, "spec.ports[2]", &["name for each"]);
}

#[test]
fn endpoints_have_addresses() {
    let slice = json!({"endpoints": [{"addresses": ["localhost"]}], "ports": [{"port": 80}]});
    refused(Kind::EndpointSlice, slice, "endpoints[0].addresses[0]", &["127.0.0.1"]);
    let named = json!({"addressType": "FQDN", "endpoints": [{"addresses": ["a.com"]}]});
    healthy(Kind::EndpointSlice, named);
    let endpoints = json!({"subsets": [{"addresses": [{"ip": "x"}], "ports": [{"port": 0}]}]});
    refused(Kind::Endpoints, endpoints.clone(), "subsets[0].addresses[0].ip", &["no IP"]);
    refused(Kind::Endpoints, endpoints, "subsets[0].ports[0].port", &["65535"]);
}
