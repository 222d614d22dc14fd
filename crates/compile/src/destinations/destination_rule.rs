//! Which DestinationRule holds for a service as the gateway sees it, and what several rules for one
//! host come to. Knows hosts, namespaces and exports; what a policy means is `traffic_policy`.

use std::collections::{BTreeSet, HashMap};

use propylon_model::destination_rule::{Subset, TrafficPolicy};
use propylon_model::{DestinationRule, FieldPath, Object};

use crate::host;
use crate::selection::{in_order, selects};
use crate::view::View;
use crate::visibility;

/// All rules for one host in one namespace with one visibility.
pub(crate) struct Merged<'w> {
    host: String,
    export_to: BTreeSet<&'w str>,
    is_private: bool,
    /// The policy of the oldest rule that has one.
    pub(crate) policy: Option<Placed<'w, TrafficPolicy>>,
    /// Subsets of all rules; of two with one name the older counts.
    pub(crate) subsets: Vec<Placed<'w, Subset>>,
    selector: Option<&'w propylon_model::Labels>,
    sees_all: &'w [String],
    namespace: &'w str,
}

/// A part of a rule, and where it stands.
pub(crate) struct Placed<'w, T> {
    /// The part.
    pub(crate) part: &'w T,
    /// The rule.
    pub(crate) object: &'w Object<DestinationRule>,
    /// The way to it in the rule.
    pub(crate) field: FieldPath,
}

impl<'w> Merged<'w> {
    /// The subset of a name.
    pub(crate) fn subset(&self, name: &str) -> Option<&Placed<'w, Subset>> {
        self.subsets.iter().find(|subset| subset.part.name == name)
    }

    fn is_seen_from(&self, viewer: &str) -> bool {
        let export_to: Vec<String> = self.export_to.iter().map(|&one| one.to_owned()).collect();
        visibility::of(&export_to, self.sees_all, self.namespace, viewer).is_some()
    }
}

/// Rules of one namespace by host.
#[derive(Default)]
struct OfNamespace<'w> {
    rules: Vec<Merged<'w>>,
    by_host: HashMap<String, Vec<usize>>,
    /// Wildcard hosts, longest first.
    wildcards: Vec<String>,
}

/// All DestinationRules.
pub(crate) struct DestinationRules<'w> {
    namespaces: HashMap<&'w str, OfNamespace<'w>>,
    own: &'w str,
    root: &'w str,
}

impl<'w> DestinationRules<'w> {
    /// Collects and merges the rules of a world.
    pub(crate) fn new(view: &View<'w>) -> Self {
        let mut namespaces: HashMap<&str, OfNamespace<'_>> = HashMap::new();
        for object in in_order(&view.world.destination_rules) {
            let namespace = &*object.meta.key.namespace;
            let selector = object.spec.workload_selector.as_ref().map(|one| &one.match_labels);
            // A rule for chosen workloads holds in their namespace only.
            let selected = selector.is_none_or(|labels| {
                namespace == view.namespace() && selects(labels, &view.options.labels)
            });
            if selected {
                namespaces.entry(namespace).or_default().add(object, selector, view);
            }
        }
        for of_namespace in namespaces.values_mut() {
            of_namespace.index();
        }
        Self { namespaces, own: view.namespace(), root: view.mesh.root_namespace() }
    }

    /// The rule for a service of `namespace`: from the gateway's namespace, else exported by the
    /// service's, else by the root namespace. The first of these that has any rule for the host
    /// decides, be it a wildcard.
    pub(crate) fn find(&self, service_host: &str, namespace: &str) -> Option<&Merged<'w>> {
        let in_root = self.own == self.root;
        let local = self.local(service_host, in_root);
        local
            .or_else(|| self.exported(service_host, namespace))
            .or_else(|| self.exported(service_host, self.root))
    }

    /// In the gateway's own namespace; there the root namespace shows its private rules only.
    fn local(&self, service_host: &str, private_only: bool) -> Option<&Merged<'w>> {
        let rules = self.namespaces.get(self.own)?;
        rules.most_specific(service_host, |rule| rule.is_private || !private_only)?.next()
    }

    fn exported(&self, service_host: &str, namespace: &str) -> Option<&Merged<'w>> {
        let rules = self.namespaces.get(namespace)?;
        let mut found = rules.most_specific(service_host, |rule| !rule.is_private)?;
        found.find(|rule| rule.is_seen_from(self.own))
    }
}

impl<'w> OfNamespace<'w> {
    fn add(
        &mut self,
        object: &'w Object<DestinationRule>,
        selector: Option<&'w propylon_model::Labels>,
        view: &View<'w>,
    ) {
        let namespace = &*object.meta.key.namespace;
        let rule_host = host::resolve(&object.spec.host, namespace, &view.options.domain);
        let sees_all = view.mesh.destination_rule_export_to();
        let written =
            if object.spec.export_to.is_empty() { sees_all } else { &object.spec.export_to };
        let export_to: BTreeSet<&str> = written.iter().map(String::as_str).collect();
        let only_own = |entry: &str| entry == "." || entry == namespace;
        let is_private = export_to.len() == 1 && export_to.iter().all(|entry| only_own(entry));
        let positions = self.by_host.get(&rule_host).cloned().unwrap_or_default();
        let same = positions.into_iter().find(|position| {
            let rule = &self.rules[*position];
            rule.export_to == export_to && rule.selector == selector
        });
        let position = same.unwrap_or_else(|| {
            let position = self.rules.len();
            self.by_host.entry(rule_host.clone()).or_default().push(position);
            self.rules.push(Merged {
                host: rule_host,
                export_to,
                is_private,
                policy: None,
                subsets: Vec::new(),
                selector,
                sees_all,
                namespace,
            });
            position
        });
        self.rules[position].absorb(object);
    }

    fn index(&mut self) {
        let wildcards = self.by_host.keys().filter(|host| host::is_wildcard(host));
        self.wildcards = wildcards.cloned().collect();
        self.wildcards.sort_by(|a, b| host::by_specificity(a, b));
        for positions in self.by_host.values_mut() {
            // Rules for chosen workloads win over those for all.
            positions.sort_by_key(|position| self.rules[*position].selector.is_none());
        }
    }

    /// The rules that fit the host most closely, among those that `counts`.
    fn most_specific(
        &self,
        service_host: &str,
        counts: impl Fn(&Merged<'w>) -> bool,
    ) -> Option<impl Iterator<Item = &Merged<'w>>> {
        let exact = self.by_host.get_key_value(service_host).map(|(host, _)| host);
        let wild = self.wildcards.iter().filter(|wild| host::is_subset(service_host, wild));
        let of_host = |host: &String| {
            let positions = self.by_host.get(host).map_or(&[][..], Vec::as_slice);
            let rules = positions.iter().map(|position| &self.rules[*position]);
            let rules: Vec<_> = rules.filter(|rule| counts(rule)).collect();
            (!rules.is_empty()).then_some(rules)
        };
        exact.into_iter().chain(wild).find_map(of_host).map(Vec::into_iter)
    }
}

impl<'w> Merged<'w> {
    fn absorb(&mut self, object: &'w Object<DestinationRule>) {
        debug_assert!(!self.host.is_empty() || object.spec.host.is_empty());
        for (position, part) in object.spec.subsets.iter().enumerate() {
            if self.subset(&part.name).is_none() {
                let field = FieldPath::spec().key("subsets").index(position);
                self.subsets.push(Placed { part, object, field });
            }
        }
        if self.policy.is_none() {
            let field = FieldPath::spec().key("trafficPolicy");
            self.policy =
                object.spec.traffic_policy.as_ref().map(|part| Placed { part, object, field });
        }
    }
}
