//! One element of a route's `match` compiled: what is decided now (port, gateway, source), and what
//! is asked of every request. Knows the model's conditions and the snapshot's, not actions.

use propylon_model::virtual_service::{HttpMatch, StringMatch as Written};
use propylon_snapshot::{
    BadPattern, HeaderMatch, Matcher, PathMatch, Pattern, QueryMatch, StringMatch,
};

use crate::Options;
use crate::host::resolve_gateway;
use crate::selection::selects;

/// Keys of `headers` that Istio passes over: they have fields of their own.
const NO_HEADERS: [&str; 4] = ["uri", "scheme", "method", "authority"];
/// Keys that ask for claims of a validated token.
const CLAIMS: &str = "@request.auth.";

/// Why a match cannot be compiled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unmatchable {
    /// It asks for claims of a token, and tokens are not validated yet. The key of the map that
    /// asks, and the claim.
    Claim(&'static str, String),
    /// An expression is not valid: the field, and why.
    Expression(Vec<String>, BadPattern),
}

/// True if a match can apply at this gateway and this declared port at all.
/// `namespace` is that of the object that it is written in.
pub(crate) fn applies(
    matching: &HttpMatch,
    namespace: &str,
    gateway: &str,
    port: u32,
    options: &Options,
) -> bool {
    if matching.port != 0 && matching.port != port {
        return false;
    }
    if !matching.gateways.is_empty() {
        return matching.gateways.iter().any(|named| resolve_gateway(named, namespace) == gateway);
    }
    let source = &matching.source_namespace;
    selects(&matching.source_labels, &options.labels)
        && (source.is_empty() || *source == options.namespace)
}

/// Compiles the conditions on a request.
pub(crate) fn matcher(matching: &HttpMatch) -> Result<Matcher, Unmatchable> {
    // A new field of a match must be compiled, decided in `applies`, or reported by `effect`.
    let HttpMatch {
        name: _,
        uri,
        scheme,
        method,
        authority,
        headers,
        port: _,
        source_labels: _,
        gateways: _,
        query_params,
        ignore_uri_case,
        without_headers,
        source_namespace: _,
        stat_prefix: _,
    } = matching;
    let text = |field: &str, written: &Option<Written>| match written {
        Some(written) => test(written, || vec![field.to_owned()]),
        None => Ok(None),
    };
    let mut tests = Vec::new();
    header_tests(&mut tests, "headers", headers, false)?;
    header_tests(&mut tests, "withoutHeaders", without_headers, true)?;
    let mut query = Vec::new();
    for (name, written) in query_params {
        let test = test(written, || vec!["queryParams".to_owned(), name.clone()])?;
        query.push(QueryMatch { name: name.as_str().into(), test });
    }
    Ok(Matcher {
        path: path(uri.as_ref(), *ignore_uri_case)?,
        method: text("method", method)?,
        scheme: text("scheme", scheme)?,
        authority: text("authority", authority)?,
        headers: tests,
        query,
    })
}

/// The matcher of a route without `match`: every path that starts with a slash.
pub(crate) fn every_path() -> Matcher {
    Matcher { path: root(), ..Matcher::any() }
}

/// True for what Istio moves behind all other rules of a host: prefix `/` or regex `.*`, and no
/// other condition.
pub(crate) fn is_catch_all(matcher: &Matcher) -> bool {
    let Matcher { path, method, scheme, authority, headers, query } = matcher;
    let every_path = match path {
        PathMatch::Any => true,
        PathMatch::Prefix { text, .. } => &**text == "/",
        PathMatch::Regex(pattern) => pattern.source() == ".*",
        PathMatch::Exact { .. } => false,
    };
    every_path
        && method.is_none()
        && scheme.is_none()
        && authority.is_none()
        && headers.is_empty()
        && query.is_empty()
}

fn root() -> PathMatch {
    PathMatch::Prefix { text: "/".into(), ignore_case: false }
}

fn path(uri: Option<&Written>, ignore_case: bool) -> Result<PathMatch, Unmatchable> {
    let text = |text: &String| -> Box<str> {
        if ignore_case { text.to_ascii_lowercase().into() } else { text.as_str().into() }
    };
    Ok(match uri {
        None | Some(Written::Unset) => root(),
        Some(Written::Exact(exact)) => PathMatch::Exact { text: text(exact), ignore_case },
        Some(Written::Prefix(prefix)) => PathMatch::Prefix { text: text(prefix), ignore_case },
        Some(Written::Regex(source)) => PathMatch::Regex(
            Pattern::full(source)
                .map_err(|bad| Unmatchable::Expression(vec!["uri".to_owned()], bad))?,
        ),
    })
}

fn header_tests(
    tests: &mut Vec<HeaderMatch>,
    field: &'static str,
    written: &std::collections::BTreeMap<String, Written>,
    invert: bool,
) -> Result<(), Unmatchable> {
    for (name, written) in written {
        if NO_HEADERS.contains(&name.as_str()) {
            continue;
        }
        if name.starts_with(CLAIMS) {
            return Err(Unmatchable::Claim(field, name.clone()));
        }
        let test = test(written, || vec![field.to_owned(), name.clone()])?;
        tests.push(HeaderMatch { name: name.to_ascii_lowercase().into(), test, invert });
    }
    Ok(())
}

/// A test of a text; `None`: presence (Istio takes `{}` and the expression `*` so).
fn test(
    written: &Written,
    field: impl FnOnce() -> Vec<String>,
) -> Result<Option<StringMatch>, Unmatchable> {
    compiled(written).map_err(|bad| Unmatchable::Expression(field(), bad))
}

/// A StringMatch compiled; `None` where it only asks for presence.
pub(crate) fn compiled(written: &Written) -> Result<Option<StringMatch>, BadPattern> {
    Ok(match written {
        Written::Unset => None,
        Written::Regex(source) if source == "*" => None,
        Written::Exact(exact) => Some(StringMatch::Exact(exact.as_str().into())),
        Written::Prefix(prefix) => Some(StringMatch::Prefix(prefix.as_str().into())),
        Written::Regex(source) => Some(StringMatch::Regex(Pattern::full(source)?)),
    })
}
