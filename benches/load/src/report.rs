//! Medians, spread and ratios, printed as a Markdown table.

use std::time::Duration;

use crate::client::Load;

/// All samples of a run, in order of arrival.
#[derive(Default)]
pub struct Report {
    started: Vec<(&'static str, Duration, u64)>,
    samples: Vec<Sample>,
}

struct Sample {
    workload: &'static str,
    peer: &'static str,
    cpu_micros: f64,
    requests_per_second: f64,
}

impl Report {
    pub fn started(&mut self, peer: &'static str, first_answer: Duration, resident_kib: u64) {
        self.started.push((peer, first_answer, resident_kib));
    }

    pub fn sample(
        &mut self,
        workload: &'static str,
        peer: &'static str,
        cpu: Duration,
        load: &Load,
    ) {
        let requests = load.requests.max(1) as f64;
        self.samples.push(Sample {
            workload,
            peer,
            cpu_micros: cpu.as_secs_f64() * 1e6 / requests,
            requests_per_second: requests / load.elapsed.as_secs_f64(),
        });
    }

    pub fn print(&self) {
        println!("start to first answer, and resident memory then:");
        for (peer, first_answer, resident) in &self.started {
            println!("  {peer:<10} {:>7.1} ms {resident:>8} KiB", first_answer.as_secs_f64() * 1e3);
        }
        println!("\nCPU microseconds of the proxy per request, median (minimum to maximum):\n");
        let peers: Vec<_> = self.started.iter().map(|(peer, ..)| *peer).collect();
        println!("| workload | {} |", peers.join(" | "));
        println!("|---|{}", "---|".repeat(peers.len()));
        let mut workloads: Vec<_> = self.samples.iter().map(|sample| sample.workload).collect();
        workloads.dedup();
        for workload in workloads {
            let cells: Vec<_> = peers.iter().map(|peer| self.cell(workload, peer)).collect();
            println!("| {workload} | {} |", cells.join(" | "));
        }
        println!("\n(x: that proxy's median over propylon's, same run)");
    }

    fn cell(&self, workload: &str, peer: &str) -> String {
        let cost = self.sorted(workload, peer, |sample| sample.cpu_micros);
        let rate = self.sorted(workload, peer, |sample| sample.requests_per_second);
        let ours = median(&self.sorted(workload, "propylon", |sample| sample.cpu_micros));
        let ratio = match (peer, ours) {
            ("propylon", _) | (_, None) => String::new(),
            (_, Some(ours)) => format!(", {:.2}x", median(&cost).unwrap_or(0.0) / ours),
        };
        match (cost.first(), median(&cost), cost.last(), median(&rate)) {
            (Some(low), Some(middle), Some(high), Some(rate)) => {
                format!("**{middle:.1}** ({low:.1} to {high:.1}; {:.1}k/s{ratio})", rate / 1e3)
            }
            _ => "-".into(),
        }
    }

    fn sorted(&self, workload: &str, peer: &str, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let wanted = |sample: &&Sample| sample.workload == workload && sample.peer == peer;
        let mut all: Vec<f64> = self.samples.iter().filter(wanted).map(figure).collect();
        all.sort_by(f64::total_cmp);
        all
    }
}

fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}
