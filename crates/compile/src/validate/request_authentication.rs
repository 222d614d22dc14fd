//! RequestAuthentication: token issuers, where their keys are, where tokens are.

use propylon_model::RequestAuthentication;
use propylon_model::security::{ClaimToHeader, JwtRule};
use serde_json::Value;

use super::code;
use super::header::is_token;
use super::names::duration;
use super::report::{Findings, Place};
use super::selector::check_attachment;

/// Members of a JSON Web Key that must stay secret (RFC 7518).
const PRIVATE_MEMBERS: [&str; 2] = ["d", "k"];

/// Checks a RequestAuthentication as Istio's webhook does.
pub(super) fn check(out: &mut Findings<'_>, policy: &RequestAuthentication) {
    let RequestAuthentication { selector, target_ref, target_refs, jwt_rules } = policy;
    let spec = Place::top("spec");
    check_attachment(out, &spec, selector.as_ref(), target_ref.as_ref(), target_refs);
    let list = spec.key("jwtRules");
    for (position, rule) in jwt_rules.iter().enumerate() {
        check_rule(out, &list.index(position), rule);
    }
}

fn check_rule(out: &mut Findings<'_>, place: &Place<'_>, rule: &JwtRule) {
    let JwtRule {
        issuer,
        audiences,
        jwks_uri,
        jwks,
        from_headers,
        from_params,
        from_cookies,
        output_payload_to_header: _,
        forward_original_token: _,
        output_claim_to_headers,
        timeout,
        space_delimited_claims: _,
    } = rule;
    if issuer.is_empty() && jwks_uri.is_empty() {
        out.error(
            code::MISSING,
            place,
            "the rule names neither an issuer nor its keys, so no token can be verified",
            "add `issuer:` as tokens carry it, and `jwksUri:` or `jwks:`",
        );
    }
    let names = |list: &[String], field: &'static str, what: &str, out: &mut Findings<'_>| {
        let here = place.key(field);
        for position in list.iter().enumerate().filter(|(_, text)| text.is_empty()) {
            let message = format!("{what} is empty, so it matches no token");
            out.error(code::MISSING, &here.index(position.0), message, "write it, or remove it");
        }
    };
    names(audiences, "audiences", "the audience", out);
    names(from_params, "fromParams", "the parameter's name", out);
    names(from_cookies, "fromCookies", "the cookie's name", out);
    let list = place.key("fromHeaders");
    for (position, location) in from_headers.iter().enumerate() {
        if location.name.is_empty() {
            out.error(
                code::MISSING,
                &list.index(position),
                "the header has no name, so no token is found there",
                "add `name: Authorization`",
            );
        }
    }
    check_uri(out, &place.key("jwksUri"), jwks_uri);
    check_keys(out, &place.key("jwks"), jwks, jwks_uri);
    let list = place.key("outputClaimToHeaders");
    for (position, claim) in output_claim_to_headers.iter().enumerate() {
        check_claim(out, &list.index(position), claim);
    }
    duration(out, &place.key("timeout"), *timeout, "leave it out for the default, 5s");
}

fn check_uri(out: &mut Findings<'_>, place: &Place<'_>, uri: &str) {
    if uri.is_empty() {
        return;
    }
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    let port = authority.rsplit_once(':').map_or("0", |(_, port)| port.trim_end_matches(']'));
    let ported = authority.ends_with(']') || port.parse::<u16>().is_ok();
    if authority.is_empty() || !ported || authority.contains(' ') {
        out.error(
            code::TOKEN,
            place,
            format!("keys cannot be fetched from `{uri}`"),
            "write a URL that starts with https:// or http://",
        );
    }
}

fn check_keys(out: &mut Findings<'_>, place: &Place<'_>, jwks: &str, uri: &str) {
    if jwks.is_empty() {
        return;
    }
    if !uri.is_empty() {
        out.warning(
            code::NO_EFFECT,
            place,
            "the keys are given here, so `jwksUri` is never asked",
            "keep one of them",
        );
    }
    let parsed = serde_json::from_str::<Value>(jwks).ok();
    let keys = match parsed.as_ref().and_then(|set| set.get("keys")) {
        Some(Value::Array(keys)) => keys.as_slice(),
        Some(_) => &[],
        None => parsed.as_slice(),
    };
    let keyed = |key: &Value| key.get("kty").is_some_and(Value::is_string);
    if keys.is_empty() || !keys.iter().all(keyed) {
        return out.error(
            code::TOKEN,
            place,
            "the text is no JSON Web Key set, so no token can be verified",
            "write `{\"keys\": [{\"kty\": \"RSA\", \"n\": ..., \"e\": \"AQAB\"}]}`",
        );
    }
    for (position, key) in keys.iter().enumerate() {
        if PRIVATE_MEMBERS.iter().any(|member| key.get(member).is_some()) {
            out.warning(
                code::TOKEN,
                place,
                format!("key {position} is a private key; verifying needs the public one only"),
                "replace it by the public key, and treat the private one as leaked",
            );
        }
    }
}

fn check_claim(out: &mut Findings<'_>, place: &Place<'_>, claim: &ClaimToHeader) {
    let ClaimToHeader { header, claim } = claim;
    if header.is_empty() || claim.is_empty() {
        return out.error(
            code::MISSING,
            place,
            "copying a claim needs both `header` and `claim`",
            "write `{header: x-user, claim: sub}`",
        );
    }
    if !is_token(header) {
        out.error(
            code::HEADER_NAME,
            &place.key("header"),
            format!("`{header}` is no header name"),
            "use letters, digits and hyphens",
        );
    }
}

#[cfg(test)]
mod tests;
