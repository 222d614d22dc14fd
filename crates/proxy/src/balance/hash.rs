//! The hash of a request for balancers that choose by it: Envoy's, key by key, so that clients keep
//! their endpoints when they move from Envoy to here. It reads a request; it chooses nothing.

use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};

use propylon_snapshot::{HashCookie, HashKey, Line};
use twox_hash::XxHash64;

use super::table::hash;

/// What is looked at: the request as it goes up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'x> {
    /// The method.
    pub method: &'x str,
    /// `http` or `https`.
    pub scheme: &'x str,
    /// The authority.
    pub authority: &'x str,
    /// Path and query.
    pub path: &'x str,
    /// The header lines, without host.
    pub lines: &'x [Line<'x>],
    /// The client, as a trusted proxy tells it.
    pub client: Option<IpAddr>,
    /// Both ends of the client's connection, its own first.
    pub ends: Option<(SocketAddr, SocketAddr)>,
}

/// What came of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hashed {
    /// The hash; `None` if the request has nothing that is hashed: any endpoint will do.
    pub hash: Option<u64>,
    /// Values of `set-cookie` lines that make the client come back to the same endpoint.
    pub cookies: Vec<String>,
}

/// Hashes a request.
pub(crate) fn of_request(keys: &[HashKey], subject: &Subject<'_>) -> Hashed {
    let mut all = Hashed::default();
    for key in keys {
        let one = match key {
            HashKey::Header(name) => of_header(name, subject),
            HashKey::Cookie(cookie) => of_cookie(cookie, subject, &mut all.cookies),
            HashKey::SourceIp => subject.client.map(of_source),
            HashKey::Query(name) => of_query(name, subject.path),
        };
        if let Some(one) = one {
            // Turned, so that the same key twice does not come to nothing.
            all.hash = Some(all.hash.map_or(0, |before| before.rotate_left(1)) ^ one);
        }
    }
    all
}

/// Hashes a client's address.
pub(crate) fn of_source(client: IpAddr) -> u64 {
    hash(client.to_string().as_bytes())
}

/// Several lines are hashed in the order of their values, one behind the other.
fn of_header(name: &str, subject: &Subject<'_>) -> Option<u64> {
    let part = match name {
        ":authority" | "host" => Some(subject.authority),
        ":path" => Some(subject.path),
        ":method" => Some(subject.method),
        ":scheme" => Some(subject.scheme),
        _ => None,
    };
    if let Some(part) = part {
        return Some(hash(part.as_bytes()));
    }
    let lines = subject.lines.iter().filter(|line| line.name == name);
    let mut values: Vec<&[u8]> = lines.map(|line| line.value).collect();
    match values.as_slice() {
        [] => None,
        [only] => Some(hash(only)),
        _ => {
            values.sort_unstable();
            let mut hasher = XxHash64::with_seed(0);
            values.iter().for_each(|value| hasher.write(value));
            Some(hasher.finish())
        }
    }
}

/// A client without the cookie gets one that names its connection.
fn of_cookie(cookie: &HashCookie, subject: &Subject<'_>, made: &mut Vec<String>) -> Option<u64> {
    let sent = sent_cookie(&cookie.name, subject.lines).filter(|value| !value.is_empty());
    if let Some(value) = sent {
        return Some(hash(value));
    }
    let ttl = cookie.ttl?;
    let (theirs, ours) = subject.ends?;
    let value = format!("{:016x}", hash(format!("{theirs}{ours}").as_bytes()));
    let HashCookie { name, path, ttl: _, attributes } = cookie;
    let mut line = format!("{name}=\"{value}\"");
    if !ttl.is_zero() {
        line.push_str(&format!("; Max-Age={}", ttl.as_secs()));
    }
    if !path.is_empty() {
        line.push_str(&format!("; Path={path}"));
    }
    for (name, value) in attributes {
        line.push_str("; ");
        line.push_str(name);
        if !value.is_empty() {
            line.push('=');
            line.push_str(value);
        }
    }
    line.push_str("; HttpOnly");
    made.push(line);
    Some(hash(value.as_bytes()))
}

/// The value of the first cookie of a name, without its quotes.
fn sent_cookie<'x>(name: &str, lines: &[Line<'x>]) -> Option<&'x [u8]> {
    let cookies = lines.iter().filter(|line| line.name == "cookie");
    let mut pairs = cookies.flat_map(|line| line.value.split(|byte| *byte == b';'));
    pairs.find_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (&pair[..equals], &pair[equals + 1..]);
        let start = key.iter().take_while(|byte| **byte == b' ').count();
        let unquoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        (key[start..] == *name.as_bytes()).then_some(unquoted.unwrap_or(value))
    })
}

/// The first value of a query parameter, as it was sent.
fn of_query(name: &str, path: &str) -> Option<u64> {
    let (_, query) = path.split_once('?')?;
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| hash(value.as_bytes()))
}

#[cfg(test)]
mod tests;
