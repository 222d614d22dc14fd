//! Side-by-side load test over loopback: every proxy alone on core 0, load and backend on core 1,
//! proxies interleaved round by round. The figure is the CPU time of the proxy's process per
//! request: throughput on a shared machine is noise, this is not.

mod backend;
mod client;
mod cpu;
mod peer;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use peer::Peer;
use report::Report;

/// What is asked of every proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    name: &'static str,
    request: &'static str,
}

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "HTTP/1.1 small GET",
        request: "GET /api/v1/items HTTP/1.1\r\nHost: bench.local\r\n\r\n",
    },
    Workload {
        name: "HTTP/1.1 browser-like head",
        request: concat!(
            "GET /api/v1/items/42?sort=asc&page=3 HTTP/1.1\r\nHost: bench.local\r\n",
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:143.0) ",
            "Gecko/20100101 Firefox/143.0\r\n",
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n",
            "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n",
            "Accept-Encoding: gzip, deflate, br, zstd\r\n",
            "Referer: http://bench.local/api/v1/\r\nDNT: 1\r\nSec-GPC: 1\r\n",
            "Cookie: session=5f2c1e4d7a9b4c3e8d6f0a1b2c3d4e5f; theme=dark; consent=yes\r\n",
            "Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\n",
            "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nPriority: u=0, i\r\n\r\n",
        ),
    },
    Workload {
        name: "HTTP/1.1 64 KiB bodies",
        request: "GET /static/64k HTTP/1.1\r\nHost: bench.local\r\n\r\n",
    },
];

struct Arguments {
    here: PathBuf,
    propylon: PathBuf,
    envoy: PathBuf,
    rounds: usize,
    seconds: f64,
    connections: usize,
    only: Option<String>,
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments {
        here: ".".into(),
        propylon: "propylon".into(),
        envoy: "envoy".into(),
        rounds: 5,
        seconds: 2.0,
        connections: 32,
        only: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse::<f64>().map_err(|e| format!("{flag} {value}: {e}"));
        match flag.as_str() {
            "--here" => found.here = value.into(),
            "--propylon" => found.propylon = value.into(),
            "--envoy" => found.envoy = value.into(),
            "--rounds" => found.rounds = number()? as usize,
            "--seconds" => found.seconds = number()?,
            "--connections" => found.connections = number()? as usize,
            "--only" => found.only = Some(value),
            _ => return Err(format!("unknown option {flag}")),
        }
    }
    Ok(found)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = arguments()?;
    cpu::pin_self_to(1);
    backend::start()?;
    let mut peers = Vec::new();
    for peer in Peer::all(&arguments.here, &arguments.propylon, &arguments.envoy) {
        if arguments.only.as_deref().is_some_and(|only| only != peer.name) {
            continue;
        }
        let name = peer.name;
        match peer.start() {
            Ok(running) => peers.push(running),
            Err(why) => eprintln!("SKIPPED: {name}: {why}"),
        }
    }
    let span = Duration::from_secs_f64(arguments.seconds);
    let mut report = Report::default();
    for peer in &peers {
        report.started(peer.name(), peer.first_answer(), peer.resident_kib());
    }
    for workload in WORKLOADS {
        for round in 0..=arguments.rounds {
            for peer in &peers {
                let before = peer.cpu()?;
                let load = client::run(peer.port(), workload, arguments.connections, span)?;
                let used = peer.cpu()?.saturating_sub(before);
                // Round 0 warms up: connections, caches, clocks.
                if round > 0 {
                    report.sample(workload.name, peer.name(), used, &load);
                }
            }
        }
    }
    report.print();
    Ok(())
}
