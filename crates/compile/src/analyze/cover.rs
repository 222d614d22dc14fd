//! Whether one match takes every request that another could take.
//!
//! Sound, not complete: a yes is certain, a no may only mean that it cannot be told.

use std::collections::BTreeMap;

use propylon_model::virtual_service::{HttpMatch, StringMatch};
use propylon_snapshot::Pattern;

/// Keys of `headers` that Istio passes over.
const IGNORED_HEADERS: [&str; 4] = ["uri", "scheme", "method", "authority"];
/// How keys start that ask for claims of a token.
const CLAIMS: &str = "@request.auth.";

/// True if `a` takes every request that `b` could, at every gateway and port.
pub(super) fn covers(a: &HttpMatch, b: &HttpMatch) -> bool {
    covers_place(a, b) && covers_request(a, b)
}

/// The same for two matches that both apply at one gateway and port.
pub(super) fn covers_request(a: &HttpMatch, b: &HttpMatch) -> bool {
    let claims =
        |map: &BTreeMap<String, StringMatch>| map.keys().any(|key| key.starts_with(CLAIMS));
    if claims(&a.headers) || claims(&a.without_headers) {
        return false;
    }
    covers_path(a, b)
        && covers_option(a.method.as_ref(), b.method.as_ref())
        && covers_option(a.scheme.as_ref(), b.scheme.as_ref())
        && covers_option(a.authority.as_ref(), b.authority.as_ref())
        && covers_map(&a.headers, &b.headers, true)
        && covers_map(&a.query_params, &b.query_params, false)
        && a.without_headers.iter().all(|(name, test)| {
            is_ignored(name) || get(&b.without_headers, name, true) == Some(test)
        })
}

/// True if a match asks nothing of a request.
pub(super) fn takes_everything(a: &HttpMatch) -> bool {
    covers_request(a, &HttpMatch::default())
}

/// Port, gateways and source are decided when routes are built.
fn covers_place(a: &HttpMatch, b: &HttpMatch) -> bool {
    if a.port != 0 && a.port != b.port {
        return false;
    }
    if !a.gateways.is_empty() {
        return !b.gateways.is_empty() && b.gateways.iter().all(|name| a.gateways.contains(name));
    }
    let source = |one: &HttpMatch| (one.source_labels.clone(), one.source_namespace.clone());
    let anywhere = a.source_labels.is_empty() && a.source_namespace.is_empty();
    anywhere || b.gateways.is_empty() && source(a) == source(b)
}

fn covers_path(a: &HttpMatch, b: &HttpMatch) -> bool {
    let Some(a_path) = condition(a.uri.as_ref()) else { return true };
    if takes_every_path(a_path) {
        return true;
    }
    let Some(b_path) = condition(b.uri.as_ref()) else { return false };
    let fold = |text: &str| {
        if a.ignore_uri_case { text.to_ascii_lowercase() } else { text.to_owned() }
    };
    // Where only `b` ignores case it takes more than what it says, unless there are no letters.
    let letters = |text: &str| text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let wider = |text: &str| b.ignore_uri_case && !a.ignore_uri_case && letters(text);
    match (a_path, b_path) {
        (StringMatch::Exact(a), StringMatch::Exact(b)) => fold(a) == fold(b) && !wider(b),
        (StringMatch::Prefix(a), StringMatch::Exact(b) | StringMatch::Prefix(b)) => {
            fold(b).starts_with(&fold(a)) && !wider(a)
        }
        (StringMatch::Prefix(a), StringMatch::Regex(b)) => {
            fold(&literal_start(b)).starts_with(&fold(a))
        }
        (StringMatch::Regex(a), StringMatch::Regex(b)) => a == b,
        (StringMatch::Regex(a), StringMatch::Exact(text)) => {
            (!b.ignore_uri_case || !letters(text)) && regex_takes(a, text)
        }
        _ => false,
    }
}

/// Every path starts with a slash.
fn takes_every_path(path: &StringMatch) -> bool {
    match path {
        StringMatch::Prefix(prefix) => prefix.is_empty() || prefix == "/",
        StringMatch::Regex(source) => matches!(source.as_str(), ".*" | "/.*" | "^.*$" | "^/.*$"),
        StringMatch::Unset | StringMatch::Exact(_) => false,
    }
}

/// The text that everything an expression matches certainly starts with.
fn literal_start(source: &str) -> String {
    let source = source.strip_prefix('^').unwrap_or(source);
    if source.contains(['|', '\\']) || source.contains("(?") {
        return String::new();
    }
    let end = source.find(['.', '[', '(', '*', '+', '?', '{', '$', '^', ')']);
    let Some(end) = end else { return source.to_owned() };
    let mut literal = source[..end].to_owned();
    // What is repeated may be absent.
    if source[end..].starts_with(['*', '?', '{']) {
        literal.pop();
    }
    literal
}

/// `{}` and, outside of paths, the expression `*` ask for nothing but presence.
fn condition(test: Option<&StringMatch>) -> Option<&StringMatch> {
    test.filter(|test| !is_presence(test))
}

fn is_presence(test: &StringMatch) -> bool {
    match test {
        StringMatch::Unset => true,
        StringMatch::Regex(source) => source == "*",
        StringMatch::Exact(_) | StringMatch::Prefix(_) => false,
    }
}

fn covers_option(a: Option<&StringMatch>, b: Option<&StringMatch>) -> bool {
    match (condition(a), condition(b)) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(a), Some(b)) => covers_text(a, b),
    }
}

/// Every test of `a` must be implied by the test of the same name in `b`.
fn covers_map(
    a: &BTreeMap<String, StringMatch>,
    b: &BTreeMap<String, StringMatch>,
    headers: bool,
) -> bool {
    a.iter().all(|(name, test)| {
        if headers && is_ignored(name) {
            return true;
        }
        // A test of `b` that always holds still needs the header to be there.
        get(b, name, headers).is_some_and(|other| {
            is_presence(test) || !is_presence(other) && covers_text(test, other)
        })
    })
}

fn is_ignored(name: &str) -> bool {
    IGNORED_HEADERS.contains(&name)
}

/// Header names have no case, parameters do.
fn get<'m>(
    map: &'m BTreeMap<String, StringMatch>,
    name: &str,
    headers: bool,
) -> Option<&'m StringMatch> {
    if !headers {
        return map.get(name);
    }
    map.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, test)| test)
}

fn covers_text(a: &StringMatch, b: &StringMatch) -> bool {
    match (a, b) {
        (StringMatch::Exact(a), StringMatch::Exact(b)) => a == b,
        (StringMatch::Prefix(a), StringMatch::Exact(b) | StringMatch::Prefix(b)) => {
            b.starts_with(a.as_str())
        }
        (StringMatch::Regex(a), StringMatch::Regex(b)) => a == b,
        (StringMatch::Regex(a), StringMatch::Exact(text)) => regex_takes(a, text),
        _ => false,
    }
}

fn regex_takes(source: &str, text: &str) -> bool {
    Pattern::full(source).is_ok_and(|pattern| pattern.matches(text.as_bytes()))
}

#[cfg(test)]
mod tests;
