//! How often a request may still be tried, where, and after which wait.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use propylon_snapshot::{Reason, Retry};

use crate::upstream::{Been, LiveCluster, LiveEndpoint, Share};

/// The tries of one request.
pub(super) struct Tries<'r> {
    policy: Option<&'r Retry>,
    /// Whose retries there may only be so many of.
    cluster: Option<&'r LiveCluster>,
    count: u32,
    tried: Vec<Rc<LiveEndpoint>>,
    /// Where the tries have been, if retries leave localities behind.
    been: Option<Box<Been>>,
    /// The current retry's share of those that there may be.
    share: Cell<Option<Box<Share>>>,
}

/// What a response head says that a retry may depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    /// The status.
    pub(super) status: u16,
    /// `grpc-status`, where the head has one.
    pub(super) grpc_status: Option<u8>,
    /// It says `x-envoy-ratelimited`.
    pub(super) ratelimited: bool,
}

/// The longest wait, in multiples of the base (Envoy's `max_interval`).
const BACKOFF_MAX_FACTOR: u32 = 10;

impl<'r> Tries<'r> {
    /// No try yet.
    pub(super) fn new(policy: Option<&'r Retry>, cluster: Option<&'r LiveCluster>) -> Self {
        let been = policy.filter(|policy| policy.remote_localities).map(|_| Box::default());
        Self { policy, cluster, count: 0, tried: Vec::new(), been, share: Cell::default() }
    }

    /// Begins a try.
    pub(super) fn begin(&mut self) {
        self.count += 1;
    }

    /// Tries so far.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The endpoint of a cluster for the next try; `None` where it has none of its own.
    pub(super) fn choose(
        &mut self,
        cluster: &LiveCluster,
        hash: Option<u64>,
    ) -> Option<Rc<LiveEndpoint>> {
        match &mut self.been {
            None => cluster.choose(hash, &self.tried),
            Some(been) => cluster.choose_elsewhere(hash, &self.tried, been),
        }
    }

    /// Endpoints to avoid.
    pub(super) fn tried(&self) -> &[Rc<LiveEndpoint>] {
        &self.tried
    }

    /// True if a try that brought no response head may be followed by another. From then on that
    /// one counts among the retries of the cluster.
    pub(super) fn may_follow_failure(&self, reason: Reason, started: bool) -> bool {
        self.left().is_some_and(|policy| policy.on.covers(reason, started)) && self.has_room()
    }

    /// False where the route says that nothing is to be sent twice: `attempts: 0`.
    pub(super) fn are_allowed(&self) -> bool {
        self.policy.is_some_and(|policy| policy.attempts > 0)
    }

    /// True if the policy covers a failure of a request that was sent, now or after other tries.
    pub(super) fn retries(&self, reason: Reason) -> bool {
        self.policy.is_some_and(|policy| policy.attempts > 0 && policy.on.covers(reason, true))
    }

    /// True if a response is to be thrown away and the request tried again.
    pub(super) fn declines(&self, verdict: Verdict) -> bool {
        self.left().is_some_and(|policy| {
            policy.covers_response(verdict.status, verdict.grpc_status)
                || (policy.on.envoy_ratelimited && verdict.ratelimited)
        }) && self.has_room()
    }

    /// Takes the next retry's share; the last one's is given back before.
    fn has_room(&self) -> bool {
        self.share.set(None);
        let Some(cluster) = self.cluster else { return true };
        let share = cluster.retry();
        let room = share.is_some();
        self.share.set(share.map(Box::new));
        room
    }

    /// Notes that the try at `endpoint` is followed by another; returns the wait before it: Envoy's
    /// exponential back-off with full jitter.
    pub(super) fn follow(&mut self, endpoint: &Rc<LiveEndpoint>) -> Duration {
        let Some(policy) = self.policy else { return Duration::ZERO };
        if policy.ignore_previous_hosts {
            self.tried.push(Rc::clone(endpoint));
        }
        longest_wait(policy.backoff, self.count).mul_f64(fastrand::f64())
    }

    fn left(&self) -> Option<&'r Retry> {
        self.policy.filter(|policy| self.count <= policy.attempts)
    }
}

/// The bound of the wait before retry number `retry`: base times 2^n - 1, at most ten times base.
fn longest_wait(base: Duration, retry: u32) -> Duration {
    let factor = 1_u32.checked_shl(retry).map_or(u32::MAX, |power| power - 1);
    base.saturating_mul(factor.min(BACKOFF_MAX_FACTOR))
}

/// True if a policy may want a request again after bytes of its body have left, so that the body
/// has to be held. A gRPC status in a response head is looked for in every response, but only gRPC
/// requests are worth holding for it.
/// `http2` says that the upstream may refuse single requests.
pub(super) fn may_want_body(policy: &Retry, grpc: bool, http2: bool) -> bool {
    let on = &policy.on;
    let by_status = on.server_error || on.gateway_error || on.retriable_4xx;
    let by_grpc = on.grpc_cancelled
        || on.grpc_deadline_exceeded
        || on.grpc_internal
        || on.grpc_resource_exhausted
        || on.grpc_unavailable;
    by_status
        || on.reset
        || on.envoy_ratelimited
        || !policy.statuses.is_empty()
        || (grpc && by_grpc)
        || (http2 && on.refused_stream)
}

#[cfg(test)]
mod tests;
