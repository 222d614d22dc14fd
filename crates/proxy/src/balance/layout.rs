//! Which endpoints are picked from, and how often: priorities, the spill from one to the next,
//! panic, weights of localities, by Envoy's rules. Pure arithmetic over numbers of endpoints; it
//! picks nothing.

use std::collections::HashMap;

use propylon_snapshot::{Endpoint, Locality, LocalityWeight};

/// Envoy's overprovisioning factor: what healthy endpoints are thought to stand, in percent.
const OVERPROVISIONING: usize = 140;

/// What the layout needs to know of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) weight: u32,
    priority: u32,
    /// Position among the weighted localities; `None` where it counts for nothing there.
    place: Option<usize>,
    ready: bool,
}

impl Seat {
    /// The priority of its endpoint; 0 is the nearest.
    pub(crate) fn priority(&self) -> u32 {
        self.priority
    }
}

/// The seats of endpoints, in their order.
pub(crate) fn seats(endpoints: &[Endpoint], localities: &[LocalityWeight]) -> Vec<Seat> {
    let places: HashMap<(u32, &Locality), usize> =
        (0..).zip(localities).map(|(place, one)| ((one.priority, &one.locality), place)).collect();
    let seat = |endpoint: &Endpoint| {
        // Where it is and how it is spoken to moves nobody.
        let Endpoint { weight, locality, priority, ready, .. } = endpoint;
        let place = places.get(&(*priority, locality)).copied();
        Seat { weight: *weight, priority: *priority, place, ready: *ready }
    };
    endpoints.iter().map(seat).collect()
}

/// The endpoints of one priority that get requests.
#[derive(Debug, PartialEq)]
pub(crate) struct Level {
    /// Of a hundred requests, how many go to this priority or a nearer one.
    pub(crate) upto: u32,
    /// Of a hundred requests, how many its healthy endpoints can stand.
    pub(crate) stands: u32,
    /// Its endpoints, by locality where localities have weights.
    pub(crate) groups: Vec<Group>,
}

/// Endpoints that are picked from with one another.
#[derive(Debug, PartialEq)]
pub(crate) struct Group {
    /// What the group counts for beside the others of its priority; above 0.
    pub(crate) weight: f64,
    /// What of all that its priority ever had it counts for, whatever is healthy: up to 1.
    pub(crate) share: f64,
    /// Positions of the endpoints.
    pub(crate) members: Vec<usize>,
}

/// Lays endpoints out. `healthy` tells who may get requests, if they are ready; below
/// `panic_percent` of healthy endpoints all get some. `localities`: their weights; where a hash
/// chooses (`hashed`), these hold in panic, too.
pub(crate) fn layout(
    seats: &[Seat],
    localities: Option<&[LocalityWeight]>,
    healthy: impl Fn(usize) -> bool,
    (panic_percent, hashed): (u32, bool),
) -> Vec<Level> {
    let count = seats.iter().map(|seat| seat.priority as usize + 1).max().unwrap_or(0);
    let mut all: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (index, seat) in seats.iter().enumerate() {
        all[seat.priority as usize].push(index);
    }
    let usable = |index: &usize| seats[*index].ready && healthy(*index);
    let healthy: Vec<Vec<usize>> =
        all.iter().map(|level| level.iter().copied().filter(usable).collect()).collect();
    let counts: Vec<Counts> = all
        .iter()
        .zip(&healthy)
        .map(|(all, healthy)| Counts { all: all.len(), healthy: healthy.len() })
        .collect();
    let mut upto = 0;
    let levels = all.into_iter().zip(healthy).zip((0..).zip(loads(&counts, panic_percent)));
    levels
        .map(|((all, healthy), (priority, Load { percent, stands, panics }))| {
            upto += percent;
            let weighted = localities.filter(|_| hashed || !panics);
            let members = if panics { &all } else { &healthy };
            let groups = weighted
                .map(|localities| by_locality(seats, (members, &all), (priority, localities)))
                .filter(|groups| !groups.is_empty());
            let whole = || vec![Group { weight: 1.0, share: 1.0, members: members.clone() }];
            Level { upto, stands, groups: groups.unwrap_or_else(whole) }
        })
        .collect()
}

/// How many endpoints a priority has.
#[derive(Debug, Clone, Copy)]
struct Counts {
    all: usize,
    healthy: usize,
}

/// What a priority gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Load {
    /// Of a hundred requests.
    percent: u32,
    /// What it could take.
    stands: u32,
    /// Whether health is overlooked.
    panics: bool,
}

/// Each priority takes what it can stand of what nearer ones left. Where all together cannot stand
/// it, each takes its part, and those with too few healthy endpoints overlook health; where all do,
/// requests go by the number of endpoints.
fn loads(counts: &[Counts], panic_percent: u32) -> Vec<Load> {
    let healths: Vec<usize> = counts
        .iter()
        .map(|one| (OVERPROVISIONING * one.healthy).checked_div(one.all).unwrap_or(0).min(100))
        .collect();
    let total = healths.iter().sum::<usize>().min(100);
    let mut percents = parts(&healths, total);
    let panics: Vec<bool> = counts
        .iter()
        // A priority without any endpoint counts as one without a healthy one.
        .map(|one| total < 100 && one.healthy * 100 < panic_percent as usize * one.all.max(1))
        .collect();
    if panic_percent > 0 && panics.iter().all(|panics| *panics) {
        let sizes: Vec<usize> = counts.iter().map(|one| one.all).collect();
        percents = parts(&sizes, sizes.iter().sum());
    }
    let percent = |percent| u32::try_from(percent).unwrap_or(100);
    let all = percents.into_iter().zip(healths).zip(panics);
    all.map(|((part, health), panics)| Load {
        percent: percent(part),
        stands: percent(health),
        panics,
    })
    .collect()
}

/// Of a hundred requests, how many go to each priority or a nearer one, where those of `past` get
/// none of them; `None` where no other has a healthy endpoint.
pub(super) fn without(past: &[u32], stands: &[u32]) -> Option<Vec<u32>> {
    let stays = |(priority, stands): (u32, &u32)| match past.contains(&priority) {
        true => 0,
        false => *stands as usize,
    };
    let healths: Vec<usize> = (0..).zip(stands).map(stays).collect();
    let total = healths.iter().sum::<usize>().min(100);
    let mut upto = 0;
    let upto = parts(&healths, total).into_iter().map(|part| {
        upto += u32::try_from(part).unwrap_or(100);
        upto
    });
    (total > 0).then(|| upto.collect())
}

/// A hundred in proportion to `sizes`, of which `total` is all. Each gets what is left at most, and
/// the first that has a size gets what rounding leaves; the very first if none has one.
fn parts(sizes: &[usize], total: usize) -> Vec<usize> {
    let mut left = 100;
    let mut parts: Vec<usize> = sizes
        .iter()
        .map(|size| {
            let part = (size * 100).checked_div(total).unwrap_or(0).min(left);
            left -= part;
            part
        })
        .collect();
    let first = sizes.iter().position(|size| *size > 0).unwrap_or(0);
    if let Some(part) = parts.get_mut(first) {
        *part += left;
    }
    parts
}

/// Groups by the order of the weighted localities. A locality of which some are missing counts for
/// less once the rest cannot stand its part.
fn by_locality(
    seats: &[Seat],
    (members, all): (&[usize], &[usize]),
    (priority, localities): (u32, &[LocalityWeight]),
) -> Vec<Group> {
    let sum: f64 = localities
        .iter()
        .filter(|one| one.priority == priority)
        .map(|one| f64::from(one.weight))
        .sum();
    let mut sizes = vec![0_usize; localities.len()];
    for place in all.iter().filter_map(|index| seats[*index].place) {
        sizes[place] += 1;
    }
    let mut inside: Vec<Vec<usize>> = vec![Vec::new(); localities.len()];
    for index in members {
        if let Some(place) = seats[*index].place {
            inside[place].push(*index);
        }
    }
    let groups = localities.iter().zip(sizes).zip(inside);
    groups
        .filter(|(_, members)| !members.is_empty())
        .map(|((locality, size), members)| {
            let weight = f64::from(locality.weight);
            let stands = number(OVERPROVISIONING) / 100.0 * number(members.len()) / number(size);
            Group { weight: weight * stands.min(1.0), share: weight / sum, members }
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "there are fewer endpoints than 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
