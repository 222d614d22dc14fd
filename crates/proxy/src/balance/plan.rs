//! A layout ready to be picked from: the pickers of its priorities and localities. Allocates when
//! it is made and never when it is asked.

use std::sync::Arc;

use propylon_snapshot::{Address, Balance};

use super::deadline::DeadlineQueue;
use super::layout::{self, Level, Seat};
use super::{Draw, HashTable, Picker, table};

/// Endpoints that are picked from, by priority.
#[derive(Debug)]
pub(crate) struct Plan<M> {
    levels: Vec<Shelf<M>>,
}

/// The endpoints of one priority.
#[derive(Debug)]
struct Shelf<M> {
    /// Of a hundred requests, how many go here or to a nearer priority.
    upto: u32,
    /// Of a hundred requests, how many its healthy endpoints can stand.
    stands: u32,
    /// Whose turn it is among the groups; `None` where there is one.
    turns: Option<DeadlineQueue>,
    groups: Vec<Crowd<M>>,
}

/// Endpoints that are picked from with one another.
#[derive(Debug)]
struct Crowd<M> {
    members: Vec<M>,
    picker: Picker,
}

/// What plans are made of, beside a layout.
pub(crate) struct Stock<'a, M> {
    /// Every endpoint, whether it gets requests or not.
    pub(crate) members: &'a [M],
    /// The same.
    pub(crate) seats: &'a [Seat],
    /// Where one listens.
    pub(crate) address: fn(&M) -> &Address,
    /// What share of its weight one counts for now; `None`: everyone for all of it.
    pub(crate) warmth: Option<&'a dyn Fn(&M) -> f64>,
    /// The table over endpoints with these keys and shares.
    pub(crate) table: &'a dyn Fn(Vec<(String, f64)>) -> Arc<HashTable>,
}

impl<M> Default for Plan<M> {
    fn default() -> Self {
        Self { levels: Vec::new() }
    }
}

impl<M: Clone> Plan<M> {
    /// The plan of a layout.
    pub(crate) fn new(balance: Balance, layout: &[Level], stock: &Stock<'_, M>) -> Self {
        let shelf = |level: &Level| {
            let groups: Vec<Crowd<M>> = match balance.is_hashed() {
                true => vec![hashed(level, stock)],
                false => {
                    level.groups.iter().map(|one| crowd(balance, &one.members, stock)).collect()
                }
            };
            let turns = (groups.len() > 1).then(|| {
                DeadlineQueue::new(level.groups.iter().map(|group| group.weight), |_, turn| turn)
            });
            Shelf { upto: level.upto, stands: level.stands, turns, groups }
        };
        Self { levels: layout.iter().map(shelf).collect() }
    }
}

impl<M> Plan<M> {
    /// How priorities share requests that are to go to none of `past`; `None` where there is no
    /// other.
    pub(crate) fn without(&self, past: &[u32]) -> Option<Vec<u32>> {
        let stands: Vec<u32> = self.levels.iter().map(|level| level.stands).collect();
        layout::without(past, &stands)
    }

    /// The endpoint to use; `None` if there is none. `load` tells how many requests one has under
    /// way, `warmth` what share of its weight it counts for, `upto` how priorities share requests
    /// where they do not as planned.
    pub(crate) fn pick(
        &self,
        (draw, upto): (Draw, Option<&[u32]>),
        (load, warmth): (impl Fn(&M) -> u32, impl Fn(&M) -> f64),
        dice: &mut dyn FnMut(u32) -> u32,
    ) -> Option<&M> {
        let shelf = match self.levels.as_slice() {
            [only] => only,
            levels => {
                let ticket = match draw.hash {
                    Some(hash) => u32::try_from(hash % 100).unwrap_or(0),
                    None => dice(100),
                };
                let planned = |(index, level): &(usize, &Shelf<M>)| {
                    let upto = upto.and_then(|upto| upto.get(*index).copied());
                    ticket < upto.unwrap_or(level.upto)
                };
                levels.iter().enumerate().find(planned)?.1
            }
        };
        let crowd = match &shelf.turns {
            Some(turns) => shelf.groups.get(turns.next(|_, turn| turn, dice)),
            None => shelf.groups.first(),
        }?;
        let of = |index: usize| crowd.members.get(index);
        let load = |index| of(index).map_or(0, &load);
        let warmth = |index| of(index).map_or(1.0, &warmth);
        of(crowd.picker.pick(draw, (load, warmth), dice)?)
    }
}

fn crowd<M: Clone>(balance: Balance, members: &[usize], stock: &Stock<'_, M>) -> Crowd<M> {
    let weights: Vec<u32> = members.iter().map(|index| stock.seats[*index].weight).collect();
    let members: Vec<M> = members.iter().map(|index| stock.members[*index].clone()).collect();
    let picker = match stock.warmth {
        Some(warmth) => Picker::warming(balance, &weights, |index| warmth(&members[index])),
        None => Picker::new(balance, &weights),
    };
    Crowd { members, picker }
}

/// A table knows no groups: a member's share is that of its locality in parts.
fn hashed<M: Clone>(level: &Level, stock: &Stock<'_, M>) -> Crowd<M> {
    let address = |index: usize| (stock.address)(&stock.members[index]);
    let shares = shares(level, stock.seats, address);
    let members = level.groups.iter().flat_map(|group| &group.members);
    let members: Vec<M> = members.map(|index| stock.members[*index].clone()).collect();
    let picker = match members.len() {
        0 | 1 => Picker::new(Balance::Random, &vec![1; members.len()]),
        _ => Picker::hashed((stock.table)(shares), members.len()),
    };
    Crowd { members, picker }
}

/// The endpoints of a priority as tables see them: keys and shares.
pub(crate) fn shares<'a>(
    level: &Level,
    seats: &[Seat],
    address: impl Fn(usize) -> &'a Address,
) -> Vec<(String, f64)> {
    let of_group = |group: &super::layout::Group| {
        let weight = |index: &usize| f64::from(seats[*index].weight);
        let sum: f64 = group.members.iter().map(weight).sum();
        let share = group.share;
        let each = group
            .members
            .iter()
            .map(|index| (table::key(address(*index)), weight(index) * share / sum));
        each.collect::<Vec<_>>()
    };
    level.groups.iter().flat_map(of_group).collect()
}

#[cfg(test)]
mod tests;
