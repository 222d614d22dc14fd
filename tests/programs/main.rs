//! Propylon between programs of other makes: drivers, clients and servers that people use, real
//! certificates, real protocols. Each test names the programs it needs; without them it shows as
//! ignored, never as passed, and the end says what is missing. `make peers` installs them.

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

mod program;
mod runner;

mod grpc;
mod http2;
mod mongo;
mod ports;
mod websocket;

use std::process::ExitCode;

fn main() -> ExitCode {
    runner::run(&[ports::TESTS, mongo::TESTS, websocket::TESTS, http2::TESTS, grpc::TESTS].concat())
}
