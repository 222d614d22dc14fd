//! Black-box tests: the real binary on loopback, raw bytes in and out, scripted origins behind it.
//! Every promise that a client, an origin or an operator can see is a sentence here.

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

mod exchanges;

mod examples;
mod steps;

mod affinity;
mod auto_passthrough;
mod automatic_mutual;
mod binds;
mod bodies;
mod breakers;
mod canary;
mod certificates;
mod clusters;
mod connections;
mod contract;
mod destinations;
mod dying;
mod failures;
mod faults;
mod floods;
mod http2;
mod istio_mutual;
mod kinds;
mod localities;
mod outliers;
mod proxy_header;
mod refusals;
mod retries;
mod routing;
mod sessions;
mod sidecar;
mod tcp;
mod tls;
mod tls_upstream;
mod tunnels;
mod upgrade;

mod check;
mod control;
mod reload;
mod reload_under_load;
