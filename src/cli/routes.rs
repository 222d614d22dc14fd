//! `propylon routes`: the compiled table, for people or as JSON.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use propylon_snapshot::{Action, Listener, RouteTable, Rule, Serves, Snapshot, Then, VirtualHost};
use serde_json::{Value, json};

use super::connections;
use super::describe;
use super::flags::Workload;
use super::out::{self, Exit};
use super::readable;
use crate::failure::Failure;
use crate::load::{Loaded, Loader};
use crate::place::{Places, origin_text, place_text};
use crate::report;

/// Flags of `routes`.
#[derive(Debug, Args)]
pub(crate) struct Routes {
    /// Files and directories to compile
    #[arg(value_name = "PATH", default_value = "./", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    workload: Workload,

    /// Show only what requests for this host would meet
    #[arg(long, value_name = "NAME")]
    host: Option<String>,

    /// Print one JSON object for programs
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl Routes {
    /// Prints the table.
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let settings = self.workload.settings(&self.paths);
        readable(&settings)?;
        let loaded = Loader::new(settings).load();
        let mut places = Places::of(&loaded.world);
        let text = if self.json {
            format!("{:#}", self.machine(&loaded.snapshot, &mut places))
        } else {
            self.people(&loaded.snapshot, &mut places)
        };
        out::unless_closed(out::line(text.trim_end()))?;
        mention_problems(&loaded);
        Ok(Exit::Success)
    }

    /// The hosts of a table that are asked for.
    fn hosts<'s>(&'s self, table: &'s RouteTable) -> impl Iterator<Item = &'s VirtualHost> {
        let wanted = self.host.as_deref().map(|name| {
            let exact = table.hosts().iter().find(|host| host.domain.eq_ignore_ascii_case(name));
            exact.or_else(|| table.lookup(name)).map(|host| &*host.domain)
        });
        table.hosts().iter().filter(move |host| {
            wanted.is_none_or(|wanted| wanted.is_some_and(|domain| domain == &*host.domain))
        })
    }

    fn people(&self, snapshot: &Snapshot, places: &mut Places) -> String {
        let mut text = String::new();
        for listener in &snapshot.listeners {
            let place = place_text(places.origin(snapshot, listener.origin).as_ref());
            let protocol = report::protocol(listener);
            let title = format!("{}  {protocol}", listener.bind);
            let title = [title, origin_text(snapshot, listener.origin), place];
            text.push_str(title.join("  ").trim_end());
            text.push('\n');
            for section in sections(snapshot, listener) {
                if let Some(title) = section.names {
                    text.push_str(&format!("  {title}\n"));
                }
                self.section((snapshot, listener), section.table, places, &mut text);
            }
            let rows = connections::of(listener, snapshot);
            let rows: Vec<_> = rows.iter().map(|one| one.row(snapshot, places)).collect();
            indented(&rows, &mut text);
            text.push('\n');
        }
        if text.is_empty() {
            text.push_str("nothing listens: no server of a valid Gateway selects this workload");
        }
        text
    }

    fn section(
        &self,
        (snapshot, listener): (&Snapshot, &Listener),
        table: &RouteTable,
        places: &mut Places,
        text: &mut String,
    ) {
        let mut rows = Vec::new();
        for host in self.hosts(table) {
            rows.extend(host_rows((snapshot, listener), host, places));
        }
        if rows.is_empty() {
            text.push_str("  no host\n");
        }
        indented(&rows, text);
    }

    fn machine(&self, snapshot: &Snapshot, places: &mut Places) -> Value {
        let mut listeners = Vec::new();
        for listener in &snapshot.listeners {
            let mut hosts = Vec::new();
            let tables = sections(snapshot, listener);
            for host in tables.iter().flat_map(|section| self.hosts(section.table)) {
                let rules: Vec<Value> = host
                    .rules
                    .rules()
                    .iter()
                    .map(|rule| rule_json((snapshot, listener), rule, places))
                    .collect();
                hosts.push(json!({
                    "host": host.domain,
                    "httpsRedirect": host.require_tls,
                    "gateway": origin_text(snapshot, host.origin),
                    "routes": rules,
                }));
            }
            let connections = connections::of(listener, snapshot);
            let connections: Vec<Value> =
                connections.iter().map(|one| one.machine(snapshot, places)).collect();
            listeners.push(json!({
                "bind": listener.bind.to_string(),
                "port": listener.port,
                "protocol": report::protocol(listener),
                "gateway": origin_text(snapshot, listener.origin),
                "hosts": hosts,
                "connections": connections,
            }));
        }
        json!({ "listeners": listeners })
    }
}

fn indented(rows: &[Vec<String>], text: &mut String) {
    for line in out::table(rows).lines() {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
}

/// The routes of a listener, or of one of its TLS servers.
struct Section<'s> {
    /// Whose routes they are, where a listener has several.
    names: Option<String>,
    table: &'s RouteTable,
}

fn sections<'s>(snapshot: &'s Snapshot, listener: &Listener) -> Vec<Section<'s>> {
    match &listener.serves {
        Serves::Http(table) => vec![Section { names: None, table: snapshot.table(*table) }],
        Serves::Tcp(_) => Vec::new(),
        Serves::Captured(outbound) | Serves::Proxy(outbound) => {
            let sections = outbound.listeners().iter().filter_map(|one| {
                let table = snapshot.table(one.http?);
                Some(Section { names: Some(format!("requests to {}", one.name)), table })
            });
            sections.collect()
        }
        Serves::Tls(names) => {
            let chains = names.chains().iter();
            let section = chains.filter_map(|chain| match &chain.then {
                Then::Http(table) => Some(Section {
                    names: Some(format!("TLS for {}", chain.names.join(", "))),
                    table: snapshot.table(*table),
                }),
                Then::Tcp(_) => None,
            });
            section.collect()
        }
    }
}

/// One line per rule; the host's name stands on its first line only.
fn host_rows(
    (snapshot, listener): (&Snapshot, &Listener),
    host: &VirtualHost,
    places: &mut Places,
) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut name = host.domain.to_string();
    if host.require_tls {
        let place = place_text(places.origin(snapshot, host.origin).as_ref());
        let to = "redirect 301 to https".to_owned();
        rows.push(vec![
            std::mem::take(&mut name),
            "any request".to_owned(),
            to,
            "".to_owned(),
            place,
        ]);
        return rows;
    }
    for rule in host.rules.rules() {
        rows.push(vec![
            std::mem::take(&mut name),
            describe::matcher(&rule.matcher),
            format!("-> {}", action(&rule.action, (snapshot, listener))),
            describe::policies(rule),
            place_text(places.origin(snapshot, rule.origin).as_ref()),
        ]);
    }
    if rows.is_empty() {
        rows.push(vec![name, "no route".to_owned(), "-> answer 404".to_owned()]);
    }
    rows
}

fn rule_json(
    (snapshot, listener): (&Snapshot, &Listener),
    rule: &Rule,
    places: &mut Places,
) -> Value {
    let place = places.origin(snapshot, rule.origin);
    json!({
        "name": rule.name,
        "match": describe::matcher(&rule.matcher),
        "action": action(&rule.action, (snapshot, listener)),
        "policies": describe::policies(rule),
        "origin": origin_text(snapshot, rule.origin),
        "file": place.as_ref().map(|place| place.path.display().to_string()),
        "line": place.as_ref().map(|place| place.line),
    })
}

fn action(action: &Action, (snapshot, listener): (&Snapshot, &Listener)) -> String {
    match listener.serves {
        Serves::Proxy(_) => describe::action_of_proxy(action, snapshot),
        Serves::Http(_) | Serves::Tcp(_) | Serves::Tls(_) | Serves::Captured(_) => {
            describe::action(action, snapshot)
        }
    }
}

/// A table of a broken configuration is incomplete; whoever reads it should know.
fn mention_problems(loaded: &Loaded) {
    let errors = loaded.problems.iter().filter(|p| p.severity == propylon_model::Severity::Error);
    match errors.count() {
        0 => {}
        n => out::complain(&format!(
            "{} in these files; `propylon check` shows what is missing here",
            report::count(n, "error")
        )),
    }
}

pub(super) const EXAMPLES: &str = "\
Examples:
  propylon routes ./config
  propylon routes ./config --host shop.example
  propylon routes ./config --json | jq '.listeners[].hosts[].routes[].action'";
