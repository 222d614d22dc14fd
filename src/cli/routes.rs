//! `propylon routes`: the compiled table, for people or as JSON.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use propylon_snapshot::{Listener, Rule, Snapshot, VirtualHost};
use serde_json::{Value, json};

use super::describe;
use super::flags::Workload;
use super::out::{self, Exit};
use super::{Failure, readable};
use crate::load::{Loaded, Loader};
use crate::place::{Places, origin_text, place_text};

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

    /// The hosts of a listener that are asked for.
    fn hosts<'s>(
        &'s self,
        snapshot: &'s Snapshot,
        listener: &Listener,
    ) -> impl Iterator<Item = &'s VirtualHost> {
        let table = snapshot.table(listener.table);
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
            let title =
                [format!("{}  HTTP", listener.bind), origin_text(snapshot, listener.origin), place];
            text.push_str(title.join("  ").trim_end());
            text.push('\n');
            let mut rows = Vec::new();
            for host in self.hosts(snapshot, listener) {
                rows.extend(host_rows(snapshot, host, places));
            }
            if rows.is_empty() {
                text.push_str("  no host\n");
            }
            for line in out::table(&rows).lines() {
                text.push_str("  ");
                text.push_str(line);
                text.push('\n');
            }
            text.push('\n');
        }
        if text.is_empty() {
            text.push_str("nothing listens: no HTTP server of a Gateway selects this workload");
        }
        text
    }

    fn machine(&self, snapshot: &Snapshot, places: &mut Places) -> Value {
        let mut listeners = Vec::new();
        for listener in &snapshot.listeners {
            let mut hosts = Vec::new();
            for host in self.hosts(snapshot, listener) {
                let rules: Vec<Value> = host
                    .rules
                    .rules()
                    .iter()
                    .map(|rule| rule_json(snapshot, rule, places))
                    .collect();
                hosts.push(json!({
                    "host": host.domain,
                    "httpsRedirect": host.require_tls,
                    "gateway": origin_text(snapshot, host.origin),
                    "routes": rules,
                }));
            }
            listeners.push(json!({
                "bind": listener.bind.to_string(),
                "port": listener.port,
                "protocol": "HTTP",
                "gateway": origin_text(snapshot, listener.origin),
                "hosts": hosts,
            }));
        }
        json!({ "listeners": listeners })
    }
}

/// One line per rule; the host's name stands on its first line only.
fn host_rows(snapshot: &Snapshot, host: &VirtualHost, places: &mut Places) -> Vec<Vec<String>> {
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
            format!("-> {}", describe::action(&rule.action, snapshot)),
            describe::policies(rule),
            place_text(places.origin(snapshot, rule.origin).as_ref()),
        ]);
    }
    if rows.is_empty() {
        rows.push(vec![name, "no route".to_owned(), "-> answer 404".to_owned()]);
    }
    rows
}

fn rule_json(snapshot: &Snapshot, rule: &Rule, places: &mut Places) -> Value {
    let place = places.origin(snapshot, rule.origin);
    json!({
        "name": rule.name,
        "match": describe::matcher(&rule.matcher),
        "action": describe::action(&rule.action, snapshot),
        "policies": describe::policies(rule),
        "origin": origin_text(snapshot, rule.origin),
        "file": place.as_ref().map(|place| place.path.display().to_string()),
        "line": place.as_ref().map(|place| place.line),
    })
}

/// A table of a broken configuration is incomplete; whoever reads it should know.
fn mention_problems(loaded: &Loaded) {
    let errors = loaded.problems.iter().filter(|p| p.severity == propylon_model::Severity::Error);
    match errors.count() {
        0 => {}
        n => out::complain(&format!(
            "{} in these files; `propylon check` shows what is missing here",
            crate::report::count(n, "error")
        )),
    }
}

pub(super) const EXAMPLES: &str = "\
Examples:
  propylon routes ./config
  propylon routes ./config --host shop.example
  propylon routes ./config --json | jq '.listeners[].hosts[].routes[].action'";
