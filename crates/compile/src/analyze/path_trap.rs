//! Paths that do not match or come out as they seem to: doubled slashes, expressions that would
//! have to start in the middle of a path.

use propylon_model::virtual_service::{HttpMatch, HttpRoute, StringMatch};
use propylon_model::{FieldPath, Object, Problem, Severity, VirtualService};

use super::code;
use super::index::Index;

/// Checks the matches and rewrites of all VirtualServices.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    for object in &index.view.world.virtual_services {
        for (entry, route) in object.spec.http.iter().enumerate() {
            let place = FieldPath::spec().key("http").index(entry);
            for (position, condition) in route.r#match.iter().enumerate() {
                let uri = place.key("match").index(position).key("uri");
                check_start(object, &uri, condition, out);
            }
            check_rewrite(object, &place, route, out);
        }
    }
}

/// Every path starts with a slash, so a test that starts with another letter never holds.
fn check_start(
    object: &Object<VirtualService>,
    uri: &FieldPath,
    condition: &HttpMatch,
    out: &mut Vec<Problem>,
) {
    let (kind, text) = match &condition.uri {
        Some(StringMatch::Exact(text)) => ("exact", text),
        Some(StringMatch::Prefix(text)) => ("prefix", text),
        Some(StringMatch::Regex(text)) => ("regex", text),
        Some(StringMatch::Unset) | None => return,
    };
    let Some(first) = text.chars().next() else { return };
    let literal = first.is_ascii_alphanumeric() || first == '-' || first == '_';
    let starts_elsewhere = match kind {
        // `OPTIONS *` has this path.
        "exact" => first != '/' && text != "*",
        "prefix" => first != '/' && first != '*',
        _ => literal && !text.contains('|') && !text[first.len_utf8()..].starts_with(OPTIONAL),
    };
    if !starts_elsewhere {
        return;
    }
    let message = format!("no path starts with `{first}`, so `{text}` never matches");
    let help = if kind == "regex" {
        format!("an expression has to cover the whole path: write `/.*{text}.*` or `/{text}`")
    } else {
        format!("write `/{text}`")
    };
    let problem = Problem::of(Severity::Warning, code::REGEX, object, uri.key(kind), message);
    out.push(problem.help(help));
}

/// Repetitions that let what stands before them be absent.
const OPTIONAL: [char; 3] = ['*', '?', '{'];

/// A prefix is replaced byte for byte; slashes are not mended.
fn check_rewrite(
    object: &Object<VirtualService>,
    place: &FieldPath,
    route: &HttpRoute,
    out: &mut Vec<Problem>,
) {
    let Some(rewrite) = route.rewrite.as_ref().filter(|rewrite| !rewrite.uri.is_empty()) else {
        return;
    };
    let uri = &rewrite.uri;
    for condition in &route.r#match {
        let Some(StringMatch::Prefix(prefix)) = &condition.uri else { continue };
        let (result, help) = match (prefix.ends_with('/'), uri.ends_with('/')) {
            (false, true) if !prefix.is_empty() => {
                (format!("{prefix}/a` becomes `{uri}/a"), format!("match `{prefix}/`"))
            }
            (true, false) if prefix.len() > 1 => {
                (format!("{prefix}a` becomes `{uri}a"), format!("write `uri: {uri}/`"))
            }
            _ => continue,
        };
        let message = format!("the prefix is replaced as it is, so `{result}`");
        let field = place.key("rewrite").key("uri");
        let problem = Problem::of(Severity::Warning, code::SLASH, object, field, message);
        out.push(problem.help(format!("{help}, so that both end with a slash or neither does")));
        return;
    }
}

#[cfg(test)]
mod tests;
