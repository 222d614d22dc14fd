//! The rules that one VirtualService contributes at one gateway and port: every element of `match`
//! becomes a rule, in order, until one takes everything. It assembles; parts have their own files.

use std::time::Duration;

use propylon_model::destination_rule::{CookieAttribute, HashKey as WrittenKey, HttpCookie};
use propylon_model::virtual_service::{
    CorsPolicy, Destination as WrittenDestination, HttpMatch, HttpMirror, HttpRewrite, HttpRoute,
    Percent,
};
use propylon_model::{FieldPath, Object, VirtualService};
use propylon_snapshot::{
    Action, Cors, Destination, Forward, Fraction, HashCookie, HashKey, Matcher, Mirror,
    PathRewrite, Rule, Target,
};

use crate::destinations::cluster::Clusters;
use crate::host::resolve;
use crate::objects::Objects;
use crate::problems::{Problems, code};
use crate::routes::cors;
use crate::routes::fault;
use crate::routes::headers;
use crate::routes::matching::{self, Unmatchable, applies, every_path, is_catch_all, matcher};
use crate::routes::redirect;
use crate::routes::retry;
use crate::routes::route::Route;
use crate::routes::virtual_service::Bound;
use crate::view::View;

/// Where the rules of a VirtualService are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct At<'g> {
    /// The Gateway, as `namespace/name`.
    pub(crate) gateway: &'g str,
    /// The port its server declares.
    pub(crate) port: u16,
}

/// Builds rules; keeps what all of them share.
pub(crate) struct Builder<'v, 'w> {
    pub(crate) view: &'v View<'w>,
    pub(crate) clusters: Clusters<'v, 'w>,
    pub(crate) objects: Objects,
    pub(crate) problems: Problems,
}

/// Why a rule is not served: the field below the route, and the reason.
type Refusal = (FieldPath, String);

impl Builder<'_, '_> {
    /// The rules of a VirtualService at a gateway and port, in its own order.
    pub(crate) fn rules(&mut self, bound: &Bound<'_>, at: At<'_>) -> Vec<Rule> {
        let mut rules = Vec::new();
        for route in &bound.routes {
            let written_in = &*route.object.meta.key.namespace;
            if route.route.r#match.is_empty() {
                // Nothing behind a route without conditions is ever reached.
                rules.extend(self.rule(bound, route, None, at));
                return rules;
            }
            for (position, matching) in route.route.r#match.iter().enumerate() {
                let port = at.port.into();
                if !applies(matching, written_in, at.gateway, port, self.view.options) {
                    continue;
                }
                if let Some(rule) = self.rule(bound, route, Some((position, matching)), at) {
                    let takes_all = is_catch_all(&rule.matcher);
                    rules.push(rule);
                    if takes_all {
                        return rules;
                    }
                }
            }
        }
        rules
    }

    fn rule(
        &mut self,
        bound: &Bound<'_>,
        route: &Route<'_>,
        matching: Option<(usize, &HttpMatch)>,
        at: At<'_>,
    ) -> Option<Rule> {
        let written = matching.and_then(|(position, _)| *route.positions.get(position)?);
        let entry = FieldPath::spec().key("http").index(route.entry);
        let compiled = match matching.map(|(_, matching)| matcher(matching)).transpose() {
            Ok(compiled) => compiled.unwrap_or_else(every_path),
            Err(unmatchable) => {
                let field = match written {
                    Some(position) => entry.key("match").index(position),
                    None => entry,
                };
                self.refuse_match(route.object, &field, unmatchable);
                return None;
            }
        };
        let matched_name = matching.map_or("", |(_, matching)| matching.name.as_str());
        match self.assemble(bound, route, compiled, at) {
            Ok(mut rule) => {
                rule.name = rule_name(&route.route.name, matched_name);
                rule.origin = self.objects.origin(route.object, route.entry, written);
                Some(rule)
            }
            Err((field, why)) => {
                let message = format!("{why}, so this route is not served");
                self.problems.error(code::RULE_DROPPED, route.object, field, message);
                None
            }
        }
    }

    fn refuse_match(
        &mut self,
        object: &Object<VirtualService>,
        field: &FieldPath,
        unmatchable: Unmatchable,
    ) {
        let (field, message) = match unmatchable {
            Unmatchable::Claim(map, claim) => (
                field.key(map).key(claim.as_str()),
                format!(
                    "`{claim}` is a claim of a token, and tokens are not validated yet: this rule \
                     never matches"
                ),
            ),
            Unmatchable::Expression(steps, bad) => (
                steps.into_iter().fold(field.clone(), |path, step| path.key(step)),
                format!("the expression does not compile ({bad}), so this rule is not served"),
            ),
        };
        self.problems.error(code::RULE_DROPPED, object, field, message);
    }

    /// A rule without its name and its place.
    fn assemble(
        &mut self,
        bound: &Bound<'_>,
        route: &Route<'_>,
        matcher: Matcher,
        at: At<'_>,
    ) -> Result<Rule, Refusal> {
        // A new field of a route must be compiled here or reported by `effect`.
        let HttpRoute {
            name: _,
            r#match: _,
            route: destinations,
            redirect,
            direct_response,
            delegate: _,
            rewrite: _,
            timeout: _,
            retries: _,
            fault,
            mirror: _,
            mirrors: _,
            mirror_percent: _,
            mirror_percentage: _,
            cors_policy,
            headers,
        } = &*route.route;
        let entry = FieldPath::spec().key("http").index(route.entry);
        let own = headers::compile(headers.as_ref()).map_err(|bad| bad_header(&entry, bad))?;
        let mut rule = Rule {
            name: "".into(),
            matcher,
            action: Action::Forward(Forward {
                destinations: Vec::new(),
                path: None,
                authority: None,
                timeout: None,
                retry: None,
                mirrors: Vec::new(),
                hash: Box::default(),
            }),
            headers: own.headers,
            cors: cross_origin(cors_policy.as_ref(), &entry)?,
            fault: None,
            origin: self.objects.origin(route.object, route.entry, None),
        };
        if let Some(fault) = fault {
            let refuse = |(key, why): (&str, String)| (entry.key("fault").key(key), why);
            rule.fault = fault::fault(fault).map_err(refuse)?;
        }
        if let Some(redirect) = redirect {
            let refuse = |(key, why): (&str, String)| (entry.key("redirect").key(key), why);
            rule.action = Action::Redirect(redirect::redirect(redirect, at.port).map_err(refuse)?);
        } else if let Some(response) = direct_response {
            let refuse = |(key, why): (&str, String)| (entry.key("directResponse").key(key), why);
            rule.action = Action::Respond(redirect::direct_response(response).map_err(refuse)?);
        } else if destinations.is_empty() {
            return Err((entry, "it has neither route, redirect nor directResponse".to_owned()));
        } else {
            self.forward(bound, route, own.authority, &mut rule, at)?;
        }
        Ok(rule)
    }

    fn forward(
        &mut self,
        bound: &Bound<'_>,
        route: &Route<'_>,
        authority: Option<Box<str>>,
        rule: &mut Rule,
        at: At<'_>,
    ) -> Result<(), Refusal> {
        let entry = FieldPath::spec().key("http").index(route.entry);
        let written = &*route.route;
        let (path, rewritten) = rewrite(written.rewrite.as_ref(), &entry)?;
        let retries = written.retries.as_ref().or(self.view.mesh.retry());
        let (hash, hashed) = self.hash(bound, route, at);
        let mut forward = Forward {
            destinations: Vec::new(),
            path,
            authority: rewritten.or(authority),
            timeout: written.timeout.filter(|limit| !limit.is_zero()),
            retry: retry::retry(retries, hashed)
                .map_err(|bad| (entry.key("retries").key("retryOn"), bad.to_string()))?,
            mirrors: self.mirrors(bound, route, at),
            hash: hash.into(),
        };
        self.destinations(bound, route, rule, &mut forward, at)?;
        // Rules are many and live long; room for more of everything would double them.
        forward.destinations.shrink_to_fit();
        for operations in [&mut rule.headers.request, &mut rule.headers.response] {
            operations.remove.shrink_to_fit();
            operations.write.shrink_to_fit();
        }
        rule.action = Action::Forward(forward);
        Ok(())
    }

    /// A single destination takes everything, and its header operations are appended to the
    /// route's; of several, those without weight take nothing, and each keeps its own operations.
    fn destinations(
        &mut self,
        bound: &Bound<'_>,
        route: &Route<'_>,
        rule: &mut Rule,
        forward: &mut Forward,
        at: At<'_>,
    ) -> Result<(), Refusal> {
        let entry = FieldPath::spec().key("http").index(route.entry).key("route");
        let list = &route.route.route;
        for (position, written) in list.iter().enumerate() {
            let field = entry.index(position);
            let weight = u32::try_from(written.weight).unwrap_or(0);
            if list.len() > 1 && weight == 0 {
                continue;
            }
            let own = headers::compile(written.headers.as_ref())
                .map_err(|bad| bad_header(&field, bad))?;
            let destination = &written.destination;
            let target = self.target(bound, route, destination, at);
            if list.len() == 1 {
                let route_headers = std::mem::take(&mut rule.headers);
                rule.headers = headers::concatenated(route_headers, own.headers);
                forward.authority = forward.authority.take().or(own.authority);
                let headers = propylon_snapshot::RouteHeaders::default();
                let only = Destination { target, weight: 1, headers, authority: None };
                forward.destinations.push(only);
                return Ok(());
            }
            // The route's authority is set after the destination's, so it wins.
            let authority = own.authority.filter(|_| forward.authority.is_none());
            let headers = own.headers;
            forward.destinations.push(Destination { target, weight, headers, authority });
        }
        if forward.destinations.is_empty() {
            return Err((entry, "none of its destinations has a weight".to_owned()));
        }
        Ok(())
    }

    /// What the destinations of a route hash, all of them together whichever is drawn, as in Istio;
    /// and whether the route has a single destination and that one hashes.
    fn hash(&self, bound: &Bound<'_>, route: &Route<'_>, at: At<'_>) -> (Vec<HashKey>, bool) {
        let namespace = &bound.object.meta.key.namespace;
        let written_in = &route.object.meta.key.namespace;
        let list = &route.route.route;
        let mut keys = Vec::new();
        let mut hashed = false;
        for one in list.iter().filter(|one| list.len() == 1 || one.weight > 0) {
            let to = &one.destination;
            let host = resolve(&to.host, written_in, &self.view.options.domain);
            let hash = self.clusters.http_hash(to, &host, namespace, at.port.into());
            hashed = list.len() == 1 && hash.is_some();
            keys.extend(hash.and_then(|hash| hash_key(hash.key.as_ref()?)));
        }
        (keys, hashed)
    }

    fn target(
        &mut self,
        bound: &Bound<'_>,
        route: &Route<'_>,
        destination: &WrittenDestination,
        at: At<'_>,
    ) -> Target {
        let written_in = &route.object.meta.key.namespace;
        let host = resolve(&destination.host, written_in, &self.view.options.domain);
        let namespace = &bound.object.meta.key.namespace;
        let port = at.port.into();
        self.clusters.target(destination, &host, namespace, port)
    }

    fn mirrors(&mut self, bound: &Bound<'_>, route: &Route<'_>, at: At<'_>) -> Vec<Mirror> {
        let written = &*route.route;
        let single = written.mirror.as_ref().map(|destination| {
            let percent = written.mirror_percent.map(|value| Percent { value: value.into() });
            let percentage = written.mirror_percentage.clone().or(percent);
            HttpMirror { destination: destination.clone(), percentage }
        });
        let mut mirrors = Vec::new();
        for HttpMirror { destination, percentage } in single.iter().chain(&written.mirrors) {
            let share = percentage.as_ref().map_or(Fraction::ALL, fault::share);
            if share.0 == 0 {
                continue;
            }
            let target = self.target(bound, route, destination, at);
            mirrors.push(Mirror { target, share });
        }
        mirrors
    }
}

/// One source of a hash. `useSourceIp: false` is none.
pub(crate) fn hash_key(written: &WrittenKey) -> Option<HashKey> {
    Some(match written {
        WrittenKey::HttpHeaderName(name) => {
            HashKey::Header(name.to_ascii_lowercase().into_boxed_str())
        }
        WrittenKey::HttpCookie(HttpCookie { name, path, ttl, attributes }) => {
            let attributes = attributes.iter();
            let pair =
                |one: &CookieAttribute| (one.name.as_str().into(), one.value.as_str().into());
            HashKey::Cookie(Box::new(HashCookie {
                name: name.as_str().into(),
                path: path.as_str().into(),
                ttl: ttl.map(|ttl| Duration::from_secs(ttl.as_secs())),
                attributes: attributes.map(pair).collect(),
            }))
        }
        WrittenKey::UseSourceIp(true) => HashKey::SourceIp,
        WrittenKey::UseSourceIp(false) => return None,
        WrittenKey::HttpQueryParameterName(name) => HashKey::Query(name.as_str().into()),
    })
}

/// The path rewrite and the authority of a `rewrite`.
fn rewrite(
    written: Option<&HttpRewrite>,
    entry: &FieldPath,
) -> Result<(Option<PathRewrite>, Option<Box<str>>), Refusal> {
    let Some(HttpRewrite { uri, authority, uri_regex_rewrite }) = written else {
        return Ok((None, None));
    };
    let path = match uri_regex_rewrite {
        Some(regex) => {
            let field = entry.key("rewrite").key("uriRegexRewrite");
            let compiled = PathRewrite::regex(&regex.r#match, &regex.rewrite);
            Some(compiled.map_err(|bad| (field, bad.to_string()))?)
        }
        None if uri.is_empty() => None,
        None => Some(PathRewrite::Uri(uri.as_str().into())),
    };
    Ok((path, (!authority.is_empty()).then(|| authority.as_str().into())))
}

fn cross_origin(
    policy: Option<&CorsPolicy>,
    entry: &FieldPath,
) -> Result<Option<std::sync::Arc<Cors>>, Refusal> {
    let compiled = policy.map(cors::cors).transpose();
    let compiled = compiled.map_err(|(position, bad)| {
        (entry.key("corsPolicy").key("allowOrigins").index(position), bad.to_string())
    })?;
    Ok(compiled.map(std::sync::Arc::new))
}

fn bad_header(at: &FieldPath, bad: headers::BadHeader) -> Refusal {
    let field = bad.field.into_iter().fold(at.key("headers"), |path, step| path.key(step));
    (field, bad.why)
}

/// The name of a rule in logs: that of the route, with that of the match behind a dot.
fn rule_name(route: &str, matched: &str) -> Box<str> {
    if matched.is_empty() { route.into() } else { format!("{route}.{matched}").into() }
}

/// Moves the rules that take everything behind all others of a host, each group in its order.
pub(crate) fn catch_alls_last(rules: &mut [Rule]) {
    rules.sort_by_key(|rule| matching::is_catch_all(&rule.matcher));
}
