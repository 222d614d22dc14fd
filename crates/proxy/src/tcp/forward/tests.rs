//! Choosing a destination by weight.

use super::*;

fn weights(list: &[u32]) -> Vec<TcpDestination> {
    let one = |(index, weight): (usize, &u32)| TcpDestination {
        target: Target::Missing(index.to_string().into()),
        weight: *weight,
    };
    list.iter().enumerate().map(one).collect()
}

/// Which destination each number of the dice leads to.
fn shares(list: &[u32]) -> Vec<usize> {
    let destinations = weights(list);
    let total: u32 = list.iter().sum();
    (0..u64::from(total))
        .map(|thrown| {
            let chosen = choose(&destinations, |_| thrown).unwrap();
            destinations.iter().position(|one| one == chosen).unwrap()
        })
        .collect()
}

#[test]
fn every_destination_gets_its_share() {
    assert_eq!(shares(&[1, 3]), [0, 1, 1, 1]);
    assert_eq!(shares(&[2, 0, 1]), [0, 0, 2]);
}

#[test]
fn a_single_destination_takes_everything_whatever_its_weight() {
    let only = weights(&[0]);
    assert!(choose(&only, |_| panic!("no dice needed")).is_some());
}

#[test]
fn without_destinations_there_is_none() {
    assert!(choose(&[], |_| 0).is_none());
}
