//! CPU time and memory of a process from the kernel's own accounting, and pinning.

use std::process::Command;
use std::time::Duration;

/// CPU time that all threads of a process have used, user and system.
pub fn used(pid: u32) -> std::io::Result<Duration> {
    let mut nanos = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let running = text.split_whitespace().next().and_then(|n| n.parse::<u64>().ok());
        nanos += running.unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanos))
}

/// Resident memory of a process in KiB.
pub fn resident_kib(pid: u32) -> u64 {
    status_kib(pid, "VmRSS:")
}

/// Resident memory of a process in KiB that is its own: without its program and mapped files.
pub fn anonymous_kib(pid: u32) -> u64 {
    status_kib(pid, "RssAnon:")
}

fn status_kib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Moves this process and the threads it will start to one core.
pub fn pin_self_to(core: usize) {
    let pid = std::process::id().to_string();
    let done = Command::new("taskset").args(["-cp", &core.to_string(), &pid]).output();
    if !done.is_ok_and(|done| done.status.success()) {
        eprintln!("NOTE: not pinned (no taskset, or only one core): figures are less steady");
    }
}
