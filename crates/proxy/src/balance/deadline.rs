//! Earliest deadline first: the schedule behind weighted round robin, as in Envoy.
//! A member of weight w comes up every 1/w; picking it sets its next deadline.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One turn of a member of weight 1; fine enough for weights up to 2^32.
const TURN: f64 = 4_294_967_296.0;

/// Members by their next deadline.
#[derive(Debug)]
pub(super) struct DeadlineQueue {
    /// How long a turn of each member is.
    turns: Vec<u64>,
    queue: RefCell<BinaryHeap<Reverse<Turn>>>,
    /// Turns taken so far.
    taken: Cell<u64>,
}

/// Ordered by deadline, then by how long ago the member had its turn, then by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    deadline: u64,
    entered: u64,
    index: usize,
}

impl DeadlineQueue {
    /// Of members with these weights, above 0. `slow` makes a turn longer than the weight says.
    pub(super) fn new(
        weights: impl Iterator<Item = f64>,
        slow: impl Fn(usize, u64) -> u64,
    ) -> Self {
        let turns: Vec<u64> = weights.map(|weight| whole(TURN / weight)).collect();
        let first = |(index, turn): (usize, &u64)| {
            Reverse(Turn { deadline: slow(index, *turn), entered: 0, index })
        };
        let queue = turns.iter().enumerate().map(first).collect();
        Self { turns, queue: RefCell::new(queue), taken: Cell::new(0) }
    }

    /// The member whose turn it is. `slow` makes the time to its next turn longer than its weight
    /// says.
    pub(super) fn next(
        &self,
        slow: impl Fn(usize, u64) -> u64,
        dice: &mut dyn FnMut(u32) -> u32,
    ) -> usize {
        if self.taken.get() == 0 {
            // Workers and gateways that start together must not march in step.
            let skip = dice(u32::try_from(self.turns.len()).unwrap_or(u32::MAX));
            for _ in 0..skip {
                self.advance(&slow);
            }
        }
        self.advance(&slow)
    }

    fn advance(&self, slow: &impl Fn(usize, u64) -> u64) -> usize {
        let mut queue = self.queue.borrow_mut();
        let Some(mut top) = queue.peek_mut() else { return 0 };
        let Turn { deadline, entered: _, index } = top.0;
        let entered = self.taken.get() + 1;
        self.taken.set(entered);
        let turn = self.turns.get(index).copied().unwrap_or(1);
        let next = deadline.saturating_add(slow(index, turn));
        *top = Reverse(Turn { deadline: next, entered, index });
        drop(top);
        // Far in the future (after 2^31 turns of a lone slow member) the clock starts anew.
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

/// A turn of a member that counts for this share of its weight.
pub(super) fn slowed(turn: u64, share: f64) -> u64 {
    if share >= 1.0 { turn } else { whole(as_f64(turn) / share) }
}

/// Without a fraction; what is too long ends with the largest number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn whole(number: f64) -> u64 {
    number as u64
}

#[expect(clippy::cast_precision_loss, reason = "turns need no more than 53 bits")]
fn as_f64(number: u64) -> f64 {
    number as f64
}
