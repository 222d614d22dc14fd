//! Endpoints that speak a mesh's mutual TLS without a DestinationRule that says so.

use std::fs;

use tempfile::TempDir;

use crate::harness::certificates::Authority;
use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::Origin;
use crate::harness::tls_origin::{Manner, TlsOrigin};
use crate::harness::world::{every_host, everything_to, rules};

const SHOP: &str = "spiffe://cluster.local/ns/default/sa/shop";

/// The files of the gateway's workload.
fn mounted(mesh: &Authority) -> TempDir {
    let root = TempDir::new().expect("a folder");
    let place = root.path().join("etc/certs");
    fs::create_dir_all(&place).expect("a folder");
    let own = mesh.client("", &[], &["spiffe://cluster.local/ns/istio-system/sa/gateway"]);
    for (name, text) in
        [("root-cert.pem", &mesh.pem), ("key.pem", &own.key), ("cert-chain.pem", &own.certificate)]
    {
        fs::write(place.join(name), text).expect("write a file");
    }
    root
}

/// A service of the mesh with these endpoints, and what else is said.
fn gateway(endpoints: &str, more: &str, root: &TempDir) -> Gateway {
    let entry = format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: shop}}
spec:
  hosts: [shop.default.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints: [{endpoints}]
---
"
    );
    let yaml = every_host() + &entry + more + &rules("rules", "*", &everything_to("shop"));
    world(&yaml).flag(&format!("--root={}", root.path().display())).start()
}

fn endpoint(port: u16, more: &str) -> String {
    format!("{{address: 127.0.0.1, ports: {{http: {port}}}, {more}}}")
}

const LABEL: &str = "labels: {security.istio.io/tlsMode: istio}";

#[test]
fn labelled_endpoints_get_mutual_tls_with_the_workloads_own_certificate() {
    let mesh = Authority::new("mesh");
    let shop = mesh.client("", &[], &[SHOP]);
    let origin = TlsOrigin::new(Manner { clients: Some(&mesh), ..Manner::of(&shop) });
    let root = mounted(&mesh);
    for more in [LABEL.to_owned(), "serviceAccount: shop".to_owned()] {
        let gateway = gateway(&endpoint(origin.port(), &more), "", &root);
        let said = gateway.get("/").is(200).text();
        assert!(said.starts_with("sni=outbound_.80_._.shop.default.svc.cluster.local "), "{said}");
        assert!(said.contains(" client=1 "), "{said}");
    }
    let another = gateway(&endpoint(origin.port(), "serviceAccount: stock"), "", &root);
    another.get("/").is(503);
    another.prints(&format!("its certificate is for {SHOP}"));
}

#[test]
fn what_speaks_no_mutual_tls_or_is_told_not_to_gets_plaintext() {
    let mesh = Authority::new("mesh");
    let root = mounted(&mesh);
    let origin = Origin::says("plain");
    let labelled = endpoint(origin.port(), LABEL);
    let disabled = "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec: {host: shop, trafficPolicy: {tls: {mode: DISABLE}}}
---
";
    let plaintext_only = "apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec: {mtls: {mode: DISABLE}}
---
";
    let unlabelled = endpoint(origin.port(), "weight: 1");
    for (endpoints, more) in [(&labelled, disabled), (&labelled, plaintext_only), (&unlabelled, "")]
    {
        gateway(endpoints, more, &root).get("/").is(200).says("plain");
    }
}

#[test]
fn each_endpoint_of_a_service_gets_what_it_speaks() {
    let mesh = Authority::new("mesh");
    let shop = mesh.client("", &[], &[SHOP]);
    let secured = TlsOrigin::new(Manner { clients: Some(&mesh), ..Manner::of(&shop) });
    let plain = Origin::says("plain");
    let off = "labels: {security.istio.io/tlsMode: disabled}, serviceAccount: shop";
    let both = [endpoint(secured.port(), LABEL), endpoint(plain.port(), off)].join(", ");
    let one_by_one = "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec: {host: shop, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}
---
";
    let gateway = gateway(&both, one_by_one, &mounted(&mesh));
    let mut seen = [0; 2];
    for _ in 0..8 {
        let said = gateway.get("/").is(200).text();
        seen[usize::from(said == "plain")] += 1;
        assert!(said == "plain" || said.contains(" client=1 "), "{said}");
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn without_a_certificate_labelled_endpoints_get_plaintext_and_a_warning() {
    let origin = Origin::says("plain");
    let labelled = endpoint(origin.port(), LABEL);
    let nothing = TempDir::new().expect("a folder");
    let unmounted = gateway(&labelled, "", &nothing);
    unmounted.get("/").is(200).says("plain");
    unmounted.prints("endpoint `127.0.0.1` of shop.default.svc.cluster.local speaks the mesh's");
    unmounted.prints("/etc/certs/cert-chain.pem");
}
