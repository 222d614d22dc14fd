//! The comparison with a real Envoy: both gateways get the same world and the same few hundred raw
//! requests, and everything they do is compared: status, header lines, body, trailers, and what the
//! origins receive. Differences are those of `allowed.rs`, which docs/differences.md explains.
//! Has its own small harness, because a comparison without an Envoy must show as ignored.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    dead_code,
    reason = "a test says what broke by panicking; the harness serves other tests too"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod allowed;
mod envoy;
mod origins;
mod outcome;
mod table;

use std::env;
use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use envoy::Envoy;
use harness::gateway::{self, Gateway, root};
use origins::Origins;
use outcome::Outcome;
use table::{Group, Request};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut groups = table::read(&text("requests.txt"));
    let filters: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    groups.retain(|group| {
        filters.is_empty() || filters.iter().any(|filter| group.name.contains(filter.as_str()))
    });
    if arguments.iter().any(|word| word == "--list") {
        groups.iter().for_each(|group| println!("{}: test", group.name));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", groups.len());
    match envoy::find() {
        Some(binary) => run(&groups, &binary),
        None => skip(&groups),
    }
}

/// Says loudly that nothing was compared.
fn skip(groups: &[Group]) -> ExitCode {
    for group in groups {
        println!("test {} ... ignored, no Envoy: `make peers` installs one", group.name);
    }
    println!("\nSKIPPED: the comparison with a real Envoy did not run (PROPYLON_ENVOY or .peers)");
    println!("\ntest result: ok. 0 passed; 0 failed; {} ignored\n", groups.len());
    ExitCode::SUCCESS
}

fn run(groups: &[Group], binary: &std::path::PathBuf) -> ExitCode {
    let started = Instant::now();
    let origins = Origins::start();
    let envoy = Envoy::start(binary, &filled("envoy.yaml", &origins));
    let ours = gateway::world(&filled("world.yaml", &origins)).start();
    let mut used = vec![false; allowed::DIFFERENCES.len()];
    let mut failed = Vec::new();
    for group in groups {
        let problems = compare(group, &envoy, &ours, &origins, &mut used);
        let verdict = if problems.is_empty() { "ok" } else { "FAILED" };
        println!("test {} ({} requests) ... {verdict}", group.name, group.requests.len());
        failed.extend(problems.into_iter().map(|problem| (group.name.clone(), problem)));
    }
    let unused = allowed::DIFFERENCES.iter().zip(&used).filter(|(_, used)| !**used);
    let complete = env::args().len() == 1;
    for (difference, _) in unused.filter(|_| complete) {
        let what = format!("allowed, but nothing differs: {difference:?}");
        failed.push(("allowed".to_owned(), what));
    }
    for (group, problem) in &failed {
        println!("\n---- {group} ----\n{problem}");
    }
    report(groups.len(), &failed, started)
}

fn report(groups: usize, failed: &[(String, String)], started: Instant) -> ExitCode {
    let mut names: Vec<&String> = failed.iter().map(|(group, _)| group).collect();
    names.dedup();
    let (word, code) = match names.is_empty() {
        true => ("ok", ExitCode::SUCCESS),
        false => ("FAILED", ExitCode::FAILURE),
    };
    println!(
        "\ntest result: {word}. {} passed; {} failed; 0 ignored; finished in {:.2}s\n",
        groups.saturating_sub(names.len()),
        names.len(),
        started.elapsed().as_secs_f32()
    );
    code
}

/// The requests of a group that the two gateways treat differently, with both outcomes.
fn compare(
    group: &Group,
    envoy: &Envoy,
    ours: &Gateway,
    origins: &Origins,
    used: &mut [bool],
) -> Vec<String> {
    let mut problems = Vec::new();
    for request in &group.requests {
        let theirs = outcome::of(request, envoy.address, origins);
        let own = outcome::of(request, ours.http(), origins);
        let theirs = allowed::levelled(request, &theirs, &own, used);
        if theirs != own {
            problems.push(difference(request, &theirs, &own));
        }
    }
    problems
}

fn difference(request: &Request, theirs: &Outcome, own: &Outcome) -> String {
    let mut text = format!("{}\n", request.line);
    for line in theirs.lines.iter().filter(|line| !own.lines.contains(line)) {
        text += &format!("  Envoy only:    {line}\n");
    }
    for line in own.lines.iter().filter(|line| !theirs.lines.contains(line)) {
        text += &format!("  Propylon only: {line}\n");
    }
    text
}

fn text(name: &str) -> String {
    fs::read_to_string(root().join("tests/peers").join(name)).expect("a file of this test")
}

/// A configuration with the origins' ports in it.
fn filled(name: &str, origins: &Origins) -> String {
    text(name)
        .replace("@ORIGIN@", &origins.origin.port().to_string())
        .replace("@COPY@", &origins.copy.port().to_string())
        .replace("@CLOSES@", &origins.closes.port().to_string())
        .replace("@GARBAGE@", &origins.garbage.port().to_string())
        .replace("@SILENT@", &origins.silent.port().to_string())
        .replace("@REFUSED@", &harness::ports::free().to_string())
}
