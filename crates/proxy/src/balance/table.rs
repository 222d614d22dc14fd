//! Tables that lead a hash to an endpoint: Envoy's ring (after ketama) and Maglev, entry for entry,
//! so that a request goes where Envoy would send it. Built from addresses and weights alone.

use propylon_snapshot::Address;
use twox_hash::XxHash64;

/// Most points on a ring (Envoy's `maximum_ring_size`).
const RING_POINTS_MAX: f64 = 8_388_608.0;

/// An endpoint as a table sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weighed {
    /// Its position among the endpoints that the table leads to.
    pub index: u32,
    /// What is hashed: its address as Envoy writes it.
    pub key: String,
    /// Its share of all: above 0, and 1 for a lone endpoint.
    pub share: f64,
}

/// From a hash to an endpoint. The default leads nowhere.
#[derive(Debug)]
pub(crate) enum HashTable {
    /// Points in the order of their hashes.
    Ring(Box<[(u64, u32)]>),
    /// A prime number of entries.
    Maglev(Box<[u32]>),
}

impl Default for HashTable {
    fn default() -> Self {
        Self::Ring(Box::default())
    }
}

impl HashTable {
    /// A ring where every endpoint has as many points as its share of at least `points_min` says,
    /// and the one with the smallest share a whole number of them.
    pub(crate) fn ring(members: &[Weighed], points_min: u64) -> Self {
        let least = members.iter().map(|one| one.share).fold(1.0, f64::min);
        let scale = ((least * as_f64(points_min)).ceil() / least).min(RING_POINTS_MAX);
        let mut points = Vec::new();
        // Running sums, so that fractions of points are made up for by the next endpoint.
        let (mut made, mut wanted) = (0.0, 0.0);
        let mut text = String::new();
        for member in members {
            wanted += scale * member.share;
            let mut number: u64 = 0;
            while made < wanted {
                text.clear();
                text.push_str(&member.key);
                text.push('_');
                text.push_str(&number.to_string());
                points.push((hash(text.as_bytes()), member.index));
                number += 1;
                made += 1.0;
            }
        }
        points.sort_by_key(|(hash, _)| *hash);
        Self::Ring(points.into())
    }

    /// A table of `entries`, a prime: endpoints take entries in turn, in the order of their keys,
    /// each along its own permutation, and one with half the largest share every other turn.
    pub(crate) fn maglev(members: &[Weighed], entries: u64) -> Self {
        if members.is_empty() || entries < 2 {
            return Self::Maglev(Box::default());
        }
        let most = members.iter().map(|one| one.share).fold(0.0, f64::max);
        let mut takers: Vec<Taker<'_>> =
            members.iter().map(|member| Taker::new(member, entries)).collect();
        takers.sort_by(|a, b| a.member.key.cmp(&b.member.key));
        let mut table = vec![FREE; usize::try_from(entries).unwrap_or(usize::MAX)];
        let mut left = table.len();
        let mut turn = 0.0;
        while left > 0 {
            turn += 1.0;
            for taker in &mut takers {
                if left == 0 {
                    break;
                }
                if turn * taker.member.share < taker.target {
                    continue;
                }
                taker.target += most;
                taker.take(&mut table, entries);
                left -= 1;
            }
        }
        Self::Maglev(table.into())
    }

    /// The endpoint that a hash leads to. Further attempts lead elsewhere, though not always to
    /// another endpoint. `None` if there is none.
    pub(crate) fn pick(&self, hash: u64, attempt: u32) -> Option<usize> {
        let index = match self {
            Self::Ring(points) => {
                let first = points.partition_point(|(point, _)| *point < hash);
                let len = points.len();
                let at = (first % len.max(1)).checked_add(attempt as usize)?;
                points.get(at.checked_rem(len)?)?.1
            }
            Self::Maglev(table) => {
                let mixed =
                    if attempt == 0 { hash } else { hash ^ u64::from(attempt).wrapping_neg() };
                let at = mixed.checked_rem(table.len() as u64)?;
                *table.get(usize::try_from(at).ok()?)?
            }
        };
        Some(index as usize)
    }
}

/// An entry that nobody has taken yet.
const FREE: u32 = u32::MAX;

/// An endpoint on its way through a Maglev table.
struct Taker<'m> {
    member: &'m Weighed,
    offset: u64,
    skip: u64,
    next: u64,
    target: f64,
}

impl<'m> Taker<'m> {
    fn new(member: &'m Weighed, entries: u64) -> Self {
        let key = member.key.as_bytes();
        let offset = hash(key) % entries;
        let skip = XxHash64::oneshot(1, key) % (entries - 1) + 1;
        Self { member, offset, skip, next: 0, target: 0.0 }
    }

    /// Takes the next free entry of its permutation. There is one: the caller counts.
    fn take(&mut self, table: &mut [u32], entries: u64) {
        for _ in 0..entries {
            let at = (self.offset + self.skip * self.next) % entries;
            self.next += 1;
            if let Some(entry) = usize::try_from(at).ok().and_then(|at| table.get_mut(at))
                && *entry == FREE
            {
                *entry = self.member.index;
                return;
            }
        }
    }
}

/// An address as Envoy's tables hash it.
pub(crate) fn key(address: &Address) -> String {
    match address {
        Address::Ip(address) => address.to_string(),
        Address::Unix(path) => path.to_string_lossy().into_owned(),
        Address::Abstract(name) => format!("@{name}"),
    }
}

/// Envoy's hash of keys and requests.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    XxHash64::oneshot(0, bytes)
}

/// Sizes of tables are far below what a float holds exactly.
#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
