//! Whether another client connection fits. Clients must not take every file descriptor: without one
//! left, no upstream can be connected to, no file read, and no probe answered.

use std::fs;
use std::sync::OnceLock;

use crate::limits::{CLIENT_CONNECTIONS_MAX, CLIENT_DESCRIPTORS_PERCENT};

/// True if a connection with this descriptor may stay beside so many others of its worker.
///
/// The kernel hands out the lowest descriptor that is free, so its number tells how many the whole
/// process has open: all workers together are bounded, and they share nothing for it.
pub(crate) fn fits(descriptor: i32, present: usize) -> bool {
    static LOWEST_REFUSED: OnceLock<i32> = OnceLock::new();
    let lowest_refused = *LOWEST_REFUSED.get_or_init(|| {
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        open_files(&limits).map_or(i32::MAX, share)
    });
    present < CLIENT_CONNECTIONS_MAX && descriptor < lowest_refused
}

/// The soft limit of open files in the text of `/proc/self/limits`; `None` where there is none.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// The first descriptor that no client may have when so many may be open.
fn share(open_files: u64) -> i32 {
    let share = open_files.saturating_mul(CLIENT_DESCRIPTORS_PERCENT) / 100;
    i32::try_from(share).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_open_files_is_found() {
        let limits = "Limit                Soft Limit   Hard Limit   Units\n\
                      Max processes        95969        95969        processes\n\
                      Max open files       1024         524288       files\n";
        assert_eq!(open_files(limits), Some(1024));
        assert_eq!(open_files("Max open files   unlimited   unlimited   files\n"), None);
        assert_eq!(open_files(""), None);
    }

    #[test]
    fn a_part_of_the_descriptors_stays_for_everything_else() {
        assert_eq!(share(1000), 750);
        assert_eq!(share(u64::MAX), i32::MAX);
    }

    #[test]
    fn a_worker_takes_no_more_than_its_bound() {
        assert!(fits(0, CLIENT_CONNECTIONS_MAX - 1));
        assert!(!fits(0, CLIENT_CONNECTIONS_MAX));
    }
}
