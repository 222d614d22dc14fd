//! Route tables of a sidecar: the hosts of all services that share a port, with the rules of the
//! one VirtualService that counts for each, and what becomes of unknown hosts.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use propylon_snapshot::{
    Action, ClusterId, Destination, DirectResponse, Forward, Origin, RouteHeaders, RouteTable,
    RouteTableId, Rule, RuleList, Target, VirtualHost,
};

use super::Leaving;
use super::offer::{self, Offer};
use crate::destinations::registry::{Behind, Service};
use crate::host::{MESH, by_specificity, is_subset, is_wildcard};
use crate::listeners::renumber;
use crate::listeners::server_hosts::domain_of;
use crate::routes::http_route::{At, Builder, hash_key};
use crate::routes::matching::every_path;
use crate::routes::retry;
use crate::scope::Unknown;

/// A table under construction.
pub(super) struct Table {
    name: String,
    pub(super) hosts: Vec<Host>,
}

/// Domains that share rules.
pub(super) struct Host {
    domains: Vec<String>,
    rules: Vec<Rule>,
    origin: Origin,
}

impl<'w> Leaving<'_, 'w> {
    /// The table of all services that speak HTTP on a port. Without any, it has hosts only if a
    /// VirtualService brings them.
    pub(super) fn port_table(
        &mut self,
        port: u16,
        offers: &[Offer<'_, 'w>],
        builder: &mut Builder<'_, 'w>,
    ) -> usize {
        let mut hosts = self.routed(port, offers, builder);
        let claimed: HashSet<&String> = hosts.iter().flat_map(|host| &host.domains).collect();
        let unclaimed: Vec<Offer<'_, 'w>> = offers
            .iter()
            .filter(|offer| !claimed.contains(&domain_of(&offer.service.host)))
            .copied()
            .collect();
        for offer in unclaimed {
            let domains = self.domains_of(offer.service, builder);
            let rules = vec![default_rule(offer, builder)];
            let origin = offer.origin(builder);
            hosts.push(Host { domains, rules, origin });
        }
        if !hosts.is_empty() {
            let rules = vec![self.unknown_rule(builder)];
            hosts.push(Host { domains: vec!["*".to_owned()], rules, origin: self.origin });
        }
        self.tables.push(Table { name: port.to_string(), hosts });
        self.tables.len() - 1
    }

    /// The table of a listener that is one service's alone: whatever the Host, it is meant.
    pub(super) fn only_table(
        &mut self,
        offer: Offer<'_, 'w>,
        builder: &mut Builder<'_, 'w>,
    ) -> usize {
        let port = offer.port.number;
        let mut hosts = self.routed(port, &[offer], builder);
        hosts.truncate(1);
        let mut only = hosts.pop().unwrap_or_else(|| Host {
            domains: Vec::new(),
            rules: vec![default_rule(offer, builder)],
            origin: offer.origin(builder),
        });
        only.domains = vec!["*".to_owned()];
        let name = format!("{}:{port}", offer.service.host);
        self.tables.push(Table { name, hosts: vec![only] });
        self.tables.len() - 1
    }

    /// The hosts that VirtualServices bring to a port. For each service the one with the most
    /// specific host counts, of several the first.
    fn routed(
        &self,
        port: u16,
        offers: &[Offer<'_, 'w>],
        builder: &mut Builder<'_, 'w>,
    ) -> Vec<Host> {
        let mut domains: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for offer in offers {
            let host = &offer.service.host;
            let fitting = self.bound.iter().enumerate().filter_map(|(position, bound)| {
                let fits = bound.hosts.iter().filter(|wanted| is_subset(host, wanted));
                Some((fits.min_by(|a, b| by_specificity(a, b))?, position))
            });
            let best = fitting.min_by(|(a, at), (b, other)| {
                let rank = |host: &str| (is_wildcard(host), std::cmp::Reverse(host.len()));
                rank(a).cmp(&rank(b)).then(at.cmp(other))
            });
            if let Some((_, position)) = best {
                let own = self.domains_of(offer.service, builder);
                domains.entry(position).or_default().extend(own);
            }
        }
        if port == super::HTTP_PORT {
            let registry = builder.clusters.registry();
            for (position, bound) in self.bound.iter().enumerate() {
                let alone =
                    bound.hosts.iter().filter(|host| !registry.has_host_within(host.as_str()));
                let alone: Vec<String> = alone.map(|host| domain_of(host)).collect();
                if !alone.is_empty() {
                    domains.entry(position).or_default().extend(alone);
                }
            }
        }
        let at = At { gateway: MESH, port };
        let mut hosts = Vec::new();
        for (position, domains) in domains {
            let bound = &self.bound[position];
            let rules = builder.rules(bound, at);
            if !rules.is_empty() {
                let origin = builder.objects.origin(bound.object, 0, None);
                hosts.push(Host { domains, rules, origin });
            }
        }
        hosts
    }

    fn domains_of(&self, service: &Service<'w>, builder: &Builder<'_, 'w>) -> Vec<String> {
        domains(service, builder.view.namespace(), &builder.view.options.domain)
    }

    /// What becomes of requests for hosts that nobody defined.
    fn unknown_rule(&self, builder: &mut Builder<'_, 'w>) -> Rule {
        let target = match self.scope.unknown(builder.view) {
            Unknown::Refused => {
                let response = DirectResponse { status: 502, body: Arc::from([]) };
                return rule("block_all", Action::Respond(response), self.origin);
            }
            Unknown::Allowed => builder.clusters.passthrough(),
            Unknown::Through(destination) => offer::target_of(destination, self.scope, builder),
        };
        rule("allow_any", Action::Forward(forward(target)), self.origin)
    }
}

/// The rule of a service that no VirtualService routes.
fn default_rule(offer: Offer<'_, '_>, builder: &mut Builder<'_, '_>) -> Rule {
    let target = offer.target(builder);
    let mut forward = forward(target);
    let (to, host) = (offer.written(), &offer.service.host);
    let port = offer.port.number.into();
    let hash = builder.clusters.http_hash(&to, host, offer.service.namespace, port);
    let hashed = hash.is_some();
    let key = hash.and_then(|hash| hash_key(hash.key.as_ref()?));
    forward.hash = key.into_iter().collect();
    // The mesh's own policy was judged where it is written; Istio's default always compiles.
    forward.retry = retry::retry(builder.view.mesh.retry(), hashed).ok().flatten();
    rule("default", Action::Forward(forward), offer.origin(builder))
}

fn rule(name: &str, action: Action, origin: Origin) -> Rule {
    let headers = RouteHeaders::default();
    let matcher = every_path();
    Rule { name: name.into(), matcher, action, headers, cors: None, fault: None, origin }
}

fn forward(target: Target) -> Forward {
    let headers = RouteHeaders::default();
    Forward {
        destinations: vec![Destination { target, weight: 1, headers, authority: None }],
        path: None,
        authority: None,
        timeout: None,
        retry: None,
        mirrors: Vec::new(),
        hash: Box::default(),
    }
}

/// What requests call a service: its full name, what a workload of `viewer` may shorten it to, and
/// its addresses.
pub(super) fn domains(service: &Service<'_>, viewer: &str, domain: &str) -> Vec<String> {
    let mut domains = vec![domain_of(&service.host)];
    if let Behind::Kubernetes(object) = service.behind {
        let name = &object.meta.key.name;
        let namespace = service.namespace;
        if service.host.ends_with(&format!(".svc.{domain}")) {
            if namespace == viewer {
                domains.push(name.to_ascii_lowercase());
            }
            domains.push(format!("{name}.{namespace}"));
            domains.push(format!("{name}.{namespace}.svc"));
        }
    }
    let addresses = service.addresses();
    domains.extend(addresses.iter().filter(|text| !text.contains('/')).map(|text| domain_of(text)));
    domains
}

/// The id of a table by its position.
pub(super) fn table_id(position: usize) -> RouteTableId {
    RouteTableId(u32::try_from(position).unwrap_or(u32::MAX))
}

/// The finished tables. Of two hosts with one domain the first counts.
pub(super) fn finish(tables: Vec<Table>, clusters: &[ClusterId]) -> Vec<RouteTable> {
    let finished = tables.into_iter().map(|table| {
        let mut seen = HashSet::new();
        let mut hosts = Vec::new();
        for Host { domains, mut rules, origin } in table.hosts {
            for rule in &mut rules {
                renumber::rule(rule, clusters);
            }
            let rules = Arc::new(RuleList::new(rules));
            for domain in domains.into_iter().filter(|domain| seen.insert(domain.clone())) {
                let rules = Arc::clone(&rules);
                hosts.push(VirtualHost {
                    domain: domain.into(),
                    require_tls: false,
                    rules,
                    origin,
                });
            }
        }
        hosts.sort_by(|a, b| by_specificity(&a.domain, &b.domain));
        RouteTable::new(&table.name, hosts)
    });
    finished.collect()
}
