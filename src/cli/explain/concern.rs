//! Which of all problems concern one request: those of the rule that takes it, of its host's
//! Gateway server, and of the services it is sent to. A neighbour rule's mistakes are not its own.

use propylon_model::{FieldPath, Kind, ObjectKey, Problem, Step};
use propylon_snapshot::{Explanation, Origin, Snapshot};

use super::nearest;
use super::outlook::Outlook;
use crate::load::Loaded;
use crate::place::field;

/// The problems that have to do with this request, in their order.
pub(super) fn problems<'l>(
    loaded: &'l Loaded,
    explanation: &Explanation<'_>,
    outlook: &Outlook<'_>,
) -> Vec<&'l Problem> {
    let snapshot = &loaded.snapshot;
    let decision = &explanation.decision;
    let rule = decision.rule.or_else(|| nearest(explanation).map(|tried| tried.rule));
    let mut parts = Vec::new();
    parts.extend(decision.host.map(|host| Part::of(snapshot, host.origin)));
    parts.extend(rule.map(|rule| Part::of(snapshot, rule.origin)));
    let suppliers = suppliers(loaded, outlook);
    let concerns = |problem: &&Problem| {
        let Some(object) = &problem.object else { return false };
        parts.iter().any(|part| part.holds(object, &problem.field)) || suppliers.contains(object)
    };
    loaded.problems.iter().filter(concerns).collect()
}

/// The part of an object that a compiled thing came from.
struct Part {
    kind: Box<str>,
    namespace: Box<str>,
    name: Box<str>,
    field: FieldPath,
}

impl Part {
    fn of(snapshot: &Snapshot, origin: Origin) -> Self {
        let object = &snapshot.objects[origin.object.0 as usize];
        Self {
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            field: field(&object.kind, origin),
        }
    }

    /// Whether a field belongs to this part: it leads there, lies in it, or concerns the object as
    /// a whole. An element beside it, in whatever list on the way, does not.
    fn holds(&self, object: &ObjectKey, field: &FieldPath) -> bool {
        let same = *self.kind == *object.kind.name()
            && *self.namespace == *object.namespace
            && *self.name == *object.name;
        same && !beside(self.field.steps(), field.steps())
    }
}

/// Whether two ways part at the elements of one list.
fn beside(ours: &[Step], theirs: &[Step]) -> bool {
    let parting = ours.iter().zip(theirs).find(|(a, b)| a != b);
    matches!(parting, Some((Step::Index(_), Step::Index(_))))
}

/// The objects that describe the services to which the request may be sent.
fn suppliers(loaded: &Loaded, outlook: &Outlook<'_>) -> Vec<ObjectKey> {
    let Outlook::Forwarded { branches, .. } = outlook else { return Vec::new() };
    let clusters = branches.iter().filter_map(|branch| branch.cluster);
    let hosts: Vec<&str> = clusters.filter_map(|cluster| cluster.name.rsplit('|').next()).collect();
    let world = &loaded.world;
    let mut keys = Vec::new();
    for service in &world.services {
        let ObjectKey { kind: Kind::Service, namespace, name } = &service.meta.key else {
            continue;
        };
        let prefix = format!("{name}.{namespace}.svc.");
        if hosts.iter().any(|host| host.starts_with(&prefix)) {
            keys.push(service.meta.key.clone());
        }
    }
    for entry in &world.service_entries {
        if entry.spec.hosts.iter().any(|name| hosts.contains(&name.as_str())) {
            keys.push(entry.meta.key.clone());
        }
    }
    for rule in &world.destination_rules {
        let namespace = &rule.meta.key.namespace;
        let name = rule.spec.host.as_str();
        let short = format!("{name}.{namespace}.svc.");
        if hosts.iter().any(|host| *host == name || host.starts_with(&short)) {
            keys.push(rule.meta.key.clone());
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_elements_beside_ours_are_none_of_our_concern() {
        let rules = FieldPath::spec().key("http");
        let ours = rules.index(2).key("match").index(0);
        let aside = |field: &FieldPath| beside(ours.steps(), field.steps());
        assert!(aside(&rules.index(0).key("route")));
        assert!(aside(&rules.index(2).key("match").index(1)));
        assert!(!aside(&rules.index(2).key("route").index(1)));
        assert!(!aside(&ours.key("uri")));
        assert!(!aside(&FieldPath::spec().key("hosts").index(0)));
        assert!(!aside(&FieldPath::root()));
    }
}
