//! Which endpoints are near: what DestinationRule, Service and mesh say of localities, turned into
//! priorities of endpoints and weights of localities as istiod does. Health and chance are the data
//! plane's.

use std::collections::BTreeMap;
use std::sync::Arc;

use propylon_model::destination_rule::{
    LoadBalancer, LocalityDistribute, LocalityFailover, LocalityLb, ZoneAwareLb,
};
use propylon_snapshot::{Locality, LocalityWeight};

use crate::destinations::endpoints::Candidate;
use crate::destinations::place::{self, NETWORK, Own};
use crate::destinations::traffic_distribution::TrafficDistribution;
use crate::mesh::Mesh;

/// What counts of the settings that have a say.
#[derive(Debug, Default)]
pub(crate) struct Near<'w> {
    distribute: &'w [LocalityDistribute],
    /// Labels that order endpoints, the most important one first.
    labels: Vec<&'w str>,
    regions: Regions<'w>,
    /// Localities of a priority count by their weights.
    weighted: bool,
}

/// How far away regions are.
#[derive(Debug, Default)]
enum Regions<'w> {
    /// They are all the same.
    #[default]
    Alike,
    /// Subzone, zone, region, the region that takes over, others.
    ByPlace(&'w [LocalityFailover]),
    /// Region, the region that takes over, others.
    ByRegion(&'w [LocalityFailover]),
}

impl<'w> Near<'w> {
    /// The setting that counts: the rule's before the Service's before the mesh's. Without outlier
    /// detection (`fails_over`) nobody would notice that something near fails, so nothing is
    /// nearer than anything else, unless the setting says so by itself.
    pub(crate) fn of(
        balancer: Option<&'w LoadBalancer>,
        service: TrafficDistribution,
        mesh: Mesh<'w>,
        fails_over: bool,
    ) -> Self {
        if let Some(zones) = balancer.and_then(|one| one.zone_aware_lb_setting.as_ref()) {
            return Self::of_zones(zones);
        }
        if let Some(setting) = balancer.and_then(|one| one.locality_lb_setting.as_ref()) {
            return Self::of_localities(setting, fails_over);
        }
        if let Some(labels) = service.labels() {
            return Self { labels: labels.to_vec(), weighted: true, ..Self::default() };
        }
        match (mesh.zone_aware(), mesh.localities()) {
            (Some(zones), _) => Self::of_zones(zones),
            (None, Some(setting)) => Self::of_localities(setting, fails_over),
            (None, None) if fails_over => {
                Self { regions: Regions::ByPlace(&[]), ..Self::default() }
            }
            (None, None) => Self::default(),
        }
    }

    fn of_zones(setting: &'w ZoneAwareLb) -> Self {
        // The size of a cluster matters where zones are balanced, which is not in effect.
        let ZoneAwareLb { enabled, failover, failover_priority, min_cluster_size: _ } = setting;
        if *enabled == Some(false) {
            return Self::default();
        }
        let labels = failover_priority.iter().map(String::as_str).collect();
        Self { labels, regions: Regions::ByRegion(failover), ..Self::default() }
    }

    fn of_localities(setting: &'w LocalityLb, fails_over: bool) -> Self {
        let LocalityLb { distribute, failover, failover_priority, enabled } = setting;
        if *enabled == Some(false) {
            return Self::default();
        }
        if !distribute.is_empty() {
            return Self { distribute, weighted: true, ..Self::default() };
        }
        if !fails_over {
            return Self::default();
        }
        let regions = match failover_priority.is_empty() || !failover.is_empty() {
            true => Regions::ByPlace(failover),
            false => Regions::Alike,
        };
        let weighted = !failover.is_empty() || !failover_priority.is_empty();
        let labels = failover_priority.iter().map(String::as_str).collect();
        Self { labels, regions, weighted, ..Self::default() }
    }

    /// Gives every endpoint its priority, and leaves out those that no share is meant for. The
    /// weights are those of localities, where they count.
    pub(crate) fn arrange<P>(
        &self,
        own: &Own<'_>,
        seats: &mut Vec<Seat<'_, P>>,
    ) -> Option<Arc<[LocalityWeight]>> {
        if !self.labels.is_empty() && !own.is_unknown() {
            for seat in seats.iter_mut() {
                seat.priority = self.by_labels(own, seat.candidate);
            }
            compact(seats);
        }
        let (steps, failover) = match self.regions {
            Regions::Alike => (1, &[][..]),
            Regions::ByPlace(failover) => (PLACES, failover),
            Regions::ByRegion(failover) => (REGIONS, failover),
        };
        if steps > 1 {
            for seat in seats.iter_mut() {
                let away = away(&own.locality, &seat.candidate.place, failover);
                // The nearer places are all the same where only regions count.
                seat.priority = seat.priority * steps + away.saturating_sub(PLACES - steps);
            }
            compact(seats);
        }
        let from = |one: &&LocalityDistribute| matches(&own.locality, &one.from);
        match self.distribute.iter().find(from) {
            Some(chosen) => Some(in_order(own, distributed(&chosen.to, seats))),
            None => self.weighted.then(|| in_order(own, summed(seats))),
        }
    }

    /// The number of labels less those that agree up to the first that does not. Another network
    /// is worse than anything else, and the labels behind it still count.
    fn by_labels(&self, own: &Own<'_>, candidate: &Candidate<'_>) -> u32 {
        let count = self.labels.len();
        let differs = |written: &str| {
            let mut parts = written.split('=');
            let name = parts.next().unwrap_or_default();
            let wanted = match (parts.next(), parts.next()) {
                (Some(value), None) => value,
                _ => own.label(name),
            };
            wanted != candidate.label(name).unwrap_or_default()
        };
        let mut agreeing = self.labels.iter().position(|label| differs(label));
        let mut behind = 0;
        if agreeing == Some(0) && self.labels.first() == Some(&NETWORK) {
            behind = count;
            agreeing = self.labels.iter().skip(1).position(|label| differs(label)).map(|n| n + 1);
        }
        let priority = behind + agreeing.map_or(0, |agreeing| count - agreeing);
        u32::try_from(priority).unwrap_or(u32::MAX)
    }
}

/// An endpoint with what decides how near it is.
pub(crate) struct Seat<'c, P> {
    /// Where it is from.
    pub(crate) candidate: &'c Candidate<'c>,
    /// Its weight; at least 1.
    pub(crate) weight: u32,
    /// How near it is.
    pub(crate) priority: u32,
    /// What becomes of it.
    pub(crate) kept: P,
}

/// Steps between places: same subzone, zone, region; the region that takes over; others.
const PLACES: u32 = 5;
/// Steps between regions: the same, the one that takes over, others.
const REGIONS: u32 = 3;

/// How far a place is away, in steps of [`PLACES`]. Where no region takes over, all others do.
fn away(own: &Locality, other: &Locality, failover: &[LocalityFailover]) -> u32 {
    let Locality { region, zone, subzone } = other;
    if own.region == *region {
        return match (own.zone == *zone, own.subzone == *subzone) {
            (true, true) => 0,
            (true, false) => 1,
            (false, _) => 2,
        };
    }
    let takes_over = failover.iter().find(|one| *one.from == *own.region);
    if takes_over.is_some_and(|one| *one.to != **region) { 4 } else { 3 }
}

/// Numbers the priorities that there are from 0 on.
fn compact<P>(seats: &mut [Seat<'_, P>]) {
    let mut found: Vec<u32> = seats.iter().map(|seat| seat.priority).collect();
    found.sort_unstable();
    found.dedup();
    for seat in seats {
        let rank = found.partition_point(|priority| *priority < seat.priority);
        seat.priority = u32::try_from(rank).unwrap_or(u32::MAX);
    }
}

/// True if a place is within `region/zone/subzone` with `*` or nothing for anything.
fn matches(place: &Locality, rule: &str) -> bool {
    let Locality { region, zone, subzone } = place::locality(rule);
    let fits = |rule: &str, part: &str| rule == "*" || rule == part;
    let open = |rule: &str, part: &str| rule.is_empty() || fits(rule, part);
    fits(&region, &place.region) && open(&zone, &place.zone) && open(&subzone, &place.subzone)
}

/// A priority and a locality of it.
type Spot = (u32, Locality);

/// The endpoints' weights by locality.
fn summed<P>(seats: &[Seat<'_, P>]) -> BTreeMap<Spot, u32> {
    let mut sums = BTreeMap::new();
    for seat in seats {
        let spot = (seat.priority, seat.candidate.place.clone());
        let sum: &mut u32 = sums.entry(spot).or_default();
        *sum = sum.saturating_add(seat.weight);
    }
    sums
}

/// Shares of localities; a share of several is divided by their weights, each rounded up. Endpoints
/// outside all of them get nothing.
fn distributed<P>(
    shares: &BTreeMap<String, u32>,
    seats: &mut Vec<Seat<'_, P>>,
) -> BTreeMap<Spot, u32> {
    let within = |place: &Locality| shares.keys().find(|rule| matches(place, rule));
    seats.retain(|seat| within(&seat.candidate.place).is_some());
    let sums = summed(seats);
    let mut totals: BTreeMap<&String, u64> = BTreeMap::new();
    for ((_, place), weight) in &sums {
        *totals.entry(within(place).unwrap_or(&NOWHERE)).or_default() += u64::from(*weight);
    }
    let share = |(spot, weight): (Spot, u32)| {
        let rule = within(&spot.1).unwrap_or(&NOWHERE);
        let share = u64::from(shares.get(rule).copied().unwrap_or_default());
        let total = totals.get(rule).copied().unwrap_or(1);
        let part = (u64::from(weight) * share).div_ceil(total);
        (spot, u32::try_from(part).unwrap_or(u32::MAX).max(1))
    };
    sums.into_iter().map(share).collect()
}

static NOWHERE: String = String::new();

/// In the order that tables take localities in: the own one first, then by name (Envoy).
fn in_order(own: &Own<'_>, weights: BTreeMap<Spot, u32>) -> Arc<[LocalityWeight]> {
    let weights = weights.into_iter();
    let mut all: Vec<LocalityWeight> = weights
        .map(|((priority, locality), weight)| LocalityWeight { priority, locality, weight })
        .collect();
    all.sort_by_key(|one| (one.priority, one.locality != own.locality));
    all.into()
}

#[cfg(test)]
mod tests;
