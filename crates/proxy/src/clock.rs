//! The only place that reads the clock. Keeps the value of the `date` header for a second.

use std::cell::{Cell, RefCell};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// A worker's clock.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    second: Cell<u64>,
    date: RefCell<Bytes>,
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
        self.renew_date();
        out.extend_from_slice(&self.date.borrow());
    }

    /// The current date as `date` has it. The same bytes for all that ask within a second.
    pub(crate) fn date(&self) -> Bytes {
        self.renew_date();
        self.date.borrow().clone()
    }

    fn renew_date(&self) {
        let wall = self.wall();
        let second = wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut date = self.date.borrow_mut();
        if second != self.second.get() || date.is_empty() {
            *date = httpdate::fmt_http_date(wall).into();
            self.second.set(second);
        }
    }
}

#[cfg(test)]
mod tests;
