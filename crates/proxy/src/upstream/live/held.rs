//! What is open and under way at one endpoint in one worker. The addresses of a name of which only
//! one counts at a time are one endpoint, one after the other: each takes this over from the one
//! before, so that connections to it are used as long as they are good (Envoy's logical DNS).

use std::cell::Cell;

use crate::upstream::http2::Sessions;
use crate::upstream::load::Tally;
use crate::upstream::pool::Pool;

/// Connections, requests and counts of an endpoint.
#[derive(Debug, Default)]
pub(in crate::upstream) struct Held {
    /// Requests under way.
    pub(in crate::upstream) active: Cell<u32>,
    /// Connections that carry one request at a time.
    pub(in crate::upstream) pool: Pool,
    /// Connections that carry HTTP/2.
    pub(in crate::upstream) sessions: Sessions,
    /// What there was.
    pub(in crate::upstream) tally: Tally,
    /// True once nothing is to be kept any more.
    retired: Cell<bool>,
}

impl Held {
    /// True once nothing is to be kept any more.
    pub(in crate::upstream) fn is_retired(&self) -> bool {
        self.retired.get()
    }

    /// Closes what is unused, and keeps nothing from now on.
    pub(super) fn retire(&self) {
        self.retired.set(true);
        self.pool.clear();
        self.sessions.clear();
    }
}
