//! Header names and values, in conditions and in operations.
//!
//! Values are Envoy format strings; the snapshot's own parser says whether one is valid.

use std::collections::BTreeMap;

use propylon_model::virtual_service::{HeaderOperations, Headers};
use propylon_snapshot::Format;

use super::code;
use super::report::{Findings, Place};

/// How token claims are spelled among header names.
const CLAIM: &str = "@request.auth.claims";
/// Pseudo headers that conditions may name.
const PSEUDO_HEADERS: [&str; 5] = [":method", ":scheme", ":authority", ":path", ":status"];

/// True for `@request.auth.claims.a.b` and `@request.auth.claims[a][b]`.
pub(super) fn is_claim(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(CLAIM) else { return false };
    let dotted = rest.strip_prefix('.').is_some_and(|claim| !claim.is_empty());
    dotted || rest.starts_with('[') && rest.ends_with(']')
}

/// True for a name of RFC 9110's token characters.
pub(super) fn is_token(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

/// A header's name in a condition.
pub(super) fn match_name(out: &mut Findings<'_>, place: &Place<'_>, name: &str) {
    if !is_token(name) && !is_claim(name) && !PSEUDO_HEADERS.contains(&name) {
        out.error(
            code::HEADER_NAME,
            place,
            format!("`{name}` is no header name, so no request can carry it"),
            "use letters, digits and hyphens, in lower case",
        );
    }
}

/// Checks header operations in both directions.
pub(super) fn check(out: &mut Findings<'_>, place: &Place<'_>, headers: &Headers) {
    let Headers { request, response } = headers;
    check_operations(out, &place.key("request"), request, true);
    check_operations(out, &place.key("response"), response, false);
}

fn check_operations(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    operations: &HeaderOperations,
    request: bool,
) {
    let HeaderOperations { set, add, remove } = operations;
    check_values(out, &place.key("set"), set, request);
    check_values(out, &place.key("add"), add, request);
    let list = place.key("remove");
    for (position, name) in remove.iter().enumerate() {
        operation_name(out, &list.index(position), name, false);
    }
}

fn check_values(
    out: &mut Findings<'_>,
    list: &Place<'_>,
    map: &BTreeMap<String, String>,
    request: bool,
) {
    for (name, value) in map {
        let here = list.key(name);
        operation_name(out, &here, name, request);
        check_value(out, &here, value);
    }
}

/// A header's name in an operation. Requests may set or add `host` and `:authority`.
fn operation_name(out: &mut Findings<'_>, place: &Place<'_>, name: &str, authority: bool) {
    if name.is_empty() {
        return out.error(
            code::HEADER_NAME,
            place,
            "the header has no name",
            "write a name such as `x-version`",
        );
    }
    if is_authority(name) {
        if !authority {
            out.error(
                code::HEADER_NAME,
                place,
                format!("`{name}` cannot be changed here: only a request's set and add can"),
                "write `rewrite: {authority: ...}` to send another host",
            );
        }
        return;
    }
    if name.starts_with(':') {
        return out.error(
            code::HEADER_NAME,
            place,
            format!("`{name}` is a part of the request line, not a header"),
            "use `rewrite` or a match; headers have no leading colon",
        );
    }
    if !is_token(name) {
        out.error(
            code::HEADER_NAME,
            place,
            format!("`{name}` is no header name, so it cannot be sent"),
            "use letters, digits and hyphens",
        );
    }
}

fn check_value(out: &mut Findings<'_>, place: &Place<'_>, value: &str) {
    let control = |byte: u8| byte != b'\t' && (byte < b' ' || byte == 0x7f);
    if value.bytes().any(control) {
        return out.error(
            code::HEADER_VALUE,
            place,
            "the value has a control character or line break, which no header can carry",
            "write the value on one line",
        );
    }
    if let Err(flaw) = Format::parse(value) {
        out.error(
            code::HEADER_VALUE,
            place,
            format!("`{value}` is no valid header value: {flaw}"),
            "a literal percent is written `%%`; a variable is `%REQ(x-name)%`",
        );
    }
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority")
}

/// The authority is given in one place only: `rewrite.authority`, or one header operation.
pub(super) fn check_one_authority(
    out: &mut Findings<'_>,
    route: &Place<'_>,
    rewrite: &str,
    headers: Option<&Headers>,
) {
    let Some(headers) = headers else { return };
    let request = &headers.request;
    let mut current = rewrite;
    let all = request.set.iter().map(|pair| ("set", pair));
    for (field, (name, value)) in all.chain(request.add.iter().map(|pair| ("add", pair))) {
        if !is_authority(name) {
            continue;
        }
        if !current.is_empty() {
            let headers = route.key("headers");
            let direction = headers.key("request");
            out.error(
                code::CONFLICT,
                &direction.key(field).key(name),
                format!("the host is already rewritten to `{current}`, and here to `{value}`"),
                "keep one of them; `rewrite.authority` is the plainest",
            );
            return;
        }
        current = value;
    }
}

#[cfg(test)]
mod tests;
