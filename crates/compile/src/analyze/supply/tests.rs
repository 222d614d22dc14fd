//! Supply problems, as sentences.

use propylon_model::Severity::Error;

use crate::analyze::testing::{GATEWAY, finds, lacks, problems, routes};

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: httpbin}
spec:
  selector: {app: httpbin}
  ports: [{name: http, port: 8000, targetPort: 80}]
---
";

fn with(more: &str) -> String {
    let http = "  - route: [{destination: {host: httpbin}}]";
    format!("{GATEWAY}{SERVICE}{}{more}", routes(http))
}

fn says(more: &str, words: &[&str]) {
    finds(&with(more), Error, "GW2001", "spec.selector", words);
}

#[test]
fn a_service_without_endpoints_says_which_object_would_supply_them() {
    let words = [
        "no object supplies endpoints for Service httpbin",
        "kubernetes.io/service-name: httpbin",
        "Endpoints object",
        "app=httpbin",
        "ServiceEntry",
    ];
    says("", &words);
    let found = problems(&with(""));
    assert_eq!(found[0].notes[0].field.to_string(), "spec.http[0].route[0].destination.host");
}

#[test]
fn a_service_that_no_route_names_may_be_empty() {
    lacks(&format!("{GATEWAY}{SERVICE}"), "GW2001");
}

#[test]
fn a_deployment_is_no_pod() {
    let deployment = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: httpbin}
spec:
  template: {metadata: {labels: {app: httpbin, version: v1}}}
---
";
    says(deployment, &["Deployment httpbin would, in a cluster, but files have no pods"]);
}

#[test]
fn objects_that_nearly_supply_endpoints_say_what_they_lack() {
    let pod = "
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: httpbin}}
---
";
    says(pod, &["Pod p has no status.podIP"]);
    let slice = "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: httpbin-1}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1]}]
ports: [{name: http, port: 80}]
---
";
    says(slice, &["httpbin-1 lacks the label"]);
    let labelled = slice.replace(
        "{name: httpbin-1}",
        "{name: httpbin-1, namespace: x, labels: {kubernetes.io/service-name: httpbin}}",
    );
    says(&labelled, &["httpbin-1 is in namespace x"]);
    lacks(&with(&labelled.replace(", namespace: x", "")), "GW2001");
}

#[test]
fn an_external_name_needs_an_entry() {
    let external = SERVICE.replace("selector: {app: httpbin}", "type: ExternalName") + "";
    let external = external.replace("---", "").trim_end().to_owned()
        + "\n  externalName: api.other.com\n---\n";
    let http = "  - route: [{destination: {host: httpbin}}]";
    let yaml = format!("{GATEWAY}{external}{}", routes(http));
    let words = ["`api.other.com`", "ServiceEntry"];
    finds(&yaml, Error, "GW2001", "spec.externalName", &words);
}

#[test]
fn service_entries_need_a_resolution_and_endpoints() {
    let entry = |resolution: &str| {
        format!(
            "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: api}}
spec:
  hosts: [api.other.com]
  resolution: {resolution}
  ports: [{{number: 80, name: http, protocol: HTTP}}]
---
{GATEWAY}{}",
            routes("  - route: [{destination: {host: api.other.com}}]")
        )
    };
    let words = ["NONE", "`resolution: DNS`"];
    finds(&entry("NONE"), Error, "GW2001", "spec.resolution", &words);
    finds(&entry("STATIC"), Error, "GW2001", "spec.resolution", &["`endpoints:`"]);
    lacks(&entry("DNS"), "GW2001");
}
