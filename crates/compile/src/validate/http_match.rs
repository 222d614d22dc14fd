//! Conditions of an HTTP route: texts, expressions, header names, ports, gateways, labels.

use std::collections::BTreeMap;

use propylon_model::virtual_service::{HttpMatch, StringMatch};

use super::code;
use super::gateway_reference::gateway_names;
use super::header::match_name;
use super::names::{dns_label, labels, port, regex};
use super::report::{Findings, Place};

/// Header keys that Istio takes for the request's own parts and ignores in `headers`.
const IGNORED_HEADERS: [&str; 4] = ["uri", "scheme", "method", "authority"];

/// Checks one element of `match`.
pub(super) fn check(out: &mut Findings<'_>, place: &Place<'_>, condition: &HttpMatch) {
    let HttpMatch {
        name: _,
        uri,
        scheme,
        method,
        authority,
        headers,
        port: number,
        source_labels,
        gateways,
        query_params,
        ignore_uri_case,
        without_headers,
        source_namespace,
        stat_prefix: _,
    } = condition;
    // An empty prefix matches every path, so the path alone may be empty.
    if let Some(StringMatch::Regex(source)) = uri {
        regex(out, &place.key("uri").key("regex"), source);
        if *ignore_uri_case {
            out.warning(
                code::NO_EFFECT,
                &place.key("ignoreUriCase"),
                "ignoreUriCase does not apply to regular expressions",
                format!("write `regex: (?i){source}`"),
            );
        }
    }
    for (field, test) in [("scheme", scheme), ("method", method), ("authority", authority)] {
        if let Some(test) = test {
            text(out, &place.key(field), test);
        }
    }
    check_map(out, &place.key("headers"), headers);
    check_map(out, &place.key("withoutHeaders"), without_headers);
    let list = place.key("queryParams");
    for (name, test) in query_params {
        if !is_presence(test) {
            text(out, &list.key(name), test);
        }
    }
    if *number != 0 {
        port(out, &place.key("port"), *number);
    }
    labels(out, &place.key("sourceLabels"), source_labels);
    gateway_names(out, &place.key("gateways"), gateways);
    if !source_namespace.is_empty() {
        dns_label(out, &place.key("sourceNamespace"), "namespace", source_namespace);
    }
}

fn check_map(out: &mut Findings<'_>, list: &Place<'_>, map: &BTreeMap<String, StringMatch>) {
    for (name, test) in map {
        let here = list.key(name);
        match_name(out, &here, name);
        if IGNORED_HEADERS.contains(&name.as_str()) {
            out.warning(
                code::NO_EFFECT,
                &here,
                format!("`{name}` is ignored among headers, so the condition does not apply"),
                format!("write `{name}:` beside `headers:`"),
            );
        }
        if !is_presence(test) {
            text(out, &here, test);
        }
    }
}

/// `{}` and the expression `*` ask for presence; the latter is no valid expression by itself.
fn is_presence(test: &StringMatch) -> bool {
    match test {
        StringMatch::Unset => true,
        StringMatch::Regex(source) => source == "*",
        StringMatch::Exact(_) | StringMatch::Prefix(_) => false,
    }
}

fn text(out: &mut Findings<'_>, place: &Place<'_>, test: &StringMatch) {
    match test {
        StringMatch::Unset | StringMatch::Exact(_) => {}
        StringMatch::Prefix(prefix) if prefix.is_empty() => out.error(
            code::VALUE,
            &place.key("prefix"),
            "an empty prefix is refused by Istio: it would match everything",
            "remove the condition, or write `{}` for presence",
        ),
        StringMatch::Prefix(_) => {}
        StringMatch::Regex(source) => regex(out, &place.key("regex"), source),
    }
}

#[cfg(test)]
mod tests;
