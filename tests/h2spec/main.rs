//! What h2spec, the conformance test of HTTP/2, says about the gateway, in its strict mode, over
//! plaintext and over TLS. Has its own small harness, because without h2spec it must show as
//! ignored.

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

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use harness::certificates::Authority;
use harness::gateway::{Gateway, files, root};
use harness::origin::{Origin, ok};
use harness::world::service;

/// How many of the cases of h2spec 2.2.1 there are.
const CASES: usize = 146;

/// The ones that may fail: a gateway that serves both protocols on one plaintext port answers a
/// broken preface as the HTTP/1 that it is.
const MAY_FAIL: [(&str, &[&str]); 2] =
    [("h2spec_over_plaintext", &["Sends invalid connection preface"]), ("h2spec_over_tls", &[])];

const WORLD: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ['*']
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: ['*']
    tls: {mode: SIMPLE, serverCertificate: server.crt, privateKey: server.key}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: default}
spec:
  hosts: ['*']
  gateways: [web]
  http: [{route: [{destination: {host: origin}}]}]
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|word| word == "--list") {
        MAY_FAIL.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let filters: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let chosen = |name: &str| filters.is_empty() || filters.iter().any(|it| name.contains(*it));
    let cases: Vec<_> = MAY_FAIL.iter().filter(|(name, _)| chosen(name)).collect();
    println!("\nrunning {} tests", cases.len());
    let Some(binary) = find() else {
        for (name, _) in &cases {
            println!("test {name} ... ignored, no h2spec: `make peers` installs one");
        }
        println!("\nSKIPPED: h2spec did not run (PROPYLON_H2SPEC or .peers)");
        println!("\ntest result: ok. 0 passed; 0 failed; {} ignored\n", cases.len());
        return ExitCode::SUCCESS;
    };
    if cases.is_empty() {
        return ExitCode::SUCCESS;
    }
    let servers = Authority::new("servers");
    let own = servers.server(&["localhost"]);
    let origin = Origin::replies(|_| ok("hello"));
    let gateway = files(&[
        ("gateway.yaml", WORLD),
        ("origin.yaml", &service("origin", origin.port())),
        ("server.crt", &own.certificate),
        ("server.key", &own.key),
    ]);
    let gateway = gateway.ports(&[80, 443]).start();
    let mut code = ExitCode::SUCCESS;
    for (name, may_fail) in cases {
        match judge(&binary, &gateway, name.ends_with("tls"), may_fail) {
            Ok(passed) => println!("test {name} ... ok ({passed} of {CASES})"),
            Err(what) => {
                println!("test {name} ... FAILED\n{what}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// Where h2spec may be: what `PROPYLON_H2SPEC` names, or where `make peers` puts it.
fn find() -> Option<PathBuf> {
    let named = env::var_os("PROPYLON_H2SPEC").map(PathBuf::from);
    named.or_else(|| Some(root().join(".peers/bin/h2spec"))).filter(|path| path.is_file())
}

/// Runs h2spec; how many cases passed, or what it complains about.
fn judge(binary: &Path, gateway: &Gateway, tls: bool, may_fail: &[&str]) -> Result<usize, String> {
    let address = gateway.address(if tls { 443 } else { 80 });
    let mut command = Command::new(binary);
    command.args(["--strict", "--timeout", "5", "--host", "127.0.0.1", "--path", "/"]);
    command.args(["--port", &address.port().to_string()]);
    if tls {
        command.args(["--tls", "--insecure"]);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let complaints = text.split_once("Failures:").map_or("", |(_, complaints)| complaints);
    let failed: Vec<&str> = complaints
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("× "))
        .filter_map(|line| line.split_once(": ").map(|(_, case)| case.trim()))
        .collect();
    let unexpected = failed.iter().any(|case| !may_fail.contains(case));
    let all = text.contains(&format!("{CASES} tests, {} passed", CASES - failed.len()));
    if unexpected || !all { Err(text.into_owned()) } else { Ok(CASES - failed.len()) }
}
