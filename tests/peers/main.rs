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
mod health;
mod http2;
mod http2_origin;
mod origins;
mod outcome;
mod placement;
mod spread;
mod table;
mod tls;
mod variant;

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use allowed::Difference;
use harness::gateway::root;
use outcome::Outcome;
use table::{Group, Request};
use variant::VARIANTS;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut groups = table::read(&text("requests.txt"));
    groups.retain(|group| is_chosen(&group.name));
    if arguments.iter().any(|word| word == "--list") {
        let tls = is_chosen(tls::NAME).then_some(tls::NAME);
        let names = groups.iter().map(|group| group.name.as_str()).chain(tls);
        names.for_each(|name| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let exchanges: usize =
        VARIANTS.iter().map(|it| groups.iter().filter(|g| it.concerns(g)).count()).sum();
    let places = if is_chosen(placement::NAME) { placement::count() } else { 0 };
    let places = places + if is_chosen(spread::NAME) { spread::count() } else { 0 };
    let healths = if is_chosen(health::NAME) { health::count() } else { 0 };
    let count = exchanges + places + healths + usize::from(is_chosen(tls::NAME));
    println!("\nrunning {count} tests");
    match envoy::find() {
        Some(binary) => run(&groups, &binary, count),
        None => skip(&groups),
    }
}

/// Whether the command line asks for this group.
fn is_chosen(name: &str) -> bool {
    let mut filters = env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    filters.peek().is_none() || filters.any(|filter| name.contains(&filter))
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

fn run(groups: &[Group], binary: &Path, count: usize) -> ExitCode {
    let started = Instant::now();
    let differences = allowed::read(&text("differences.txt"));
    let mut failed = undocumented(&differences);
    let mut seen = vec![false; differences.len()];
    for variant in &VARIANTS {
        let groups = groups.iter().filter(|group| variant.concerns(group));
        failed.extend(variant.compare(groups, binary, &differences, &mut seen));
    }
    if is_chosen(placement::NAME) {
        failed.extend(placement::compare(binary));
    }
    if is_chosen(spread::NAME) {
        failed.extend(spread::compare(binary));
    }
    if is_chosen(health::NAME) {
        failed.extend(health::compare(binary));
    }
    let complete = env::args().len() == 1;
    if is_chosen(tls::NAME) {
        failed.extend(tls::compare(binary, &differences, &mut seen));
    }
    for (difference, _) in differences.iter().zip(&seen).filter(|(_, seen)| complete && !**seen) {
        let what = format!("allowed, but nothing differs: {difference:?}");
        failed.push(("allowed".to_owned(), what));
    }
    for (group, problem) in &failed {
        println!("\n---- {group} ----\n{problem}");
    }
    report(count, &failed, started)
}

/// Differences whose heading docs/differences.md does not have.
fn undocumented(differences: &[Difference]) -> Vec<(String, String)> {
    let page = fs::read_to_string(root().join("docs/differences.md")).unwrap_or_default();
    differences
        .iter()
        .filter(|difference| !page.contains(&format!("## {}\n", difference.heading)))
        .map(|difference| {
            let what = format!("docs/differences.md has no heading {:?}", difference.heading);
            ("allowed".to_owned(), what)
        })
        .collect()
}

fn report(count: usize, failed: &[(String, String)], started: Instant) -> ExitCode {
    let mut names: Vec<&String> = failed.iter().map(|(group, _)| group).collect();
    names.dedup();
    let (word, code) = match names.is_empty() {
        true => ("ok", ExitCode::SUCCESS),
        false => ("FAILED", ExitCode::FAILURE),
    };
    println!(
        "\ntest result: {word}. {} passed; {} failed; 0 ignored; finished in {:.2}s\n",
        count.saturating_sub(names.len()),
        names.len(),
        started.elapsed().as_secs_f32()
    );
    code
}

pub(crate) fn difference(request: &Request, theirs: &Outcome, own: &Outcome) -> String {
    let mut text = format!("{}\n", request.line);
    for line in theirs.lines.iter().filter(|line| !own.lines.contains(line)) {
        text += &format!("  Envoy only:    {line}\n");
    }
    for line in own.lines.iter().filter(|line| !theirs.lines.contains(line)) {
        text += &format!("  Propylon only: {line}\n");
    }
    text
}

pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(root().join("tests/peers").join(name)).expect("a file of this test")
}
