//! Medians, spread and ratios, printed as a Markdown table.

use std::time::Duration;

use crate::client::Done;
use crate::workload::{Unit, Workload};

/// All samples of a run, in order of arrival.
#[derive(Default)]
pub struct Report {
    started: Vec<(&'static str, Duration, u64)>,
    samples: Vec<Sample>,
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

    pub fn print(&self) {
        println!("start to first answer, and resident memory then:");
        for (peer, first_answer, resident) in &self.started {
            println!("  {peer:<10} {:>7.1} ms {resident:>8} KiB", first_answer.as_secs_f64() * 1e3);
        }
        println!("\nCPU time of the proxy per unit of work, median (minimum to maximum; rate):\n");
        let peers: Vec<_> = self.started.iter().map(|(peer, ..)| *peer).collect();
        println!("| workload | {} |", peers.join(" | "));
        println!("|---|{}", "---|".repeat(peers.len()));
        let mut rows: Vec<_> =
            self.samples.iter().map(|sample| (sample.workload, sample.unit)).collect();
        rows.dedup();
        for (workload, unit) in rows {
            let cells: Vec<_> = peers.iter().map(|peer| self.cell(workload, unit, peer)).collect();
            println!("| {workload}, {} | {} |", unit.label(), cells.join(" | "));
        }
        println!("\n(x: that proxy's median over propylon's, same run)");
    }

    fn cell(&self, workload: &str, unit: Unit, peer: &str) -> String {
        let cost = self.sorted(workload, peer, |sample| sample.cpu * unit.scale());
        let rate = self.sorted(workload, peer, |sample| sample.units_per_second);
        let (Some(low), Some(middle), Some(high), Some(rate)) =
            (cost.first(), median(&cost), cost.last(), median(&rate))
        else {
            return "-".into();
        };
        let ours = self.sorted(workload, "propylon", |sample| sample.cpu * unit.scale());
        let ratio = match (peer, median(&ours)) {
            ("propylon", _) | (_, None) => String::new(),
            (_, Some(ours)) => format!(", {:.2}x", middle / ours),
        };
        let rate = match unit {
            Unit::Gibibyte => format!("{rate:.1} GiB/s"),
            Unit::Handshake => format!("{:.0}/CPU s", unit.scale() / middle),
            Unit::Request | Unit::Connection => format!("{:.1}k/s", rate / 1e3),
        };
        format!("**{middle:.1}** ({low:.1} to {high:.1}; {rate}{ratio})")
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
