//! Mutual TLS within a mesh, with the workloads' own certificates mounted as files: servers in mode
//! ISTIO_MUTUAL, and the way of a request from a sidecar through an egress gateway to the internet.

use std::fs;
use std::net::SocketAddr;

use rustls::AlertDescription;
use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;

use crate::harness::certificates::{Authority, Pair};
use crate::harness::client::{Answer, Client};
use crate::harness::eventually;
use crate::harness::gateway::{Gateway, files};
use crate::harness::origin::{Origin, ok};
use crate::harness::ports;
use crate::harness::secure::{Offer, Visit, visit};
use crate::harness::tls_origin::{Manner, TlsOrigin};
use crate::harness::world::service;

const GATEWAY: &str = "spiffe://cluster.local/ns/istio-system/sa/gateway";
const FRONT: &str = "spiffe://cluster.local/ns/shop/sa/front";

/// A root directory with the files of one workload, as Istio mounts them.
struct Mounted(TempDir);

impl Mounted {
    fn empty() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn of(mesh: &Authority, pair: &Pair) -> Self {
        let mounted = Self::empty();
        mounted.write("etc/certs", mesh, pair);
        mounted
    }

    fn write(&self, place: &str, mesh: &Authority, pair: &Pair) {
        let place = self.0.path().join(place);
        fs::create_dir_all(&place).expect("a folder");
        for (name, text) in [
            ("root-cert.pem", &mesh.pem),
            ("key.pem", &pair.key),
            ("cert-chain.pem", &pair.certificate),
        ] {
            fs::write(place.join(name), text).expect("write a file");
        }
    }

    fn flag(&self) -> String {
        format!("--root={}", self.0.path().display())
    }
}

const SERVERS: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 443, name: mesh, protocol: HTTPS}
    hosts: [mesh.example]
    tls: {mode: ISTIO_MUTUAL}
  - port: {number: 443, name: named, protocol: HTTPS}
    hosts: [named.example]
    tls: {mode: ISTIO_MUTUAL, subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/front']}
  - port: {number: 15443, name: bytes, protocol: TLS}
    hosts: ['*']
    tls: {mode: ISTIO_MUTUAL}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: default}
spec:
  hosts: ['*']
  gateways: [web]
  http: [{route: [{destination: {host: origin}}]}]
  tcp: [{route: [{destination: {host: bytes}}]}]
";

const ASKS: &[u8] = b"GET / HTTP/1.1\r\nhost: mesh.example\r\nconnection: close\r\n\r\n";

/// A gateway with the servers of this file, and what it takes to visit it.
struct Stage {
    gateway: Gateway,
    mounted: Mounted,
    mesh: Authority,
    _origins: [Origin; 2],
}

impl Stage {
    fn start(mesh_settings: &str, mounted: impl FnOnce(&Authority) -> Mounted) -> Self {
        let mesh = Authority::new("mesh");
        let mounted = mounted(&mesh);
        let origin = Origin::replies(|received| {
            let of = |name: &str| received.header(name).unwrap_or("none").to_owned();
            ok(&format!("xfcc {}", of("x-forwarded-client-cert")))
        });
        let bytes = Origin::talks(|conversation| {
            conversation.request()?;
            conversation.write(ok("bytes"))?;
            conversation.close();
            Ok(())
        });
        let gateway = files(&[
            ("gateway.yaml", SERVERS),
            ("origin.yaml", &service("origin", origin.port())),
            ("bytes.yaml", &service("bytes", bytes.port())),
            ("mesh.yaml", mesh_settings),
        ]);
        let gateway = gateway.flag(&mounted.flag()).ports(&[443, 15443]).start();
        Self { gateway, mounted, mesh, _origins: [origin, bytes] }
    }

    fn visit(&self, port: u16, offer: &Offer<'_>) -> Visit {
        visit(self.gateway.address(port), offer, ASKS)
    }

    /// What the origin says when it is asked with this certificate.
    fn answer(&self, port: u16, shown: &Pair) -> String {
        let trusted = &self.mesh.pem;
        let offer = Offer { name: "mesh.example", shown: Some(shown), version: &TLS13, trusted };
        match self.visit(port, &offer) {
            Visit::Answered(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            other => panic!("{other:?}"),
        }
    }
}

/// The gateway's certificate. Workloads' own have no DNS names; the clients here verify those.
fn own(mesh: &Authority) -> Pair {
    mesh.client("gateway", &["mesh.example", "named.example"], &[GATEWAY])
}

fn mounted(mesh: &Authority) -> Mounted {
    Mounted::of(mesh, &own(mesh))
}

#[test]
fn only_workloads_of_the_mesh_are_served_and_upstreams_learn_who_they_are() {
    let stage = Stage::start("", mounted);
    let front = stage.mesh.client("", &[], &[FRONT]);
    let other = stage.mesh.client("", &[], &["spiffe://other.domain/ns/a/sa/b"]);
    let stranger = Authority::new("strangers").client("", &[], &[FRONT]);
    let trusted = &stage.mesh.pem;
    for port in [443, 15443] {
        for (version, shown) in
            [(&TLS13, None), (&TLS12, None), (&TLS13, Some(&stranger)), (&TLS12, Some(&stranger))]
        {
            let offer = Offer { name: "mesh.example", shown, version, trusted };
            let visit = stage.visit(port, &offer);
            assert!(matches!(visit, Visit::Alert(_)), "{port}: {visit:?}");
        }
    }
    let said = stage.answer(443, &front);
    assert!(said.contains(&format!("xfcc By={GATEWAY};Hash=")), "{said}");
    assert!(said.contains(&format!(";URI={FRONT}")), "{said}");
    // The trust domain is the authorities' to guard, as at Istio's gateways.
    let said = stage.answer(443, &other);
    assert!(said.contains(";URI=spiffe://other.domain/ns/a/sa/b"), "{said}");
    let said = stage.answer(15443, &front);
    assert!(said.ends_with("bytes"), "{said}");
}

#[test]
fn a_server_may_name_the_identities_that_it_accepts() {
    let stage = Stage::start("", mounted);
    let trusted = &stage.mesh.pem;
    let named = |uri: &str| {
        let pair = stage.mesh.client("", &[], &[uri]);
        let shown = Some(&pair);
        stage.visit(443, &Offer { name: "named.example", shown, version: &TLS13, trusted })
    };
    assert!(matches!(named(FRONT), Visit::Answered(_)));
    assert!(matches!(named("spiffe://cluster.local/ns/shop/sa/back"), Visit::Alert(_)));
}

#[test]
fn the_lowest_version_is_the_meshs() {
    let mesh_settings = "
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: 'meshMTLS: {minProtocolVersion: TLSV1_3}'}
";
    let stage = Stage::start(mesh_settings, mounted);
    let front = stage.mesh.client("", &[], &[FRONT]);
    let (trusted, shown) = (&stage.mesh.pem, Some(&front));
    let visit =
        |version| stage.visit(443, &Offer { name: "mesh.example", shown, version, trusted });
    assert_eq!(visit(&TLS12), Visit::Alert(AlertDescription::ProtocolVersion));
    assert!(matches!(visit(&TLS13), Visit::Answered(_)));
}

#[test]
fn files_that_appear_and_change_are_in_force_for_the_next_handshake() {
    let stage = Stage::start("", |_| Mounted::empty());
    let front = stage.mesh.client("", &[], &[FRONT]);
    let (trusted, shown) = (&stage.mesh.pem, Some(&front));
    let offer = Offer { name: "mesh.example", shown, version: &TLS13, trusted };
    stage.gateway.prints("/etc/certs/cert-chain.pem");
    stage.gateway.prints("TLS handshakes for mesh.example fail until it can be used");
    assert_eq!(stage.visit(443, &offer), Visit::Closed);

    let place = "var/run/secrets/workload-spiffe-credentials";
    stage.mounted.write(place, &stage.mesh, &own(&stage.mesh));
    eventually("the certificate is there", || {
        matches!(stage.visit(443, &offer), Visit::Answered(_))
    });

    let renewed = "spiffe://cluster.local/ns/istio-system/sa/renewed";
    let pair = stage.mesh.client("gateway", &["mesh.example"], &[renewed]);
    stage.mounted.write(place, &stage.mesh, &pair);
    eventually("the other certificate is shown", || {
        stage.answer(443, &front).contains(&format!("By={renewed};"))
    });
}

/// Istio's tutorial of egress gateways that originate TLS, its hosts on loopback.
const EGRESS: &str = "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: cnn}
spec:
  hosts: [edition.cnn.com]
  ports:
  - {number: 80, name: http, protocol: HTTP}
  - {number: 443, name: https, protocol: HTTPS}
  resolution: STATIC
  endpoints: [{address: 127.0.0.1, ports: {http: 9, https: ORIGIN}}]
---
apiVersion: v1
kind: Service
metadata: {name: istio-egressgateway, namespace: istio-system}
spec:
  selector: {istio: egressgateway}
  ports: [{name: https, port: 443, targetPort: 443}]
---
apiVersion: v1
kind: Pod
metadata: {name: egress, namespace: istio-system, labels: {istio: egressgateway}}
spec: {serviceAccountName: egress}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: egress
  namespace: istio-system
  labels: {kubernetes.io/service-name: istio-egressgateway}
addressType: IPv4
ports: [{name: https, port: PORT}]
endpoints: [{addresses: [127.0.0.1], targetRef: {kind: Pod, name: egress}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: istio-egressgateway}
spec:
  selector: {istio: egressgateway}
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [HOSTS]
    tls: {mode: ISTIO_MUTUAL}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: egressgateway-for-cnn}
spec:
  host: istio-egressgateway.istio-system.svc.cluster.local
  subsets:
  - name: cnn
    trafficPolicy:
      portLevelSettings:
      - port: {number: 443}
        tls: {mode: ISTIO_MUTUAL SNI}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: direct-cnn-through-egress-gateway}
spec:
  hosts: [edition.cnn.com]
  gateways: [istio-egressgateway, mesh]
  http:
  - match: [{gateways: [mesh], port: 80}]
    route:
    - destination:
        host: istio-egressgateway.istio-system.svc.cluster.local
        subset: cnn
        port: {number: 443}
      weight: 100
  - match: [{gateways: [istio-egressgateway], port: 443}]
    route:
    - destination: {host: edition.cnn.com, port: {number: 443}}
      weight: 100
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: originate-tls-for-edition-cnn-com}
spec:
  host: edition.cnn.com
  trafficPolicy:
    portLevelSettings:
    - port: {number: 443}
      tls: {mode: SIMPLE, caCertificates: internet.crt}
";

/// The tutorial's world. `sni` is the server name that the sidecar is told to ask for, if any;
/// `gateway` where the egress gateway listens, `origin` where the internet is.
fn egress(hosts: &str, sni: &str, gateway: SocketAddr, origin: u16) -> String {
    EGRESS
        .replace("HOSTS", hosts)
        .replace(" SNI", sni)
        .replace("PORT", &gateway.port().to_string())
        .replace("ORIGIN", &origin.to_string())
}

/// A sidecar, the egress gateway that it sends what leaves the mesh to, and the internet.
struct Way {
    sidecar: Gateway,
    proxy: SocketAddr,
    _egress: Gateway,
    _origin: TlsOrigin,
    _mounted: [Mounted; 2],
}

impl Way {
    fn build(hosts: &str, sni: &str, gateway_account: &str) -> Self {
        let (mesh, internet) = (Authority::new("mesh"), Authority::new("internet"));
        let identity =
            |account: &str| mesh.client("", &[], &[&format!("spiffe://cluster.local/{account}")]);
        let of_egress = Mounted::of(&mesh, &identity(gateway_account));
        let of_workload = Mounted::of(&mesh, &identity("ns/default/sa/sleep"));
        let origin = TlsOrigin::new(Manner::of(&internet.server(&["edition.cnn.com"])));
        let bound: SocketAddr = ([127, 0, 0, 1], ports::free()).into();
        let yaml = egress(hosts, sni, bound, origin.port());
        let plan = |mounted: &Mounted| {
            let plan = files(&[("world.yaml", &yaml), ("internet.crt", &internet.pem)]);
            plan.flag(&mounted.flag())
        };
        let egress = plan(&of_egress).flag("--label=istio=egressgateway");
        let egress = egress.flag(&format!("--port-map=443={}", bound.port())).ports(&[]).start();
        let proxy: SocketAddr = ([127, 0, 0, 1], ports::free()).into();
        let sidecar = plan(&of_workload).flag("--role=sidecar").flag("--outbound=off");
        let sidecar = sidecar.flag(&format!("--http-proxy={proxy}")).ports(&[]).start();
        let _mounted = [of_egress, of_workload];
        Self { sidecar, proxy, _egress: egress, _origin: origin, _mounted }
    }

    fn get(&self) -> Answer {
        let mut client = Client::connect(self.proxy);
        client.send("GET http://edition.cnn.com/ HTTP/1.1\r\nhost: edition.cnn.com\r\n\r\n");
        client.answer()
    }
}

#[test]
fn a_request_leaves_the_mesh_through_an_egress_gateway_that_originates_tls() {
    let said = "sni=edition.cnn.com offered= alpn=- tls=1.3 client=0 resumed=false";
    // The server name of the tutorial, and the one that clusters ask for by themselves.
    let account = "ns/istio-system/sa/egress";
    Way::build("edition.cnn.com", ", sni: edition.cnn.com", account).get().is(200).says(said);
    Way::build("\"*\"", "", account).get().is(200).says(said);
    // It does not answer for the name of a subset, `outbound_.443_.cnn_.istio-egressgateway...`.
    Way::build("edition.cnn.com", "", account).get().is(503);
}

#[test]
fn an_egress_gateway_that_runs_as_another_is_not_trusted() {
    let way = Way::build("\"*\"", "", "ns/istio-system/sa/impostor");
    way.get().is(503);
    way.sidecar.prints("its certificate is for spiffe://cluster.local/ns/istio-system/sa/impostor");
}
