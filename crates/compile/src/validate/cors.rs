//! Cross-origin policies: origins, methods, header names, age.

use propylon_model::virtual_service::{CorsPolicy, StringMatch};

use super::code;
use super::header::is_token;
use super::names::{duration, regex};
use super::report::{Findings, Place};

/// Methods that Istio takes in `allowMethods`.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"];

/// Checks a cross-origin policy.
pub(super) fn check(out: &mut Findings<'_>, place: &Place<'_>, policy: &CorsPolicy) {
    let CorsPolicy {
        allow_origin,
        allow_origins,
        allow_methods,
        allow_headers,
        expose_headers,
        max_age,
        allow_credentials: _,
        unmatched_preflights: _,
    } = policy;
    if !allow_origin.is_empty() {
        out.warning(
            code::DEPRECATED,
            &place.key("allowOrigin"),
            "allowOrigin is superseded by allowOrigins",
            format!("write `allowOrigins: [{{exact: \"{}\"}}]`", allow_origin[0]),
        );
    }
    let list = place.key("allowOrigins");
    for (position, origin) in allow_origins.iter().enumerate() {
        check_origin(out, &list.index(position), origin);
    }
    let list = place.key("allowMethods");
    for (position, method) in allow_methods.iter().enumerate() {
        if !METHODS.contains(&method.as_str()) {
            out.error(
                code::VALUE,
                &list.index(position),
                format!("`{method}` is no method that Istio takes here"),
                format!("write one of {}", METHODS.join(", ")),
            );
        }
    }
    check_names(out, &place.key("allowHeaders"), allow_headers);
    check_names(out, &place.key("exposeHeaders"), expose_headers);
    let here = place.key("maxAge");
    duration(out, &here, *max_age, "leave it out: browsers then keep their own short default");
    if let Some(age) = max_age.filter(|age| age.as_secs() > 0 && age.subsec_nanos() > 0) {
        out.error(
            code::DURATION,
            &here,
            "the age of a preflight is sent in whole seconds",
            format!("write `{}s`", age.as_secs()),
        );
    } else if max_age.is_some_and(|age| age.subsec_nanos() > 0) {
        out.error(
            code::DURATION,
            &here,
            "the age of a preflight is sent in whole seconds, and this is less than one",
            "write `1s` or more",
        );
    }
}

fn check_origin(out: &mut Findings<'_>, place: &Place<'_>, origin: &StringMatch) {
    let (field, text) = match origin {
        StringMatch::Unset => ("", ""),
        StringMatch::Exact(text) => ("exact", text.as_str()),
        StringMatch::Prefix(text) => ("prefix", text.as_str()),
        StringMatch::Regex(text) => ("regex", text.as_str()),
    };
    if text.is_empty() {
        out.error(
            code::VALUE,
            place,
            "the origin is empty, so it allows nobody",
            "write `exact: https://shop.example.com`, or `exact: \"*\"` for every origin",
        );
    } else if matches!(origin, StringMatch::Regex(_)) {
        regex(out, &place.key(field), text);
    }
}

fn check_names(out: &mut Findings<'_>, list: &Place<'_>, names: &[String]) {
    for (position, name) in names.iter().enumerate() {
        if !is_token(name) {
            out.error(
                code::HEADER_NAME,
                &list.index(position),
                format!("`{name}` is no header name"),
                "use letters, digits and hyphens, one name per entry, or `*`",
            );
        }
    }
}

#[cfg(test)]
mod tests;
