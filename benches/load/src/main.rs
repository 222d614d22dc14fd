//! Side-by-side load test over loopback: every proxy alone on core 0, load and backends on core 1,
//! proxies interleaved round by round. The figure is the CPU time of the proxy's process per unit
//! of work: throughput on a shared machine is noise, this is not.

mod backend;
mod certificate;
mod client;
mod cpu;
mod frames;
mod idle;
mod link;
mod peer;
mod report;
mod workload;

use std::path::PathBuf;
use std::time::Duration;

use client::Width;
use peer::{Peer, Running};
use report::Report;
use workload::{WORKLOADS, Workload};

struct Arguments {
    here: PathBuf,
    propylon: PathBuf,
    before: Option<PathBuf>,
    envoy: PathBuf,
    rounds: usize,
    seconds: f64,
    connections: usize,
    multiplexed: (usize, usize),
    only: Option<String>,
    row: Option<String>,
    idle: Option<usize>,
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments {
        here: ".".into(),
        propylon: "propylon".into(),
        before: None,
        envoy: "envoy".into(),
        rounds: 5,
        seconds: 2.0,
        connections: 32,
        multiplexed: (8, 8),
        only: None,
        row: None,
        idle: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse::<f64>().map_err(|e| format!("{flag} {value}: {e}"));
        match flag.as_str() {
            "--here" => found.here = value.into(),
            "--propylon" => found.propylon = value.into(),
            "--before" => found.before = Some(value.into()),
            "--envoy" => found.envoy = value.into(),
            "--rounds" => found.rounds = number()? as usize,
            "--seconds" => found.seconds = number()?,
            "--connections" => found.connections = number()? as usize,
            // Connections, and streams on each.
            "--multiplexed" => {
                let (connections, streams) = value.split_once('x').ok_or("like 8x8")?;
                let number = |text: &str| text.parse().map_err(|e| format!("{flag} {value}: {e}"));
                found.multiplexed = (number(connections)?, number(streams)?);
            }
            "--only" => found.only = Some(value),
            "--row" => found.row = Some(value),
            "--idle" => found.idle = Some(number()? as usize),
            _ => return Err(format!("unknown option {flag}")),
        }
    }
    Ok(found)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = arguments()?;
    cpu::pin_self_to(1);
    certificate::write(&arguments.here)?;
    backend::start()?;
    let mut peers = Peer::all(
        &arguments.here,
        (&arguments.propylon, arguments.before.as_deref()),
        &arguments.envoy,
    );
    let wanted = arguments.only.as_deref();
    peers.retain(|peer| wanted.is_none_or(|only| only.split(',').any(|name| name == peer.name)));
    let mut report = Report::default();
    if arguments.rounds > 0 {
        compare(&peers, &arguments, &mut report)?;
    }
    if let Some(count) = arguments.idle {
        idle::measure(&peers, count, &mut report)?;
    }
    report.print(&peers);
    Ok(())
}

fn compare(peers: &[Peer], arguments: &Arguments, report: &mut Report) -> std::io::Result<()> {
    let mut running = Vec::new();
    for peer in peers {
        match peer.clone().start() {
            Ok(started) => running.push(started),
            Err(why) => eprintln!("SKIPPED: {}: {why}", peer.name),
        }
    }
    for peer in &running {
        report.started(peer.name(), peer.first_answer(), peer.resident_kib());
    }
    for workload in WORKLOADS {
        if arguments.row.as_deref().is_none_or(|row| workload.name.contains(row)) {
            row(workload, &running, arguments, report)?;
        }
    }
    Ok(())
}

/// Measures one workload, round by round.
fn row(
    workload: &Workload,
    running: &[Running],
    arguments: &Arguments,
    report: &mut Report,
) -> std::io::Result<()> {
    let span = Duration::from_secs_f64(arguments.seconds);
    let width = Width {
        connections: arguments.connections,
        multiplexed: arguments.multiplexed,
        arriving: 16,
        pouring: 4,
    };
    let mut able = Vec::new();
    for peer in running {
        // Warms up connections, caches and clocks, and shows who cannot do this at all.
        match client::run(peer.peer().port(workload.entry), workload, width, span) {
            Ok(_) => able.push(peer),
            Err(why) => eprintln!("SKIPPED: {}: {}: {why}", workload.name, peer.name()),
        }
    }
    for _ in 0..arguments.rounds {
        for peer in &able {
            let before = peer.cpu()?;
            let done = client::run(peer.peer().port(workload.entry), workload, width, span)?;
            let used = peer.cpu()?.saturating_sub(before);
            report.sample(workload, peer.name(), used, &done);
        }
    }
    Ok(())
}
