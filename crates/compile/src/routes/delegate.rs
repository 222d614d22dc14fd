//! Delegation: a route of one VirtualService replaced by the routes of another, with Istio's rules
//! for which matches fit together and whose policy counts. Knows nothing of gateways or ports.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use propylon_model::virtual_service::{HttpMatch, HttpRoute, StringMatch};
use propylon_model::{FieldPath, Object, Problem, Severity, VirtualService};

use crate::problems::{Problems, code};
use crate::routes::route::{Route, completed, own_routes};
use crate::visibility;

/// All VirtualServices that may stand in for a route: those without hosts.
pub(crate) struct Delegates<'a, 'w> {
    by_name: HashMap<(&'w str, &'w str), &'w Object<VirtualService>>,
    export_defaults: &'a [String],
    domain: &'a str,
}

impl<'a, 'w> Delegates<'a, 'w> {
    /// Finds the delegates among all VirtualServices.
    pub(crate) fn new(
        all: &[&'w Object<VirtualService>],
        export_defaults: &'a [String],
        domain: &'a str,
    ) -> Self {
        let delegates = all.iter().filter(|object| object.spec.hosts.is_empty());
        let by_name = delegates
            .map(|object| ((&*object.meta.key.namespace, &*object.meta.key.name), *object))
            .collect();
        Self { by_name, export_defaults, domain }
    }

    /// The routes that replace `root`. None if the delegate is missing, hidden from the root's
    /// namespace, or fits nowhere.
    pub(crate) fn expand(&self, root: &Route<'w>, problems: &mut Problems) -> Vec<Route<'w>> {
        let Some(delegate) = &root.route.delegate else { return Vec::new() };
        let own_namespace = &root.object.meta.key.namespace;
        let namespace = match delegate.namespace.as_str() {
            "" => own_namespace,
            named => named,
        };
        let field = FieldPath::spec().key("http").index(root.entry).key("delegate");
        let Some(object) = self.by_name.get(&(namespace, delegate.name.as_str())) else {
            let message = format!(
                "no VirtualService {namespace}/{} without hosts exists to delegate to, so this \
                 route is not served",
                delegate.name
            );
            let help = format!(
                "add a VirtualService {namespace}/{} that has `http:` and no `hosts:`",
                delegate.name
            );
            refuse(root, field, message, help, problems);
            return Vec::new();
        };
        let seen =
            visibility::of(&object.spec.export_to, self.export_defaults, namespace, own_namespace);
        if seen.is_none() {
            let message = format!(
                "VirtualService {namespace}/{} is not exported to namespace {own_namespace}, so \
                 this route is not served",
                delegate.name
            );
            let help = format!("add `{own_namespace}` to its `exportTo`");
            refuse(root, field, message, help, problems);
            return Vec::new();
        }
        let mut routes = Vec::new();
        for route in own_routes(object) {
            let route = completed(route, self.domain);
            if let Some(merged) = self.merged(root, route, problems) {
                routes.push(merged);
            }
        }
        routes
    }

    fn merged(
        &self,
        root: &Route<'w>,
        delegate: Route<'w>,
        problems: &mut Problems,
    ) -> Option<Route<'w>> {
        let field = FieldPath::spec().key("http").index(delegate.entry);
        let object = delegate.object;
        if delegate.route.delegate.is_some() {
            let message = "a delegate cannot delegate again, so this route is not served";
            problems.error(code::DELEGATE, object, field.key("delegate"), message);
            return None;
        }
        let merged = merge(root, delegate);
        if merged.is_none() {
            let message = format!(
                "no match of this route fits into a match of the route in {} that delegates \
                 here, so it is not served there",
                root.object.meta.key
            );
            let root_field = FieldPath::spec().key("http").index(root.entry);
            let field = field.key("match");
            let problem = Problem::of(Severity::Warning, code::DELEGATE, object, field, message);
            problems.push(problem.note(root.object, root_field, "this route delegates"));
        }
        merged
    }
}

fn refuse(
    root: &Route<'_>,
    field: FieldPath,
    message: String,
    help: String,
    problems: &mut Problems,
) {
    let problem = Problem::of(Severity::Error, code::DELEGATE, root.object, field, message);
    problems.push(problem.help(help));
}

/// One route of a delegate merged into the route that names it; `None` where their matches exclude
/// each other.
fn merge<'w>(root: &Route<'w>, delegate: Route<'w>) -> Option<Route<'w>> {
    let (matches, positions) = merge_matches(&root.route.r#match, &delegate)?;
    let Route { route, object, entry, positions: _ } = delegate;
    // A new field of a route must be given a side here.
    let HttpRoute {
        name,
        r#match: _,
        route: destinations,
        redirect,
        direct_response,
        delegate: _,
        rewrite,
        timeout,
        retries,
        fault,
        mirror,
        mirrors,
        mirror_percent,
        mirror_percentage,
        cors_policy,
        headers,
    } = route.into_owned();
    let outer = HttpRoute::clone(&root.route);
    let route = HttpRoute {
        name: joined(&outer.name, name),
        r#match: matches,
        route: destinations,
        redirect,
        direct_response: direct_response.or(outer.direct_response),
        delegate: None,
        rewrite: rewrite.or(outer.rewrite),
        timeout: timeout.or(outer.timeout),
        retries: retries.or(outer.retries),
        fault: fault.or(outer.fault),
        mirror: mirror.or(outer.mirror),
        mirrors: if mirrors.is_empty() { outer.mirrors } else { mirrors },
        mirror_percent: mirror_percent.or(outer.mirror_percent),
        mirror_percentage: mirror_percentage.or(outer.mirror_percentage),
        cors_policy: cors_policy.or(outer.cors_policy),
        headers: headers.or(outer.headers),
    };
    Some(Route { route: Cow::Owned(route), object, entry, positions })
}

type Matches = (Vec<HttpMatch>, Vec<Option<usize>>);

/// Every pair of a delegate's match and a root's match that fit together. Each of the delegate's
/// must find one, else the whole route is out.
fn merge_matches(root: &[HttpMatch], delegate: &Route<'_>) -> Option<Matches> {
    let own = &delegate.route.r#match;
    if root.is_empty() {
        return Some((own.clone(), delegate.positions.clone()));
    }
    if own.is_empty() {
        return Some((root.to_vec(), vec![None; root.len()]));
    }
    let mut matches = Vec::new();
    let mut positions = Vec::new();
    for (matching, position) in own.iter().zip(&delegate.positions) {
        let before = matches.len();
        for outer in root.iter().filter(|outer| !conflicts(outer, matching)) {
            matches.push(merge_match(outer, matching));
            positions.push(*position);
        }
        if matches.len() == before {
            return None;
        }
    }
    Some((matches, positions))
}

fn merge_match(root: &HttpMatch, delegate: &HttpMatch) -> HttpMatch {
    let outer = root.clone();
    let HttpMatch {
        name,
        uri,
        scheme,
        method,
        authority,
        headers,
        port,
        source_labels,
        gateways,
        query_params,
        ignore_uri_case,
        without_headers,
        source_namespace,
        stat_prefix,
    } = delegate.clone();
    HttpMatch {
        name: joined(&outer.name, name),
        uri: uri.or(outer.uri),
        scheme: scheme.or(outer.scheme),
        method: method.or(outer.method),
        authority: authority.or(outer.authority),
        headers: union(outer.headers, headers),
        port: if port == 0 { outer.port } else { port },
        source_labels: union(outer.source_labels, source_labels),
        gateways: if gateways.is_empty() { outer.gateways } else { gateways },
        query_params: union(outer.query_params, query_params),
        ignore_uri_case,
        without_headers: union(outer.without_headers, without_headers),
        source_namespace: non_empty(source_namespace, outer.source_namespace),
        stat_prefix: non_empty(stat_prefix, outer.stat_prefix),
    }
}

fn conflicts(root: &HttpMatch, leaf: &HttpMatch) -> bool {
    let texts = [
        (&root.uri, &leaf.uri),
        (&root.scheme, &leaf.scheme),
        (&root.method, &leaf.method),
        (&root.authority, &leaf.authority),
    ];
    let in_maps = |root: &BTreeMap<String, StringMatch>, leaf: &BTreeMap<String, StringMatch>| {
        leaf.iter().any(|(key, value)| root.get(key).is_some_and(|root| excludes(root, value)))
    };
    let labels_differ = leaf
        .source_labels
        .iter()
        .any(|(key, value)| root.source_labels.get(key).is_some_and(|root| root != value));
    let gateways_differ = !root.gateways.is_empty()
        && leaf.gateways.iter().any(|gateway| !root.gateways.contains(gateway));
    texts.iter().any(|pair| matches!(pair, (Some(root), Some(leaf)) if excludes(root, leaf)))
        || in_maps(&root.headers, &leaf.headers)
        || in_maps(&root.without_headers, &leaf.without_headers)
        || in_maps(&root.query_params, &leaf.query_params)
        || root.ignore_uri_case != leaf.ignore_uri_case
        || (root.port != 0 && leaf.port != 0 && root.port != leaf.port)
        || (!root.source_namespace.is_empty() && root.source_namespace != leaf.source_namespace)
        || labels_differ
        || gateways_differ
}

/// True if a delegate's test does not lie within the root's.
fn excludes(root: &StringMatch, leaf: &StringMatch) -> bool {
    use StringMatch::{Exact, Prefix, Regex, Unset};
    match (root, leaf) {
        (Unset, _) | (_, Unset) => false,
        // Whether one expression lies within another cannot be told.
        (Regex(_), _) | (_, Regex(_)) | (Exact(_), Prefix(_)) => true,
        (Exact(root), Exact(leaf)) => root != leaf,
        (Prefix(root), Exact(leaf) | Prefix(leaf)) => !leaf.starts_with(root.as_str()),
    }
}

fn union<V>(mut root: BTreeMap<String, V>, leaf: BTreeMap<String, V>) -> BTreeMap<String, V> {
    root.extend(leaf);
    root
}

fn joined(root: &str, own: String) -> String {
    match (root, own.as_str()) {
        (_, "") => root.to_owned(),
        ("", _) => own,
        _ => format!("{root}-{own}"),
    }
}

fn non_empty(own: String, root: String) -> String {
    if own.is_empty() { root } else { own }
}

#[cfg(test)]
mod tests;
