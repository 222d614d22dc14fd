//! WebSockets as applications use them: a client and a server of the Python library `websockets`,
//! with the gateway between them, in plaintext and over TLS.

use tempfile::TempDir;

use crate::harness::certificates::Authority;
use crate::harness::eventually;
use crate::harness::gateway::files;
use crate::harness::world::service;
use crate::program::{Server, python, succeeds, written};
use crate::runner::Test;
use crate::test;

pub(crate) const TESTS: &[Test] =
    &[test!(a_client_and_a_server_talk_through_the_gateway needs Websockets)];

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [chat.example]
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [chat.example]
    tls: {mode: SIMPLE, serverCertificate: server.crt, privateKey: server.key}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: chat}
spec:
  hosts: [chat.example]
  gateways: [web]
  http: [{route: [{destination: {host: chat}}]}]
";

fn a_client_and_a_server_talk_through_the_gateway() {
    let authority = Authority::new("authority");
    let own = authority.server(&["chat.example"]);
    let folder = TempDir::new().expect("a folder");
    let trusted = written(folder.path(), "ca.crt", &authority.pem);
    let server = Server::start(&mut python("websocket_server.py"));
    let gateway = files(&[
        ("gateway.yaml", GATEWAY),
        ("chat.yaml", &service("chat", server.port)),
        ("server.crt", &own.certificate),
        ("server.key", &own.key),
    ]);
    let gateway = gateway.ports(&[80, 443]).start();
    let port = |declared| gateway.address(declared).port().to_string();
    let plain = succeeds(python("websocket_client.py").arg(port(80)));
    let secure = succeeds(python("websocket_client.py").arg(port(443)).arg(&trusted));
    assert_eq!((plain.as_str(), secure.as_str()), ("done\n", "done\n"));
    // The server saw each end as the client meant it.
    eventually("the server has seen every end", || server.log().lines().count() >= 10);
    let log = server.log();
    for (end, times) in [
        ("closed /echo 4001 the client is done", 2),
        ("closed /echo 1000 ", 2),
        ("closed /push 1000 ", 2),
        ("closed /close 4002 the server has had enough", 2),
        ("closed /cut 1006 ", 2),
    ] {
        assert_eq!(log.lines().filter(|line| *line == end).count(), times, "{end:?} in\n{log}");
    }
}
