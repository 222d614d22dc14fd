//! The endpoints of one moment: swapped when others are listed or resolved, planned anew when one
//! is ejected or let back in, picked from in between.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use propylon_snapshot::{Address, Cluster, Discovery, Endpoint, LocalityWeight, Warmup};
use tokio::time::Instant;

use super::{Been, LiveCluster, LiveEndpoint};
use crate::balance::{self, Draw, Plan, Seat, Stock};

/// Picks before an endpoint that was tried already is taken all the same (Istio's
/// `hostSelectionRetryMaxAttempts`).
const AVOID_PICKS_MAX: u32 = 5;

/// The endpoints of one moment and how one of them is picked.
#[derive(Debug, Default)]
pub(super) struct EndpointSet {
    pub(super) members: Vec<Rc<LiveEndpoint>>,
    seats: Rc<[Seat]>,
    plan: Plan<Rc<LiveEndpoint>>,
    /// Until when some endpoint counts for less than its weight.
    warming: Option<(Warmup, Instant)>,
}

/// How requests are spread: what of a cluster's settings may change while its endpoints live on.
#[derive(Debug, Default)]
pub(super) struct Spread {
    localities: RefCell<Option<Arc<[LocalityWeight]>>>,
    warmup: Cell<Option<Warmup>>,
}

impl EndpointSet {
    pub(super) fn plan(&self) -> &Plan<Rc<LiveEndpoint>> {
        &self.plan
    }

    /// The priority of an endpoint, if it is still there.
    pub(super) fn priority_of(&self, endpoint: &Rc<LiveEndpoint>) -> Option<u32> {
        let mut members = self.members.iter().zip(&*self.seats);
        members.find(|(member, _)| Rc::ptr_eq(member, endpoint)).map(|(_, seat)| seat.priority())
    }
}

impl LiveCluster {
    /// Takes the endpoints of a newer snapshot. Those of names are taken when they are resolved.
    pub(in crate::upstream) fn update(&self, cluster: &Cluster) {
        let asked = match &cluster.discovery {
            Discovery::Asked(asked) => Some(asked),
            Discovery::Static(_) | Discovery::Dns { .. } => None,
        };
        self.requested.update(asked);
        self.spread.warmup.set(cluster.warmup);
        self.spread.localities.replace(cluster.localities.clone());
        match &cluster.discovery {
            Discovery::Static(endpoints) => self.swap(endpoints),
            Discovery::Dns { .. } => {
                self.seen.set(self.shared.version());
                self.swap(&self.shared.resolved());
            }
            Discovery::Asked(_) => self.swap(&[]),
        }
    }

    /// Picks an endpoint, preferably none of `tried`, by the request's `hash` where endpoints are
    /// chosen by it. `None` where there is none at all.
    #[must_use]
    pub(crate) fn choose(
        &self,
        hash: Option<u64>,
        tried: &[Rc<LiveEndpoint>],
    ) -> Option<Rc<LiveEndpoint>> {
        self.refresh();
        let set = Rc::clone(&self.set.borrow());
        self.pick(&set, (hash, tried), None)
    }

    /// The same for a request whose retries leave priorities behind that they have been at.
    #[must_use]
    pub(crate) fn choose_elsewhere(
        &self,
        hash: Option<u64>,
        tried: &[Rc<LiveEndpoint>],
        been: &mut Been,
    ) -> Option<Rc<LiveEndpoint>> {
        self.refresh();
        let set = Rc::clone(&self.set.borrow());
        let picked = self.pick(&set, (hash, tried), been.shares(&set))?;
        been.note(&picked);
        Some(picked)
    }

    fn pick(
        &self,
        set: &EndpointSet,
        (hash, tried): (Option<u64>, &[Rc<LiveEndpoint>]),
        upto: Option<&[u32]>,
    ) -> Option<Rc<LiveEndpoint>> {
        let mut dice = |sides| fastrand::u32(..sides);
        let hash = self.wants_hash().then(|| hash.unwrap_or_else(|| balance::random(&mut dice)));
        let warming = set.warming.map(|(warmup, _)| (warmup, Instant::now()));
        let load = |member: &Rc<LiveEndpoint>| member.active();
        let warmth = |member: &Rc<LiveEndpoint>| {
            warming.as_ref().map_or(1.0, |(warmup, now)| member.warmth(warmup, *now))
        };
        for attempt in 0..=AVOID_PICKS_MAX {
            let picked =
                set.plan.pick((Draw { hash, attempt }, upto), (load, warmth), &mut dice)?;
            if attempt == AVOID_PICKS_MAX || !tried.iter().any(|one| Rc::ptr_eq(one, picked)) {
                return Some(Rc::clone(picked));
            }
        }
        None
    }

    /// Takes newly resolved addresses and what changed in the health and age of endpoints: two
    /// atomic reads when there is nothing.
    pub(super) fn refresh(&self) {
        let version = self.shared.version();
        if version != self.seen.get() {
            self.seen.set(version);
            self.swap(&self.shared.resolved());
        }
        let ejections = self.settings.outlier.is_some().then(|| self.shared.health.version());
        let changed = ejections.is_some_and(|now| self.seen_health.replace(now) != now);
        let warm = self.set.borrow().warming.is_some_and(|(_, until)| Instant::now() >= until);
        if changed || warm {
            let (members, seats) = {
                let set = self.set.borrow();
                (set.members.clone(), Rc::clone(&set.seats))
            };
            self.plan(members, seats);
        }
    }

    /// Replaces the endpoints; those that stay keep pool and load.
    fn swap(&self, endpoints: &[Endpoint]) {
        let previous = Rc::clone(&self.set.borrow());
        let mut known: HashMap<&Address, &Rc<LiveEndpoint>> =
            previous.members.iter().map(|member| (member.address(), member)).collect();
        let stay: Vec<Option<Rc<LiveEndpoint>>> = endpoints
            .iter()
            .map(|one| {
                let same = known.get(&one.address).is_some_and(|known| known.speaks_alike(one));
                same.then(|| known.remove(&one.address).map(Rc::clone)).flatten()
            })
            .collect();
        let mut fresh = |endpoint: &Endpoint| {
            let moved = known.extract_if(|_, gone| gone.moves_to(endpoint)).next();
            let held = moved.map(|(_, gone)| Rc::clone(&gone.held)).unwrap_or_default();
            Rc::new(self.endpoint(endpoint.clone(), held))
        };
        let members: Vec<_> = endpoints
            .iter()
            .zip(stay)
            .map(|(endpoint, stays)| stays.unwrap_or_else(|| fresh(endpoint)))
            .collect();
        for gone in known.into_values() {
            gone.held.retire();
        }
        let localities = self.spread.localities.borrow().clone();
        let seats = balance::seats(endpoints, localities.as_deref().unwrap_or_default());
        self.seen_health.set(self.shared.health.version());
        self.plan(members, seats.into());
    }

    /// Lets requests go to the nearest healthy endpoints, or to all where too few are healthy.
    fn plan(&self, members: Vec<Rc<LiveEndpoint>>, seats: Rc<[Seat]>) {
        let balance = self.settings.balance;
        let panic_percent = self.settings.outlier.as_ref().map_or(0, |rules| rules.panic_percent);
        let layout = balance::layout(
            &seats,
            self.spread.localities.borrow().as_deref(),
            |index| !members[index].is_ejected(),
            (panic_percent, balance.is_hashed()),
        );
        let now = Instant::now();
        let warming = self.spread.warmup.get().and_then(|warmup| {
            let ends = members.iter().filter_map(|member| Some(member.since? + warmup.duration));
            ends.max().filter(|until| *until > now).map(|until| (warmup, until))
        });
        let warmth =
            warming.map(|(warmup, _)| move |member: &Rc<LiveEndpoint>| member.warmth(&warmup, now));
        let stock = Stock {
            members: &members,
            seats: &seats,
            address: |member| member.address(),
            warmth: warmth.as_ref().map(|warmth| warmth as &dyn Fn(&Rc<LiveEndpoint>) -> f64),
            table: &|shares| self.shared.table(balance, shares),
        };
        let plan = Plan::new(balance, &layout, &stock);
        *self.set.borrow_mut() = Rc::new(EndpointSet { members, seats, plan, warming });
    }
}
