//! TLS on the way out: what applications speak themselves, and what the egress gateway begins.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::{Story, tutorial};
use crate::certificates::Authority;
use crate::program::eventually;
use crate::town::Town;
use crate::web::Web;

pub(super) const STORIES: &[(&str, Story)] = &[
    ("tls_leaves_by_server_name", tls_leaves_by_server_name),
    ("the_gateway_speaks_tls_to_the_outside", the_gateway_speaks_tls_to_the_outside),
    (
        "the_host_asked_for_is_the_server_name_where_none_is_given",
        the_host_asked_for_is_the_server_name_where_none_is_given,
    ),
];

/// TLS to a host goes to the gateway by its server name, and from there to the host.
pub(super) const BY_SERVER_NAME: &str = "---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: tls}
spec:
  selector: {istio: egressgateway}
  servers:
  - port: {number: 443, name: tls, protocol: TLS}
    hosts: [edition.cnn.com]
    tls: {mode: PASSTHROUGH}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tls}
spec:
  hosts: [edition.cnn.com]
  gateways: [mesh, tls]
  tls:
  - match: [{gateways: [mesh], port: 443, sniHosts: [edition.cnn.com]}]
    route:
    - destination:
        host: istio-egressgateway.istio-system.svc.cluster.local
        port: {number: 443}
  - match: [{gateways: [tls], port: 443, sniHosts: [edition.cnn.com]}]
    route: [{destination: {host: edition.cnn.com, port: {number: 443}}}]
";

fn tls_leaves_by_server_name() {
    let town = Town::build(&(tutorial("s3-egress.yaml") + BY_SERVER_NAME));
    town.name("edition.cnn.com", 10);
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    let (key, certificate) = (path("key.pem"), path("certificate.pem"));
    town.internet.run(&[
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=edition.cnn.com",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ]);
    let serve = [
        "openssl",
        "s_server",
        "-accept",
        "203.0.113.10:443",
        "-key",
        &key,
        "-cert",
        &certificate,
        "-www",
        "-quiet",
    ];
    let mut server = town.internet.command(None, &serve).spawn().expect("start a TLS server");
    eventually("TLS goes through", || town.get("https://edition.cnn.com/").status == 200);
    let seen = town.get("https://edition.cnn.com/");
    let _ = server.kill();
    let _ = server.wait();
    assert!(seen.body.contains("TLSv1.3"), "{seen:?}");
}

/// The DestinationRule of TLS that the gateway begins, for a host's port 443.
fn originating(tls: &str) -> String {
    format!(
        "---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: originate-tls-for-cnn}}
spec:
  host: edition.cnn.com
  trafficPolicy:
    portLevelSettings: [{{port: {{number: 443}}, tls: {tls}}}]
"
    )
}

/// The fourth tutorial's objects, but the gateway asks port 443.
fn to_port_443() -> String {
    let destination = "host: edition.cnn.com\n        port:\n          number: ";
    let objects = tutorial("s3-egress.yaml");
    let (before, after) = objects.split_once(&format!("{destination}80")).expect("a destination");
    format!("{before}{destination}443{after}")
}

/// A directory that everybody may read, with certificates of authorities in it.
struct Trust {
    directory: TempDir,
}

impl Trust {
    fn new(authorities: &[(&str, &Authority)]) -> Self {
        let directory = TempDir::new().expect("a directory");
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(directory.path(), open).expect("open the directory");
        for (name, authority) in authorities {
            fs::write(directory.path().join(name), &authority.pem).expect("write a file");
        }
        Self { directory }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().expect("UTF-8").to_owned()
    }
}

const PLAIN: &str = "http://edition.cnn.com/politics";

fn the_gateway_speaks_tls_to_the_outside() {
    let (trusted, unknown) = (Authority::new("trusted"), Authority::new("unknown"));
    let trust = Trust::new(&[("ca.pem", &trusted)]);
    let tls = format!(
        "{{mode: SIMPLE, sni: edition.cnn.com, caCertificates: {}, subjectAltNames: [{}]}}",
        trust.path("ca.pem"),
        "edition.cnn.com"
    );
    let town = Town::build(&(to_port_443() + &originating(&tls)));
    let stranger = unknown.server(&["edition.cnn.com"]);
    let cnn = Web::serve_tls(&town.internet, "cnn", "203.0.113.10:443", &stranger);
    town.name("edition.cnn.com", 10);
    let unheard = || town.gateway.log().contains("is not signed by an authority of");
    eventually("an authority is not trusted", || town.get(PLAIN).status == 503 && unheard());
    cnn.shows(&trusted.server(&["elsewhere.example"]));
    let misnamed = || town.gateway.log().contains("its certificate is for");
    eventually("a name does not fit", || town.get(PLAIN).status == 503 && misnamed());
    let before = cnn.connections();
    cnn.shows(&trusted.server(&["edition.cnn.com"]));
    for _ in 0..3 {
        town.get(PLAIN).is(200, "cnn edition.cnn.com/politics by edition.cnn.com");
    }
    assert_eq!(cnn.connections() - before, 1, "handshakes are not made for every request");
}

fn the_host_asked_for_is_the_server_name_where_none_is_given() {
    let trusted = Authority::new("trusted");
    let trust = Trust::new(&[("ca.pem", &trusted)]);
    let tls = format!("{{mode: SIMPLE, caCertificates: {}}}", trust.path("ca.pem"));
    let town = Town::build(&(to_port_443() + &originating(&tls)));
    let pair = trusted.server(&["edition.cnn.com"]);
    let cnn = Web::serve_tls(&town.internet, "cnn", "203.0.113.10:443", &pair);
    town.name("edition.cnn.com", 10);
    eventually("the gateway knows the name", || town.get(PLAIN).status == 200);
    town.get(PLAIN).is(200, "cnn edition.cnn.com/politics by edition.cnn.com");
    // The same endpoint with a certificate for another name: connections to come are not made.
    cnn.shows(&trusted.server(&["elsewhere.example"]));
    let named =
        format!("{{mode: SIMPLE, sni: b.example, caCertificates: {}}}", trust.path("ca.pem"));
    town.change("objects.yaml", &(to_port_443() + &originating(&named)));
    // With a server name of its own only the chain is checked, as in Istio.
    town.get(PLAIN).is(200, "cnn edition.cnn.com/politics by b.example");
    town.change("objects.yaml", &(to_port_443() + &originating(&tls)));
    assert_eq!(town.get(PLAIN).status, 503);
}
