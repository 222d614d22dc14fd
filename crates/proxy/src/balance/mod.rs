//! Choosing one endpoint of several: pure algorithms over indices, weights and load.
//!
//! They know neither sockets nor pools. Chance is an argument: `dice(n)` draws from `0..n`.

mod deadline;
mod hash;
mod layout;
mod plan;
mod table;

use std::sync::Arc;

use propylon_snapshot::Balance;

use deadline::{DeadlineQueue, slowed};
pub(crate) use hash::{Hashed, Subject, of_request, of_source};
pub(crate) use layout::{Seat, layout, seats};
pub(crate) use plan::{Plan, Stock, shares};
pub(crate) use table::HashTable;
use table::Weighed;

/// What a pick depends on besides load and chance.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Draw {
    /// The hash of the request; only algorithms with a table ask for it.
    pub hash: Option<u64>,
    /// How often the pick was made before for the same try and led to an endpoint to avoid.
    pub attempt: u32,
}

/// A balancing algorithm with its state, for one fixed list of endpoints.
#[derive(Debug)]
pub(crate) struct Picker {
    algorithm: Algorithm,
    count: u32,
}

#[derive(Debug)]
enum Algorithm {
    /// Each as likely as the others, whatever its weight.
    Uniform,
    /// In turn, each as often as its weight says.
    InTurn { queue: DeadlineQueue },
    /// The less loaded of two drawn at random.
    LeastOfTwo,
    /// In turn by weight over load: Envoy's least request with unequal weights.
    LeastWeighted { queue: DeadlineQueue },
    /// Where the hash leads; by chance without one.
    Hashed { table: Arc<HashTable> },
}

impl Picker {
    /// For endpoints of these weights, in their order. A hash that chooses has a picker of its own.
    #[must_use]
    pub(crate) fn new(balance: Balance, weights: &[u32]) -> Self {
        let equal = weights.windows(2).all(|pair| pair[0] == pair[1]);
        let queue =
            || DeadlineQueue::new(weights.iter().map(|one| f64::from(*one)), |_, turn| turn);
        let algorithm = match balance {
            Balance::Random => Algorithm::Uniform,
            Balance::RoundRobin => Algorithm::InTurn { queue: queue() },
            Balance::LeastRequest if !equal => Algorithm::LeastWeighted { queue: queue() },
            Balance::LeastRequest | Balance::RingHash { .. } | Balance::Maglev { .. } => {
                Algorithm::LeastOfTwo
            }
        };
        Self { algorithm, count: u32::try_from(weights.len()).unwrap_or(u32::MAX) }
    }

    /// The same while some of the endpoints count for less than their weight, as `warmth` says.
    #[must_use]
    pub(crate) fn warming(
        balance: Balance,
        weights: &[u32],
        warmth: impl Fn(usize) -> f64,
    ) -> Self {
        let queue = || {
            let weights = weights.iter().map(|one| f64::from(*one));
            DeadlineQueue::new(weights, |index, turn| slowed(turn, warmth(index)))
        };
        let algorithm = match balance {
            Balance::RoundRobin => Algorithm::InTurn { queue: queue() },
            Balance::LeastRequest => Algorithm::LeastWeighted { queue: queue() },
            Balance::Random | Balance::RingHash { .. } | Balance::Maglev { .. } => {
                return Self::new(balance, weights);
            }
        };
        Self { algorithm, count: u32::try_from(weights.len()).unwrap_or(u32::MAX) }
    }

    /// For so many endpoints, by a table over them.
    #[must_use]
    pub(crate) fn hashed(table: Arc<HashTable>, count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self { algorithm: Algorithm::Hashed { table }, count }
    }

    /// The position of the endpoint to use; `None` if there is none. `load` tells how many
    /// requests an endpoint has under way, `warmth` what share of its weight it counts for now.
    pub(crate) fn pick(
        &self,
        draw: Draw,
        (load, warmth): (impl Fn(usize) -> u32, impl Fn(usize) -> f64),
        dice: &mut dyn FnMut(u32) -> u32,
    ) -> Option<usize> {
        match self.count {
            0 => return None,
            1 => return Some(0),
            _ => {}
        }
        Some(match &self.algorithm {
            Algorithm::Uniform => dice(self.count) as usize,
            Algorithm::InTurn { queue } => {
                queue.next(|index, turn| slowed(turn, warmth(index)), dice)
            }
            Algorithm::LeastOfTwo => {
                let (first, second) = (dice(self.count) as usize, dice(self.count) as usize);
                if load(second) < load(first) { second } else { first }
            }
            Algorithm::LeastWeighted { queue } => {
                // A busy endpoint's weight counts for less: weight over load plus one.
                let busy = |index, turn: u64| turn.saturating_mul(u64::from(load(index)) + 1);
                queue.next(|index, turn| slowed(busy(index, turn), warmth(index)), dice)
            }
            Algorithm::Hashed { table } => {
                let hash = draw.hash.unwrap_or_else(|| random(dice));
                return table.pick(hash, draw.attempt);
            }
        })
    }
}

/// A hash for a request that has nothing to hash.
pub(crate) fn random(dice: &mut dyn FnMut(u32) -> u32) -> u64 {
    (u64::from(dice(u32::MAX)) << 32) | u64::from(dice(u32::MAX))
}

/// The table of an algorithm over endpoints with these keys and shares; `None` for those without.
pub(crate) fn table(balance: Balance, members: &[(String, f64)]) -> Option<HashTable> {
    let weighed = (0..).zip(members).map(|(index, (key, share))| Weighed {
        index,
        key: key.clone(),
        share: *share,
    });
    match balance {
        Balance::RingHash { points_min } => {
            Some(HashTable::ring(&weighed.collect::<Vec<_>>(), points_min))
        }
        Balance::Maglev { entries } => {
            Some(HashTable::maglev(&weighed.collect::<Vec<_>>(), entries))
        }
        Balance::LeastRequest | Balance::RoundRobin | Balance::Random => None,
    }
}

#[cfg(test)]
mod tests;
