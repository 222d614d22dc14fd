//! Earliest deadline first: the schedule behind weighted round robin, as in Envoy.
//! An endpoint of weight w comes up every 1/w; picking it sets its next deadline.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One turn of an endpoint of weight 1; fine enough for weights up to 2^32.
const TURN: u64 = 1 << 32;

/// Endpoints by their next deadline.
#[derive(Debug)]
pub(super) struct DeadlineQueue {
    weights: Vec<u32>,
    queue: RefCell<BinaryHeap<Reverse<Turn>>>,
    /// Turns taken so far.
    taken: Cell<u64>,
}

/// Ordered by deadline, then by how long ago the endpoint had its turn, then by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    deadline: u64,
    entered: u64,
    index: usize,
}

impl DeadlineQueue {
    pub(super) fn new(weights: &[u32]) -> Self {
        let queue = weights
            .iter()
            .enumerate()
            .map(|(index, weight)| Reverse(Turn { deadline: step(*weight, 0), entered: 0, index }))
            .collect();
        Self { weights: weights.to_vec(), queue: RefCell::new(queue), taken: Cell::new(0) }
    }

    /// The endpoint whose turn it is. With `load`, a busy endpoint's weight counts for less:
    /// weight over load plus one.
    pub(super) fn next(
        &self,
        load: impl Fn(usize) -> u32,
        dice: &mut dyn FnMut(u32) -> u32,
    ) -> usize {
        if self.taken.get() == 0 {
            // Workers and gateways that start together must not march in step.
            let skip = dice(u32::try_from(self.weights.len()).unwrap_or(u32::MAX));
            for _ in 0..skip {
                self.advance(&load);
            }
        }
        self.advance(&load)
    }

    fn advance(&self, load: &impl Fn(usize) -> u32) -> usize {
        let mut queue = self.queue.borrow_mut();
        let Some(mut top) = queue.peek_mut() else { return 0 };
        let Turn { deadline, entered: _, index } = top.0;
        let entered = self.taken.get() + 1;
        self.taken.set(entered);
        let weight = self.weights.get(index).copied().unwrap_or(1);
        let next = deadline.saturating_add(step(weight, load(index)));
        *top = Reverse(Turn { deadline: next, entered, index });
        drop(top);
        // Far in the future (after 2^32 turns of a lone slow endpoint) the clock starts anew.
        if next > u64::MAX / 2 {
            let rebased = queue.drain().map(|Reverse(turn)| {
                Reverse(Turn {
                    deadline: turn.deadline.saturating_sub(deadline),
                    entered: 0,
                    ..turn
                })
            });
            *queue = rebased.collect::<Vec<_>>().into();
        }
        index
    }
}

/// The time between two turns of an endpoint.
fn step(weight: u32, load: u32) -> u64 {
    (TURN / u64::from(weight.max(1))).saturating_mul(u64::from(load) + 1)
}
