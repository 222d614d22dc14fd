//! Medians, spread and ratios, printed as a Markdown table.

use std::time::Duration;

use crate::client::Done;
use crate::peer::Peer;
use crate::workload::{Unit, Workload};

/// All samples of a run, in order of arrival.
#[derive(Default)]
pub struct Report {
    started: Vec<(&'static str, Duration, u64)>,
    samples: Vec<Sample>,
    idle: Vec<(&'static str, &'static str, f64)>,
}

struct Sample {
    workload: &'static str,
    unit: Unit,
    peer: &'static str,
    /// CPU seconds for one unit.
    cpu: f64,
    units_per_second: f64,
}

impl Report {
    pub fn started(&mut self, peer: &'static str, first_answer: Duration, resident_kib: u64) {
        self.started.push((peer, first_answer, resident_kib));
    }

    pub fn sample(&mut self, workload: &Workload, peer: &'static str, cpu: Duration, done: &Done) {
        self.samples.push(Sample {
            workload: workload.name,
            unit: workload.unit(),
            peer,
            cpu: cpu.as_secs_f64() / done.units,
            units_per_second: done.units / done.elapsed.as_secs_f64(),
        });
    }

    pub fn idle(&mut self, kind: &'static str, peer: &'static str, bytes: f64) {
        self.idle.push((kind, peer, bytes));
    }

    /// Prints what was measured. The first table is the one of the project's README.
    pub fn print(&self, peers: &[Peer]) {
        let peers: Vec<_> = peers.iter().map(|peer| peer.name).collect();
        let line = |label: &str, cell: &dyn Fn(&'static str) -> String| {
            let cells: Vec<_> = peers.iter().map(|peer| cell(peer)).collect();
            println!("| {label} | {} |", cells.join(" | "));
        };
        let ruler = || println!("|---|{}", "---|".repeat(peers.len()));
        let mut rows: Vec<_> =
            self.samples.iter().map(|sample| (sample.workload, sample.unit)).collect();
        rows.dedup();

        line("CPU time of the proxy per unit of work, median (min to max)", &|peer| peer.into());
        ruler();
        for (workload, unit) in &rows {
            let label = format!("{workload}, {}", unit.label());
            line(&label, &|peer| self.cost(workload, *unit, peer));
        }
        let mut kinds: Vec<_> = self.idle.iter().map(|(kind, ..)| *kind).collect();
        kinds.dedup();
        for kind in kinds {
            line(&format!("memory of an idle {kind} connection, bytes"), &|peer| {
                let found = self.idle.iter().find(|idle| (idle.0, idle.1) == (kind, peer));
                found.map_or_else(|| "-".into(), |(.., bytes)| format!("{bytes:.0}"))
            });
        }
        line("start to first answer, ms", &|peer| {
            self.start(peer, |first_answer, _| format!("{:.0}", first_answer.as_secs_f64() * 1e3))
        });
        line("resident memory then, MiB", &|peer| {
            self.start(peer, |_, kib| format!("{:.1}", kib as f64 / 1024.0))
        });
        println!("\n(×: that proxy's median over propylon's, same run)\n");

        line("throughput, which on a shared machine is noise, median", &|peer| peer.into());
        ruler();
        for (workload, unit) in &rows {
            line(workload, &|peer| self.rate(workload, *unit, peer));
        }
    }

    fn start(&self, peer: &str, show: impl Fn(Duration, u64) -> String) -> String {
        let found = self.started.iter().find(|started| started.0 == peer);
        found.map_or_else(|| "-".into(), |started| show(started.1, started.2))
    }

    fn cost(&self, workload: &str, unit: Unit, peer: &str) -> String {
        let cost = |peer| self.sorted(workload, peer, |sample| sample.cpu * unit.scale());
        let all = cost(peer);
        let (Some(low), Some(middle), Some(high)) = (all.first(), median(&all), all.last()) else {
            return "-".into();
        };
        match (peer, median(&cost("propylon"))) {
            ("propylon", _) => format!("**{middle:.1}** ({low:.1} to {high:.1})"),
            (_, None) => format!("{middle:.1} ({low:.1} to {high:.1})"),
            (_, Some(ours)) => {
                format!("{middle:.1} ({low:.1} to {high:.1}), {:.2}×", middle / ours)
            }
        }
    }

    fn rate(&self, workload: &str, unit: Unit, peer: &str) -> String {
        let cost = self.sorted(workload, peer, |sample| sample.cpu);
        let rate = self.sorted(workload, peer, |sample| sample.units_per_second);
        let (Some(cost), Some(rate)) = (median(&cost), median(&rate)) else { return "-".into() };
        match unit {
            Unit::Gibibyte => format!("{rate:.1} GiB/s"),
            Unit::Handshake => format!("{rate:.0}/s, {:.0} per CPU second", 1.0 / cost),
            Unit::Request | Unit::Connection => format!("{rate:.0}/s"),
        }
    }

    fn sorted(&self, workload: &str, peer: &str, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let wanted = |sample: &&Sample| sample.workload == workload && sample.peer == peer;
        let mut all: Vec<f64> = self.samples.iter().filter(wanted).map(figure).collect();
        all.sort_by(f64::total_cmp);
        all
    }
}

impl Unit {
    /// What CPU seconds for one unit are multiplied by.
    fn scale(self) -> f64 {
        match self {
            Self::Request | Self::Connection | Self::Handshake => 1e6,
            Self::Gibibyte => 1e3,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Request | Self::Connection | Self::Handshake => "µs",
            Self::Gibibyte => "ms",
        }
    }
}

fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}
