//! Tables entry by entry: shares, stability, where attempts lead. That placement equals Envoy's is
//! shown against Envoy itself by the comparison with it.

use std::net::SocketAddr;

use propylon_snapshot::Balance;

use super::*;

fn members(weights: &[u32]) -> Vec<Weighed> {
    let sum: u32 = weights.iter().sum();
    (0..)
        .zip(weights)
        .map(|(index, weight)| Weighed {
            index,
            key: format!("10.0.0.{}:80", index + 1),
            share: f64::from(*weight) / f64::from(sum),
        })
        .collect()
}

fn shares(table: &HashTable, count: usize) -> Vec<usize> {
    let mut shares = vec![0; count];
    match table {
        HashTable::Ring(points) => {
            points.iter().for_each(|(_, index)| shares[*index as usize] += 1)
        }
        HashTable::Maglev(entries) => entries.iter().for_each(|index| shares[*index as usize] += 1),
    }
    shares
}

#[test]
fn the_hash_is_xxh64_with_seed_zero() {
    assert_eq!(hash(b""), 0xef46_db37_51d8_e999);
    assert_eq!(hash(b"foo"), 0x33bf_00a8_59c4_ba3f);
}

#[test]
fn an_address_is_hashed_as_envoy_writes_it() {
    let v6: SocketAddr = "[::1]:80".parse().unwrap();
    assert_eq!(key(&Address::Ip(v6)), "[::1]:80");
    assert_eq!(key(&Address::Unix("/run/a.sock".into())), "/run/a.sock");
}

#[test]
fn a_ring_has_a_whole_number_of_points_for_the_lightest() {
    let ring = HashTable::ring(&members(&[1, 1, 1]), 1024);
    assert_eq!(shares(&ring, 3), [342, 342, 342]);
    let ring = HashTable::ring(&members(&[1, 3]), 6);
    assert_eq!(shares(&ring, 2), [2, 6]);
}

#[test]
fn a_hash_leads_to_the_next_point_and_beyond_the_last_to_the_first() {
    let ring = HashTable::ring(&members(&[1, 1]), 8);
    let HashTable::Ring(points) = &ring else { panic!("a ring") };
    for (at, (point, index)) in points.iter().enumerate() {
        assert_eq!(ring.pick(*point, 0), Some(*index as usize));
        let next = points[(at + 1) % points.len()].1 as usize;
        assert_eq!(ring.pick(*point, 1), Some(next), "an attempt more is a point further");
        assert_eq!(ring.pick(point.wrapping_add(1), 0), Some(next));
    }
    assert_eq!(ring.pick(u64::MAX, 0), Some(points[0].1 as usize));
}

#[test]
fn a_maglev_table_is_full_and_fair() {
    let table = HashTable::maglev(&members(&[1, 1, 1]), 65_537);
    let shares = shares(&table, 3);
    assert_eq!(shares.iter().sum::<usize>(), 65_537);
    assert!(shares.iter().all(|share| (21_845..=21_846).contains(share)), "{shares:?}");
}

#[test]
fn a_maglev_table_respects_weights() {
    let shares = shares(&HashTable::maglev(&members(&[1, 3]), 1009), 2);
    assert_eq!(shares, [253, 756]);
}

#[test]
fn the_order_of_endpoints_does_not_move_anyone() {
    let mut turned = members(&[1, 2, 3]);
    turned.reverse();
    for hash in (0..1000_u64).map(|n| hash(&n.to_be_bytes())) {
        let (a, b) = (HashTable::maglev(&members(&[1, 2, 3]), 7), HashTable::maglev(&turned, 7));
        assert_eq!(a.pick(hash, 0), b.pick(hash, 0));
    }
}

#[test]
fn when_one_endpoint_goes_only_its_own_keys_move() {
    let (all, left) = (members(&[1; 5]), members(&[1; 4]));
    let before = HashTable::ring(&all, 1024);
    let after = HashTable::ring(&left, 1024);
    let moved = (0..10_000_u64).map(|n| hash(&n.to_be_bytes())).filter(|hash| {
        let was = before.pick(*hash, 0);
        was != Some(4) && was != after.pick(*hash, 0)
    });
    let moved = moved.count();
    // The fewest points rise from 205 to 256 for each, which moves some.
    assert!(moved < 2_500, "{moved} of 10000");
}

/// Where an Envoy 1.40 sent requests whose header was `user-0`, `user-1` ... `user-199`: the last
/// digit of the port, 21001 to 21005 on 127.0.0.1.
struct Recorded {
    balance: Balance,
    weights: &'static [u32],
    ports: &'static str,
}

const RECORDED: [Recorded; 5] = [
    Recorded {
        balance: Balance::RingHash { points_min: 1024 },
        weights: &[1, 1, 1, 1, 1],
        ports: "\
            54523132455152111234514133542114323431344211154215553125541215415522543252223231\
            52445252132523523124143411543235214151523244551322335541232522254443122221422323\
            4111425422323551151413141141113255115154",
    },
    Recorded {
        balance: Balance::RingHash { points_min: 50 },
        weights: &[1, 2, 3, 4, 10],
        ports: "\
            54423431244233234323455434555234555433255555354344555444554342445531554445343533\
            44252242442433453424445444324545344441453215345535454533442555234355451444425115\
            4542524444444253444443544543444543555534",
    },
    Recorded {
        balance: Balance::Maglev { entries: 65_537 },
        weights: &[1, 1, 1, 1, 1],
        ports: "\
            21444522453335524131545542212542432543542125133424353523533442533455252132224115\
            53521443541234241555252243221213555133151313342345424233144315114213554141153241\
            1345312251222322235425351351413144242255",
    },
    Recorded {
        balance: Balance::Maglev { entries: 1009 },
        weights: &[1, 2, 3, 4, 10],
        ports: "\
            41451355555555525343543345225352543553255353525255553552125545552551555525453552\
            55452425453155554555423555515114444434335555455555144425555444515454235344555213\
            3124453343355455553455245553255521435513",
    },
    Recorded {
        balance: Balance::RingHash { points_min: 7 },
        weights: &[1, 1, 1],
        ports: "\
            22123131122131131323133132133232313133223131313113333111131312313311121123313113\
            23232112222231213223123112322223111121233113323331331321232233231133331222123113\
            3312212111111213131313231313213321133331",
    },
];

#[test]
fn requests_go_where_envoy_sent_them() {
    for Recorded { balance, weights, ports } in RECORDED {
        let sum: u32 = weights.iter().sum();
        let share = |weight: u32| f64::from(weight) / f64::from(sum);
        let members: Vec<(String, f64)> = (1..)
            .zip(weights)
            .map(|(n, weight)| (format!("127.0.0.1:2100{n}"), share(*weight)))
            .collect();
        let table = crate::balance::table(balance, &members).unwrap();
        let gone: String = (0..200)
            .map(|n| table.pick(hash(format!("user-{n}").as_bytes()), 0).unwrap() + 1)
            .map(|position| position.to_string())
            .collect();
        assert_eq!(gone, ports, "{balance}");
    }
}

#[test]
fn an_empty_table_leads_nowhere() {
    assert_eq!(HashTable::ring(&[], 1024).pick(7, 0), None);
    assert_eq!(HashTable::maglev(&[], 65_537).pick(7, 3), None);
    assert_eq!(HashTable::default().pick(7, 0), None);
}
