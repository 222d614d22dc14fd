//! Health of a cluster's endpoints over all workers: failures counted, endpoints ejected and let
//! back in, by Envoy's rules of outlier detection. Time is an argument; nothing here waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use propylon_snapshot::{Address, Endpoint, Outlier};
use tokio::time::Instant;

use crate::limits::ASKED_ENDPOINTS_MAX;

/// What became of one use of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A connection was made; what is said on it is still to come.
    Connected,
    /// A connection was made, and nothing more will be known of it.
    HandedOn,
    /// A response head came.
    Answered(u16),
    /// There was no connection, or it broke before a response head.
    Broke,
    /// A response head did not come in time.
    Late,
}

/// Why an endpoint is ejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Responses with 5xx in a row.
    Server,
    /// Responses with 502, 503 or 504 in a row.
    Gateway,
    /// Failures without a response in a row.
    Local,
}

impl Cause {
    /// In Envoy's words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Server => "consecutive_5xx",
            Self::Gateway => "consecutive_gateway_failure",
            Self::Local => "consecutive_local_origin_failure",
        }
    }
}

/// The endpoints of a cluster with their health.
#[derive(Debug, Default)]
pub(crate) struct Health {
    state: Mutex<State>,
    version: AtomicU64,
    counters: Counters,
}

#[derive(Debug, Default)]
struct State {
    rules: Option<Arc<Outlier>>,
    hosts: HashMap<Address, Arc<Host>>,
    /// The addresses that names stand at which have one at a time.
    moving: HashMap<Box<str>, Address>,
    /// Others join them when somebody asks for them, and leave when nobody uses them.
    open: bool,
    /// How many of them are not ready, whatever became of their use.
    not_ready: u64,
}

/// Envoy's counters of outlier detection.
#[derive(Debug, Default)]
struct Counters {
    detected: [AtomicU64; 3],
    enforced: [AtomicU64; 3],
    overflow: AtomicU64,
}

/// One endpoint.
#[derive(Debug, Default)]
pub(crate) struct Host {
    server_errors: AtomicU32,
    gateway_errors: AtomicU32,
    local_errors: AtomicU32,
    ejected: AtomicBool,
    history: Mutex<History>,
}

/// What is remembered of an endpoint's ejections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct History {
    ejections: u32,
    /// Multiples of the base time that the next ejection lasts, counting up with ejections and
    /// down with quiet sweeps.
    backoff: u32,
    ejected: Option<Instant>,
    restored: Option<Instant>,
    cause: Option<Cause>,
}

/// An endpoint's health as operators see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointHealth {
    /// It gets no requests now, unless too few others are left.
    pub ejected: bool,
    /// How often it was ejected since it is known.
    pub ejections: u32,
    /// What the last ejection was for, in Envoy's words.
    pub cause: Option<&'static str>,
    /// How long it is ejected, if it is.
    pub since: Option<Duration>,
    /// How long it stays so at least: the first sweep after that lets it back in.
    pub left: Option<Duration>,
}

impl Health {
    /// Takes the rules and endpoints of now. Endpoints that stay, if only under the name that they
    /// stand for, keep their history, those that go lose it. Without rules everything is forgotten.
    pub(crate) fn settle(&self, rules: Option<Arc<Outlier>>, endpoints: &[Endpoint]) {
        let mut state = self.lock();
        if rules.is_none() && state.rules.is_none() {
            return;
        }
        let mut known = std::mem::take(&mut state.hosts);
        let moving = std::mem::take(&mut state.moving);
        if rules.is_some() {
            let mut host = |endpoint: &Endpoint| {
                let last = || moving.get(endpoint.stands_for.as_ref()?);
                let stays = known.remove(&endpoint.address);
                stays.or_else(|| known.remove(last()?)).unwrap_or_default()
            };
            state.hosts = endpoints.iter().map(|one| (one.address.clone(), host(one))).collect();
            let moves = |one: &Endpoint| Some((one.stands_for.clone()?, one.address.clone()));
            state.moving = endpoints.iter().filter_map(moves).collect();
        }
        state.open = false;
        state.not_ready = endpoints.iter().filter(|endpoint| !endpoint.ready).count() as u64;
        state.rules = rules;
        drop(state);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Takes the rules of a cluster whose endpoints whoever asks names.
    pub(crate) fn open(&self, rules: Option<Arc<Outlier>>) {
        let mut state = self.lock();
        if rules.is_none() || !state.open {
            state.hosts.clear();
        }
        state.open = rules.is_some();
        state.rules = rules;
    }

    /// The endpoints that joined, in their order.
    pub(crate) fn joined(&self) -> Vec<Endpoint> {
        let state = self.lock();
        let mut all: Vec<Address> = match state.open {
            true => state.hosts.keys().cloned().collect(),
            false => Vec::new(),
        };
        drop(state);
        all.sort();
        all.into_iter().map(Endpoint::at).collect()
    }

    /// The rules in force.
    pub(crate) fn rules(&self) -> Option<Arc<Outlier>> {
        self.lock().rules.clone()
    }

    /// The health of an endpoint. One that is not known any more has one of its own; one that
    /// somebody asks for joins the others as long as there is room.
    pub(crate) fn host(&self, address: &Address) -> Arc<Host> {
        let mut state = self.lock();
        let known = state.hosts.get(address).cloned();
        known.unwrap_or_else(|| {
            let host = Arc::<Host>::default();
            if state.open && state.hosts.len() < ASKED_ENDPOINTS_MAX {
                state.hosts.insert(address.clone(), Arc::clone(&host));
            }
            host
        })
    }

    /// True while an endpoint gets no requests.
    pub(crate) fn is_ejected(&self, address: &Address) -> bool {
        self.lock().hosts.get(address).is_some_and(|host| host.is_ejected())
    }

    /// Changes whenever an endpoint is ejected or let back in.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Notes what became of one use of an endpoint, and ejects it if that was one too many.
    pub(crate) fn note(
        &self,
        (rules, host): (&Outlier, &Arc<Host>),
        outcome: Outcome,
        now: impl FnOnce() -> Instant,
    ) {
        let causes = host.count(rules, outcome);
        if causes != [None, None] {
            let now = now();
            causes.into_iter().flatten().for_each(|cause| self.eject((rules, host), cause, now));
        }
    }

    fn eject(&self, (rules, host): (&Outlier, &Arc<Host>), cause: Cause, now: Instant) {
        let state = self.lock();
        let known = state.hosts.iter().find(|(_, known)| Arc::ptr_eq(known, host));
        let Some((address, _)) = known.filter(|_| !host.is_ejected()) else { return };
        add(&self.counters.detected[cause as usize]);
        let ejected = state.hosts.values().filter(|host| host.is_ejected()).count();
        let allowed = (ejected + 1) * 100 <= rules.percent_max as usize * state.hosts.len();
        if allowed {
            let mut history = host.history();
            history.ejections += 1;
            history.ejected = Some(now);
            history.cause = Some(cause);
            if rules.base_time.saturating_mul(history.backoff) < rules.max_time + rules.base_time {
                history.backoff += 1;
            }
            drop(history);
            host.ejected.store(true, Ordering::Release);
            add(&self.counters.enforced[cause as usize]);
            let cause = cause.as_str();
            tracing::info!(endpoint = ?address, cause, "endpoint ejected");
            self.version.fetch_add(1, Ordering::Release);
        } else {
            add(&self.counters.overflow);
        }
        host.reset(Some(cause));
    }

    /// Lets endpoints back in whose time is over, and forgets an ejection of those that stayed out
    /// of trouble, and those that joined and that nobody uses.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut state = self.lock();
        let Some(rules) = state.rules.clone() else { return };
        for (address, host) in &state.hosts {
            let mut history = host.history();
            if host.is_ejected() {
                let wait = rules.lasting(history.backoff);
                if history.ejected.is_some_and(|since| now.duration_since(since) >= wait) {
                    history.restored = Some(now);
                    host.reset(None);
                    host.ejected.store(false, Ordering::Release);
                    tracing::info!(endpoint = ?address, "endpoint let back in");
                    self.version.fetch_add(1, Ordering::Release);
                }
            }
            let quiet = |since: Instant| now.duration_since(since) >= rules.interval;
            if !host.is_ejected() && history.restored.is_some_and(quiet) {
                history.backoff = history.backoff.saturating_sub(1);
            }
        }
        if state.open {
            state.hosts.retain(|_, host| Arc::strong_count(host) > 1 || host.is_ejected());
        }
    }

    /// The health of endpoints, in their order.
    pub(crate) fn status(&self, endpoints: &[Endpoint], now: Instant) -> Vec<EndpointHealth> {
        let state = self.lock();
        let rules = state.rules.as_deref();
        let of = |endpoint: &Endpoint| {
            state.hosts.get(&endpoint.address).map(|one| one.status(rules, now))
        };
        endpoints.iter().map(|endpoint| of(endpoint).unwrap_or_default()).collect()
    }

    /// Envoy's counters; none where nothing is detected.
    pub(crate) fn counters(&self) -> Vec<(&'static str, u64)> {
        let state = self.lock();
        if state.rules.is_none() {
            return Vec::new();
        }
        let active = state.hosts.values().filter(|host| host.is_ejected()).count() as u64;
        let total = state.hosts.len() as u64;
        let Counters { detected, enforced, overflow } = &self.counters;
        let sum = enforced.iter().map(read).sum();
        let mut all = vec![
            ("membership_total", total),
            ("membership_healthy", total.saturating_sub(active + state.not_ready)),
            ("outlier_detection.ejections_active", active),
            ("outlier_detection.ejections_overflow", read(overflow)),
            ("outlier_detection.ejections_enforced_total", sum),
        ];
        all.extend(DETECTED.into_iter().zip(detected.iter().map(read)));
        all.extend(ENFORCED.into_iter().zip(enforced.iter().map(read)));
        all
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// True while it gets no requests.
    pub(crate) fn is_ejected(&self) -> bool {
        self.ejected.load(Ordering::Acquire)
    }

    /// Counts an outcome; what that made full.
    fn count(&self, rules: &Outlier, outcome: Outcome) -> [Option<Cause>; 2] {
        let Outcome::Answered(status) = outcome else { return self.count_local(rules, outcome) };
        if rules.statuses.is_empty() {
            return self.count_status(rules, status);
        }
        // As Envoy maps what its matcher says: to no particular 5xx.
        let split = rules.local_errors.is_some();
        match rules.statuses.contains(&status) {
            true => self.count_status(rules, if split { 503 } else { 500 }),
            false => {
                clear(&self.local_errors);
                self.count_status(rules, 200)
            }
        }
    }

    /// Counts what no response says: by itself, or as if it were one.
    fn count_local(&self, rules: &Outlier, outcome: Outcome) -> [Option<Cause>; 2] {
        let failed = matches!(outcome, Outcome::Broke | Outcome::Late);
        match (outcome, rules.local_errors) {
            (_, Some(most)) if failed => {
                let full = full(&self.local_errors, Some(most));
                [full.then_some(Cause::Local), None]
            }
            (_, Some(_)) => {
                clear(&self.local_errors);
                [None, None]
            }
            (Outcome::Broke, None) => self.count_status(rules, 503),
            (Outcome::Late, None) => self.count_status(rules, 504),
            (Outcome::HandedOn, None) => self.count_status(rules, 200),
            (Outcome::Connected | Outcome::Answered(_), None) => [None, None],
        }
    }

    fn count_status(&self, rules: &Outlier, status: u16) -> [Option<Cause>; 2] {
        if !(500..600).contains(&status) {
            clear(&self.server_errors);
            clear(&self.gateway_errors);
            return [None, None];
        }
        let is_gateway = matches!(status, 502..=504);
        if !is_gateway {
            clear(&self.gateway_errors);
        }
        let gateway = is_gateway && full(&self.gateway_errors, rules.gateway_errors);
        let server = full(&self.server_errors, rules.server_errors);
        [gateway.then_some(Cause::Gateway), server.then_some(Cause::Server)]
    }

    /// Begins to count anew: what led to an ejection, or everything.
    fn reset(&self, cause: Option<Cause>) {
        let counts = [
            (Cause::Server, &self.server_errors),
            (Cause::Gateway, &self.gateway_errors),
            (Cause::Local, &self.local_errors),
        ];
        for (_, count) in counts.iter().filter(|(of, _)| cause.is_none_or(|cause| cause == *of)) {
            clear(count);
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self, rules: Option<&Outlier>, now: Instant) -> EndpointHealth {
        let History { ejections, ejected, cause, backoff, .. } = *self.history();
        let out = self.is_ejected();
        let since = ejected.filter(|_| out).map(|since| now.duration_since(since));
        let lasts = rules.map(|rules| rules.lasting(backoff));
        EndpointHealth {
            ejected: out,
            ejections,
            cause: cause.map(Cause::as_str),
            since,
            left: lasts.zip(since).map(|(lasts, since)| lasts.saturating_sub(since)),
        }
    }
}

/// The HTTP status that a gRPC status stands for where failures are counted (Envoy's mapping).
pub(crate) fn status_of_grpc(status: u8) -> u16 {
    match status {
        0 => 200,
        1 => 499,
        3 | 9 | 11 => 400,
        4 => 504,
        5 => 404,
        6 | 10 => 409,
        7 => 403,
        8 => 429,
        12 => 501,
        14 => 503,
        16 => 401,
        _ => 500,
    }
}

/// One more in a row; true when that makes as many as there may be.
fn full(count: &AtomicU32, most: Option<u32>) -> bool {
    let counted = count.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    most == Some(counted)
}

/// Ends a row. Success is common, and a shared line is not written without need.
fn clear(count: &AtomicU32) {
    if count.load(Ordering::Relaxed) != 0 {
        count.store(0, Ordering::Relaxed);
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// In the order of [`Cause`].
const DETECTED: [&str; 3] = [
    "outlier_detection.ejections_detected_consecutive_5xx",
    "outlier_detection.ejections_detected_consecutive_gateway_failure",
    "outlier_detection.ejections_detected_consecutive_local_origin_failure",
];
const ENFORCED: [&str; 3] = [
    "outlier_detection.ejections_enforced_consecutive_5xx",
    "outlier_detection.ejections_enforced_consecutive_gateway_failure",
    "outlier_detection.ejections_enforced_consecutive_local_origin_failure",
];

#[cfg(test)]
mod tests;
