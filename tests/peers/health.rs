//! Endpoints that fail and bounds that are reached: Envoy and Propylon get the same endpoints, the
//! same rules and the same sequence of requests, and must answer alike, by the same endpoints.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use crate::envoy::{self, Envoy};
use crate::harness::client::{Answer, Client};
use crate::harness::gateway::world;
use crate::harness::http2_server::{Does, Http2Server};
use crate::harness::origin::{Origin, empty, ok};
use crate::harness::world::{every_host, rules, versions};
use crate::harness::{PATIENCE, eventually, ports};

/// The name of the group.
pub(crate) const NAME: &str = "health";

/// One rule of outlier detection, as each side is told it, and what is asked.
struct Timeline {
    name: &'static str,
    /// Istio's `outlierDetection`.
    istio: &'static str,
    /// Envoy's cluster.
    envoy: &'static str,
    /// A key, which chooses the endpoint, and what that does: answer with a status, or close. `~`
    /// waits until the endpoint is asked again.
    steps: &'static str,
}

const TIMELINES: [Timeline; 11] = [
    Timeline {
        name: "in-a-row",
        istio: "{consecutive5xxErrors: 3, maxEjectionPercent: 100}",
        envoy: "consecutive_5xx: 3, max_ejection_percent: 100, base_ejection_time: 30s",
        steps: "a500 a500 a200 a500 a500 a404 a500 a500 a500 a200 a200 b200 b500 b503 b504 b200",
    },
    Timeline {
        name: "default-percentage",
        istio: "{consecutive5xxErrors: 1}",
        envoy: "consecutive_5xx: 1, max_ejection_percent: 10, base_ejection_time: 30s",
        steps: "a500 a500 a200 b500 b200",
    },
    Timeline {
        name: "half",
        istio: "{consecutive5xxErrors: 1, maxEjectionPercent: 50}",
        envoy: "consecutive_5xx: 1, max_ejection_percent: 50, base_ejection_time: 30s",
        steps: "a500 a200 b500 b200 c500 c200 d500 d200 e500 e200 f500 f200 a200 b200 c200",
    },
    Timeline {
        name: "gateway-errors",
        istio: "{consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, maxEjectionPercent: 100}",
        envoy: "consecutive_5xx: 5, enforcing_consecutive_5xx: 0, consecutive_gateway_failure: 2, \
                enforcing_consecutive_gateway_failure: 100, max_ejection_percent: 100",
        steps: "a500 a500 a500 a500 a500 a500 a503 a500 a503 a502 a200 b504 b501 b504 b200 b503 \
                b503 b200",
    },
    Timeline {
        name: "both-kinds",
        istio: "{consecutive5xxErrors: 4, consecutiveGatewayErrors: 2, maxEjectionPercent: 100}",
        envoy: "consecutive_5xx: 4, consecutive_gateway_failure: 2, \
                enforcing_consecutive_gateway_failure: 100, max_ejection_percent: 100",
        steps: "a500 a503 a500 a500 a200 b503 b503 b200 c503 c500 c503 c500 c200",
    },
    Timeline {
        name: "closed-connections",
        istio: "{consecutive5xxErrors: 2, maxEjectionPercent: 100}",
        envoy: "consecutive_5xx: 2, max_ejection_percent: 100",
        steps: "aclose aclose a200 b500 bclose b200 c500 c200 cclose c200",
    },
    Timeline {
        name: "split-local-errors",
        istio: "{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2, \
                 consecutive5xxErrors: 3, maxEjectionPercent: 100}",
        envoy: "split_external_local_origin_errors: true, consecutive_local_origin_failure: 2, \
                enforcing_consecutive_local_origin_failure: 100, \
                enforcing_local_origin_success_rate: 0, consecutive_5xx: 3, \
                max_ejection_percent: 100",
        steps: "a500 a500 aclose a200 a500 a500 a500 a200 bclose b500 bclose bclose b200 cclose \
                cclose cclose c200",
    },
    Timeline {
        name: "everybody",
        istio: "{consecutive5xxErrors: 1, maxEjectionPercent: 100}",
        envoy: "consecutive_5xx: 1, max_ejection_percent: 100",
        steps: "a500 a500 a500 a500 a500 a500 b500 c200",
    },
    Timeline {
        name: PANIC,
        istio: "{consecutive5xxErrors: 1, maxEjectionPercent: 100, minHealthPercent: 50}",
        envoy: "consecutive_5xx: 1, max_ejection_percent: 100",
        steps: "a500 a200 a500 a200 a500 a200 a500 a200 b500 b200 c200",
    },
    Timeline {
        name: GONE,
        istio: "{consecutive5xxErrors: 1, maxEjectionPercent: 100}",
        envoy: "consecutive_5xx: 1, max_ejection_percent: 100",
        steps: "a200 b200 c200 d200 e200 f200 g200 h200 i200 j200 k200 l200 a200 b200 c200 d200 \
                e200 f200 g200 h200 i200 j200 k200 l200",
    },
    Timeline {
        name: "back-again",
        istio: "{consecutive5xxErrors: 2, maxEjectionPercent: 100, interval: 50ms, \
                 baseEjectionTime: 100ms}",
        envoy: "consecutive_5xx: 2, max_ejection_percent: 100, interval: 0.05s, \
                base_ejection_time: 0.1s",
        steps: "a500 a500 a~ a500 a200 a500 a500 a~ a200",
    },
];

/// What bounds a cluster, as each side is told it, and how many requests come at once.
struct Bound {
    name: &'static str,
    istio: &'static str,
    envoy: &'static str,
    /// Whether its endpoint speaks HTTP/2.
    http2: bool,
    /// Lines of the requests' rule, in either language.
    retries: Option<(&'static str, &'static str)>,
    at_once: usize,
    /// How many of them come before the others, and reach the origin.
    before: usize,
    /// How many of them are answered while the others wait.
    refused: usize,
}

const BOUNDS: [Bound; 8] = [
    Bound {
        name: "streams",
        istio: "{http: {http2MaxRequests: 2, h2UpgradePolicy: UPGRADE}}",
        envoy: "max_requests: 2",
        http2: true,
        retries: None,
        at_once: 5,
        before: 2,
        refused: 3,
    },
    Bound {
        name: "streams-of-one-connection",
        istio: "{tcp: {maxConnections: 1}, \
                 http: {http1MaxPendingRequests: 1, h2UpgradePolicy: UPGRADE}}",
        envoy: "max_connections: 1, max_pending_requests: 1",
        http2: true,
        retries: None,
        at_once: 6,
        before: 1,
        refused: 0,
    },
    Bound {
        name: "connections-and-queue",
        istio: "{tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}",
        envoy: "max_connections: 1, max_pending_requests: 1",
        http2: false,
        retries: None,
        at_once: 5,
        before: 1,
        refused: 3,
    },
    Bound {
        name: "connections-and-longer-queue",
        istio: "{tcp: {maxConnections: 2}, http: {http1MaxPendingRequests: 3}}",
        envoy: "max_connections: 2, max_pending_requests: 3",
        http2: false,
        retries: None,
        at_once: 8,
        before: 2,
        refused: 3,
    },
    Bound {
        name: "requests",
        istio: "{http: {http2MaxRequests: 3}}",
        envoy: "max_requests: 3",
        http2: false,
        retries: None,
        at_once: 6,
        before: 3,
        refused: 3,
    },
    Bound {
        name: "queue-alone",
        istio: "{http: {http1MaxPendingRequests: 1}}",
        envoy: "max_pending_requests: 1",
        http2: false,
        retries: None,
        at_once: 1,
        before: 1,
        refused: 0,
    },
    Bound {
        name: "requests-in-queue",
        istio: "{tcp: {maxConnections: 1}, http: {http2MaxRequests: 1}}",
        envoy: "max_connections: 1, max_requests: 1",
        http2: false,
        retries: None,
        at_once: 2,
        before: 1,
        refused: 0,
    },
    Bound {
        name: "retries",
        istio: "{http: {maxRetries: 2}}",
        envoy: "max_retries: 2",
        http2: false,
        retries: Some(("{attempts: 1, retryOn: 5xx}", "{retry_on: 5xx, num_retries: 1}")),
        at_once: 5,
        before: 0,
        refused: 3,
    },
];

/// Compares; what differs, by the name of what was compared.
pub(crate) fn compare(binary: &Path) -> Vec<(String, String)> {
    let live: Vec<Origin> = (0..4).map(told).collect();
    let all: Vec<u16> = live.iter().map(Origin::port).chain([ports::free()]).collect();
    let held = Held::new();
    let own = world(&istio(&all, held.ports())).flag("--workers=1").start();
    let envoy = Envoy::start(binary, &configuration(&all, held.ports()));
    let keys = [keys(envoy.address, "four", 4), keys(envoy.address, "five", 4)];
    let mut failed = Vec::new();
    for timeline in &TIMELINES {
        let keys = &keys[usize::from(timeline.name == GONE)];
        let theirs = follow(envoy.address, Some(&envoy), timeline, keys);
        let ours = follow(own.http(), None, timeline, keys);
        if theirs != ours {
            let steps = timeline.steps.split_whitespace();
            let differing = steps.zip(theirs.iter().zip(&ours)).enumerate();
            let differing = differing.filter(|(_, (_, (theirs, ours)))| theirs != ours);
            let lines: String = differing
                .map(|(at, (step, (a, b)))| format!("  {at} {step}\n    {a}\n    {b}\n"))
                .collect();
            failed.push((format!("health/{}", timeline.name), lines));
        }
    }
    for bound in &BOUNDS {
        let theirs = crowd(envoy.address, bound, &held);
        let ours = crowd(own.http(), bound, &held);
        if theirs != ours {
            failed.push((format!("health/{}", bound.name), format!("{theirs:#?}\n{ours:#?}")));
        }
    }
    failed
}

/// How many comparisons there are.
pub(crate) fn count() -> usize {
    TIMELINES.len() + BOUNDS.len()
}

/// The timeline in which health is overlooked.
const PANIC: &str = "panic";

/// The timeline with an endpoint that nobody listens at.
const GONE: &str = "gone";

/// An origin that does what requests tell it, and says who it is.
fn told(number: usize) -> Origin {
    Origin::talks(move |conversation| {
        while let Some(received) = conversation.request()? {
            match received.header("x-do") {
                Some("close") => return Ok(()),
                status => {
                    let status = status.unwrap_or("200");
                    let head = format!("HTTP/1.1 {status} As Told\r\nx-who: {number}\r\n");
                    conversation.write(format!("{head}content-length: 0\r\n\r\n"))?;
                }
            }
        }
        Ok(())
    })
}

fn ask(client: &mut Client, cluster: &str, key: &str, wanted: &str) -> Answer {
    client.send(format!(
        "POST /{cluster} HTTP/1.1\r\nhost: a\r\nx-user: {key}\r\nx-do: {wanted}\r\n\
         content-length: 0\r\n\r\n"
    ));
    client.answer_to("POST")
}

/// For each of the first endpoints three keys that lead to it.
fn keys(address: SocketAddr, cluster: &str, endpoints: usize) -> Vec<Vec<String>> {
    let mut found = vec![Vec::new(); endpoints];
    let mut client = Client::connect(address);
    for number in 0.. {
        let key = format!("key-{number}");
        let answer = ask(&mut client, cluster, &key, "200");
        let who: Option<usize> = answer.header("x-who").and_then(|who| who.parse().ok());
        if let Some(who) = who {
            found[who].push(key);
        }
        if found.iter().all(|keys| keys.len() >= 3) {
            return found;
        }
    }
    unreachable!("numbers do not end")
}

/// What each step of a timeline brought.
fn follow(
    address: SocketAddr,
    envoy: Option<&Envoy>,
    timeline: &Timeline,
    keys: &[Vec<String>],
) -> Vec<String> {
    let mut client = Client::connect(address);
    let step = |step: &str| {
        let letter = usize::from(step.as_bytes()[0] - b'a');
        let (endpoint, wanted) = (letter % keys.len(), &step[1..]);
        let key = &keys[endpoint][letter / keys.len()];
        if wanted == "~" {
            let own = Some(endpoint.to_string());
            eventually("the endpoint is asked again", || {
                ask(&mut client, timeline.name, key, "200").header("x-who") == own.as_deref()
            });
            return "back".to_owned();
        }
        let answer = ask(&mut client, timeline.name, key, wanted);
        // Envoy's main thread ejects: what it says now was said after that.
        if let Some(envoy) = envoy {
            envoy.catches_up();
        }
        said(&answer)
    };
    timeline.steps.split_whitespace().map(step).collect()
}

fn said(answer: &Answer) -> String {
    let who = answer.header("x-who").unwrap_or("nobody");
    let overloaded = answer.header("x-envoy-overloaded").unwrap_or("-");
    let text = answer.text();
    // The kernel's words for it, which only Envoy repeats.
    let text = text.split(", transport failure reason").next().unwrap_or_default();
    format!("{} by {who}, overloaded {overloaded}: {text}", answer.status)
}

/// An origin that holds its answers back, but for those that are to be tried again.
struct Held {
    origin: Origin,
    http2: Http2Server,
    free: Arc<AtomicBool>,
}

impl Held {
    fn new() -> Self {
        let free = Arc::new(AtomicBool::new(false));
        let gate = Arc::clone(&free);
        let origin = Origin::replies(move |received| {
            let first = received.header("x-envoy-attempt-count").is_none_or(|tries| tries == "1");
            if first && received.target() == "/retries" {
                return empty("500 Internal Server Error");
            }
            eventually("the answer may go", || gate.load(Ordering::Acquire));
            ok("at last")
        });
        Self { origin, http2: Http2Server::does((65_535, 65_535), |_| Does::Holds), free }
    }

    fn ports(&self) -> [u16; 2] {
        [self.origin.port(), self.http2.port()]
    }

    fn hold(&self) {
        self.free.store(false, Ordering::Release);
        self.http2.hold();
        self.origin.take();
    }

    fn let_go(&self) {
        self.free.store(true, Ordering::Release);
        self.http2.let_go();
    }
}

/// What requests bring that come at once.
fn crowd(address: SocketAddr, bound: &Bound, held: &Held) -> Vec<String> {
    held.hold();
    let before = held.http2.asked().len();
    let (tell, told) = mpsc::channel();
    let mut answers = Vec::new();
    thread::scope(|scope| {
        for number in 1..=bound.at_once {
            let tell = tell.clone();
            scope.spawn(move || {
                let mut client = Client::connect(address);
                let line = format!("POST /{} HTTP/1.1", bound.name);
                client.send(format!("{line}\r\nhost: a\r\ncontent-length: 0\r\n\r\n"));
                let _ = tell.send(said(&client.answer_to("POST")));
            });
            // Requests wait while their connection is made, too: these shall have theirs.
            if number <= bound.before && bound.http2 {
                eventually("it arrives", || held.http2.asked().len() == before + number);
            } else if number <= bound.before {
                held.origin.received_at_least(number);
            }
        }
        // Those that are refused do not wait for the others; were there fewer, all would be late.
        let early = || told.recv_timeout(PATIENCE / 2).ok();
        answers.extend((0..bound.refused).filter_map(|_| early()));
        held.let_go();
    });
    answers.extend(told.try_iter());
    answers.sort();
    answers
}

fn istio(ports: &[u16], held: [u16; 2]) -> String {
    let names: Vec<String> = (0..ports.len()).map(|n| format!("v{n}")).collect();
    let all: Vec<(&str, u16)> =
        names.iter().map(String::as_str).zip(ports.iter().copied()).collect();
    let mut text = every_host();
    let mut routes = String::new();
    let mut add = |name: &str, endpoints: &[(&str, u16)], policy: &str, retries: &str| {
        text += &versions(name, endpoints);
        text += &format!(
            "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}}}
spec: {{host: {name}, trafficPolicy: {policy}}}
---
"
        );
        routes += &format!(
            "- match: [{{uri: {{exact: /{name}}}}}]\n  retries: {retries}\n  \
             route: [{{destination: {{host: {name}}}}}]\n"
        );
    };
    let hashed = "loadBalancer: {consistentHash: {httpHeaderName: x-user}}";
    for (name, endpoints) in PROBES {
        add(name, &all[..endpoints], &format!("{{{hashed}}}"), NONE);
    }
    for Timeline { name, istio, .. } in &TIMELINES {
        let policy = format!("{{{hashed}, outlierDetection: {istio}}}");
        add(name, &all[..endpoints_of(name)], &policy, NONE);
    }
    for Bound { name, istio, retries, http2, .. } in &BOUNDS {
        let held = held[usize::from(*http2)];
        let retries = retries.map_or(NONE, |(istio, _)| istio);
        add(name, &[("v0", held)], &format!("{{connectionPool: {istio}}}"), retries);
    }
    text + &rules("rules", "*", &routes)
}

/// What tells Envoy to speak HTTP/2.
const HTTP2: &str = ", typed_extension_protocol_options: \
                     {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {\"@type\": \
                     type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, \
                     explicit_http_config: {http2_protocol_options: {}}}}";

/// Endpoints without rules, to find out which key leads where.
const PROBES: [(&str, usize); 2] = [("four", 4), ("five", 5)];

/// No retries, in Istio's words.
const NONE: &str = "{attempts: 0}";

fn endpoints_of(timeline: &str) -> usize {
    if timeline == GONE { 5 } else { 4 }
}

fn configuration(ports: &[u16], held: [u16; 2]) -> String {
    let (mut routes, mut clusters) = (String::new(), String::new());
    let mut add = |name: &str, ports: &[u16], cluster: &str, route: &str| {
        routes += &envoy::route(name, route);
        clusters += &envoy::cluster(name, ports, cluster);
    };
    let (ring, hash) = ("lb_policy: RING_HASH", "hash_policy: [{header: {header_name: x-user}}]");
    for (name, endpoints) in PROBES {
        add(name, &ports[..endpoints], ring, hash);
    }
    for Timeline { name, envoy, .. } in &TIMELINES {
        let panic = if *name == PANIC { 50 } else { 0 };
        // Envoy gathers changes of health for a second before it uses them; that is no rule.
        let always = if envoy.contains("interval") { "" } else { ", interval: 3600s" };
        let rule = format!(
            "{ring}, common_lb_config: {{update_merge_window: 0s, \
             healthy_panic_threshold: {{value: {panic}}}}}, \
             outlier_detection: {{enforcing_success_rate: 0, {envoy}{always}}}"
        );
        add(name, &ports[..endpoints_of(name)], &rule, hash);
    }
    for Bound { name, envoy, retries, http2, .. } in &BOUNDS {
        let held = held[usize::from(*http2)];
        let speaks = if *http2 { HTTP2 } else { "" };
        let thresholds = format!("circuit_breakers: {{thresholds: [{{{envoy}}}]}}{speaks}");
        let retries = retries.map(|(_, envoy)| format!("retry_policy: {envoy}"));
        add(name, &[held], &thresholds, &retries.unwrap_or_default());
    }
    envoy::configuration(&routes, &clusters)
}
