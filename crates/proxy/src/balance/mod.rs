//! Choosing one endpoint of several: pure algorithms over indices, weights and load.
//!
//! They know neither sockets nor pools. Chance is an argument: `dice(n)` draws from `0..n`.

mod deadline;
mod hash;
mod table;

use std::sync::Arc;

use propylon_snapshot::{Address, Balance};

use deadline::DeadlineQueue;
pub(crate) use hash::{Hashed, Subject, of_request, of_source};
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
    /// Each as likely as the others.
    Uniform,
    /// Likely in proportion to the weight: running sums of weights.
    Weighted { sums: Vec<u64> },
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
    /// For endpoints of these weights, in their order. `table` makes the table over them, for
    /// algorithms that have one.
    #[must_use]
    pub(crate) fn new(
        balance: Balance,
        weights: &[u32],
        table: impl FnOnce() -> Arc<HashTable>,
    ) -> Self {
        let equal = weights.windows(2).all(|pair| pair[0] == pair[1]);
        let algorithm = match balance {
            Balance::Random if equal => Algorithm::Uniform,
            Balance::Random => Algorithm::Weighted { sums: running_sums(weights) },
            Balance::RoundRobin => Algorithm::InTurn { queue: DeadlineQueue::new(weights) },
            Balance::LeastRequest if equal => Algorithm::LeastOfTwo,
            Balance::LeastRequest => {
                Algorithm::LeastWeighted { queue: DeadlineQueue::new(weights) }
            }
            Balance::RingHash { .. } | Balance::Maglev { .. } => {
                Algorithm::Hashed { table: table() }
            }
        };
        Self { algorithm, count: u32::try_from(weights.len()).unwrap_or(u32::MAX) }
    }

    /// The position of the endpoint to use; `None` if there is none. `load` tells how many
    /// requests an endpoint has under way.
    pub(crate) fn pick(
        &self,
        draw: Draw,
        load: impl Fn(usize) -> u32,
        dice: &mut dyn FnMut(u32) -> u32,
    ) -> Option<usize> {
        match self.count {
            0 => return None,
            1 => return Some(0),
            _ => {}
        }
        Some(match &self.algorithm {
            Algorithm::Uniform => dice(self.count) as usize,
            Algorithm::Weighted { sums } => draw_weighted(sums, dice),
            Algorithm::InTurn { queue } => queue.next(|_| 0, dice),
            Algorithm::LeastOfTwo => {
                let (first, second) = (dice(self.count) as usize, dice(self.count) as usize);
                if load(second) < load(first) { second } else { first }
            }
            Algorithm::LeastWeighted { queue } => queue.next(load, dice),
            Algorithm::Hashed { table } => {
                let hash = draw.hash.unwrap_or_else(|| {
                    (u64::from(dice(u32::MAX)) << 32) | u64::from(dice(u32::MAX))
                });
                return table.pick(hash, draw.attempt);
            }
        })
    }
}

/// Endpoints and their weights as tables see them.
pub(crate) fn keyed<'a>(endpoints: impl Iterator<Item = (&'a Address, u32)>) -> Vec<(String, u32)> {
    endpoints.map(|(address, weight)| (table::key(address), weight)).collect()
}

/// The table of an algorithm over endpoints with these keys and weights; `None` for those without.
pub(crate) fn table(balance: Balance, members: &[(String, u32)]) -> Option<HashTable> {
    let sum: f64 = members.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let weighed = (0..).zip(members).map(|(index, (key, weight))| Weighed {
        index,
        key: key.clone(),
        share: f64::from(*weight) / sum,
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

fn running_sums(weights: &[u32]) -> Vec<u64> {
    let mut sum = 0;
    weights
        .iter()
        .map(|weight| {
            sum += u64::from(*weight);
            sum
        })
        .collect()
}

/// Two draws make a number below the sum, which may exceed 32 bits.
fn draw_weighted(sums: &[u64], dice: &mut dyn FnMut(u32) -> u32) -> usize {
    let sum = sums.last().copied().unwrap_or(1).max(1);
    let ticket = match u32::try_from(sum) {
        Ok(sum) => u64::from(dice(sum)),
        Err(_) => ((u64::from(dice(u32::MAX)) << 32) | u64::from(dice(u32::MAX))) % sum,
    };
    sums.partition_point(|upper| *upper <= ticket)
}

#[cfg(test)]
mod tests;
