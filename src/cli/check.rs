//! `propylon check`: the problems of the files, as `run` would see them, without serving anything.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use propylon_source::file::Positions;
use serde_json::json;

use super::flags::Workload;
use super::out::{self, Exit};
use super::readable;
use super::stdin::Inputs;
use crate::certificates;
use crate::failure::Failure;
use crate::load::{Loaded, Loader};
use crate::report::{Tally, count, rules};

/// Flags of `check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Files and directories to check; `-` is standard input
    #[arg(value_name = "PATH", default_value = "./", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    workload: Workload,

    /// Print one JSON object for programs
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Fail on this, too
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Output")]
    deny: Option<Deny>,
}

/// What `check` fails on beside errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings.
    Warnings,
}

impl Check {
    /// Prints what it finds; fails if there are errors.
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let inputs = Inputs::of(&self.paths).map_err(|error| Failure::stdin(&error))?;
        let settings = self.workload.settings(&inputs.paths);
        readable(&settings)?;
        let mut loaded = Loader::new(settings).load();
        let now = std::time::SystemTime::now();
        let certificates = certificates::problems(&loaded.snapshot, &loaded.world.gateways, now);
        loaded.add(certificates);
        let rules = &loaded.world.destination_rules;
        let clients = certificates::clients::problems(&loaded.snapshot, rules, now);
        loaded.add(clients);
        let tally = Tally::of(&loaded.problems);
        let text = if self.json { machine(&loaded, tally) } else { people(&loaded, tally) };
        out::unless_closed(out::line(&inputs.named(text)))?;
        let denied = self.deny == Some(Deny::Warnings) && tally.warnings > 0;
        Ok(if tally.errors > 0 || denied { Exit::Failure } else { Exit::Success })
    }
}

fn people(loaded: &Loaded, tally: Tally) -> String {
    let colour = out::colour();
    let mut positions = Positions::new();
    let mut text = String::new();
    for problem in &loaded.problems {
        text.push_str(positions.render(problem, colour).trim_end());
        text.push_str("\n\n");
    }
    text.push_str(&format!(
        "{} in {}: {}, {}",
        tally.text(),
        count(loaded.world.objects().count(), "object"),
        count(loaded.snapshot.listeners.len(), "listener"),
        count(routes(loaded), "route"),
    ));
    text
}

fn routes(loaded: &Loaded) -> usize {
    loaded.snapshot.tables.iter().map(rules).sum()
}

/// The form that docs/check-json.md promises: members are added, never changed or removed.
fn machine(loaded: &Loaded, tally: Tally) -> String {
    let mut positions = Positions::new();
    let problems: Vec<_> = loaded.problems.iter().map(|p| positions.render_json(p)).collect();
    let Tally { errors, warnings, notes } = tally;
    let all = json!({
        "problems": problems,
        "errors": errors,
        "warnings": warnings,
        "notes": notes,
        "objects": loaded.world.objects().count(),
        "listeners": loaded.snapshot.listeners.len(),
        "routes": routes(loaded),
    });
    format!("{all:#}")
}

pub(super) const EXAMPLES: &str = "\
Examples:
  propylon check                             the YAML of this directory
  propylon check ./config --deny warnings    for continuous integration
  propylon check ./config --json | jq '.problems[].message'
  git show :config/routes.yaml | propylon check -     what is about to be committed

Exit codes: 0 no errors, 1 errors (or denied warnings), 2 wrong usage.";
