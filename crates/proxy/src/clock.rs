//! The only place that reads the clock. Keeps the text of the `date` header for a second.

use std::cell::{Cell, RefCell};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A worker's clock.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    second: Cell<u64>,
    text: RefCell<String>,
}

impl Clock {
    /// Monotonic time, for durations.
    #[must_use]
    pub(crate) fn now(&self) -> Instant {
        Instant::now()
    }

    /// Calendar time, for people.
    #[must_use]
    pub(crate) fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Appends the current date as `date` has it (RFC 9110 section 5.6.7).
    pub(crate) fn write_date(&self, out: &mut Vec<u8>) {
        let wall = self.wall();
        let second = wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut text = self.text.borrow_mut();
        if second != self.second.get() || text.is_empty() {
            *text = httpdate::fmt_http_date(wall);
            self.second.set(second);
        }
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests;
