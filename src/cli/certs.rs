//! `propylon certs`: which certificates the servers show and trust, until when, and where each came
//! from.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, ValueHint};
use propylon_model::Severity;
use propylon_proxy::tls::CertificateFacts;
use serde_json::{Value, json};

use super::flags::Workload;
use super::out::{self, Exit};
use super::readable;
use crate::certificates::inventory::{self, Listed, Server};
use crate::certificates::moment;
use crate::failure::Failure;
use crate::load::Loader;

/// Flags of `certs`.
#[derive(Debug, Args)]
pub(crate) struct Certs {
    /// Files and directories to look at
    #[arg(value_name = "PATH", default_value = "./", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    workload: Workload,

    /// Print one JSON object for programs
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl Certs {
    /// Prints the certificates; fails if one is broken.
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let settings = self.workload.settings(&self.paths);
        readable(&settings)?;
        let loaded = Loader::new(settings).load();
        let now = moment::seconds(SystemTime::now());
        let servers = inventory::of(&loaded.snapshot);
        let text = if self.json {
            let all = servers.iter().flat_map(|server| machine(server, now)).collect::<Vec<_>>();
            format!("{:#}", json!({ "certificates": all }))
        } else {
            people(&servers, now)
        };
        out::unless_closed(out::line(text.trim_end()))?;
        let all = || servers.iter().flat_map(listed);
        let is_broken = |one: &Listed| one.state(now).1 == Some(Severity::Error);
        Ok(if all().any(|(_, one)| is_broken(one)) { Exit::Failure } else { Exit::Success })
    }
}

/// Everything of a server, with what it is there for.
fn listed(server: &Server) -> impl Iterator<Item = (&'static str, &Listed)> {
    let own = server.own.iter().map(|one| ("server", one));
    own.chain(server.authorities.iter().map(|one| ("authority", one)))
}

fn people(servers: &[Server], now: i64) -> String {
    if servers.is_empty() {
        return "no TLS server of a Gateway selects this workload".to_owned();
    }
    let mut text = String::new();
    for server in servers {
        text.push_str(&format!("{}\n", server.used_by));
        let rows: Vec<Vec<String>> =
            listed(server).map(|(role, one)| row(role, one, now)).collect();
        for line in out::table(&rows).lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

fn row(role: &str, one: &Listed, now: i64) -> Vec<String> {
    let state = one.state(now).0.to_owned();
    let mut cells = vec![role.to_owned(), state];
    match &one.facts {
        Ok(facts) => {
            let until = moment::day(facts.not_after);
            let left = match moment::days(now, facts.not_after) {
                left if left < 0 => format!("{} days ago", -left),
                left => format!("{left} days left"),
            };
            cells.push(format!("until {until}, {left}"));
            cells.push(named(facts));
            cells.push(format!("serial {}", facts.serial));
            cells.push(one.source.clone());
        }
        Err(why) => cells.push(format!("{}: {why}", one.source)),
    }
    cells
}

/// Its alternative names; of an authority, which has none, the subject.
fn named(facts: &CertificateFacts) -> String {
    let names: Vec<&str> = names(facts).collect();
    if names.is_empty() { facts.subject.clone() } else { names.join(" ") }
}

fn names(facts: &CertificateFacts) -> impl Iterator<Item = &str> {
    facts.dns.iter().chain(&facts.uris).chain(&facts.others).map(String::as_str)
}

fn machine(server: &Server, now: i64) -> Vec<Value> {
    let one = |(role, one): (&str, &Listed)| {
        let facts = one.facts.as_ref().ok();
        json!({
            "usedBy": server.used_by,
            "role": role,
            "source": one.source,
            "state": one.state(now).0.to_lowercase(),
            "problem": one.facts.as_ref().err(),
            "subject": facts.map(|facts| &facts.subject),
            "issuer": facts.map(|facts| &facts.issuer),
            "names": facts.map(|facts| names(facts).collect::<Vec<_>>()),
            "serial": facts.map(|facts| &facts.serial),
            "sha256": facts.map(CertificateFacts::fingerprint_text),
            "validFrom": facts.map(|facts| moment::text(facts.not_before)),
            "validUntil": facts.map(|facts| moment::text(facts.not_after)),
            "daysLeft": facts.map(|facts| moment::days(now, facts.not_after)),
        })
    };
    listed(server).map(one).collect()
}

pub(super) const EXAMPLES: &str = "\
Examples:
  propylon certs ./config                    what every TLS server shows and trusts
  propylon certs ./config --root ./mounted   absolute paths below a directory
  propylon certs ./config --json | jq '.certificates[] | select(.daysLeft < 30)'

Exit codes: 0 every certificate can be used, 1 one is broken, 2 wrong usage.";
