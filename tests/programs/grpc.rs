//! gRPC as its users know it: the Python library's client and server with the gateway between them,
//! over plaintext and TLS on both sides, and `grpcurl` by reflection.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::certificates::Authority;
use crate::harness::eventually;
use crate::harness::gateway::{Gateway, files};
use crate::program::{Server, grpcurl, python, succeeds, written};
use crate::runner::Test;
use crate::test;

pub(crate) const TESTS: &[Test] = &[
    test!(every_kind_of_call_passes_in_plaintext needs Grpcio),
    test!(every_kind_of_call_passes_over_tls needs Grpcio),
    test!(every_kind_of_call_passes_over_tls_on_both_sides needs Grpcio),
    test!(grpcurl_finds_and_calls_a_service needs Grpcio Grpcurl),
];

/// Gateway, routes and services; `late`, `down` and `limited` are answered by the gateway itself.
const WORLD: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: grpc, protocol: GRPC}
    hosts: ['*']
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [grpc.example]
    tls: {mode: SIMPLE, serverCertificate: server.crt, privateKey: server.key}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: grpc}
spec:
  hosts: [grpc.example]
  gateways: [web]
  http: [{route: [{destination: {host: echo}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: late}
spec:
  hosts: [late.example]
  gateways: [web]
  http: [{timeout: 0.3s, route: [{destination: {host: echo}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: limited}
spec:
  hosts: [limited.example]
  gateways: [web]
  http:
  - fault: {abort: {grpcStatus: RESOURCE_EXHAUSTED, percentage: {value: 100}}}
    route: [{destination: {host: echo}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: down}
spec:
  hosts: [down.example]
  gateways: [web]
  http: [{route: [{destination: {host: down}}]}]
---
apiVersion: v1
kind: Service
metadata: {name: down}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo-1, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{name: grpc, port: @ECHO@}]
endpoints: [{addresses: [127.0.0.1]}]
";

/// A server, the gateway before it, and the authority that clients trust.
struct Stage {
    server: Server,
    gateway: Gateway,
    folder: TempDir,
}

/// What makes the gateway speak TLS to the server.
const SECURE: &str = "---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo}
spec:
  host: echo
  trafficPolicy:
    tls: {mode: SIMPLE, caCertificates: ca.crt, sni: grpc.example, subjectAltNames: [grpc.example]}
";

impl Stage {
    fn new() -> Self {
        Self::with(|_| python("grpc_server.py"), "")
    }

    /// The server that speaks TLS gets its own certificate, which is the gateway's, too.
    fn secure() -> Self {
        let server = |folder: &Path| {
            let mut server = python("grpc_server.py");
            server.arg(folder.join("server.crt")).arg(folder.join("server.key"));
            server
        };
        Self::with(server, SECURE)
    }

    fn with(server: fn(&Path) -> Command, rule: &str) -> Self {
        let authority = Authority::new("authority");
        let own = authority.server(&["grpc.example"]);
        let folder = TempDir::new().expect("a folder");
        written(folder.path(), "ca.crt", &authority.pem);
        written(folder.path(), "server.crt", &own.certificate);
        written(folder.path(), "server.key", &own.key);
        let server = Server::start(&mut server(folder.path()));
        let world = WORLD.replace("@ECHO@", &server.port.to_string()) + rule;
        let gateway = files(&[
            ("world.yaml", &world),
            ("ca.crt", &authority.pem),
            ("server.crt", &own.certificate),
            ("server.key", &own.key),
        ]);
        let gateway = gateway.ports(&[80, 443]).start();
        Self { server, gateway, folder }
    }

    fn port(&self, declared: u16) -> String {
        self.gateway.address(declared).port().to_string()
    }

    fn authority(&self) -> std::path::PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// The server learns at once that a client has lost interest.
    fn ends_what_was_cancelled(&self) {
        eventually("the cancelled call is over", || {
            self.server.log().lines().any(|line| line == "Forever is over")
        });
    }
}

fn every_kind_of_call_passes_in_plaintext() {
    let stage = Stage::new();
    let said = succeeds(python("grpc_client.py").arg(stage.port(80)));
    assert!(said.ends_with("done\n"), "{said}");
    stage.ends_what_was_cancelled();
}

fn every_kind_of_call_passes_over_tls() {
    let stage = Stage::new();
    let said = succeeds(python("grpc_client.py").arg(stage.port(443)).arg(stage.authority()));
    assert!(said.ends_with("done\n"), "{said}");
    stage.ends_what_was_cancelled();
}

fn every_kind_of_call_passes_over_tls_on_both_sides() {
    let stage = Stage::secure();
    let said = succeeds(python("grpc_client.py").arg(stage.port(443)).arg(stage.authority()));
    assert!(said.ends_with("done\n"), "{said}");
    stage.ends_what_was_cancelled();
}

fn grpcurl_finds_and_calls_a_service() {
    let stage = Stage::new();
    let ask = |words: &[&str]| {
        let address = format!("127.0.0.1:{}", stage.port(80));
        let (flags, rest) = words.split_at(words.len() - 1);
        let mut command = grpcurl();
        command.args(["-plaintext", "-authority", "grpc.example"]).args(flags);
        succeeds(command.arg(address).args(rest[0].split(' ')))
    };
    assert!(ask(&["list"]).contains("echo.Echo"));
    assert!(ask(&["describe echo.Note"]).contains("int64 number = 3;"));
    assert!(ask(&["-d", r#"{"text": "hello"}"#, "echo.Echo/Say"]).contains(r#""text": "hello""#));
    let streamed = ask(&["-d", r#"{"number": 3}"#, "echo.Echo/Count"]);
    assert!(streamed.contains(r#""number": "2""#), "{streamed}");
    let secure = grpcurl()
        .arg("-cacert")
        .arg(stage.authority())
        .args(["-authority", "grpc.example"])
        .arg(format!("127.0.0.1:{}", stage.port(443)))
        .arg("list")
        .output()
        .expect("run grpcurl");
    assert!(String::from_utf8_lossy(&secure.stdout).contains("echo.Echo"), "{secure:?}");
}
