//! `propylon clusters`: what a running gateway sends requests to, how that is doing, and why some
//! of it gets none. Asks the gateway's admin page and shows it to people.

mod table;

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::asking;
use super::out::{self, Exit};
use crate::failure::Failure;

/// Flags of `clusters`.
#[derive(Debug, Args)]
pub(crate) struct Clusters {
    /// Show clusters whose name holds this, e.g. a host
    #[arg(value_name = "PART")]
    part: Option<String>,

    /// Where the gateway's admin answers
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:15000")]
    admin: SocketAddr,

    /// How to print it; json is Envoy's form with our findings beside
    #[arg(short, long, value_enum, value_name = "FORM", default_value = "table")]
    output: Form,

    /// Print one JSON object for programs: the same as `-o json`
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Table,
    /// For programs
    Json,
}

impl Clusters {
    /// Prints the clusters of the gateway that is asked.
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let page = asking::page(self.admin, "/clusters?format=json")?;
        let mut page: Value = serde_json::from_slice(&page).map_err(|error| {
            Failure::Other(format!("{} is no admin of propylon: {error}", self.admin))
        })?;
        let Some(Value::Array(clusters)) = page.get_mut("cluster_statuses") else {
            return Err(Failure::Other(format!("{} is no admin of propylon", self.admin)));
        };
        let fits = |cluster: &Value, part: &str| {
            cluster["name"].as_str().is_some_and(|name| name.contains(part))
        };
        if let Some(part) = &self.part {
            clusters.retain(|cluster| fits(cluster, part));
        }
        let text = match (self.json, self.output) {
            (true, _) | (false, Form::Json) => format!("{page:#}"),
            (false, Form::Table) if clusters.is_empty() => match &self.part {
                Some(part) => format!("no cluster's name holds `{part}`"),
                None => "no cluster: no rule in force names a destination".to_owned(),
            },
            (false, Form::Table) => clusters.iter().map(table::cluster).collect(),
        };
        out::unless_closed(out::line(text.trim_end()))?;
        Ok(Exit::Success)
    }
}

pub(super) const EXAMPLES: &str = "\
Examples:
  propylon clusters                          every destination of the gateway on this machine
  propylon clusters reviews                  those of one service
  propylon clusters --admin 127.0.0.1:16000  of another gateway
  propylon clusters -o json | jq '.cluster_statuses[].host_statuses[].propylon.ejection | values'

Exit codes: 0 done, 1 no gateway answers, 2 wrong usage.";
