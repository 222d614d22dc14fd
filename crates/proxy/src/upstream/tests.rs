//! Pools, endpoint swaps, carrying over and name resolution, over real sockets.

mod asked;
mod moving;
mod no_streams;
mod plaintext;
mod waiting;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use propylon_snapshot::{
    Address, Availability, Balance, Cluster, ClusterId, Discovery, DnsTarget, Endpoint, Fraction,
    Locality, Snapshot, UpstreamProtocol, Warmup,
};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::connect::ConnectFailure;
use super::*;
use crate::limits::LOOKUP_TIMEOUT;
use crate::running::Running;
use crate::tls::Purpose;

/// A client connection of which nothing is known.
const NOBODY: Ends = (None, None);
const LIMIT: Duration = Duration::from_secs(5);

/// An origin that accepts and keeps what it accepted.
struct Origin(TcpListener);

impl Origin {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    async fn accept(&self) -> TcpStream {
        self.0.accept().await.unwrap().0
    }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::at(Address::Ip(address))
}

fn listed(addresses: &[SocketAddr]) -> Discovery {
    Discovery::Static(addresses.iter().copied().map(endpoint).collect())
}

fn named(names: &[&str]) -> Discovery {
    let target = |name: &&str| DnsTarget {
        name: (*name).into(),
        port: 80,
        weight: 1,
        locality: Locality::default(),
        priority: 0,
        plaintext: false,
    };
    Discovery::Dns {
        names: names.iter().map(target).collect(),
        fixed: Arc::new([]),
        first_only: false,
    }
}

fn cluster(name: &str, discovery: Discovery) -> Cluster {
    Cluster {
        name: name.into(),
        discovery,
        balance: Balance::RoundRobin,
        localities: None,
        warmup: None,
        protocol: UpstreamProtocol::Http1,
        tls: None,
        proxy_header: None,
        connect_timeout: LIMIT,
        idle_timeout: Duration::from_secs(3600),
        limits: propylon_snapshot::Limits::default(),
        outlier: None,
        availability: Availability::Open,
    }
}

/// The control side and one worker of it.
struct World {
    registry: Registry,
    generation: Option<Generation>,
}

impl World {
    fn new(resolver: impl Resolve) -> Self {
        Self { registry: Registry::new(Arc::new(resolver), 1), generation: None }
    }

    /// Publishes clusters and takes them in the one worker.
    fn publish(&mut self, clusters: Vec<Cluster>) -> &Generation {
        let snapshot = Arc::new(Snapshot { clusters, ..Snapshot::default() });
        let shared = self.registry.attach(&snapshot);
        let names = Arc::clone(self.registry.names());
        let running = Arc::new(Running {
            generation: 1,
            snapshot,
            shared,
            terminators: Arc::default(),
            originators: Arc::default(),
            names,
        });
        let next = Generation::attach(running, self.generation.as_ref(), 0);
        self.generation.insert(next)
    }
}

fn kept(endpoint: &LiveEndpoint) -> Option<Connection> {
    endpoint.pooled(Purpose::Bytes, NOBODY).unwrap()
}

fn first(generation: &Generation) -> Rc<LiveEndpoint> {
    generation.cluster(ClusterId(0)).choose(None, &[]).unwrap()
}

/// Repeats until `done`, letting the reactor look at its sockets in between.
async fn until(mut done: impl FnMut() -> bool) {
    let all = async {
        while !done() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, all).await.unwrap();
}

#[tokio::test]
async fn a_released_connection_serves_the_next_request() {
    let origin = Origin::new().await;
    let mut world = World::new(SystemResolver);
    let endpoint = first(world.publish(vec![cluster("a", listed(&[origin.address()]))]));
    assert!(kept(&endpoint).is_none());
    let fresh = endpoint.connect(LIMIT, (Purpose::Bytes, NOBODY)).await.unwrap();
    let _kept = origin.accept().await;
    assert!(!fresh.reused());
    assert_eq!(endpoint.active(), 1);
    fresh.release();
    assert_eq!(endpoint.active(), 0);
    assert!(kept(&endpoint).unwrap().reused());
}

#[tokio::test]
async fn a_connection_that_its_peer_closed_is_not_used_again() {
    let origin = Origin::new().await;
    let mut world = World::new(SystemResolver);
    let endpoint = first(world.publish(vec![cluster("a", listed(&[origin.address()]))]));
    endpoint.connect(LIMIT, (Purpose::Bytes, NOBODY)).await.unwrap().release();
    drop(origin.accept().await);
    until(|| kept(&endpoint).map(Connection::release).is_none()).await;
    assert_eq!(endpoint.counters().upstream_cx_active.get(), 0);
}

#[tokio::test]
async fn a_connection_with_bytes_that_nobody_asked_for_is_not_used_again() {
    let origin = Origin::new().await;
    let mut world = World::new(SystemResolver);
    let endpoint = first(world.publish(vec![cluster("a", listed(&[origin.address()]))]));
    endpoint.connect(LIMIT, (Purpose::Bytes, NOBODY)).await.unwrap().release();
    origin.accept().await.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
    until(|| kept(&endpoint).map(Connection::release).is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_doubt_is_used_again_once_it_stayed_quiet() {
    let origin = Origin::new().await;
    let mut world = World::new(SystemResolver);
    let endpoint = first(world.publish(vec![cluster("a", listed(&[origin.address()]))]));
    let settled = endpoint.connect(LIMIT, (Purpose::Bytes, NOBODY)).await.unwrap();
    let doubtful = endpoint.connect(LIMIT, (Purpose::Bytes, NOBODY)).await.unwrap();
    let _kept = (origin.accept().await, origin.accept().await);
    settled.release();
    doubtful.release_in_doubt();
    let settled = kept(&endpoint).unwrap();
    assert!(kept(&endpoint).is_none());
    tokio::time::advance(Duration::from_secs(1)).await;
    let doubtful = kept(&endpoint).unwrap();
    assert!(settled.reused() && doubtful.reused());
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let closed = Origin::new().await.address();
    let mut world = World::new(SystemResolver);
    let endpoint = first(world.publish(vec![cluster("a", listed(&[closed]))]));
    let error = endpoint.connect(LIMIT, (Purpose::Bytes, NOBODY)).await.unwrap_err();
    assert!(matches!(error.failure, ConnectFailure::Refused(_)), "{error}");
    assert_eq!(endpoint.counters().upstream_cx_connect_fail.get(), 1);
    assert_eq!(endpoint.active(), 0);
}

#[tokio::test]
async fn an_unchanged_cluster_keeps_its_pool_across_a_reload() {
    let origin = Origin::new().await;
    let mut world = World::new(SystemResolver);
    let clusters = vec![cluster("a", listed(&[origin.address()]))];
    let before = first(world.publish(clusters.clone()));
    before.connect(LIMIT, (Purpose::Bytes, NOBODY)).await.unwrap().release();
    let after = first(world.publish(clusters));
    assert!(Rc::ptr_eq(&before, &after));
    assert!(kept(&after).is_some());
}

#[tokio::test]
async fn a_cluster_with_other_settings_starts_anew_but_keeps_its_counters() {
    let origin = Origin::new().await;
    let mut world = World::new(SystemResolver);
    let before = first(world.publish(vec![cluster("a", listed(&[origin.address()]))]));
    let held = before.connect(LIMIT, (Purpose::Bytes, NOBODY)).await.unwrap();
    let changed = Cluster {
        connect_timeout: Duration::from_secs(1),
        ..cluster("a", listed(&[origin.address()]))
    };
    let after = first(world.publish(vec![changed]));
    assert!(!Rc::ptr_eq(&before, &after));
    assert_eq!(after.counters().upstream_cx_total.get(), 1);
    held.release();
    assert!(kept(&before).is_none(), "a retired endpoint keeps no connection");
}

#[tokio::test]
async fn endpoints_that_stay_keep_their_pool_and_those_that_go_lose_it() {
    let (stays, goes) = (Origin::new().await, Origin::new().await);
    let mut world = World::new(SystemResolver);
    let live = {
        let both = listed(&[stays.address(), goes.address()]);
        Rc::clone(world.publish(vec![cluster("a", both)]).cluster(ClusterId(0)))
    };
    for _ in 0..2 {
        live.choose(None, &[])
            .unwrap()
            .connect(LIMIT, (Purpose::Bytes, NOBODY))
            .await
            .unwrap()
            .release();
    }
    assert_eq!(live.idle_connections(), 2);
    let after = world.publish(vec![cluster("a", listed(&[stays.address()]))]);
    assert!(Rc::ptr_eq(&live, after.cluster(ClusterId(0))));
    assert_eq!(live.idle_connections(), 1);
    assert_eq!(live.counters().upstream_cx_active.get(), 1);
}

#[tokio::test]
async fn an_endpoint_that_was_tried_is_avoided_while_there_is_another() {
    let (a, b) = (Origin::new().await, Origin::new().await);
    let mut world = World::new(SystemResolver);
    let both = listed(&[a.address(), b.address()]);
    let live = Rc::clone(world.publish(vec![cluster("a", both)]).cluster(ClusterId(0)));
    let tried = vec![live.choose(None, &[]).unwrap()];
    for _ in 0..10 {
        assert!(!Rc::ptr_eq(&live.choose(None, &tried).unwrap(), &tried[0]));
    }
    let all = vec![live.choose(None, &[]).unwrap(), live.choose(None, &[]).unwrap()];
    assert!(live.choose(None, &all).is_some(), "rather a tried one than none");
}

/// Answers from a script; the last answer repeats.
struct Scripted(Mutex<VecDeque<Result<Resolved, ResolveError>>>);

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Result<Resolved, ResolveError>>) -> Self {
        Self(Mutex::new(answers.into_iter().collect()))
    }
}

impl Resolve for Scripted {
    fn resolve(&self, _name: &str) -> Resolving {
        let mut script = self.0.lock().unwrap();
        let answer = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        Box::pin(async move { answer.unwrap() })
    }
}

fn ip(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

fn answer(addresses: &[IpAddr], ttl_s: u64) -> Result<Resolved, ResolveError> {
    Ok(Resolved { addresses: addresses.to_vec(), ttl: Duration::from_secs(ttl_s) })
}

fn no_answer() -> Result<Resolved, ResolveError> {
    Err(ResolveError { name: "a.example".into(), why: "no such name".into() })
}

fn addresses(live: &LiveCluster) -> Vec<SocketAddr> {
    let mut found: Vec<_> = (0..8)
        .filter_map(|_| match live.choose(None, &[])?.address() {
            Address::Ip(address) => Some(*address),
            Address::Unix(_) | Address::Abstract(_) => None,
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

#[tokio::test(start_paused = true)]
async fn every_address_of_a_name_is_an_endpoint_once_it_is_resolved() {
    let mut world = World::new(Scripted::new([answer(&[ip(2), ip(1)], 60)]));
    let live =
        Rc::clone(world.publish(vec![cluster("a", named(&["a.example"]))]).cluster(ClusterId(0)));
    assert!(live.choose(None, &[]).is_none());
    world.registry.warm(LIMIT).await;
    assert_eq!(addresses(&live), [(ip(1), 80).into(), (ip(2), 80).into()]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_holds_for_its_ttl_and_a_failure_keeps_it() {
    let script = [answer(&[ip(1)], 30), no_answer(), answer(&[ip(2)], 30)];
    let mut world = World::new(Scripted::new(script));
    let live =
        Rc::clone(world.publish(vec![cluster("a", named(&["a.example"]))]).cluster(ClusterId(0)));
    world.registry.warm(LIMIT).await;
    assert_eq!(addresses(&live), [(ip(1), 80).into()]);
    tokio::time::sleep(Duration::from_millis(30_500)).await;
    assert_eq!(addresses(&live), [(ip(1), 80).into()], "the failed look-up changes nothing");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(addresses(&live), [(ip(2), 80).into()], "a failure is tried again soon");
}

#[tokio::test(start_paused = true)]
async fn a_reload_with_the_same_names_looks_nothing_up_again() {
    let script = [answer(&[ip(1)], 600), answer(&[ip(9)], 600)];
    let mut world = World::new(Scripted::new(script));
    world.publish(vec![cluster("a", named(&["a.example"]))]);
    world.registry.warm(LIMIT).await;
    let after = world.publish(vec![cluster("a", named(&["a.example"]))]);
    let live = Rc::clone(after.cluster(ClusterId(0)));
    world.registry.warm(LIMIT).await;
    assert_eq!(addresses(&live), [(ip(1), 80).into()]);
}

#[tokio::test(start_paused = true)]
async fn warming_gives_up_on_names_that_do_not_answer() {
    struct Silent;
    impl Resolve for Silent {
        fn resolve(&self, _name: &str) -> Resolving {
            Box::pin(std::future::pending())
        }
    }
    let mut world = World::new(Silent);
    world.publish(vec![cluster("a", named(&["a.example"]))]);
    world.registry.warm(LIMIT).await;
}

/// Knows some names at once, and never anything about the others.
struct Partial(&'static [(&'static str, u8)]);

impl Resolve for Partial {
    fn resolve(&self, name: &str) -> Resolving {
        let Some((_, last)) = self.0.iter().find(|(known, _)| *known == name) else {
            return Box::pin(std::future::pending());
        };
        let answer = answer(&[ip(*last)], 600);
        Box::pin(async move { answer })
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_nobody_answers_for_holds_up_no_other() {
    let mut world = World::new(Partial(&[("a.example", 1)]));
    let names = named(&["silent.example", "a.example"]);
    let live = Rc::clone(world.publish(vec![cluster("a", names)]).cluster(ClusterId(0)));
    until(|| !addresses(&live).is_empty()).await;
    assert_eq!(addresses(&live), [(ip(1), 80).into()]);
}

#[tokio::test(start_paused = true)]
async fn endpoints_of_names_that_stay_keep_their_pools_when_names_come_and_go() {
    let mut world = World::new(Partial(&[("a.example", 1), ("b.example", 2)]));
    let live = |world: &mut World, names: &[&str]| {
        let generation = world.publish(vec![cluster("a", named(names))]);
        Rc::clone(generation.cluster(ClusterId(0)))
    };
    let endpoint = |live: &LiveCluster, last: u8| {
        let at = Address::Ip((ip(last), 80).into());
        let mut picks = (0..8).filter_map(|_| live.choose(None, &[]));
        picks.find(|endpoint| *endpoint.address() == at).unwrap()
    };
    let before = live(&mut world, &["a.example"]);
    world.registry.warm(LIMIT).await;
    let a = endpoint(&before, 1);
    let after = live(&mut world, &["a.example", "b.example"]);
    assert!(Rc::ptr_eq(&endpoint(&after, 1), &a), "there is no moment without endpoints");
    world.registry.warm(LIMIT).await;
    assert_eq!(addresses(&after), [(ip(1), 80).into(), (ip(2), 80).into()]);
    assert!(Rc::ptr_eq(&endpoint(&after, 1), &a));
    // Others than those before are waited for; only then those go.
    let others = live(&mut world, &["b.example", "silent.example"]);
    tokio::time::sleep(LOOKUP_TIMEOUT / 2).await;
    assert_eq!(addresses(&others).len(), 2, "not yet");
    tokio::time::sleep(LOOKUP_TIMEOUT + LIMIT).await;
    assert_eq!(addresses(&others), [(ip(2), 80).into()]);
}

/// Of so many picks, how many went to an address.
fn picks_of(live: &LiveCluster, wanted: SocketAddr, count: usize) -> usize {
    let all = (0..count).filter_map(|_| live.choose(None, &[]));
    all.filter(|picked| *picked.address() == Address::Ip(wanted)).count()
}

fn warming(addresses: &[SocketAddr]) -> Cluster {
    let warmup = Warmup {
        duration: Duration::from_secs(100),
        minimum: Fraction(100_000),
        aggression: 1_000_000,
    };
    Cluster { warmup: Some(warmup), ..cluster("a", listed(addresses)) }
}

#[tokio::test(start_paused = true)]
async fn a_new_endpoint_warms_up_beside_old_ones_and_reloads_do_not_make_it_new() {
    let (old, new): (SocketAddr, SocketAddr) = ((ip(1), 80).into(), (ip(2), 80).into());
    let mut world = World::new(SystemResolver);
    world.publish(vec![warming(&[old])]);
    tokio::time::advance(Duration::from_secs(1000)).await;
    let live = Rc::clone(world.publish(vec![warming(&[old, new])]).cluster(ClusterId(0)));
    assert!(picks_of(&live, new, 110).abs_diff(10) <= 1, "a tenth of the other's");
    tokio::time::advance(Duration::from_secs(50)).await;
    let settings = Cluster { idle_timeout: LIMIT, ..warming(&[old, new]) };
    let live = Rc::clone(world.publish(vec![settings]).cluster(ClusterId(0)));
    assert!(picks_of(&live, new, 300).abs_diff(100) <= 1, "half of the other's");
    tokio::time::advance(Duration::from_secs(51)).await;
    assert!(picks_of(&live, new, 300).abs_diff(150) <= 1, "as much as the other");
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_are_all_new_share_alike() {
    let both = [(ip(1), 80).into(), (ip(2), 80).into()];
    let mut world = World::new(SystemResolver);
    let live = Rc::clone(world.publish(vec![warming(&both)]).cluster(ClusterId(0)));
    assert_eq!(picks_of(&live, both[1], 100), 50);
}

#[tokio::test]
async fn endpoints_change_their_priority_without_losing_their_pool() {
    let (near, far) = (Origin::new().await, Origin::new().await);
    let mut world = World::new(SystemResolver);
    let of = |priorities: [u32; 2]| {
        let endpoints = [near.address(), far.address()].into_iter().zip(priorities);
        let list = endpoints.map(|(at, priority)| Endpoint { priority, ..endpoint(at) });
        vec![cluster("a", Discovery::Static(list.collect()))]
    };
    let live = Rc::clone(world.publish(of([0, 1])).cluster(ClusterId(0)));
    assert_eq!(addresses(&live), [near.address()]);
    live.choose(None, &[])
        .unwrap()
        .connect(LIMIT, (Purpose::Bytes, NOBODY))
        .await
        .unwrap()
        .release();
    world.publish(of([1, 0]));
    assert_eq!(addresses(&live), [far.address()]);
    assert_eq!(live.idle_connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_far_name_answers_until_a_near_one_resolves() {
    let script = Scripted::new([no_answer(), answer(&[ip(2)], 3600), answer(&[ip(1)], 3600)]);
    let mut world = World::new(script);
    let target = |name: &str, priority| DnsTarget {
        name: name.into(),
        port: 80,
        weight: 1,
        locality: Locality::default(),
        priority,
        plaintext: false,
    };
    let names = Discovery::Dns {
        names: Arc::new([target("near.example", 0), target("far.example", 1)]),
        fixed: Arc::new([]),
        first_only: false,
    };
    let live = Rc::clone(world.publish(vec![cluster("a", names)]).cluster(ClusterId(0)));
    world.registry.warm(LIMIT).await;
    assert_eq!(addresses(&live), [(ip(2), 80).into()]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(addresses(&live), [(ip(1), 80).into()]);
}
