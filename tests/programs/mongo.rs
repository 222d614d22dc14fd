//! MongoDB as its users know it: the official Python driver, through a MONGO server of the gateway,
//! to a server of another make; and what the gateway's counters say of it afterwards.

use crate::harness::eventually;
use crate::harness::gateway::{Gateway, world};
use crate::program::{Server, java, python, succeeds};
use crate::runner::Test;
use crate::test;

pub(crate) const TESTS: &[Test] =
    &[test!(a_driver_works_through_the_gateway_and_is_counted needs Pymongo MongoServer)];

fn a_driver_works_through_the_gateway_and_is_counted() {
    let server = server();
    let gateway = world(&yaml(server.port)).ports(&[27017]).start();
    let port = gateway.address(27017).port().to_string();
    succeeds(python("mongo_client.py").arg(port));
    let count = |name: &str| counter(&gateway, &format!("mongo.{CLUSTER}.{name}"));
    // What the client does once or more, by hand: mongo_client.py.
    eventually("the last command is counted", || count("cmd.dropDatabase.total") == 1);
    for (name, expected) in [
        ("collection.books.insert.total", 4),
        ("collection.books.update.total", 2),
        ("collection.books.delete.total", 1),
        ("collection.files.insert.total", 1),
        ("collection.files.query.total", 1),
        ("cmd.insert.total", 5),
        ("cmd.findAndModify.total", 1),
        ("cmd.delete.total", 1),
        ("cmd.distinct.total", 1),
        ("cmd.getMore.total", 3),
        ("cmd.createIndexes.total", 1),
        ("cmd.ping.total", 1),
        ("op_get_more", 3),
        ("decoding_error", 0),
    ] {
        assert_eq!(count(name), expected, "{name}");
    }
    // `count_documents` is an aggregate, too.
    for (name, at_least) in [("cmd.aggregate.total", 2), ("cmd.find.total", 4), ("op_reply", 20)] {
        assert!(count(name) >= at_least, "{name} is {}", count(name));
    }
    let bytes = |name: &str| counter(&gateway, &format!("tcp.{CLUSTER}.{name}"));
    assert!(bytes("downstream_cx_rx_bytes_total") > 8_000_000);
    assert!(bytes("downstream_cx_tx_bytes_total") > 8_000_000);
}

const CLUSTER: &str = "outbound|27017||mongo.default.svc.cluster.local";

/// A server that speaks MongoDB's protocol.
pub(crate) fn server() -> Server {
    Server::start(&mut java("MongoServer.java"))
}

/// What `/stats` says of this counter; 0 if nothing.
pub(crate) fn counter(gateway: &Gateway, name: &str) -> u64 {
    let stats = gateway.control(gateway.admin, "/stats").text();
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

fn yaml(port: u16) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: database}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - port: {{number: 27017, name: mongo, protocol: MONGO}}
    hosts: ['*']
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: mongo}}
spec:
  hosts: ['*']
  gateways: [database]
  tcp:
  - match: [{{port: 27017}}]
    route: [{{destination: {{host: mongo}}}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: mongo}}
spec:
  hosts: [mongo.default.svc.cluster.local]
  ports: [{{number: 27017, name: mongo, protocol: MONGO}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1, ports: {{mongo: {port}}}}}]
"
    )
}
