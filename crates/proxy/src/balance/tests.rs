//! Every algorithm over every ticket: shares, order, and that nothing is picked from nothing.

use super::*;

const ALL: [Balance; 5] = [
    Balance::Random,
    Balance::RoundRobin,
    Balance::LeastRequest,
    Balance::RingHash { points_min: 16 },
    Balance::Maglev { entries: 7 },
];

fn picker(balance: Balance, weights: &[u32]) -> Picker {
    let sum: u32 = weights.iter().sum();
    let share = |weight: u32| f64::from(weight) / f64::from(sum);
    let members: Vec<(String, f64)> = (1_u32..)
        .zip(weights)
        .map(|(n, weight)| (format!("10.0.0.{n}:80"), share(*weight)))
        .collect();
    match table(balance, &members) {
        Some(table) => Picker::hashed(Arc::new(table), weights.len()),
        None => Picker::new(balance, weights),
    }
}

/// Nobody has anything under way, and everyone counts for all of its weight.
const IDLE: (Load, Share) = (|_| 0, full);

type Load = fn(usize) -> u32;
type Share = fn(usize) -> f64;

fn full(_: usize) -> f64 {
    1.0
}

/// Draws 0, 1, 2 ... around.
fn counting() -> impl FnMut(u32) -> u32 {
    let mut next = 0;
    move |sides| {
        next += 1;
        (next - 1) % sides
    }
}

fn picks(picker: &Picker, count: usize, dice: &mut dyn FnMut(u32) -> u32) -> Vec<usize> {
    (0..count).filter_map(|_| picker.pick(Draw::default(), IDLE, dice)).collect()
}

fn shares(picked: &[usize], members: usize) -> Vec<usize> {
    (0..members).map(|index| picked.iter().filter(|one| **one == index).count()).collect()
}

#[test]
fn nothing_is_picked_from_nothing() {
    for balance in ALL {
        assert_eq!(picker(balance, &[]).pick(Draw::default(), IDLE, &mut counting()), None);
    }
}

#[test]
fn a_lone_endpoint_costs_no_draw() {
    let mut never = |_| -> u32 { panic!("no dice for one endpoint") };
    for balance in ALL {
        assert_eq!(picker(balance, &[7]).pick(Draw::default(), IDLE, &mut never), Some(0));
    }
}

#[test]
fn random_is_as_likely_to_take_one_as_another_whatever_their_weights() {
    let picker = picker(Balance::Random, &[1, 3, 6]);
    assert_eq!(shares(&picks(&picker, 9, &mut counting()), 3), [3, 3, 3]);
}

#[test]
fn round_robin_of_equal_weights_takes_each_in_turn() {
    let picker = picker(Balance::RoundRobin, &[1, 1, 1]);
    let picked = picks(&picker, 9, &mut |_| 0);
    assert_eq!(picked, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
}

#[test]
fn round_robin_starts_where_the_dice_say() {
    let picker = picker(Balance::RoundRobin, &[1, 1, 1]);
    assert_eq!(picks(&picker, 4, &mut |_| 2), [2, 0, 1, 2]);
}

#[test]
fn round_robin_of_unequal_weights_interleaves_them() {
    let picker = picker(Balance::RoundRobin, &[1, 3]);
    let picked = picks(&picker, 400, &mut |_| 0);
    assert_eq!(shares(&picked, 2), [100, 300]);
    assert!(picked.windows(4).all(|run| run.contains(&1)), "the heavier one never waits long");
}

#[test]
fn least_request_takes_the_less_loaded_of_two() {
    let picker = picker(Balance::LeastRequest, &[1, 1, 1]);
    let load = |index: usize| [5, 0, 9][index];
    let mut draws = [0, 1, 2, 0, 2, 2].into_iter();
    let mut dice = |_| draws.next().unwrap();
    assert_eq!(picker.pick(Draw::default(), (load, full), &mut dice), Some(1));
    assert_eq!(picker.pick(Draw::default(), (load, full), &mut dice), Some(0));
    assert_eq!(picker.pick(Draw::default(), (load, full), &mut dice), Some(2));
}

#[test]
fn least_request_with_weights_gives_a_busy_endpoint_less() {
    let picker = picker(Balance::LeastRequest, &[2, 1]);
    let busy_first = |index: usize| if index == 0 { 9 } else { 0 };
    let mut dice = |_| 0;
    let picked: Vec<usize> = (0..300)
        .filter_map(|_| picker.pick(Draw::default(), (busy_first, full), &mut dice))
        .collect();
    let shares = shares(&picked, 2);
    assert!(shares[1] > shares[0] * 3, "{shares:?}");
}

/// Picks of a thousand where the first of equal endpoints counts for this share of its weight.
fn of_the_first(balance: Balance, share: f64) -> usize {
    let warmth = |index: usize| if index == 0 { share } else { 1.0 };
    let picker = Picker::warming(balance, &[1, 1, 1], warmth);
    let see = (|_: usize| 0_u32, warmth);
    let mut dice = |_| 0;
    let picked: Vec<usize> =
        (0..1000).filter_map(|_| picker.pick(Draw::default(), see, &mut dice)).collect();
    shares(&picked, 3)[0]
}

#[test]
fn a_new_endpoint_gets_its_share_of_the_weight() {
    for balance in [Balance::RoundRobin, Balance::LeastRequest] {
        for (share, of) in [(0.1, 1000 / 21), (0.5, 1000 / 5), (1.0, 1000 / 3)] {
            let found = of_the_first(balance, share);
            assert!(found.abs_diff(of) <= 2, "{balance} at {share}: {found}, not {of}");
        }
    }
}

#[test]
fn endpoints_that_are_all_new_share_alike() {
    let picker = Picker::warming(Balance::RoundRobin, &[1, 1], |_| 0.1);
    let see = (|_: usize| 0_u32, |_: usize| 0.1);
    let picked: Vec<usize> =
        (0..100).filter_map(|_| picker.pick(Draw::default(), see, &mut |_| 0)).collect();
    assert_eq!(shares(&picked, 2), [50, 50]);
}
