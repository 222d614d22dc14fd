//! Where requests go when endpoints are near and far, ready and not: Envoy gets the priorities and
//! weights that istiod would give it, Propylon what istiod is given. Keys must reach the same
//! endpoints, and turns be shared alike.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use crate::envoy::{self, Envoy};
use crate::harness::client::Client;
use crate::harness::gateway::world;
use crate::harness::origin::Origin;
use crate::harness::world::{every_host, rules};

/// The name of the group.
pub(crate) const NAME: &str = "spread";

/// Requests of each case.
const REQUESTS: usize = 300;
/// How far counts of turns may be apart: both begin anywhere in their order.
const APART: usize = 6;

/// Endpoints in places, as each side is told them.
struct Case {
    name: &'static str,
    /// Istio's `trafficPolicy`.
    istio: &'static str,
    /// Envoy's cluster.
    envoy: &'static str,
    /// Zones of region `eu`, with their priority and weight and which endpoints are ready.
    zones: &'static [(&'static str, u32, u32, &'static [bool])],
    /// The same key must reach the same endpoint; else counts are compared.
    keyed: bool,
}

const FAILS_OVER: &str = "outlierDetection: {maxEjectionPercent: 100}, loadBalancer: ";
const NO_PANIC: &str = "common_lb_config: {healthy_panic_threshold: {value: 0}}";
const WEIGHED: &str =
    "common_lb_config: {healthy_panic_threshold: {value: 0}, locality_weighted_lb_config: {}}";

/// `{outlier}` and the like stand for what cases have in common.
const CASES: [Case; 8] = [
    Case {
        name: "ring-spills",
        istio: "{fails over}{consistentHash: {httpHeaderName: x-user}}",
        envoy: "lb_policy: RING_HASH, {no panic}",
        zones: &[("a", 0, 3, &[true, false, false]), ("b", 1, 2, &[true, true])],
        keyed: true,
    },
    Case {
        name: "maglev-spills",
        istio: "{fails over}{consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 1009}}}",
        envoy: "lb_policy: MAGLEV, maglev_lb_config: {table_size: 1009}, {no panic}",
        zones: &[("a", 0, 4, &[true, true, false, false]), ("b", 1, 2, &[true, true])],
        keyed: true,
    },
    Case {
        name: "ring-stands-it",
        istio: "{fails over}{consistentHash: {httpHeaderName: x-user}}",
        envoy: "lb_policy: RING_HASH, {no panic}",
        zones: &[("a", 0, 4, &[true, true, true, false]), ("b", 1, 2, &[true, true])],
        keyed: true,
    },
    Case {
        name: "ring-too-few-everywhere",
        istio: "{fails over}{consistentHash: {httpHeaderName: x-user}}",
        envoy: "lb_policy: RING_HASH, {no panic}",
        zones: &[("a", 0, 4, &[true, false, false, false]), ("b", 1, 3, &[false, true, false])],
        keyed: true,
    },
    Case {
        name: "ring-of-shares",
        istio: "loadBalancer: {consistentHash: {httpHeaderName: x-user}, localityLbSetting: \
                {distribute: [{from: eu/b, to: {eu/a: 70, eu/b: 30}}]}}",
        envoy: "lb_policy: RING_HASH, {weighed}",
        zones: &[("a", 0, 70, &[true]), ("b", 0, 30, &[true, true, false])],
        keyed: true,
    },
    Case {
        name: "maglev-of-shares",
        istio: "loadBalancer: {consistentHash: {httpHeaderName: x-user, \
                maglev: {tableSize: 1009}}, localityLbSetting: \
                {distribute: [{from: '*', to: {eu/a: 20, eu/b: 80}}]}}",
        envoy: "lb_policy: MAGLEV, maglev_lb_config: {table_size: 1009}, {weighed}",
        zones: &[("a", 0, 20, &[true, true]), ("b", 0, 80, &[true, true, true])],
        keyed: true,
    },
    Case {
        name: "turns-of-shares",
        istio: "loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: \
                {distribute: [{from: eu/b, to: {eu/a: 80, eu/b: 20}}]}}",
        envoy: "lb_policy: ROUND_ROBIN, {weighed}",
        zones: &[("a", 0, 80, &[true]), ("b", 0, 20, &[true, true, true])],
        keyed: false,
    },
    Case {
        name: "turns-where-half-is-gone",
        istio: "loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: \
                {distribute: [{from: eu/b, to: {eu/a: 50, eu/b: 50}}]}}",
        envoy: "lb_policy: ROUND_ROBIN, {weighed}",
        zones: &[("a", 0, 50, &[true, false]), ("b", 0, 50, &[true, true])],
        keyed: false,
    },
];

fn filled(text: &str) -> String {
    [("{fails over}", FAILS_OVER), ("{no panic}", NO_PANIC), ("{weighed}", WEIGHED)]
        .into_iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// Compares; what differs, by the name of the case.
pub(crate) fn compare(binary: &Path) -> Vec<(String, String)> {
    let origins: Vec<Origin> = (0..7).map(|n| Origin::says(&format!("v{n}"))).collect();
    let ports: Vec<u16> = origins.iter().map(Origin::port).collect();
    // The gateway is in the zone that the cases with shares are written for.
    let own_place = |case: &Case| if case.keyed && case.zones[1].1 == 1 { "eu/a" } else { "eu/b" };
    let mut failed = Vec::new();
    for place in ["eu/a", "eu/b"] {
        let cases: Vec<&Case> = CASES.iter().filter(|case| own_place(case) == place).collect();
        let own = world(&istio(&cases, &ports)).flag("--locality").flag(place).start();
        let envoy = Envoy::start(binary, &configuration(&cases, &ports, place));
        for case in cases {
            let theirs = answers(envoy.address, case.name);
            let ours = answers(own.http(), case.name);
            if differ(case, &theirs, &ours) {
                let what = format!("{:?}\n{:?}", counts(&theirs), counts(&ours));
                failed.push((format!("{NAME}/{}", case.name), what));
            }
        }
    }
    failed
}

/// How many comparisons there are.
pub(crate) fn count() -> usize {
    CASES.len()
}

fn differ(case: &Case, theirs: &[String], ours: &[String]) -> bool {
    if case.keyed {
        return theirs != ours;
    }
    let (theirs, ours) = (counts(theirs), counts(ours));
    let near = |(name, count): (&&String, &usize)| {
        ours.get(*name).copied().unwrap_or_default().abs_diff(*count) <= APART
    };
    theirs.len() != ours.len() || !theirs.iter().all(near)
}

fn counts(answers: &[String]) -> BTreeMap<&String, usize> {
    let mut counts = BTreeMap::new();
    answers.iter().for_each(|answer| *counts.entry(answer).or_default() += 1);
    counts
}

fn answers(address: SocketAddr, name: &str) -> Vec<String> {
    let mut client = Client::connect(address);
    let mut answer = |n: usize| {
        let key = n * 7919;
        client.send(format!("GET /{name}/x HTTP/1.1\r\nhost: a\r\nx-user: key-{key}\r\n\r\n"));
        client.answer().is(200).text()
    };
    (0..REQUESTS).map(&mut answer).collect()
}

/// Every endpoint of a case: zone, readiness, port.
fn endpoints<'c>(
    case: &'c Case,
    ports: &'c [u16],
) -> impl Iterator<Item = (&'static str, bool, u16)> {
    let all = case.zones.iter();
    let all = all.flat_map(|(zone, _, _, ready)| ready.iter().map(move |ready| (*zone, *ready)));
    all.zip(ports).map(|((zone, ready), port)| (zone, ready, *port))
}

fn istio(cases: &[&Case], ports: &[u16]) -> String {
    let mut text = every_host();
    let mut routes = String::new();
    for case in cases {
        let (name, policy) = (case.name, filled(case.istio));
        let _ = write!(
            text,
            "apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{ports: [{{name: http, port: 80}}]}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}}}
spec: {{host: {name}, trafficPolicy: {{{policy}}}}}
---
"
        );
        for (zone, ready, port) in endpoints(case, ports) {
            let _ = write!(
                text,
                "apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-{port}, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: http, port: {port}}}]
endpoints: [{{addresses: [127.0.0.1], conditions: {{ready: {ready}}}, zone: {zone}, \
                 deprecatedTopology: {{topology.kubernetes.io/region: eu}}}}]
---
"
            );
        }
        let _ = write!(
            routes,
            "- match: [{{uri: {{prefix: /{name}/}}}}]
  route: [{{destination: {{host: {name}}}}}]
"
        );
    }
    text + &rules("rules", "*", &routes)
}

fn configuration(cases: &[&Case], ports: &[u16], place: &str) -> String {
    let (mut routes, mut clusters) = (String::new(), String::new());
    for case in cases {
        let name = case.name;
        let _ = writeln!(
            routes,
            "              - match: {{prefix: /{name}/}}
                route: {{cluster: {name}, hash_policy: [{{header: {{header_name: x-user}}}}]}}"
        );
        let mut groups = String::new();
        for (zone, priority, weight, _) in case.zones {
            let of_zone = endpoints(case, ports).filter(|(of, _, _)| of == zone);
            let listed: String = of_zone
                .map(|(_, ready, port)| {
                    let health = if ready { "HEALTHY" } else { "UNHEALTHY" };
                    let address = format!("{{address: 127.0.0.1, port_value: {port}}}");
                    format!(
                        "{{endpoint: {{address: {{socket_address: {address}}}}}, \
                         health_status: {health}}},"
                    )
                })
                .collect();
            let _ = write!(
                groups,
                "{{locality: {{region: eu, zone: {zone}}}, priority: {priority}, \
                 load_balancing_weight: {weight}, lb_endpoints: [{listed}]}},"
            );
        }
        let policy = filled(case.envoy);
        let _ = writeln!(
            clusters,
            "  - {{name: {name}, type: STATIC, {policy}, load_assignment: {{cluster_name: {name}, \
             endpoints: [{groups}]}}}}"
        );
    }
    let zone = place.rsplit('/').next().unwrap_or_default();
    let whereabouts =
        format!("node: {{id: one, cluster: one, locality: {{region: eu, zone: {zone}}}}}\n");
    whereabouts + &envoy::configuration(&routes, &clusters)
}
