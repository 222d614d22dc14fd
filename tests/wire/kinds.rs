//! Where endpoints come from: Endpoints, Pods, ServiceEntries by address and by name,
//! WorkloadEntries.

use crate::harness::gateway::{example, world};
use crate::harness::origin::Origin;
use crate::harness::world::{every_host, everything_to, rules};

fn serves(endpoints: &str, destination: &str, body: &str) {
    let yaml = every_host() + endpoints + &rules("rules", "*", &everything_to(destination));
    world(&yaml).start().get("/").is(200).says(body);
}

#[test]
fn an_endpoints_object_supplies_a_service() {
    let origin = Origin::says("endpoints");
    let yaml = format!(
        "apiVersion: v1
kind: Service
metadata: {{name: origin}}
spec:
  ports: [{{name: http, port: 80}}]
---
apiVersion: v1
kind: Endpoints
metadata: {{name: origin}}
subsets:
- addresses: [{{ip: 127.0.0.1}}]
  ports: [{{name: http, port: {}}}]
---
",
        origin.port()
    );
    serves(&yaml, "origin", "endpoints");
}

#[test]
fn a_pod_that_the_selector_takes_supplies_a_service_at_its_target_port() {
    let origin = Origin::says("pod");
    let yaml = format!(
        "apiVersion: v1
kind: Service
metadata: {{name: origin}}
spec:
  selector: {{app: origin}}
  ports: [{{name: http, port: 80, targetPort: {}}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: origin-1, labels: {{app: origin}}}}
status: {{podIP: 127.0.0.1, phase: Running}}
---
",
        origin.port()
    );
    serves(&yaml, "origin", "pod");
}

#[test]
fn a_service_entry_by_name_is_resolved() {
    let origin = Origin::says("named");
    let yaml = format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: outside}}
spec:
  hosts: [outside.example]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints: [{{address: localhost, ports: {{http: {}}}}}]
---
",
        origin.port()
    );
    serves(&yaml, "outside.example", "named");
}

#[test]
fn a_service_entry_selects_workload_entries() {
    let origin = Origin::says("workload");
    let yaml = format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: inside}}
spec:
  hosts: [inside.example]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  workloadSelector: {{labels: {{app: vm}}}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: vm-1}}
spec:
  address: 127.0.0.1
  labels: {{app: vm}}
  ports: {{http: {}}}
---
",
        origin.port()
    );
    serves(&yaml, "inside.example", "workload");
}

#[test]
fn objects_of_other_namespaces_keep_to_themselves() {
    let origin = Origin::says("ok");
    let service = crate::harness::world::service("origin", origin.port())
        .replace("metadata:\n", "metadata:\n  namespace: other\n");
    let short = rules("short", "short.example", &everything_to("origin"));
    let full = rules("full", "full.example", &everything_to("origin.other.svc.cluster.local"));
    let gateway = world(&(every_host() + &service + &short + &full)).start();
    gateway.get_from("short.example", "/").is(503).says("");
    gateway.get_from("full.example", "/").is(200).says("ok");
}

#[test]
fn the_examples_run_with_more_than_one_label_and_another_domain() {
    let origin = Origin::says("ok");
    let plan = example("bookinfo").behind(18080, origin.port());
    let plan = plan.flag("--label").flag("istio=ingressgateway").flag("--label").flag("app=mine");
    let gateway = plan.flag("--domain").flag("istio-system.svc.corp.local").start();
    gateway.get("/productpage").is(200).says("ok");
}

#[test]
fn a_gateway_for_other_workloads_opens_no_port() {
    let gateway = example("gateway-ports").ports(&[80, 9080]).start();
    for port in [80, 9080] {
        assert!(std::net::TcpStream::connect(gateway.address(port)).is_err());
    }
}
