//! Who may ask the admin server: only under a known Host, never from another origin, changes by
//! POST. This keeps web pages (DNS rebinding, cross-site requests) out; it knows no routes.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HOST, ORIGIN};
use hyper::{HeaderMap, StatusCode};

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// What the client did, for its eyes.
    pub text: &'static str,
}

/// Checks the `Host` and `Origin` of a request that arrived at `local`.
///
/// # Errors
/// 403 for a Host that is not ours or an Origin other than this server; 400 without Host.
pub(crate) fn check(headers: &HeaderMap, local: SocketAddr) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Refusal {
            status: StatusCode::BAD_REQUEST,
            text: "one Host header is needed\n",
        });
    };
    let host = host.to_str().unwrap_or_default();
    if !ours(host, local.ip()) {
        return Err(Refusal {
            status: StatusCode::FORBIDDEN,
            text: "admin answers only to localhost, 127.0.0.1, [::1] or its bound address\n",
        });
    }
    let foreign = |origin: &hyper::header::HeaderValue| {
        let origin = origin.to_str().ok().and_then(|text| text.strip_prefix("http://"));
        origin.is_none_or(|origin| !origin.eq_ignore_ascii_case(host))
    };
    if headers.get_all(ORIGIN).iter().any(foreign) {
        return Err(Refusal {
            status: StatusCode::FORBIDDEN,
            text: "admin answers no requests of other origins\n",
        });
    }
    Ok(())
}

/// Whether a Host (with or without port) names this server.
fn ours(host: &str, local: IpAddr) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) if port.is_empty() || port.starts_with(':') => name,
            _ => return false,
        },
        None => host.split_once(':').map_or(host, |(name, _port)| name),
    };
    let local = local.to_canonical();
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| {
            ip == local
                || matches!(ip, IpAddr::V4(v4) if v4 == std::net::Ipv4Addr::LOCALHOST)
                || matches!(ip, IpAddr::V6(v6) if v6 == std::net::Ipv6Addr::LOCALHOST)
        })
}

#[cfg(test)]
mod tests;
