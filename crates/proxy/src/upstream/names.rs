//! Names and their addresses, for the whole process: one question under way for a name however
//! many ask, answers held as long as they say, failures held off. Lives on the control runtime.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::resolve::{Resolve, ResolveError};
use crate::limits::{LOOKUP_TIMEOUT, LOOKUPS_MAX, NAMES_KEPT_MAX};

/// Shortest time between two look-ups of a name, whatever its TTL: a TTL of 0 must not become a
/// storm.
pub(super) const REFRESH_MIN: Duration = Duration::from_secs(1);
/// First wait after a failed look-up; it doubles with each further failure.
const FAILURE_WAIT_MIN: Duration = Duration::from_secs(1);
/// Longest wait after failed look-ups where the mesh's `dnsRefreshRate` does not say: its default.
const FAILURE_WAIT_MAX: Duration = Duration::from_secs(60);

/// What is known about a name.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Its addresses: those of the last good answer. Empty if there was none yet.
    pub(crate) addresses: Arc<[IpAddr]>,
    /// Why the last look-up brought nothing.
    pub(crate) failed: Option<Arc<ResolveError>>,
    /// Until when this holds.
    pub(crate) until: Instant,
    failures: u32,
}

/// Every name that was asked for, and its answer.
pub(crate) struct Names {
    resolver: Arc<dyn Resolve>,
    runtime: OnceLock<Handle>,
    known: Mutex<HashMap<Box<str>, Slot>>,
    room: Semaphore,
    /// Longest wait after failed look-ups.
    longest_wait: Mutex<Duration>,
}

#[derive(Debug, Clone)]
struct Slot {
    last: Option<Answer>,
    /// The question under way.
    asking: Option<watch::Receiver<Option<Answer>>>,
}

impl Names {
    /// Nothing is known yet.
    pub(crate) fn new(resolver: Arc<dyn Resolve>) -> Arc<Self> {
        Arc::new(Self {
            resolver,
            runtime: OnceLock::new(),
            known: Mutex::default(),
            room: Semaphore::new(LOOKUPS_MAX),
            longest_wait: Mutex::new(FAILURE_WAIT_MAX),
        })
    }

    /// Takes the calling runtime for all look-ups, unless one was taken before.
    pub(crate) fn settle(&self) {
        if let Ok(handle) = Handle::try_current() {
            let _ = self.runtime.set(handle);
        }
    }

    /// Bounds the wait after look-ups that fail from now on.
    pub(crate) fn ask_within(&self, longest: Option<Duration>) {
        let mut bound = self.longest_wait.lock().unwrap_or_else(PoisonError::into_inner);
        *bound = longest.unwrap_or(FAILURE_WAIT_MAX);
    }

    /// The answer for a name: the one that still holds, or a new one. May be called from any
    /// thread. Cancel safe: the look-up goes on.
    pub(crate) async fn look_up(self: &Arc<Self>, name: &str) -> Answer {
        let mut asking = match self.ask(name) {
            Ok(answer) => return answer,
            Err(asking) => asking,
        };
        match asking.wait_for(Option::is_some).await.map(|answer| answer.clone()) {
            Ok(Some(answer)) => answer,
            // The runtime is gone, and with it the process.
            Ok(None) | Err(_) => unanswered(name, "the look-up was given up"),
        }
    }

    /// The answer that holds, or the question to wait for.
    fn ask(self: &Arc<Self>, name: &str) -> Result<Answer, watch::Receiver<Option<Answer>>> {
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = known.get(name) {
            if let Some(asking) = &slot.asking {
                return Err(asking.clone());
            }
            if let Some(last) = slot.last.as_ref().filter(|last| last.until > now) {
                return Ok(last.clone());
            }
        }
        let Some(runtime) = self.runtime.get() else {
            return Ok(unanswered(name, "names are not resolved yet"));
        };
        make_room(&mut known, now);
        let (said, asking) = watch::channel(None);
        let slot = known.entry(name.into()).or_insert(Slot { last: None, asking: None });
        slot.asking = Some(asking.clone());
        let last = slot.last.clone();
        drop(known);
        let names = Arc::clone(self);
        let name: Box<str> = name.into();
        runtime.spawn(async move {
            let answer = names.resolve(&name, last).await;
            let mut known = names.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(name, Slot { last: Some(answer.clone()), asking: None });
            drop(known);
            said.send_replace(Some(answer));
        });
        Err(asking)
    }

    async fn resolve(&self, name: &str, last: Option<Answer>) -> Answer {
        // Never closed, so there is always a permit to wait for.
        let _room = self.room.acquire().await;
        let found = tokio::time::timeout(LOOKUP_TIMEOUT, self.resolver.resolve(name)).await;
        let failed = match found {
            Ok(Ok(found)) if !found.addresses.is_empty() => {
                return Answer {
                    addresses: one_family(found.addresses).into(),
                    failed: None,
                    until: Instant::now() + found.ttl.max(REFRESH_MIN),
                    failures: 0,
                };
            }
            Ok(Ok(_)) => why(name, "the name has no address"),
            Ok(Err(error)) => error,
            Err(_) => why(name, "no name server answered in time"),
        };
        let failures = last.as_ref().map_or(0, |last| last.failures) + 1;
        let longest = *self.longest_wait.lock().unwrap_or_else(PoisonError::into_inner);
        Answer {
            addresses: last.map_or_else(|| Arc::new([]) as Arc<[_]>, |last| last.addresses),
            failed: Some(Arc::new(failed)),
            until: Instant::now() + failure_wait(failures, longest),
            failures,
        }
    }
}

fn why(name: &str, why: &str) -> ResolveError {
    ResolveError { name: name.to_owned(), why: why.to_owned() }
}

fn unanswered(name: &str, reason: &str) -> Answer {
    Answer {
        addresses: Arc::new([]),
        failed: Some(Arc::new(why(name, reason))),
        until: Instant::now() + FAILURE_WAIT_MIN,
        failures: 1,
    }
}

/// Clients choose names below a wildcard: what holds no longer goes first, then what soonest will.
fn make_room(known: &mut HashMap<Box<str>, Slot>, now: Instant) {
    if known.len() < NAMES_KEPT_MAX {
        return;
    }
    let holds = |slot: &Slot| slot.last.as_ref().map(|last| last.until);
    known.retain(|_, slot| slot.asking.is_some() || holds(slot).is_some_and(|until| until > now));
    if known.len() < NAMES_KEPT_MAX {
        return;
    }
    let mut ends: Vec<Instant> = known.values().filter_map(holds).collect();
    let middle = ends.len() / 2;
    if let Some((_, middle, _)) = (middle < ends.len()).then(|| ends.select_nth_unstable(middle)) {
        let middle = *middle;
        known.retain(|_, slot| {
            slot.asking.is_some() || holds(slot).is_some_and(|until| until > middle)
        });
    }
}

/// 1 s, 2 s, 4 s ... up to the longest wait.
fn failure_wait(failures: u32, longest: Duration) -> Duration {
    let doubled = FAILURE_WAIT_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(longest.max(FAILURE_WAIT_MIN))
}

/// IPv4 addresses where there are any, else IPv6: Istio's proxies resolve one family.
fn one_family(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    if addresses.iter().any(IpAddr::is_ipv4) {
        addresses.retain(IpAddr::is_ipv4);
    }
    addresses
}

#[cfg(test)]
mod tests;
