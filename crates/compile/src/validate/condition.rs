//! Values in authorization rules: addresses, ports, paths, identities, and the attributes of
//! `when`.

use propylon_model::security::Condition;

use super::code;
use super::names::is_subnet;
use super::report::{Findings, Place};

/// Istio bounds lists of service accounts.
const ACCOUNTS_MAX: usize = 16;
/// Namespace, slash and name of a service account.
const ACCOUNT_BYTES_MAX: usize = 320;
/// A template for one path segment.
const ANY_SEGMENT: &str = "{*}";
/// A template for the rest of a path.
const ANY_REST: &str = "{**}";
/// Attributes that are written with a name in brackets.
const KEYED_ATTRIBUTES: [&str; 3] =
    ["request.headers", "request.auth.claims", "experimental.envoy.filters."];

/// No value of a list is empty.
pub(super) fn values(out: &mut Findings<'_>, list: &Place<'_>, texts: &[String]) {
    for (position, text) in texts.iter().enumerate() {
        if text.is_empty() {
            out.error(
                code::AUTHORIZATION,
                &list.index(position),
                "an empty value matches nothing that can be sent",
                "remove it, or write `*` for presence",
            );
        }
    }
}

/// Addresses and CIDR blocks.
pub(super) fn addresses(out: &mut Findings<'_>, list: &Place<'_>, texts: &[String]) {
    for (position, text) in texts.iter().enumerate() {
        super::names::subnet(out, &list.index(position), text);
    }
}

/// Ports, written as texts.
pub(super) fn port_texts(out: &mut Findings<'_>, list: &Place<'_>, texts: &[String]) {
    for (position, text) in texts.iter().enumerate() {
        if text.parse::<u16>().is_err() {
            out.error(
                code::PORT,
                &list.index(position),
                format!("`{text}` is no port number"),
                "write a number such as \"8080\"",
            );
        }
    }
}

/// Service accounts, `namespace/name` or `name`.
pub(super) fn accounts(out: &mut Findings<'_>, list: &Place<'_>, texts: &[String]) {
    if texts.len() > ACCOUNTS_MAX {
        out.error(
            code::RANGE,
            list,
            format!(
                "{} service accounts are named, at most {ACCOUNTS_MAX} are allowed",
                texts.len()
            ),
            "split the rule",
        );
    }
    for (position, text) in texts.iter().enumerate() {
        let parts: Vec<_> = text.split('/').collect();
        let shape = parts.len() <= 2 && parts.iter().all(|part| !part.is_empty());
        if !shape || text.contains('*') || text.len() > ACCOUNT_BYTES_MAX {
            out.error(
                code::AUTHORIZATION,
                &list.index(position),
                format!("`{text}` is no service account"),
                "write `namespace/name`, or `name` for this namespace; there are no wildcards",
            );
        }
    }
}

/// Trust domains: a wildcard at one end, no slash.
pub(super) fn trust_domains(out: &mut Findings<'_>, list: &Place<'_>, texts: &[String]) {
    values(out, list, texts);
    for (position, text) in texts.iter().enumerate() {
        let trimmed = text.strip_prefix('*').or_else(|| text.strip_suffix('*')).unwrap_or(text);
        if trimmed.contains(['*', '/']) {
            out.error(
                code::AUTHORIZATION,
                &list.index(position),
                format!("`{text}` is no trust domain"),
                "write a domain such as `cluster.local`, with one `*` at its start or end",
            );
        }
    }
}

/// Paths: exact, prefix, suffix, or a template with `{*}` and a last `{**}`.
pub(super) fn paths(out: &mut Findings<'_>, list: &Place<'_>, texts: &[String]) {
    values(out, list, texts);
    for (position, text) in texts.iter().enumerate() {
        let mut rest_seen = false;
        let flawed = text.trim_matches('/').split('/').any(|segment| match segment {
            ANY_SEGMENT => rest_seen,
            ANY_REST => std::mem::replace(&mut rest_seen, true),
            _ => segment.contains(['{', '}']),
        });
        if flawed {
            out.error(
                code::AUTHORIZATION,
                &list.index(position),
                format!(
                    "`{text}` is no path template, so the rule would not match what it seems to"
                ),
                "write `{*}` for one whole segment, and `{**}` at the end for the rest",
            );
        }
    }
}

/// One element of `when`.
pub(super) fn check_condition(out: &mut Findings<'_>, place: &Place<'_>, condition: &Condition) {
    let Condition { key, values: positive, not_values } = condition;
    if key.is_empty() {
        return out.error(
            code::MISSING,
            place,
            "the condition has no key",
            "add `key: request.headers[x-name]`",
        );
    }
    if positive.is_empty() && not_values.is_empty() {
        return out.error(
            code::AUTHORIZATION,
            place,
            format!("the condition on `{key}` has no values, so it says nothing"),
            "add `values:` or `notValues:`",
        );
    }
    for (field, list) in [("values", positive), ("notValues", not_values)] {
        check_values(out, &place.key(field), key, list);
    }
    if let Some(flaw) = key_flaw(key) {
        out.error(
            code::AUTHORIZATION,
            &place.key("key"),
            format!("`{key}` is no attribute of a request: {flaw}"),
            "write one of request.headers[name], source.ip, remote.ip, source.namespace, \
             source.principal, request.auth.claims[name], destination.port, connection.sni",
        );
    }
}

fn check_values(out: &mut Findings<'_>, list: &Place<'_>, key: &str, texts: &[String]) {
    match key {
        "source.ip" | "remote.ip" | "destination.ip" => {
            for (position, text) in texts.iter().enumerate() {
                if !is_subnet(text) {
                    out.error(
                        code::ADDRESS,
                        &list.index(position),
                        format!("`{text}` is neither an IP address nor a CIDR block"),
                        "write an address such as `10.0.0.1`, or a block such as `10.0.0.0/8`",
                    );
                }
            }
        }
        "destination.port" => port_texts(out, list, texts),
        "source.serviceAccount" => accounts(out, list, texts),
        "source.trustDomain" => trust_domains(out, list, texts),
        _ => values(out, list, texts),
    }
}

fn key_flaw(key: &str) -> Option<&'static str> {
    const PLAIN: [&str; 12] = [
        "source.ip",
        "remote.ip",
        "source.namespace",
        "source.serviceAccount",
        "source.principal",
        "source.trustDomain",
        "request.auth.principal",
        "request.auth.audiences",
        "request.auth.presenter",
        "destination.ip",
        "destination.port",
        "connection.sni",
    ];
    if PLAIN.contains(&key) {
        return None;
    }
    if KEYED_ATTRIBUTES.iter().any(|attribute| key.starts_with(attribute)) {
        let named = key
            .find('[')
            .is_some_and(|open| open > 0 && key.ends_with(']') && open + 2 < key.len());
        return if named { None } else { Some("it needs a name in brackets") };
    }
    match key {
        "destination.namespace" => Some("the policy's own namespace takes its place"),
        "destination.name" | "destination.user" => Some("it belonged to v1alpha1"),
        _ if key.starts_with("destination.labels") => Some("`selector` takes its place"),
        _ => Some("it is not known"),
    }
}
