//! How much of a cluster is in use over all workers, and whether there may be more (Envoy's circuit
//! breakers). Nothing is counted that nothing bounds: then a request costs no shared write. As in
//! Envoy, two workers that ask in the same moment may exceed a bound by one each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use propylon_snapshot::{Fraction, Limits, RetryBudget};

/// What is in use now.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    connections: AtomicU32,
    pending: AtomicU32,
    requests: AtomicU32,
    retries: AtomicU32,
}

/// What of a cluster is in use over all workers. What nothing bounds is not counted, and zero here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InUse {
    /// Connections.
    pub connections: u32,
    /// Requests that wait for a connection.
    pub pending: u32,
    /// Requests under way.
    pub requests: u32,
    /// Retries.
    pub retries: u32,
}

/// A kind of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connection,
    Pending,
    Request,
    Retry,
}

/// One more in use, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Share {
    /// `None` where nothing bounds this kind, and nothing is counted.
    counted: Option<(Arc<Usage>, Kind)>,
}

impl Usage {
    /// A connection; `None` if there are as many as there may be.
    pub(crate) fn connection(self: &Arc<Self>, limits: &Limits) -> Option<Share> {
        self.take(Kind::Connection, limits.connections, false)
    }

    /// A connection whatever the bound: an endpoint without any would never serve what waits.
    pub(crate) fn first_connection(self: &Arc<Self>, limits: &Limits) -> Share {
        let counts = limits.connections.is_some();
        self.share(Kind::Connection, counts)
    }

    /// A request that waits for a connection.
    pub(crate) fn pending(self: &Arc<Self>, limits: &Limits) -> Option<Share> {
        self.take(Kind::Pending, limits.pending, limits.retry_budget.is_some())
    }

    /// A request under way.
    pub(crate) fn request(self: &Arc<Self>, limits: &Limits) -> Option<Share> {
        self.take(Kind::Request, limits.requests, limits.retry_budget.is_some())
    }

    /// A retry, from the decision for it to its end.
    pub(crate) fn retry(self: &Arc<Self>, limits: &Limits) -> Option<Share> {
        let most = match limits.retry_budget {
            Some(budget) => Some(self.budgeted(budget)),
            None => limits.retries,
        };
        self.take(Kind::Retry, most, false)
    }

    /// Retries that the load allows now.
    fn budgeted(&self, budget: RetryBudget) -> u32 {
        let RetryBudget { share: Fraction(millionths), at_least } = budget;
        let load = u64::from(self.requests.load(Ordering::Relaxed))
            + u64::from(self.pending.load(Ordering::Relaxed));
        let share = load * u64::from(millionths) / 1_000_000;
        u32::try_from(share).unwrap_or(u32::MAX).max(at_least)
    }

    /// One more of a kind that `most` bounds. Where nothing does it is only counted if `counts`.
    fn take(self: &Arc<Self>, kind: Kind, most: Option<u32>, counts: bool) -> Option<Share> {
        let allowed = most.is_none_or(|most| self.count(kind).load(Ordering::Relaxed) < most);
        allowed.then(|| self.share(kind, counts || most.is_some()))
    }

    fn share(self: &Arc<Self>, kind: Kind, counts: bool) -> Share {
        let counted = counts.then(|| {
            self.count(kind).fetch_add(1, Ordering::Relaxed);
            (Arc::clone(self), kind)
        });
        Share { counted }
    }

    /// What is counted now.
    pub(crate) fn now(&self) -> InUse {
        let read = |kind| self.count(kind).load(Ordering::Relaxed);
        InUse {
            connections: read(Kind::Connection),
            pending: read(Kind::Pending),
            requests: read(Kind::Request),
            retries: read(Kind::Retry),
        }
    }

    fn count(&self, kind: Kind) -> &AtomicU32 {
        match kind {
            Kind::Connection => &self.connections,
            Kind::Pending => &self.pending,
            Kind::Request => &self.requests,
            Kind::Retry => &self.retries,
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some((usage, kind)) = &self.counted {
            usage.count(*kind).fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
