//! Whether one match takes every request that another could take.
//!
//! Sound, not complete: a yes is certain, a no may only mean that it cannot be told.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use propylon_model::virtual_service::{HttpMatch, StringMatch};
use propylon_snapshot::Pattern;

/// Keys of `headers` that Istio passes over.
const IGNORED_HEADERS: [&str; 4] = ["uri", "scheme", "method", "authority"];
/// How keys start that ask for claims of a token.
const CLAIMS: &str = "@request.auth.";

/// Candidates that are looked at one by one for each match: expressions, paths without case.
const UNSORTED_MAX: usize = 256;

/// Expressions that were compiled before; comparing does it only once for each.
#[derive(Default)]
pub(super) struct Expressions(RefCell<HashMap<String, Option<Pattern>>>);

impl Expressions {
    fn takes(&self, source: &str, text: &str) -> bool {
        let mut known = self.0.borrow_mut();
        let pattern = known.entry(source.to_owned()).or_insert_with(|| Pattern::full(source).ok());
        pattern.as_ref().is_some_and(|pattern| pattern.matches(text.as_bytes()))
    }
}

/// Earlier matches, so arranged that those which may cover a later one are found without
/// comparing all of them.
#[derive(Default)]
pub(super) struct Earlier {
    exact: HashMap<String, Vec<usize>>,
    prefix: HashMap<String, Vec<usize>>,
    unsorted: Vec<usize>,
}

impl Earlier {
    /// Adds a match under a position; positions ascend.
    pub(super) fn add(&mut self, position: usize, a: Option<&HttpMatch>) {
        let folded = a.is_some_and(|a| a.ignore_uri_case);
        match a.and_then(|a| a.uri.as_ref()).filter(|_| !folded) {
            Some(StringMatch::Exact(text)) => {
                self.exact.entry(text.clone()).or_default().push(position);
            }
            Some(StringMatch::Prefix(text)) if !matches!(text.as_str(), "" | "/") => {
                self.prefix.entry(text.clone()).or_default().push(position);
            }
            _ => self.unsorted.push(position),
        }
    }

    /// Positions of those that may cover `b`, ascending.
    pub(super) fn candidates(&self, b: &HttpMatch) -> Vec<usize> {
        let mut found: Vec<usize> = self.unsorted.iter().take(UNSORTED_MAX).copied().collect();
        let text = match &b.uri {
            Some(StringMatch::Exact(text)) => {
                found.extend(self.exact.get(text).into_iter().flatten());
                text.clone()
            }
            Some(StringMatch::Prefix(text)) => text.clone(),
            Some(StringMatch::Regex(source)) => literal_start(source),
            Some(StringMatch::Unset) | None => String::new(),
        };
        let starts = text.char_indices().map(|(at, letter)| at + letter.len_utf8());
        for end in starts {
            found.extend(self.prefix.get(&text[..end]).into_iter().flatten());
        }
        found.sort_unstable();
        found
    }
}

/// True if `a` takes every request that `b` could, at every gateway and port.
pub(super) fn covers(a: &HttpMatch, b: &HttpMatch, known: &Expressions) -> bool {
    covers_place(a, b) && covers_request(a, b, known)
}

/// The same for two matches that both apply at one gateway and port.
pub(super) fn covers_request(a: &HttpMatch, b: &HttpMatch, known: &Expressions) -> bool {
    let claims =
        |map: &BTreeMap<String, StringMatch>| map.keys().any(|key| key.starts_with(CLAIMS));
    if claims(&a.headers) || claims(&a.without_headers) {
        return false;
    }
    covers_path(a, b, known)
        && covers_option(a.method.as_ref(), b.method.as_ref(), known)
        && covers_option(a.scheme.as_ref(), b.scheme.as_ref(), known)
        && covers_option(a.authority.as_ref(), b.authority.as_ref(), known)
        && covers_map(&a.headers, &b.headers, true, known)
        && covers_map(&a.query_params, &b.query_params, false, known)
        && a.without_headers.iter().all(|(name, test)| {
            is_ignored(name) || get(&b.without_headers, name, true) == Some(test)
        })
}

/// True if a match asks nothing of a request.
pub(super) fn takes_everything(a: &HttpMatch) -> bool {
    covers_request(a, &HttpMatch::default(), &Expressions::default())
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

fn covers_path(a: &HttpMatch, b: &HttpMatch, known: &Expressions) -> bool {
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
            (!b.ignore_uri_case || !letters(text)) && known.takes(a, text)
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

fn covers_option(a: Option<&StringMatch>, b: Option<&StringMatch>, known: &Expressions) -> bool {
    match (condition(a), condition(b)) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(a), Some(b)) => covers_text(a, b, known),
    }
}

/// Every test of `a` must be implied by the test of the same name in `b`.
fn covers_map(
    a: &BTreeMap<String, StringMatch>,
    b: &BTreeMap<String, StringMatch>,
    headers: bool,
    known: &Expressions,
) -> bool {
    a.iter().all(|(name, test)| {
        if headers && is_ignored(name) {
            return true;
        }
        // A test of `b` that always holds still needs the header to be there.
        get(b, name, headers).is_some_and(|other| {
            is_presence(test) || !is_presence(other) && covers_text(test, other, known)
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

fn covers_text(a: &StringMatch, b: &StringMatch, known: &Expressions) -> bool {
    match (a, b) {
        (StringMatch::Exact(a), StringMatch::Exact(b)) => a == b,
        (StringMatch::Prefix(a), StringMatch::Exact(b) | StringMatch::Prefix(b)) => {
            b.starts_with(a.as_str())
        }
        (StringMatch::Regex(a), StringMatch::Regex(b)) => a == b,
        (StringMatch::Regex(a), StringMatch::Exact(text)) => known.takes(a, text),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
