//! `propylon explain`: one request decided as the data plane would, with every rule that was tried.
//! Finds the listener and asks the snapshot; the answer is put in words by `people` and `machine`.

mod concern;
mod legs;
mod machine;
mod outlook;
mod people;
mod request;

use std::path::PathBuf;

use clap::{Args, ValueHint};
use propylon_model::Problem;
use propylon_snapshot::{
    Bind, Explanation, Head, Listener, Mismatch, Outbound, RouteTableId, Scheme, Serves, Snapshot,
    Target, TcpRoute, Then, Tried, normalize,
};

use serde_json::{Value, json};

use super::connections;
use super::flags::Workload;
use super::out::{self, Exit};
use super::readable;
use crate::failure::Failure;
use crate::load::{Loaded, Loader};
use crate::place::Places;
use legs::Leg;
use outlook::Outlook;
use request::Request;

/// Flags of `explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Request method, e.g. GET
    method: String,

    /// Request URL; its port is the Gateway's or the bound one, by default 80 or 443
    url: String,

    /// Files and directories to compile
    #[arg(value_name = "PATH", default_value = "./", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,

    /// Request header; `Host` replaces the host of the URL
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    #[command(flatten)]
    workload: Workload,

    /// Print one JSON object for programs
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Everything that is known about the request.
struct Findings<'s> {
    request: &'s Request,
    head: Head<'s>,
    snapshot: &'s Snapshot,
    listener: &'s Listener,
    explanation: Explanation<'s>,
    /// What becomes of it.
    outlook: Outlook<'s>,
    /// Problems that concern this request.
    problems: Vec<&'s Problem>,
}

impl Explain {
    /// Prints the explanation; fails if the request would be refused.
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let request =
            Request::parse(&self.method, &self.url, &self.headers).map_err(Failure::Other)?;
        let settings = self.workload.settings(&self.paths);
        readable(&settings)?;
        let told = tell(&Leg::first(settings, request), LEGS_MAX).map_err(Failure::Other)?;
        let text = if self.json { format!("{:#}", told.machine) } else { told.people };
        out::unless_closed(out::line(text.trim_end()))?;
        Ok(if told.served { Exit::Success } else { Exit::Failure })
    }
}

/// What was found out about a request from one leg to the end of its way.
struct Told {
    people: String,
    machine: Value,
    served: bool,
}

/// Explains what one leg does with a request, and the at most `more` legs after it.
///
/// # Errors
/// Why there is nothing to explain.
fn tell(leg: &Leg, more: usize) -> Result<Told, String> {
    let loaded = Loader::new(leg.settings.clone()).load();
    let (snapshot, request) = (&loaded.snapshot, &leg.request);
    let found = leg.ports.iter().find_map(|port| listener(snapshot, *port));
    let listener = found.ok_or_else(|| no_listener(snapshot, request.port))?;
    let path = normalize(&request.path, snapshot.http.path_normalization)
        .map_err(|why| format!("such a request is answered 400: {why}"))?;
    let lines = request.lines();
    let head = request.head(&path, &lines);
    // Whatever is left to chance takes its last outcome; every other is listed beside it.
    let table = match table(snapshot, listener, request) {
        Ok(table) => table,
        Err(stop) => return handed_on(leg, &loaded, stop, more),
    };
    let explanation = snapshot.explain(table, &head, &mut |sides| sides - 1);
    let outlook = Outlook::of(snapshot, &explanation.decision);
    let problems = concern::problems(&loaded, &explanation, &outlook);
    let findings = Findings { request, head, snapshot, listener, explanation, outlook, problems };
    let mut places = Places::of(&loaded.world);
    let told = Told {
        people: people::render(&findings, &mut places),
        machine: machine::render(&findings, &mut places),
        served: findings.outlook.served(),
    };
    Ok(go_on(leg, told, &leg.after(&loaded, &findings.outlook, &path), more))
}

/// Explains a connection that a leg does not read requests of.
fn handed_on(leg: &Leg, loaded: &Loaded, stop: Stop<'_>, more: usize) -> Result<Told, String> {
    let Stop { text, route } = stop;
    let destinations = route.map_or(&[][..], |route| route.destinations.as_slice());
    let clusters = destinations.iter().filter_map(|one| match one.target {
        Target::Cluster(id) => Some(loaded.snapshot.cluster(id)),
        Target::Missing(_) => None,
    });
    let next = leg.after_bytes(loaded, clusters);
    // By itself it is no request, and nothing to explain but that.
    if next.is_empty() && more == LEGS_MAX {
        return Err(text);
    }
    let (machine, served) = (json!({ "connection": text }), !destinations.is_empty());
    let told = Told { people: format!(" connection {text}\n"), machine, served };
    Ok(go_on(leg, told, &next, more))
}

/// Adds what the next legs do.
fn go_on(leg: &Leg, mut told: Told, next: &[Leg], more: usize) -> Told {
    let Some(left) = more.checked_sub(1).filter(|_| !next.is_empty()) else { return told };
    if more == LEGS_MAX {
        told.people = format!("{}\n{}", leg.title, told.people);
    }
    told.machine["leg"] = json!(leg.title);
    let mut all = Vec::new();
    let mut served = false;
    for leg in next {
        let mut further = tell(leg, left).unwrap_or_else(|why| Told {
            people: format!(" {why}\n"),
            machine: json!({ "refused": why }),
            served: false,
        });
        told.people.push_str(&format!("\nthen {}\n{}", leg.title, further.people));
        further.machine["leg"] = json!(leg.title);
        served |= further.served;
        all.push(further.machine);
    }
    told.machine["next"] = json!(all);
    told.served &= served;
    told
}

/// Legs that are explained; a way that comes back to where it was ends all the same.
const LEGS_MAX: usize = 4;

/// Why a leg reads no requests of a connection, and what takes it instead.
struct Stop<'s> {
    text: String,
    route: Option<&'s TcpRoute>,
}

impl From<String> for Stop<'_> {
    fn from(text: String) -> Self {
        Self { text, route: None }
    }
}

/// The listener of a port: as the Gateway declares it, else as it is bound. A sidecar's listeners
/// take what was meant for any port.
fn listener(snapshot: &Snapshot, port: u16) -> Option<&Listener> {
    let bound = |listener: &&Listener| match &listener.bind {
        Bind::Ip(address) => address.port() == port,
        Bind::Unix(_) | Bind::Abstract(_) => false,
    };
    let leaves = |one: &&Listener| matches!(one.serves, Serves::Captured(_) | Serves::Proxy(_));
    if let Some(leaving) = snapshot.listeners.iter().find(leaves) {
        return Some(leaving);
    }
    let declared = snapshot.listeners.iter().find(|listener| listener.port == port);
    declared.or_else(|| snapshot.listeners.iter().find(bound))
}

/// The routes that a request meets at a listener: behind TLS those of the URL's host, which the
/// client names in its handshake.
fn table<'s>(
    snapshot: &Snapshot,
    listener: &'s Listener,
    request: &Request,
) -> Result<RouteTableId, Stop<'s>> {
    let names = match &listener.serves {
        Serves::Http(table) => return Ok(*table),
        Serves::Tcp(route) => {
            let text = connections::text(route, snapshot, "tcp");
            let text = format!("port {} speaks no HTTP: {text}", listener.port);
            return Err(Stop { text, route: Some(route) });
        }
        Serves::Tls(names) => names,
        Serves::Captured(outbound) | Serves::Proxy(outbound) => {
            return leaving(snapshot, outbound, request);
        }
    };
    if request.scheme != Scheme::Https {
        let text = "speaks TLS: the connection is closed; write https://";
        return Err(format!("port {} {text}", listener.port).into());
    }
    let sni = request.server_name();
    let chain = names.lookup(sni).ok_or_else(|| {
        let known: Vec<&str> =
            names.chains().iter().flat_map(|chain| &chain.names).map(|name| &**name).collect();
        format!(
            "no TLS server of port {} answers for {}: the connection is closed; it serves {}",
            listener.port,
            sni.unwrap_or("a client that names no server"),
            known.join(", ")
        )
    })?;
    match &chain.then {
        Then::Http(table) => Ok(*table),
        Then::Tcp(route) => {
            let known = connections::of(listener, snapshot);
            let shown = known.iter().find(|one| std::ptr::eq(one.route, route));
            let text = shown.map(|route| route.text(snapshot)).unwrap_or_default();
            let text = format!("TLS for {} is not ended here: {text}", chain.names.join(", "));
            Err(Stop { text, route: Some(route) })
        }
    }
}

/// The routes that a request meets as it leaves its workload.
fn leaving<'s>(
    snapshot: &Snapshot,
    outbound: &'s Outbound,
    request: &Request,
) -> Result<RouteTableId, Stop<'s>> {
    let host = propylon_snapshot::host_of(&request.authority);
    let text = |route: Option<&TcpRoute>, list| match route {
        Some(route) => connections::text(route, snapshot, list),
        None => "the connection is closed".to_owned(),
    };
    let Some(listener) = outbound.named(host, request.port) else {
        let route = outbound.otherwise();
        let text = format!("nothing defines port {}: {}", request.port, text(route, "tcp"));
        return Err(Stop { text, route });
    };
    if request.scheme == Scheme::Https {
        let chain = listener.names.lookup(request.server_name());
        let (route, list) = match chain.map(|chain| &chain.then) {
            Some(Then::Tcp(route)) => (Some(route), "tls"),
            Some(Then::Http(_)) | None => (listener.bytes.as_ref(), "tcp"),
        };
        let text = format!("TLS is not ended by a sidecar: {}", text(route, list));
        return Err(Stop { text, route });
    }
    let table = listener.http;
    table.ok_or_else(|| {
        let route = listener.bytes.as_ref();
        let text = format!("{} takes no requests: {}", listener.name, text(route, "tcp"));
        Stop { text, route }
    })
}

fn no_listener(snapshot: &Snapshot, port: u16) -> String {
    let open: Vec<String> = snapshot
        .listeners
        .iter()
        .map(|listener| format!("{} (bound at {})", listener.port, listener.bind))
        .collect();
    let open = if open.is_empty() { "none".to_owned() } else { open.join(", ") };
    format!("nothing listens on port {port}; open ports of the Gateways: {open}")
}

/// Where no rule matches: the one with the fewest conditions that fail, and of several one whose
/// path fits, because a path is what people look at first.
fn nearest<'e, 's>(explanation: &'e Explanation<'s>) -> Option<&'e Tried<'s>> {
    if explanation.decision.rule.is_some() {
        return None;
    }
    explanation.tried.iter().min_by_key(|tried| {
        let path = tried.mismatches.iter().any(|m| matches!(m, Mismatch::Path(_)));
        (tried.mismatches.len(), path)
    })
}

pub(super) const EXAMPLES: &str = "\
Examples:
  propylon explain GET http://shop.example/api/v1 ./config
  propylon explain GET http://127.0.0.1:8080/ -H 'Host: shop.example' -H 'x-user: qa' ./config
  propylon explain POST http://shop.example/cart ./config --json
  propylon explain GET http://edition.cnn.com/ ./config --role sidecar
                              its way through the sidecar and then the egress gateway

Exit codes: 0 the request is served, 1 it is refused (404, 503 ...) or nothing listens.";
