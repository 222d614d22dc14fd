//! Choosing one endpoint of several: pure algorithms over indices, weights and load.
//!
//! They know neither sockets nor pools. Chance is an argument: `dice(n)` draws from `0..n`.

mod deadline;

use propylon_snapshot::Balance;

use deadline::DeadlineQueue;

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
}

impl Picker {
    /// For endpoints of these weights, in their order.
    #[must_use]
    pub(crate) fn new(balance: Balance, weights: &[u32]) -> Self {
        let equal = weights.windows(2).all(|pair| pair[0] == pair[1]);
        let algorithm = match balance {
            Balance::Random if equal => Algorithm::Uniform,
            Balance::Random => Algorithm::Weighted { sums: running_sums(weights) },
            Balance::RoundRobin => Algorithm::InTurn { queue: DeadlineQueue::new(weights) },
            Balance::LeastRequest if equal => Algorithm::LeastOfTwo,
            Balance::LeastRequest => {
                Algorithm::LeastWeighted { queue: DeadlineQueue::new(weights) }
            }
        };
        Self { algorithm, count: u32::try_from(weights.len()).unwrap_or(u32::MAX) }
    }

    /// The position of the endpoint to use; `None` if there is none. `load` tells how many
    /// requests an endpoint has under way.
    pub(crate) fn pick(
        &self,
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
        })
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
