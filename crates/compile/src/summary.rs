//! What changed between two snapshots, as counts of things people configure.
//! Ids are resolved before anything is compared: they shift whenever an object comes or goes.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use propylon_snapshot::{Action, Cluster, ObjectId, Origin, Rule, RuleList, Snapshot, Target};

/// What changed between two snapshots, in the words of the reload line: `+1 route`, `-2 hosts`,
/// `~ cluster outbound|80||x`. Empty where requests cannot tell the two apart.
#[must_use]
pub fn summary(old: &Snapshot, new: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    differences("listener", &listeners(old), &listeners(new), &mut lines);
    let (old_hosts, new_hosts) = (Hosts::of(old), Hosts::of(new));
    differences("host", &old_hosts.settings, &new_hosts.settings, &mut lines);
    routes(&old_hosts, &new_hosts, &mut lines);
    differences("cluster", &clusters(old), &clusters(new), &mut lines);
    if old.http != new.http {
        lines.push("~ mesh settings".to_owned());
    }
    match (old.closed, new.closed) {
        (false, true) => lines.push("closed by an unenforced policy".to_owned()),
        (true, false) => lines.push("open again".to_owned()),
        (false, false) | (true, true) => {}
    }
    lines
}

/// Things by name; a different number means different contents.
type Named = BTreeMap<String, u64>;

fn differences(what: &str, old: &Named, new: &Named, lines: &mut Vec<String>) {
    let only = |a: &Named, b: &Named| -> Vec<String> {
        a.keys().filter(|name| !b.contains_key(*name)).cloned().collect()
    };
    let changed = old.iter().filter(|(name, hash)| new.get(*name).is_some_and(|new| new != *hash));
    let changed: Vec<String> = changed.map(|(name, _)| name.clone()).collect();
    count('+', what, only(new, old).len(), lines);
    count('-', what, only(old, new).len(), lines);
    match changed.as_slice() {
        [] => {}
        [one] => lines.push(format!("~ {what} {one}")),
        several => lines.push(format!("~ {} {what}s", several.len())),
    }
}

fn count(sign: char, what: &str, number: usize, lines: &mut Vec<String>) {
    match number {
        0 => {}
        1 => lines.push(format!("{sign}1 {what}")),
        several => lines.push(format!("{sign}{several} {what}s")),
    }
}

fn listeners(snapshot: &Snapshot) -> Named {
    let listeners = snapshot.listeners.iter();
    listeners.map(|one| (format!("{:?}", one.bind), hash(&one.port))).collect()
}

fn clusters(snapshot: &Snapshot) -> Named {
    let named = |cluster: &Cluster| (cluster.name.to_string(), hash(&format!("{cluster:?}")));
    snapshot.clusters.iter().map(named).collect()
}

/// The hosts of a snapshot, and the rules of each.
struct Hosts {
    settings: Named,
    rules: BTreeMap<String, Arc<Vec<u64>>>,
}

impl Hosts {
    fn of(snapshot: &Snapshot) -> Self {
        let mut seen: HashMap<*const RuleList, Arc<Vec<u64>>> = HashMap::new();
        let mut hosts = Self { settings: Named::new(), rules: BTreeMap::new() };
        for table in &snapshot.tables {
            for host in table.hosts() {
                let name = format!("{} {}", table.name, host.domain);
                let rules = seen.entry(Arc::as_ptr(&host.rules)).or_insert_with(|| {
                    let rules = host.rules.rules().iter();
                    Arc::new(rules.map(|rule| fingerprint(rule, snapshot)).collect())
                });
                hosts.rules.insert(name.clone(), Arc::clone(rules));
                hosts.settings.insert(name, u64::from(host.require_tls));
            }
        }
        hosts
    }
}

/// Counts rules that came, went, or only changed their place. A list shared by many hosts counts
/// once.
fn routes(old: &Hosts, new: &Hosts, lines: &mut Vec<String>) {
    let mut counted = std::collections::HashSet::new();
    let (mut added, mut removed, mut moved) = (0, 0, 0);
    let names: std::collections::BTreeSet<&String> =
        old.rules.keys().chain(new.rules.keys()).collect();
    for name in names {
        let before = old.rules.get(name).map_or(&[][..], |rules| rules.as_slice());
        let after = new.rules.get(name).map_or(&[][..], |rules| rules.as_slice());
        if before == after || !counted.insert((before.to_vec(), after.to_vec())) {
            continue;
        }
        let mut balance: HashMap<u64, i64> = HashMap::new();
        for rule in after {
            *balance.entry(*rule).or_default() += 1;
        }
        for rule in before {
            *balance.entry(*rule).or_default() -= 1;
        }
        let plus: i64 = balance.values().filter(|n| **n > 0).sum();
        let minus: i64 = balance.values().filter(|n| **n < 0).sum();
        added += usize::try_from(plus).unwrap_or(0);
        removed += usize::try_from(-minus).unwrap_or(0);
        moved += usize::from(plus == 0 && minus == 0);
    }
    count('+', "route", added, lines);
    count('-', "route", removed, lines);
    count('~', "route order", moved, lines);
}

/// A number for what a rule does to requests: cluster ids replaced by names, origin left out.
fn fingerprint(rule: &Rule, snapshot: &Snapshot) -> u64 {
    let mut rule = rule.clone();
    rule.origin = Origin { object: ObjectId(0), entry: 0, matching: None };
    if let Action::Forward(forward) = &mut rule.action {
        let destinations = forward.destinations.iter_mut().map(|one| &mut one.target);
        let mirrors = forward.mirrors.iter_mut().map(|one| &mut one.target);
        for target in destinations.chain(mirrors) {
            if let Target::Cluster(id) = target {
                // An equals sign is in no name, so this cannot be taken for a missing cluster.
                *target = Target::Missing(format!("={}", snapshot.cluster(*id).name).into());
            }
        }
    }
    hash(&format!("{rule:?}"))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
