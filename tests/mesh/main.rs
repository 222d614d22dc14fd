//! The way out of a mesh, end to end, in network namespaces that this test makes: an application
//! whose connections are captured, its sidecar, an egress gateway, and an "internet" with names and
//! servers that only the gateway's namespace can reach. Has its own small harness, because a run
//! without the privilege must show as ignored.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    dead_code,
    reason = "a test says what broke by panicking; certificates are made for other tests too"
)]

#[path = "../harness/certificates.rs"]
mod certificates;

mod names;
mod namespace;
mod program;
mod stories;
mod town;
mod web;

use std::env;
use std::panic::catch_unwind;
use std::process::{Command, ExitCode, Stdio};

use stories::all;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let filters: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(*f));
    let stories: Vec<_> = all().filter(|(name, _)| wanted(name)).collect();
    if arguments.iter().any(|word| word == "--list") {
        stories.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", stories.len());
    if let Err(why) = prerequisites() {
        for (name, _) in &stories {
            println!("test {name} ... ignored, {why}");
        }
        println!("\nSKIPPED: the way out of a mesh was not tried end to end: {why}");
        println!("\ntest result: ok. 0 passed; 0 failed; {} ignored\n", stories.len());
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for (name, story) in &stories {
        let ended = catch_unwind(story);
        println!("test {name} ... {}", if ended.is_ok() { "ok" } else { "FAILED" });
        failed += usize::from(ended.is_err());
    }
    let (word, code) = match failed {
        0 => ("ok", ExitCode::SUCCESS),
        _ => ("FAILED", ExitCode::FAILURE),
    };
    println!(
        "\ntest result: {word}. {} passed; {failed} failed; 0 ignored\n",
        stories.len() - failed
    );
    code
}

/// What is missing for namespaces and redirection, in words.
fn prerequisites() -> Result<(), String> {
    for (program, argument) in [
        ("ip", "-V"),
        ("unshare", "--version"),
        ("nsenter", "--version"),
        ("setpriv", "--version"),
        ("curl", "--version"),
        ("openssl", "version"),
        ("iptables", "--version"),
        ("iptables-restore", "--version"),
    ] {
        if !succeeds(program, &[argument]) {
            return Err(format!("no `{program}` here (`make peers` installs what it may)"));
        }
    }
    let may = succeeds("unshare", &["--net", "--mount", "true"]);
    let redirects =
        succeeds("unshare", &["--net", "iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp"]);
    match (may, redirects) {
        (true, true) => Ok(()),
        (false, _) => Err("network namespaces need the capability CAP_SYS_ADMIN".to_owned()),
        (true, false) => Err("this kernel or user cannot redirect connections".to_owned()),
    }
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let run = Command::new(program)
        .args(arguments)
        .env("PATH", program::search_path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}
