//! Hosts that came, went, or are served by other objects or in another order than before.
//! What the rules themselves do is compared in `routes`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use propylon_snapshot::{ObjectName, RuleList, Snapshot};

use super::differences;

/// What tells one host from another of the same name: whether it redirects to https, and the
/// objects that its rules come from, in their order.
type Served<'s> = (bool, Arc<[&'s ObjectName]>);

/// Adds phrases about hosts.
pub(super) fn changes(old: &Snapshot, new: &Snapshot, phrases: &mut Vec<String>) {
    let old_objects: HashSet<&ObjectName> = old.objects.iter().collect();
    let both = new.objects.iter().filter(|object| old_objects.contains(object)).collect();
    let (before, after) = (hosts(old, &both), hosts(new, &both));
    differences("host", &before, &after, |a, b| a == b, phrases);
}

/// The hosts of all tables; of the objects that serve them only those in `counted`, because an
/// object that comes or goes shows in its routes.
fn hosts<'s>(
    snapshot: &'s Snapshot,
    counted: &HashSet<&ObjectName>,
) -> BTreeMap<String, Served<'s>> {
    let mut known: HashMap<*const RuleList, Arc<[&ObjectName]>> = HashMap::new();
    let mut hosts = BTreeMap::new();
    for listener in &snapshot.listeners {
        for host in listener.tables().flat_map(|table| snapshot.table(table).hosts()) {
            let objects = known.entry(Arc::as_ptr(&host.rules)).or_insert_with(|| {
                let mut seen = HashSet::new();
                let rules = host.rules.rules().iter();
                let objects = rules.map(|rule| &snapshot.objects[rule.origin.object.0 as usize]);
                objects.filter(|one| counted.contains(one) && seen.insert(*one)).collect()
            });
            let served = (host.require_tls, Arc::clone(objects));
            hosts.insert(format!("{} on {}", host.domain, listener.bind), served);
        }
    }
    hosts
}
