//! Compiled things in words: what a rule matches, what it does, why a request does not fit.
//! Pure text for `explain` and `routes`, in the API's own names; positions are found elsewhere.

use std::fmt::Write;
use std::time::Duration;

use propylon_snapshot::{
    Action, Address, Cluster, Destination, Discovery, Endpoint, Forward, Fraction, Head,
    HeaderMatch, HeaderOps, Matcher, Mismatch, PathMatch, PathRewrite, QueryMatch, Reason,
    Redirect, RedirectPath, RedirectPort, Retry, RetryOn, Rule, Snapshot, StringMatch, Target,
    WriteMode,
};

/// The conditions of a rule: `uri prefix /api, method exact GET`; `any request` where none is set.
#[must_use]
pub(crate) fn matcher(matcher: &Matcher) -> String {
    let mut parts = Vec::new();
    if matcher.path != PathMatch::Any {
        parts.push(path(&matcher.path));
    }
    let texts = [
        ("method", &matcher.method),
        ("scheme", &matcher.scheme),
        ("authority", &matcher.authority),
    ];
    parts.extend(
        texts
            .into_iter()
            .filter_map(|(name, test)| Some(format!("{name} {}", text(test.as_ref()?)))),
    );
    parts.extend(matcher.headers.iter().map(header));
    parts.extend(matcher.query.iter().map(query));
    if parts.is_empty() { "any request".to_owned() } else { parts.join(", ") }
}

fn path(path: &PathMatch) -> String {
    let case = |ignored: bool| if ignored { " (any case)" } else { "" };
    match path {
        PathMatch::Any => "any path".to_owned(),
        PathMatch::Exact { text, ignore_case } => format!("uri exact {text}{}", case(*ignore_case)),
        PathMatch::Prefix { text, ignore_case } => {
            format!("uri prefix {text}{}", case(*ignore_case))
        }
        PathMatch::Regex(pattern) => format!("uri regex {}", pattern.source()),
    }
}

/// A test of a text: `exact "a"`, `prefix "a"`, `regex "a"`.
#[must_use]
pub(crate) fn text(test: &StringMatch) -> String {
    match test {
        StringMatch::Exact(text) => format!("exact {}", quoted(text)),
        StringMatch::Prefix(text) => format!("prefix {}", quoted(text)),
        StringMatch::Regex(pattern) => format!("regex {}", quoted(pattern.source())),
    }
}

fn header(header: &HeaderMatch) -> String {
    let HeaderMatch { name, test, invert } = header;
    match (test, invert) {
        (None, false) => format!("header {name} present"),
        (None, true) => format!("header {name} absent"),
        (Some(test), false) => format!("header {name} {}", text(test)),
        (Some(test), true) => format!("header {name} not {}", text(test)),
    }
}

fn query(query: &QueryMatch) -> String {
    match &query.test {
        None => format!("query {} present", query.name),
        Some(test) => format!("query {} {}", query.name, text(test)),
    }
}

/// Why a condition does not hold for a request, as a clause.
#[must_use]
pub(crate) fn mismatch(mismatch: &Mismatch<'_>, rule: &Matcher, head: &Head<'_>) -> String {
    let differs = |name: &str, is: &str, test: Option<&StringMatch>| match test {
        Some(test) => format!("{name} is {}, {}", quoted(is), wanted(test)),
        None => format!("{name} is {}", quoted(is)),
    };
    match mismatch {
        Mismatch::Path(test) => path_mismatch(test),
        Mismatch::Method => differs("method", head.method, rule.method.as_ref()),
        Mismatch::Scheme => differs("scheme", head.scheme.as_str(), rule.scheme.as_ref()),
        Mismatch::Authority => differs("authority", head.authority, rule.authority.as_ref()),
        Mismatch::HeaderAbsent(test) => format!("header {} is absent", test.name),
        Mismatch::HeaderDiffers(test) => {
            let is = head.value(&test.name).map(String::from_utf8_lossy).unwrap_or_default();
            differs(&format!("header {}", test.name), &is, test.test.as_ref())
        }
        Mismatch::HeaderForbidden(test) => match &test.test {
            None => format!("header {} is present and must not be", test.name),
            Some(forbidden) => {
                format!(
                    "header {} is {}, which withoutHeaders excludes",
                    test.name,
                    text(forbidden)
                )
            }
        },
        Mismatch::QueryAbsent(test) => format!("query parameter {} is absent", test.name),
        Mismatch::QueryDiffers(test) => {
            let is = first_parameter(head.query.unwrap_or_default(), &test.name);
            differs(&format!("query parameter {}", test.name), is, test.test.as_ref())
        }
    }
}

/// The value of the first parameter of a name; empty if it has none.
fn first_parameter<'q>(query: &'q str, name: &str) -> &'q str {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.into_iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
}

/// A text in quotes. Control characters are escaped, so that no file can steer a terminal;
/// backslashes stay as they are, for expressions are full of them.
#[must_use]
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        if letter.is_control() {
            quoted.extend(letter.escape_default());
        } else {
            quoted.push(letter);
        }
    }
    quoted.push('"');
    quoted
}

fn wanted(test: &StringMatch) -> String {
    match test {
        StringMatch::Exact(text) => format!("not {}", quoted(text)),
        StringMatch::Prefix(text) => format!("which does not start with {}", quoted(text)),
        StringMatch::Regex(pattern) => {
            format!("which does not match {} as a whole", quoted(pattern.source()))
        }
    }
}

fn path_mismatch(test: &PathMatch) -> String {
    match test {
        PathMatch::Any => "path differs".to_owned(),
        PathMatch::Exact { text, .. } => format!("path is not {}", quoted(text)),
        PathMatch::Prefix { text, .. } => format!("path does not start with {}", quoted(text)),
        PathMatch::Regex(pattern) => {
            format!("path does not match {} as a whole", quoted(pattern.source()))
        }
    }
}

/// What a rule does, on one line: destinations, a redirect, or an answer.
#[must_use]
pub(crate) fn action(action: &Action, snapshot: &Snapshot) -> String {
    match action {
        Action::Forward(forward) => {
            let sum = weight_sum(forward);
            let one = |destination: &Destination| {
                let name = target(&destination.target, snapshot);
                if forward.destinations.len() == 1 {
                    name
                } else {
                    format!("{}/{sum} {name}", destination.weight)
                }
            };
            forward.destinations.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        Action::Redirect(to) => format!("redirect {} to {}", to.status, redirect(to)),
        Action::Respond(respond) => {
            format!("answer {} ({} bytes)", respond.status, respond.body.len())
        }
    }
}

/// The same at an explicit proxy, which reaches what objects define only.
#[must_use]
pub(crate) fn action_of_proxy(action: &Action, snapshot: &Snapshot) -> String {
    match action {
        Action::Forward(forward)
            if forward.destinations.iter().all(|to| snapshot.passes_through(&to.target)) =>
        {
            format!("answer {} (0 bytes)", Reason::Undefined.status())
        }
        _ => self::action(action, snapshot),
    }
}

/// The sum of a route's weights; at least 1.
#[must_use]
pub(crate) fn weight_sum(forward: &Forward) -> u64 {
    forward.destinations.iter().map(|d| u64::from(d.weight)).sum::<u64>().max(1)
}

/// The service, port and subset of a destination: `reviews.default.svc.cluster.local:9080 subset
/// v1`.
#[must_use]
pub(crate) fn target(target: &Target, snapshot: &Snapshot) -> String {
    match target {
        Target::Cluster(id) => cluster_name(&snapshot.cluster(*id).name),
        Target::Missing(name) => format!("{} (missing)", cluster_name(name)),
    }
}

/// Istio's cluster name for people.
#[must_use]
pub(crate) fn cluster_name(name: &str) -> String {
    let mut parts = name.splitn(4, '|');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("outbound"), Some(port), Some(""), Some(host)) => format!("{host}:{port}"),
        (Some("outbound"), Some(port), Some(subset), Some(host)) => {
            format!("{host}:{port} subset {subset}")
        }
        _ => name.to_owned(),
    }
}

/// What a redirect changes of the URL: `scheme https, path /new`.
fn redirect(redirect: &Redirect) -> String {
    let mut changes = Vec::new();
    changes.extend(redirect.scheme.map(|scheme| format!("scheme {}", scheme.as_str())));
    changes.extend(redirect.authority.as_ref().map(|host| format!("host {host}")));
    if let RedirectPort::Number(port) = redirect.port {
        changes.push(format!("port {port}"));
    }
    match &redirect.path {
        RedirectPath::Keep => {}
        RedirectPath::Replace(path) => changes.push(format!("path {path}")),
        RedirectPath::Prefix(prefix) => changes.push(format!("path prefix {prefix}")),
    }
    if changes.is_empty() { "the same URL".to_owned() } else { changes.join(", ") }
}

/// The path rewrite of a route.
#[must_use]
pub(crate) fn rewrite(rewrite: &PathRewrite, matcher: &Matcher) -> String {
    match rewrite {
        PathRewrite::Uri(to) => match &matcher.path {
            PathMatch::Prefix { text, .. } => format!("path prefix {text} becomes {to}"),
            PathMatch::Any | PathMatch::Exact { .. } | PathMatch::Regex(_) => {
                format!("path becomes {to}")
            }
        },
        PathRewrite::Regex { pattern, replacement } => {
            let (from, to) = (quoted(pattern.source()), quoted(replacement));
            format!("every match of {from} in the path becomes {to}")
        }
    }
}

/// Header operations: `x-env=prod` (set), `+x-env=prod` (add), `-x-env` (remove).
#[must_use]
pub(crate) fn header_ops(ops: &HeaderOps) -> String {
    let removed = ops.remove.iter().map(|name| format!("-{}", name.as_str()));
    let written = ops.write.iter().map(|write| {
        let value = write.value.source();
        match write.mode {
            WriteMode::Set => format!("{}={value}", write.name.as_str()),
            WriteMode::Append => format!("+{}={value}", write.name.as_str()),
        }
    });
    removed.chain(written).collect::<Vec<_>>().join(" ")
}

/// The effective limit of a request.
#[must_use]
pub(crate) fn timeout(timeout: Option<Duration>) -> String {
    timeout.map_or_else(|| "none (default)".to_owned(), duration)
}

/// The effective retry policy.
#[must_use]
pub(crate) fn retries(retry: Option<&Retry>) -> String {
    let Some(retry) = retry else { return "off".to_owned() };
    let mut on = retry.on.names().join(",");
    if !retry.statuses.is_empty() {
        let statuses: Vec<String> = retry.statuses.iter().map(ToString::to_string).collect();
        let _ = write!(on, "{}{}", if on.is_empty() { "" } else { "," }, statuses.join(","));
    }
    let mut text = format!("{} on {on}", retry.attempts);
    if let Some(limit) = retry.per_try_timeout {
        let _ = write!(text, ", {} per try", duration(limit));
    } else if is_default(retry) {
        text.push_str(" (default)");
    }
    text
}

/// Istio's policy where a route has none.
fn is_default(retry: &Retry) -> bool {
    retry.attempts == DEFAULT_ATTEMPTS
        && retry.on == RetryOn::istio_default()
        && retry.statuses.is_empty()
        && retry.per_try_timeout.is_none()
}

/// The endpoints of a cluster that take requests, as far as the configuration knows them.
#[must_use]
pub(crate) fn endpoints(cluster: &Cluster) -> Vec<String> {
    let address = |address: &Address| match address {
        Address::Ip(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
        Address::Abstract(name) => format!("unix:@{name}"),
    };
    let far = |priority: u32| match priority {
        0 => String::new(),
        priority => format!(" (priority {priority})"),
    };
    let listed = |endpoints: &[Endpoint]| {
        let ready = endpoints.iter().filter(|endpoint| endpoint.ready);
        let shown = ready.map(|one| format!("{}{}", address(&one.address), far(one.priority)));
        shown.collect::<Vec<String>>()
    };
    match &cluster.discovery {
        Discovery::Static(endpoints) => listed(endpoints),
        Discovery::Dns { names, fixed, .. } => names
            .iter()
            .map(|name| format!("{}:{} (DNS){}", name.name, name.port, far(name.priority)))
            .chain(listed(fixed))
            .collect(),
        Discovery::Asked(asked) => {
            let original = asked.original.then(|| "the original destination".to_owned());
            let names = asked.names.iter();
            let names = names.map(|name| format!("{name}:{} (DNS, as asked)", asked.port));
            original.into_iter().chain(names).collect()
        }
    }
}

/// Everything of a rule beside match and destination, as short flags for a table.
#[must_use]
pub(crate) fn policies(rule: &Rule) -> String {
    let mut flags = Vec::new();
    if let Action::Forward(forward) = &rule.action {
        if let Some(limit) = forward.timeout {
            flags.push(format!("timeout={}", duration(limit)));
        }
        match &forward.retry {
            None => flags.push("retries=off".to_owned()),
            Some(retry) if !is_default(retry) => {
                flags.push(format!("retries={}", retry.attempts));
            }
            Some(_) => {}
        }
        if forward.path.is_some() || forward.authority.is_some() {
            flags.push("rewrite".to_owned());
        }
        if !forward.mirrors.is_empty() {
            flags.push("mirror".to_owned());
        }
    }
    if !rule.headers.request.is_empty() || !rule.headers.response.is_empty() {
        flags.push("headers".to_owned());
    }
    if rule.cors.is_some() {
        flags.push("cors".to_owned());
    }
    if rule.fault.is_some() {
        flags.push("fault".to_owned());
    }
    flags.join(" ")
}

/// A share as a percentage: `50 %`, `0.001 %`.
#[must_use]
pub(crate) fn share(share: Fraction) -> String {
    let (whole, rest) = (share.0 / MILLIONTHS_PER_PERCENT, share.0 % MILLIONTHS_PER_PERCENT);
    if rest == 0 {
        return format!("{whole} %");
    }
    format!("{whole}.{} %", format!("{rest:04}").trim_end_matches('0'))
}

/// A duration as the API writes it: `1.5s`, `250ms`.
#[must_use]
pub(crate) fn duration(duration: Duration) -> String {
    format!("{duration:?}")
}

/// Istio tries twice more where a route does not say.
const DEFAULT_ATTEMPTS: u32 = 2;
/// Fractions count millionths.
const MILLIONTHS_PER_PERCENT: u32 = 10_000;

#[cfg(test)]
mod tests;
