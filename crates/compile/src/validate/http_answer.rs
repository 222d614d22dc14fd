//! What a route does to the path and what it answers itself: rewrites, redirects, direct responses.

use propylon_model::virtual_service::{
    DirectResponse, HttpBody, HttpMatch, HttpRedirect, HttpRewrite, RedirectPort, RegexRewrite,
    StringMatch,
};
use propylon_snapshot::Pattern;

use super::code;
use super::names::{port, regex};
use super::report::{Findings, Place};

/// Istio: a larger body does not belong into configuration.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Istio warns from here on: every proxy holds the body.
const BODY_BYTES_LARGE: usize = 100 * 1024;
/// Statuses that Envoy can redirect with.
const REDIRECT_CODES: [u32; 5] = [301, 302, 303, 307, 308];

/// Checks a redirect. `matches` are the conditions of its route.
pub(super) fn check_redirect(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    redirect: &HttpRedirect,
    matches: &[HttpMatch],
) {
    let HttpRedirect { uri, authority, redirect_port, scheme, redirect_code, prefix_rewrite } =
        redirect;
    if !uri.is_empty() && !prefix_rewrite.is_empty() {
        out.error(
            code::CONFLICT,
            &place.key("prefixRewrite"),
            "`uri` replaces the whole path and `prefixRewrite` its prefix, so they contradict",
            "keep one of them",
        );
    }
    let other = |condition: &HttpMatch| {
        matches!(condition.uri, Some(StringMatch::Exact(_) | StringMatch::Regex(_)))
    };
    if !prefix_rewrite.is_empty() && matches.iter().any(other) {
        out.error(
            code::CONFLICT,
            &place.key("prefixRewrite"),
            "prefixRewrite replaces the matched prefix, but a match of this route has none",
            "match with `uri: {prefix: ...}` only, or redirect with `uri`",
        );
    }
    let empty = [uri, prefix_rewrite, authority, scheme].iter().all(|text| text.is_empty());
    if empty && redirect_port.is_none() {
        out.error(
            code::MISSING,
            place,
            "the redirect says nowhere to go, so clients would come back for ever",
            "add `uri`, `authority`, `scheme` or `port`",
        );
    }
    if let Some(status) = redirect_code.filter(|status| !REDIRECT_CODES.contains(status)) {
        out.error(
            code::VALUE,
            &place.key("redirectCode"),
            format!("{status} is no redirect that clients follow with a location"),
            "write 301, 302, 303, 307 or 308",
        );
    }
    if !matches!(scheme.as_str(), "" | "http" | "https") {
        out.error(
            code::VALUE,
            &place.key("scheme"),
            format!("`{scheme}` is no scheme to redirect to"),
            "write `http` or `https`",
        );
    }
    if let Some(RedirectPort::Number(number)) =
        redirect_port.as_ref().filter(|selection| !matches!(selection, RedirectPort::Number(0)))
    {
        port(out, &place.key("port"), *number);
    }
}

/// Checks a direct response.
pub(super) fn check_direct(out: &mut Findings<'_>, place: &Place<'_>, response: &DirectResponse) {
    let DirectResponse { status, body } = response;
    if !(200..=599).contains(status) {
        out.error(
            code::RANGE,
            &place.key("status"),
            format!("{status} is no status to answer with"),
            "write a status from 200 to 599",
        );
    }
    let bytes = body.as_ref().map_or(0, |body| match body {
        HttpBody::Unset => 0,
        HttpBody::Text(text) => text.len(),
        HttpBody::Bytes(bytes) => bytes.len(),
    });
    if bytes > BODY_BYTES_MAX {
        out.error(
            code::BODY_SIZE,
            &place.key("body"),
            format!("the body has {bytes} bytes, at most {BODY_BYTES_MAX} are allowed"),
            "serve large bodies from a backend",
        );
    } else if bytes > BODY_BYTES_LARGE {
        out.warning(
            code::BODY_SIZE,
            &place.key("body"),
            format!("the body has {bytes} bytes, which every copy of the configuration carries"),
            "serve large bodies from a backend",
        );
    }
}

/// Checks a rewrite.
pub(super) fn check_rewrite(out: &mut Findings<'_>, place: &Place<'_>, rewrite: &HttpRewrite) {
    let HttpRewrite { uri, authority, uri_regex_rewrite } = rewrite;
    if !uri.is_empty() && uri_regex_rewrite.is_some() {
        out.error(
            code::CONFLICT,
            &place.key("uriRegexRewrite"),
            "`uri` and `uriRegexRewrite` both rewrite the path",
            "keep one of them",
        );
    }
    if uri.is_empty() && authority.is_empty() && uri_regex_rewrite.is_none() {
        out.error(
            code::MISSING,
            place,
            "the rewrite changes nothing; an empty `uri` counts as none",
            "add `uri: /`, `uriRegexRewrite` or `authority`, or remove `rewrite`",
        );
    }
    let Some(RegexRewrite { r#match, rewrite }) = uri_regex_rewrite else { return };
    let here = place.key("uriRegexRewrite");
    if r#match.is_empty() || rewrite.is_empty() {
        return out.error(
            code::MISSING,
            &here,
            "a search and replace needs both `match` and `rewrite`",
            "write for example `match: ^/old/(.*)$` and `rewrite: /new/\\1`",
        );
    }
    regex(out, &here.key("match"), r#match);
    let flaw = Pattern::search(r#match).ok().and_then(|p| p.check_replacement(rewrite).err());
    if let Some(flaw) = flaw {
        out.error(
            code::REGEX,
            &here.key("rewrite"),
            format!("`{rewrite}` cannot replace a match: {flaw}"),
            "name groups of `match` as `\\1`, and write a backslash as `\\\\`",
        );
    }
}

#[cfg(test)]
mod tests;
