//! When to tell a failure that may come with every request: now and then, with the number of those
//! that were not told. Knows no failure; whoever has one asks here before writing to the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Time between two tellings: what fails with every request must not fill the log.
pub(crate) const COMPLAINT_PAUSE: Duration = Duration::from_secs(10);

/// When a failure was last told, and how many were not since.
#[derive(Debug, Default)]
pub(crate) struct Complaint(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    last: Option<Instant>,
    untold: u64,
}

impl Complaint {
    /// `Some` if a failure of this moment should be told, with how many were not told since the
    /// last one.
    pub(crate) fn due(&self, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.last.is_some_and(|last| now.duration_since(last) < COMPLAINT_PAUSE) {
            told.untold += 1;
            return None;
        }
        told.last = Some(now);
        Some(std::mem::take(&mut told.untold))
    }
}
