//! Where requests go that carry a key: Envoy and Propylon get the same endpoints and the same
//! consistent hash, and every key must reach the same endpoint through both.

use std::net::SocketAddr;
use std::path::Path;

use crate::envoy::{self, Envoy};
use crate::harness::client::Client;
use crate::harness::gateway::world;
use crate::harness::origin::Origin;
use crate::harness::world::{every_host, rules, versions};

/// The name of the group.
pub(crate) const NAME: &str = "placement";

/// Keys tried on every table.
const KEYS: usize = 250;

/// One way to place requests, as each side is told it.
struct Placement {
    name: &'static str,
    /// Istio's `consistentHash`.
    istio: &'static str,
    /// Envoy's cluster.
    envoy: &'static str,
    /// Envoy's hash policy.
    policy: &'static str,
}

const PLACEMENTS: [Placement; 6] = [
    Placement {
        name: "ring",
        istio: "{httpHeaderName: x-user}",
        envoy: "lb_policy: RING_HASH",
        policy: "header: {header_name: x-user}",
    },
    Placement {
        name: "small-ring",
        istio: "{httpHeaderName: x-user, ringHash: {minimumRingSize: 7}}",
        envoy: "lb_policy: RING_HASH, ring_hash_lb_config: {minimum_ring_size: 7}",
        policy: "header: {header_name: x-user}",
    },
    Placement {
        name: "maglev",
        istio: "{httpHeaderName: x-user, maglev: {tableSize: 65537}}",
        envoy: "lb_policy: MAGLEV",
        policy: "header: {header_name: x-user}",
    },
    Placement {
        name: "small-maglev",
        istio: "{httpQueryParameterName: user, maglev: {tableSize: 1009}}",
        envoy: "lb_policy: MAGLEV, maglev_lb_config: {table_size: 1009}",
        policy: "query_parameter: {name: user}",
    },
    Placement {
        name: "cookie",
        istio: "{httpCookie: {name: aff}}",
        envoy: "lb_policy: RING_HASH",
        policy: "cookie: {name: aff}",
    },
    Placement {
        name: "path",
        istio: "{httpHeaderName: \":path\"}",
        envoy: "lb_policy: RING_HASH",
        policy: "header: {header_name: \":path\"}",
    },
];

/// Compares; what differs, by the name of the placement.
pub(crate) fn compare(binary: &Path) -> Vec<(String, String)> {
    let names: Vec<String> = (0..5).map(|n| format!("v{n}")).collect();
    let origins: Vec<Origin> = names.iter().map(|name| Origin::says(name)).collect();
    let ports: Vec<u16> = origins.iter().map(Origin::port).collect();
    let named: Vec<(&str, u16)> =
        names.iter().map(String::as_str).zip(ports.iter().copied()).collect();
    let own = world(&istio(&named)).start();
    let envoy = Envoy::start(binary, &configuration(&ports));
    let mut failed = Vec::new();
    for placement in &PLACEMENTS {
        let theirs = answers(envoy.address, placement.name);
        let ours = answers(own.http(), placement.name);
        if theirs != ours {
            let moved = theirs.iter().zip(&ours).filter(|(a, b)| a != b).count();
            let what = format!("{moved} of {KEYS} keys go elsewhere:\n{theirs:?}\n{ours:?}");
            failed.push((format!("placement/{}", placement.name), what));
        }
    }
    failed
}

/// How many comparisons there are.
pub(crate) fn count() -> usize {
    PLACEMENTS.len()
}

fn answers(address: SocketAddr, name: &str) -> Vec<String> {
    let mut client = Client::connect(address);
    let mut answer = |n: usize| {
        let key = format!("key-{}", n * 7919);
        client.send(format!(
            "GET /{name}/x?user={key} HTTP/1.1\r\nhost: a\r\nx-user: {key}\r\n\
             cookie: a=1; aff={key}\r\n\r\n"
        ));
        client.answer().is(200).text()
    };
    (0..KEYS).map(&mut answer).collect()
}

fn istio(ports: &[(&str, u16)]) -> String {
    let mut text = every_host();
    let mut routes = String::new();
    for Placement { name, istio, .. } in &PLACEMENTS {
        text += &versions(name, ports);
        text += &format!(
            "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}}}
spec: {{host: {name}, trafficPolicy: {{loadBalancer: {{consistentHash: {istio}}}}}}}
---
"
        );
        routes += &format!(
            "- match: [{{uri: {{prefix: /{name}/}}}}]\n  rewrite: {{uri: /{name}/y/}}\n  \
             route: [{{destination: {{host: {name}}}}}]\n"
        );
    }
    text + &rules("rules", "*", &routes)
}

fn configuration(ports: &[u16]) -> String {
    let (mut routes, mut clusters) = (String::new(), String::new());
    for Placement { name, envoy, policy, .. } in &PLACEMENTS {
        let more = format!("prefix_rewrite: /{name}/y, hash_policy: [{{{policy}}}]");
        routes += &envoy::route(name, &more);
        clusters += &envoy::cluster(name, ports, envoy);
    }
    envoy::configuration(&routes, &clusters)
}
