//! Picks over priorities and localities: shares by seeded chance, within bounds.

use propylon_snapshot::{Endpoint, Locality, LocalityWeight};

use super::*;
use crate::balance::{layout, seats};

/// Priority, zone and whether it is healthy.
type Place = (u32, &'static str, bool);

struct Crowded {
    plan: Plan<(usize, Address)>,
}

fn planned(balance: Balance, places: &[Place], weights: Option<&[(u32, &str, u32)]>) -> Crowded {
    let locality = |zone: &str| Locality { zone: zone.into(), ..Locality::default() };
    let endpoints: Vec<Endpoint> = (1..)
        .zip(places)
        .map(|(n, (priority, zone, _))| Endpoint {
            locality: locality(zone),
            priority: *priority,
            ..Endpoint::at(Address::Ip(([10, 0, 0, n], 80).into()))
        })
        .collect();
    let weights: Option<Vec<LocalityWeight>> = weights.map(|weights| {
        let one = |(priority, zone, weight): &(u32, &str, u32)| LocalityWeight {
            priority: *priority,
            locality: locality(zone),
            weight: *weight,
        };
        weights.iter().map(one).collect()
    });
    let seats = seats(&endpoints, weights.as_deref().unwrap_or_default());
    let healthy = |index: usize| places[index].2;
    let layout = layout(&seats, weights.as_deref(), healthy, (0, balance.is_hashed()));
    let members: Vec<(usize, Address)> =
        endpoints.into_iter().map(|endpoint| endpoint.address).enumerate().collect();
    let stock = Stock {
        members: &members,
        seats: &seats,
        address: |member| &member.1,
        warmth: None,
        table: &|shares| Arc::new(crate::balance::table(balance, &shares).unwrap()),
    };
    Crowded { plan: Plan::new(balance, &layout, &stock) }
}

impl Crowded {
    /// Of so many requests, how many went to each endpoint.
    fn shares(&self, count: usize, requests: u64) -> Vec<u64> {
        let mut random = fastrand::Rng::with_seed(11);
        let mut dice = |sides: u32| random.u32(..sides);
        let mut shares = vec![0; count];
        for n in 0..requests {
            let draw = Draw { hash: None, attempt: 0 };
            let see = (|_: &_| 0, |_: &_| 1.0);
            let picked = self.plan.pick((draw, None), see, &mut dice);
            let Some((index, _)) = picked else { panic!("request {n} goes nowhere") };
            shares[*index] += 1;
        }
        shares
    }
}

const ALL: [Balance; 5] = [
    Balance::Random,
    Balance::RoundRobin,
    Balance::LeastRequest,
    Balance::RingHash { points_min: 1024 },
    Balance::Maglev { entries: 65_537 },
];

/// Within three of a hundred of what is expected: five standard deviations of ten thousand draws
/// are two and a half.
fn close(found: u64, percent: u64) -> bool {
    found.abs_diff(percent * 100) < 300
}

#[test]
fn every_balancer_spills_to_the_next_priority_what_the_first_cannot_stand() {
    let places = [(0, "a", true), (0, "a", false), (1, "b", true), (1, "b", true)];
    for balance in ALL {
        let shares = planned(balance, &places, None).shares(4, 10_000);
        assert!(close(shares[0], 70) && shares[1] == 0, "{balance}: {shares:?}");
        assert!(close(shares[2] + shares[3], 30), "{balance}: {shares:?}");
    }
}

#[test]
fn without_trouble_nobody_leaves_the_first_priority() {
    let places = [(0, "a", true), (0, "a", true), (1, "b", true), (2, "c", true)];
    for balance in ALL {
        let shares = planned(balance, &places, None).shares(4, 1000);
        assert_eq!(shares[2] + shares[3], 0, "{balance}: {shares:?}");
    }
}

#[test]
fn localities_share_by_their_weights_whatever_their_size() {
    let places = [(0, "a", true), (0, "b", true), (0, "b", true), (0, "b", true)];
    let weights = [(0, "a", 80), (0, "b", 20)];
    for balance in [Balance::Random, Balance::RoundRobin, Balance::LeastRequest] {
        let shares = planned(balance, &places, Some(&weights)).shares(4, 10_000);
        assert!(close(shares[0], 80), "{balance}: {shares:?}");
    }
    for balance in [Balance::RingHash { points_min: 100_000 }, Balance::Maglev { entries: 65_537 }]
    {
        let shares = planned(balance, &places, Some(&weights)).shares(4, 10_000);
        assert!(close(shares[0], 80), "{balance}: {shares:?}");
    }
}

#[test]
fn round_robin_of_localities_is_exact() {
    let places = [(0, "a", true), (0, "b", true), (0, "b", true)];
    let weights = [(0, "a", 2), (0, "b", 1)];
    let shares = planned(Balance::RoundRobin, &places, Some(&weights)).shares(3, 600);
    assert_eq!(shares, [400, 100, 100]);
}

#[test]
fn the_same_hash_stays_with_its_endpoint_and_its_priority() {
    let places = [(0, "a", true), (0, "a", true), (0, "a", false), (1, "b", true), (1, "b", true)];
    let crowded = planned(Balance::RingHash { points_min: 1024 }, &places, None);
    let mut never = |_| -> u32 { panic!("a hash needs no chance") };
    for hash in (0..1000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
        let mut pick = |attempt| {
            let see = (|_: &_| 0, |_: &_| 1.0);
            let draw = Draw { hash: Some(hash), attempt };
            crowded.plan.pick((draw, None), see, &mut never).unwrap().0
        };
        let far = hash % 100 >= 93;
        assert_eq!(pick(0), pick(0));
        for attempt in 0..4 {
            assert_eq!(places[pick(attempt)].0 == 1, far, "further attempts stay in the priority");
        }
    }
}

#[test]
fn nothing_is_picked_where_nobody_is_healthy() {
    for balance in ALL {
        for weights in [None, Some(&[(0, "a", 1), (1, "b", 1)][..])] {
            let crowded = planned(balance, &[(0, "a", false), (1, "b", false)], weights);
            let see = (|_: &_| 0, |_: &_| 1.0);
            assert!(
                crowded.plan.pick((Draw::default(), None), see, &mut |_| 0).is_none(),
                "{balance}"
            );
        }
    }
    let empty: Plan<(usize, Address)> = Plan::default();
    assert!(empty.pick((Draw::default(), None), (|_: &_| 0, |_: &_| 1.0), &mut |_| 0).is_none());
}
