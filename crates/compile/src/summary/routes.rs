//! Routes that came, went, changed or moved. A route is what its author wrote, one element of
//! `match` at one place of one object, on however many hosts and ports it is served.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use propylon_snapshot::{Action, Forward, ObjectName, PathMatch, Rule, Snapshot, Target};

use super::{came, counted, went};

/// Adds phrases about routes.
pub(super) fn changes(old: &Snapshot, new: &Snapshot, phrases: &mut Vec<String>) {
    let names = |snapshot: &Snapshot| -> Vec<_> {
        snapshot.clusters.iter().map(|cluster| cluster.name.clone()).collect()
    };
    if Arc::ptr_eq(&old.tables, &new.tables) && names(old) == names(new) {
        return;
    }
    let (mut before, mut after) = (written(old), written(new));
    let mut total = Counts::default();
    let mut reordered = Vec::new();
    let objects: BTreeSet<&ObjectName> = before.keys().chain(after.keys()).copied().collect();
    for object in objects {
        let before = before.remove(object).unwrap_or_default();
        let after = after.remove(object).unwrap_or_default();
        let counts = compare(Pair { old, new }, before, after);
        total.added += counts.added;
        total.removed += counts.removed;
        total.changed += counts.changed;
        if counts.reordered {
            reordered.push(object);
        }
    }
    came(total.added, "route", phrases);
    went(total.removed, "route", phrases);
    if total.changed > 0 {
        phrases.push(format!("{} changed", counted(total.changed, "route")));
    }
    match reordered.as_slice() {
        [] => {}
        [ObjectName { kind, namespace, name }] => {
            phrases.push(format!("routes of {kind} {namespace}/{name} reordered"));
        }
        several => phrases.push(format!("routes of {} objects reordered", several.len())),
    }
}

#[derive(Default)]
struct Counts {
    added: usize,
    removed: usize,
    changed: usize,
    reordered: bool,
}

/// Place in an object: the entry of `http`, and the element of its `match`.
type Place = (u32, Option<u32>);

/// One route as written: the rules that it became, which differ only where ports or gateways make
/// them differ.
struct Route<'s> {
    place: Place,
    rules: Vec<&'s Rule>,
}

/// The routes of every object, in the order in which they are written.
fn written(snapshot: &Snapshot) -> HashMap<&ObjectName, Vec<Route<'_>>> {
    let mut lists = HashSet::new();
    let mut objects: HashMap<&ObjectName, BTreeMap<Place, Vec<&Rule>>> = HashMap::new();
    for host in snapshot.tables.iter().flat_map(|table| table.hosts()) {
        if !lists.insert(Arc::as_ptr(&host.rules)) {
            continue;
        }
        for rule in host.rules.rules() {
            let object = &snapshot.objects[rule.origin.object.0 as usize];
            let place = (rule.origin.entry, rule.origin.matching);
            let rules = objects.entry(object).or_default().entry(place).or_default();
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
    }
    objects.into_iter().map(|(object, places)| (object, in_order(places))).collect()
}

fn in_order(places: BTreeMap<Place, Vec<&Rule>>) -> Vec<Route<'_>> {
    places.into_iter().map(|(place, rules)| Route { place, rules }).collect()
}

/// Compares the routes of one object: equal ones first, wherever they stand; of the rest, those
/// that have their name, their path or their place in common count as changed.
fn compare<'s>(pair: Pair<'s>, mut old: Vec<Route<'s>>, mut new: Vec<Route<'s>>) -> Counts {
    let same_ends = old.iter().zip(&new).take_while(|(a, b)| pair.same(a, b)).count();
    old.drain(..same_ends);
    new.drain(..same_ends);
    let ends = old.iter().rev().zip(new.iter().rev());
    let same_ends = ends.take_while(|(a, b)| pair.same(a, b)).count();
    old.truncate(old.len() - same_ends);
    new.truncate(new.len() - same_ends);

    let moved = matched(&mut old, &mut new, path, |a, b| pair.same(a, b));
    let in_order = moved.windows(2).all(|two| two[0].1 < two[1].1);
    let mut changed = matched(&mut old, &mut new, name, |_, _| true).len();
    changed += matched(&mut old, &mut new, path, |_, _| true).len();
    changed += matched(&mut old, &mut new, |route| Some(route.place), |_, _| true).len();
    let (removed, added) = (old.len(), new.len());
    Counts { added, removed, changed, reordered: !in_order }
}

/// Takes out of both lists what belongs together: the same key, and `fits`. Gives the places of
/// each pair, in the order of the old ones.
fn matched<'s, K: Eq + Hash>(
    old: &mut Vec<Route<'s>>,
    new: &mut Vec<Route<'s>>,
    key: impl Fn(&Route<'s>) -> Option<K>,
    fits: impl Fn(&Route<'s>, &Route<'s>) -> bool,
) -> Vec<(Place, Place)> {
    let mut open: HashMap<K, Vec<usize>> = HashMap::new();
    for (position, route) in new.iter().enumerate() {
        if let Some(key) = key(route) {
            open.entry(key).or_default().push(position);
        }
    }
    let mut pairs = Vec::new();
    let mut taken = HashSet::new();
    old.retain(|route| {
        let Some(candidates) = key(route).and_then(|key| open.get_mut(&key)) else { return true };
        let Some(found) = candidates.iter().position(|at| fits(route, &new[*at])) else {
            return true;
        };
        let at = candidates.remove(found);
        pairs.push((route.place, new[at].place));
        taken.insert(at);
        false
    });
    let mut position = 0;
    new.retain(|_| {
        position += 1;
        !taken.contains(&(position - 1))
    });
    pairs
}

fn name<'s>(route: &Route<'s>) -> Option<&'s str> {
    route.rules.first().map(|rule| &*rule.name).filter(|name| !name.is_empty())
}

fn path<'s>(route: &Route<'s>) -> Option<(u8, &'s str)> {
    route.rules.first().map(|rule| match &rule.matcher.path {
        PathMatch::Any => (0, ""),
        PathMatch::Exact { text, .. } => (1, &**text),
        PathMatch::Prefix { text, .. } => (2, &**text),
        PathMatch::Regex(pattern) => (3, pattern.source()),
    })
}

/// The snapshots that the ids of two rules belong to.
#[derive(Clone, Copy)]
struct Pair<'s> {
    old: &'s Snapshot,
    new: &'s Snapshot,
}

impl Pair<'_> {
    fn same(self, a: &Route<'_>, b: &Route<'_>) -> bool {
        a.rules.len() == b.rules.len()
            && a.rules.iter().zip(&b.rules).all(|(a, b)| self.same_rule(a, b))
    }

    /// True if two rules do the same to the same requests, wherever they are written.
    fn same_rule(self, a: &Rule, b: &Rule) -> bool {
        let Rule { name, matcher, action, headers, cors, fault, origin: _ } = a;
        let same_action = match (action, &b.action) {
            (Action::Forward(a), Action::Forward(b)) => self.same_forward(a, b),
            (a, b) => a == b,
        };
        same_action
            && *name == b.name
            && *matcher == b.matcher
            && *headers == b.headers
            && *cors == b.cors
            && *fault == b.fault
    }

    fn same_forward(self, a: &Forward, b: &Forward) -> bool {
        let Forward { destinations, path, authority, timeout, retry, mirrors, hash } = a;
        let mut to = destinations.iter().zip(&b.destinations);
        let mut copies = mirrors.iter().zip(&b.mirrors);
        destinations.len() == b.destinations.len()
            && to.all(|(a, b)| {
                self.same_target(&a.target, &b.target)
                    && (a.weight, &a.headers, &a.authority) == (b.weight, &b.headers, &b.authority)
            })
            && mirrors.len() == b.mirrors.len()
            && copies.all(|(a, b)| self.same_target(&a.target, &b.target) && a.share == b.share)
            && *path == b.path
            && *authority == b.authority
            && *timeout == b.timeout
            && *retry == b.retry
            && *hash == b.hash
    }

    fn same_target(self, a: &Target, b: &Target) -> bool {
        match (a, b) {
            (Target::Cluster(a), Target::Cluster(b)) => {
                self.old.cluster(*a).name == self.new.cluster(*b).name
            }
            (a, b) => a == b,
        }
    }
}
