//! Algebra of host names with a leading wildcard: which contains which, what two have in common.
//! It knows names as Istio writes them (`a.com`, `*.a.com`, `*`), not who may use them.

use std::cmp::Ordering;
use std::net::IpAddr;

/// True for `*`, `*.a.com`, `*-x.com`.
#[must_use]
pub fn is_wildcard(host: &str) -> bool {
    host.starts_with('*')
}

/// True if some name is covered by both (Istio's `Matches`, symmetric).
#[must_use]
pub fn overlaps(a: &str, b: &str) -> bool {
    match (a.strip_prefix('*'), b.strip_prefix('*')) {
        (Some(a), Some(b)) if a.len() < b.len() => b.ends_with(a),
        (Some(a), Some(b)) => a.ends_with(b),
        (Some(suffix), None) => b.ends_with(suffix),
        (None, Some(suffix)) => a.ends_with(suffix),
        (None, None) => a == b,
    }
}

/// True if every name that `a` covers is covered by `b` too (Istio's `SubsetOf`).
#[must_use]
pub fn is_subset(a: &str, b: &str) -> bool {
    match (a.strip_prefix('*'), b.strip_prefix('*')) {
        (Some(a), Some(b)) => a.ends_with(b),
        (Some(_), None) => false,
        (None, Some(suffix)) => a.ends_with(suffix),
        (None, None) => a == b,
    }
}

/// What two patterns have in common: the narrower one, or nothing.
#[must_use]
pub fn intersection<'h>(a: &'h str, b: &'h str) -> Option<&'h str> {
    if is_subset(a, b) {
        Some(a)
    } else if is_subset(b, a) {
        Some(b)
    } else {
        None
    }
}

/// Istio's order of specificity: concrete names first, then longer ones, then alphabetical.
#[must_use]
pub fn by_specificity(a: &str, b: &str) -> Ordering {
    is_wildcard(a).cmp(&is_wildcard(b)).then_with(|| b.len().cmp(&a.len())).then_with(|| a.cmp(b))
}

/// Completes a short name the way Istio does: a name without a dot becomes
/// `<name>.<namespace>.svc.<domain>`; anything with a dot, `*`, and addresses stay as they are.
#[must_use]
pub fn resolve(host: &str, namespace: &str, domain: &str) -> String {
    if host.is_empty() || host.contains('.') || host == "*" || host.parse::<IpAddr>().is_ok() {
        host.to_owned()
    } else {
        format!("{host}.{namespace}.svc.{domain}")
    }
}

/// Splits a Gateway server's `ns/host` as written in a Gateway of `gateway_namespace`: the
/// namespace that may bind it (`None`: any) and the host. `./h` means the Gateway's own namespace.
#[must_use]
pub fn split_server_host<'h>(
    entry: &'h str,
    gateway_namespace: &'h str,
) -> (Option<&'h str>, &'h str) {
    match entry.split_once('/') {
        None | Some(("*", _)) => (None, entry.rsplit('/').next().unwrap_or(entry)),
        Some((".", host)) => (Some(gateway_namespace), host),
        Some((namespace, host)) => (Some(namespace), host),
    }
}

/// Completes a gateway reference of a VirtualService: `mesh` stays, `name` gets the namespace of
/// the VirtualService, `ns/name` stays, and the deprecated `name.ns[.svc...]` becomes `ns/name`.
#[must_use]
pub fn resolve_gateway(reference: &str, namespace: &str) -> String {
    if reference == MESH {
        return reference.to_owned();
    }
    if let Some((before, name)) = reference.split_once('/') {
        return if before == "." { format!("{namespace}/{name}") } else { reference.to_owned() };
    }
    match reference.split_once('.') {
        Some((name, rest)) => {
            let namespace = rest.split('.').next().unwrap_or(rest);
            format!("{namespace}/{name}")
        }
        None => format!("{namespace}/{reference}"),
    }
}

/// The reserved gateway name that stands for all sidecars.
pub const MESH: &str = "mesh";

#[cfg(test)]
mod tests;
