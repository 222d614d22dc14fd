//! The `propylon` binary: flags, then the program, then an exit code. Wiring only.

mod admin;
mod app;
mod certificates;
mod cli;
mod demo;
mod descriptors;
mod failure;
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

/// Large configurations are read and dropped with every reload: this allocator gives what they took
/// back to the system, the C library's keeps most of it. `.cargo/config.toml` tunes it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::Cli::parse().execute()
}
