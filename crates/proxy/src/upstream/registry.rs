//! What all workers share about a cluster, kept by the control side: resolved addresses, counters.
//! Carried over from snapshot to snapshot by the cluster's name and what is to be resolved.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use propylon_snapshot::{
    Address, Balance, Cluster, Discovery, DnsTarget, Endpoint, LocalityWeight, Snapshot,
};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::ages::Ages;
use super::counters::ClusterCounters;
use super::health::{EndpointHealth, Health};
use super::names::Names;
use super::resolve::Resolve;
use super::tables::Tables;
use super::usage::{InUse, Usage};
use crate::balance::{self, HashTable};

/// Most that a look-up is put off at random, so that clusters do not all ask at once (Istio's
/// jitter).
const JITTER: Duration = Duration::from_millis(100);

/// Time between two looks at a cluster whose outliers are not looked for any more.
const SWEEP_PAUSE: Duration = Duration::from_secs(10);

/// What all workers share about one cluster.
#[derive(Debug)]
pub(crate) struct Shared {
    name: Box<str>,
    counters: Box<[ClusterCounters]>,
    resolved: ArcSwap<Vec<Endpoint>>,
    version: AtomicU64,
    /// How much of the cluster is in use.
    pub(super) usage: Arc<Usage>,
    /// The health of its endpoints.
    pub(super) health: Health,
    /// Since when its endpoints are there.
    pub(super) ages: Ages,
    sweeping: AtomicBool,
    spread: Mutex<Spread>,
    tables: Tables,
}

/// What the settings of a cluster say of choosing endpoints.
#[derive(Debug, Clone, Default)]
struct Spread {
    balance: Balance,
    localities: Option<Arc<[LocalityWeight]>>,
    warms_up: bool,
}

impl Shared {
    /// The cluster's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn new(name: &str, workers: usize) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            counters: (0..workers).map(|_| ClusterCounters::default()).collect(),
            resolved: ArcSwap::default(),
            version: AtomicU64::new(0),
            usage: Arc::default(),
            health: Health::default(),
            sweeping: AtomicBool::new(false),
            ages: Ages::default(),
            spread: Mutex::default(),
            tables: Tables::default(),
        })
    }

    /// The counters of one worker.
    #[must_use]
    pub(crate) fn counters(&self, worker: usize) -> &ClusterCounters {
        &self.counters[worker]
    }

    /// The endpoints that names resolve to now.
    #[must_use]
    pub(crate) fn resolved(&self) -> Arc<Vec<Endpoint>> {
        self.resolved.load_full()
    }

    /// Changes whenever [`Shared::resolved`] does; 0 before the first answer.
    #[must_use]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Takes the settings of a cluster and the endpoints of now, before workers do. Makes the table
    /// that they will ask for, if they will: it takes its time, and they have none.
    fn prepare(self: &Arc<Self>, cluster: &Cluster, endpoints: &[Endpoint]) {
        let spread = Spread {
            balance: cluster.balance,
            localities: cluster.localities.clone(),
            warms_up: cluster.warmup.is_some(),
        };
        *self.spread() = spread.clone();
        self.health.settle(cluster.outlier.clone(), endpoints);
        self.settle(&spread, endpoints);
        self.look_after(cluster);
    }

    /// Sees to it that ejected endpoints come back.
    fn look_after(self: &Arc<Self>, cluster: &Cluster) {
        if cluster.outlier.is_some() && !self.sweeping.swap(true, Ordering::AcqRel) {
            tokio::spawn(keep_swept(Arc::downgrade(self)));
        }
    }

    fn spread(&self) -> MutexGuard<'_, Spread> {
        self.spread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the ages of endpoints and makes the tables over those that are not ejected.
    fn settle(&self, spread: &Spread, endpoints: &[Endpoint]) {
        self.ages.settle(spread.warms_up, endpoints, Instant::now());
        let Spread { balance, localities, warms_up: _ } = spread;
        if !balance.is_hashed() {
            return;
        }
        let seats = balance::seats(endpoints, localities.as_deref().unwrap_or_default());
        let out = |index: usize| self.health.is_ejected(&endpoints[index].address);
        let panic_percent = self.health.rules().map_or(0, |rules| rules.panic_percent);
        let layout = balance::layout(
            &seats,
            localities.as_deref(),
            |index| !out(index),
            (panic_percent, true),
        );
        let shares = |level| balance::shares(level, &seats, |index| &endpoints[index].address);
        let lists = layout.iter().map(shares).filter(|members| members.len() > 1).collect();
        self.tables.prepare(*balance, lists);
    }

    /// The table that leads a hash to one of the endpoints of these keys and shares.
    #[must_use]
    pub(crate) fn table(&self, balance: Balance, members: Vec<(String, f64)>) -> Arc<HashTable> {
        self.tables.of(balance, members)
    }

    fn publish(&self, endpoints: Vec<Endpoint>) {
        if self.version() != 0 && **self.resolved.load() == endpoints {
            return;
        }
        let spread = self.spread().clone();
        self.health.settle(self.health.rules(), &endpoints);
        self.settle(&spread, &endpoints);
        self.resolved.store(Arc::new(endpoints));
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// A cluster as operators see it.
#[derive(Debug, Clone)]
pub struct ClusterStatus {
    /// Istio's name of the cluster.
    pub name: Box<str>,
    /// Its endpoints now, resolved ones included.
    pub endpoints: Vec<Endpoint>,
    /// Their health, in the same order.
    pub states: Vec<EndpointHealth>,
    /// How much of it is in use.
    pub used: InUse,
    /// Its counters, summed over all workers.
    pub counters: Vec<(&'static str, u64)>,
}

/// Everything workers share about clusters. Lives on the control side.
pub(crate) struct Registry {
    names: Arc<Names>,
    workers: usize,
    clusters: HashMap<Box<str>, Entry>,
}

struct Entry {
    shared: Arc<Shared>,
    listed: Vec<Endpoint>,
    look_ups: Option<LookUps>,
}

/// The look-ups of one cluster; they end with it.
struct LookUps {
    discovery: Discovery,
    answered: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Drop for LookUps {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Registry {
    /// An empty registry for so many workers.
    #[must_use]
    pub(crate) fn new(resolver: Arc<dyn Resolve>, workers: usize) -> Self {
        Self { names: Names::new(resolver), workers, clusters: HashMap::new() }
    }

    /// What workers share about the clusters of `snapshot`, by `ClusterId`. Starts and ends
    /// look-ups; must be called inside the control runtime.
    pub(crate) fn attach(&mut self, snapshot: &Snapshot) -> Vec<Arc<Shared>> {
        self.names.settle();
        self.names.ask_within(snapshot.dns_refresh);
        let mut previous = std::mem::take(&mut self.clusters);
        let mut shared = Vec::with_capacity(snapshot.clusters.len());
        for cluster in &snapshot.clusters {
            let entry = self.entry(cluster, previous.remove(&cluster.name));
            shared.push(Arc::clone(&entry.shared));
            self.clusters.insert(cluster.name.clone(), entry);
        }
        shared
    }

    /// What all workers know about names.
    pub(crate) fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// Waits until every name was answered or failed once, at most `limit`, so that a new
    /// generation does not go live with clusters that only lack their first answer.
    pub(crate) fn warm(&self, limit: Duration) -> impl Future<Output = ()> + Send + 'static {
        let look_ups = self.clusters.values().filter_map(|entry| entry.look_ups.as_ref());
        let waiting: Vec<_> = look_ups.map(|one| one.answered.clone()).collect();
        async move {
            let all = async {
                for mut answered in waiting {
                    // An ended task counts as answered: its cluster is gone.
                    let _ = answered.wait_for(|answered| *answered).await;
                }
            };
            let _ = tokio::time::timeout(limit, all).await;
        }
    }

    /// Every cluster with its endpoints and summed counters, by name.
    #[must_use]
    pub(crate) fn status(&self) -> Vec<ClusterStatus> {
        let mut all: Vec<ClusterStatus> = self.clusters.values().map(Entry::status).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn entry(&self, cluster: &Cluster, previous: Option<Entry>) -> Entry {
        let kept = previous.as_ref().map(|entry| Arc::clone(&entry.shared));
        let fresh = || Shared::new(&cluster.name, self.workers);
        match &cluster.discovery {
            Discovery::Static(endpoints) => {
                // Addresses resolved for an earlier generation must not come back through
                // `version`.
                let shared = kept.filter(|shared| shared.version() == 0).unwrap_or_else(fresh);
                shared.prepare(cluster, endpoints);
                Entry { shared, listed: endpoints.to_vec(), look_ups: None }
            }
            Discovery::Asked(_) => {
                let shared = kept.filter(|shared| shared.version() == 0).unwrap_or_else(fresh);
                shared.health.open(cluster.outlier.clone());
                shared.look_after(cluster);
                Entry { shared, listed: Vec::new(), look_ups: None }
            }
            Discovery::Dns { .. } => match previous {
                Some(entry)
                    if entry
                        .look_ups
                        .as_ref()
                        .is_some_and(|n| n.discovery == cluster.discovery) =>
                {
                    entry.shared.prepare(cluster, &entry.shared.resolved());
                    entry
                }
                previous => {
                    // Other names of a cluster that had some: its endpoints stay until these are
                    // known, and of those that are among them pools and health stay as well.
                    let named = previous.filter(|entry| entry.look_ups.is_some());
                    let shared = named.map_or_else(fresh, |entry| entry.shared);
                    shared.prepare(cluster, &shared.resolved());
                    let look_ups = self.look_up(Arc::clone(&shared), cluster.discovery.clone());
                    Entry { shared, listed: Vec::new(), look_ups: Some(look_ups) }
                }
            },
        }
    }

    fn look_up(&self, shared: Arc<Shared>, discovery: Discovery) -> LookUps {
        let (said, answered) = watch::channel(false);
        let names = Arc::clone(&self.names);
        let wanted = discovery.clone();
        let task = tokio::spawn(async move { keep_resolved(&names, &shared, wanted, said).await });
        LookUps { discovery, answered, task }
    }
}

impl Entry {
    fn status(&self) -> ClusterStatus {
        let mut counters: Vec<(&'static str, u64)> = Vec::new();
        for worker in &self.shared.counters {
            for (index, (name, value)) in worker.each().enumerate() {
                match counters.get_mut(index) {
                    Some((_, sum)) => *sum = sum.wrapping_add(value),
                    None => counters.push((name, value)),
                }
            }
        }
        let mut endpoints = self.listed.clone();
        endpoints.extend(self.shared.resolved().iter().cloned());
        let health = &self.shared.health;
        endpoints.extend(health.joined());
        counters.extend(health.counters());
        let states = health.status(&endpoints, Instant::now());
        let (name, used) = (self.shared.name.clone(), self.shared.usage.now());
        ClusterStatus { name, endpoints, states, used, counters }
    }
}

/// Lets ejected endpoints back in when their time is over, for as long as the cluster lives and
/// outliers are looked for.
async fn keep_swept(shared: Weak<Shared>) {
    loop {
        let Some(rules) = shared.upgrade().map(|shared| shared.health.rules()) else { return };
        // Looked for no more, but perhaps again: then the same sweeps go on.
        let interval = rules.map_or(SWEEP_PAUSE, |rules| rules.interval);
        tokio::time::sleep(interval).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.health.sweep(Instant::now());
    }
}

/// Resolves a cluster's names for as long as the cluster lives, each again when its answer ends. A
/// failed look-up keeps the last answer.
async fn keep_resolved(
    resolver: &Arc<Names>,
    shared: &Shared,
    discovery: Discovery,
    said: watch::Sender<bool>,
) {
    let Discovery::Dns { names, fixed, first_only } = discovery else { return };
    // What another configuration resolved is replaced at once, when all of this is known.
    let replaces = shared.version() != 0;
    let mut answers: Vec<Option<Arc<[IpAddr]>>> = vec![None; names.len()];
    let ask = |index: usize, due: Instant| {
        let (resolver, name) = (Arc::clone(resolver), names[index].name.clone());
        async move {
            tokio::time::sleep_until(due).await;
            (index, resolver.look_up(&name).await)
        }
    };
    // Each name by itself: one that nobody answers for holds up no other.
    let mut asked = JoinSet::new();
    (0..names.len()).for_each(|index| drop(asked.spawn(ask(index, Instant::now()))));
    loop {
        let mut next = asked.join_next().await;
        while let Some(Ok((index, answer))) = next {
            let known = answers[index].get_or_insert_default();
            if let Some(error) = answer.failed {
                let cluster = &shared.name;
                let kept = if known.is_empty() { "" } else { "; the last answer stays" };
                tracing::warn!(%cluster, %error, "name not resolved{kept}");
            }
            // Names that two clusters share may have failed for one before the other saw them.
            if !answer.addresses.is_empty() {
                *known = answer.addresses;
            }
            let due = answer.until + JITTER.mul_f64(fastrand::f64());
            asked.spawn(ask(index, due));
            next = asked.try_join_next();
        }
        let all = answers.iter().all(Option::is_some);
        if all || !replaces {
            shared.publish(endpoints(&names, &answers, &fixed, first_only));
        }
        said.send_replace(all);
        if asked.is_empty() {
            return;
        }
    }
}

fn endpoints(
    names: &[DnsTarget],
    answers: &[Option<Arc<[IpAddr]>>],
    fixed: &[Endpoint],
    first_only: bool,
) -> Vec<Endpoint> {
    let mut all = fixed.to_vec();
    for (target, answer) in names.iter().zip(answers) {
        let answer = answer.as_deref().unwrap_or_default();
        let used = if first_only { 1 } else { answer.len() };
        all.extend(answer.iter().take(used).map(|ip| Endpoint {
            address: Address::Ip(SocketAddr::new(*ip, target.port)),
            weight: target.weight,
            locality: target.locality.clone(),
            priority: target.priority,
            ready: true,
            stands_for: first_only.then(|| target.name.clone()),
            plaintext: target.plaintext,
        }));
    }
    // The order of an answer changes with every look-up and means nothing here. With only one
    // address in use it does mean something, and there is nothing to sort.
    if !first_only {
        all.sort();
    }
    all.dedup_by(|a, b| a.address == b.address);
    all
}
