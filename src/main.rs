//! The `propylon` binary: flags, then the program, then an exit code. Wiring only.

mod admin;
mod app;
mod certificates;
mod cli;
mod demo;
mod descriptors;
mod families;
mod http_server;
mod load;
mod place;
mod reload;
mod report;
mod resolver;
mod status;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::Cli::parse().execute()
}
