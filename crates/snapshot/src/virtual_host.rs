//! From a request's authority to the rules of one host: Envoy's virtual host selection.
//! Exact name first, then the longest `*suffix`, then `*`. Knows names, not sockets.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::{Origin, RuleList};

/// Index into [`crate::Snapshot::tables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteTableId(pub u32);

/// One host of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualHost {
    /// Lower-case domain: `a.com`, `*.a.com` or `*`. An IPv6 address stands in brackets.
    pub domain: Box<str>,
    /// Answer 301 to https before anything else (a server with `httpsRedirect`).
    pub require_tls: bool,
    /// Its rules.
    pub rules: Arc<RuleList>,
    /// The Gateway server it belongs to.
    pub origin: Origin,
}

/// All hosts of one listener. Build it with [`RouteTable::new`], which indexes the domains.
#[derive(Debug, Clone)]
pub struct RouteTable {
    /// Istio's name for it, e.g. `http.80`.
    pub name: Box<str>,
    hosts: Vec<VirtualHost>,
    exact: HashMap<Box<str>, usize>,
    /// Suffixes (domains without their `*`), grouped by length, longest first.
    suffixes: Vec<(usize, HashMap<Box<str>, usize>)>,
    any: Option<usize>,
}

/// The index follows from the hosts, so it takes no part in comparisons.
impl PartialEq for RouteTable {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.hosts == other.hosts
    }
}
impl Eq for RouteTable {}

impl RouteTable {
    /// A table of hosts whose domains are distinct. Of two equal domains the first counts.
    #[must_use]
    pub fn new(name: &str, hosts: Vec<VirtualHost>) -> Self {
        let mut exact = HashMap::with_capacity(hosts.len());
        let mut suffixes: Vec<(usize, HashMap<Box<str>, usize>)> = Vec::new();
        let mut any = None;
        for (position, host) in hosts.iter().enumerate() {
            match host.domain.strip_prefix('*') {
                None => {
                    exact.entry(host.domain.clone()).or_insert(position);
                }
                Some("") => {
                    any.get_or_insert(position);
                }
                Some(suffix) => {
                    let group = suffixes.iter().position(|(length, _)| *length == suffix.len());
                    let group = group.unwrap_or_else(|| {
                        suffixes.push((suffix.len(), HashMap::new()));
                        suffixes.len() - 1
                    });
                    suffixes[group].1.entry(suffix.into()).or_insert(position);
                }
            }
        }
        suffixes.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        Self { name: name.into(), hosts, exact, suffixes, any }
    }

    /// The hosts, in the order given.
    #[must_use]
    pub fn hosts(&self) -> &[VirtualHost] {
        &self.hosts
    }

    /// The virtual host of an authority, as Envoy chooses it: the port is ignored, letters are
    /// compared without case, an exact domain wins over the longest `*suffix`, that over `*`.
    /// There is no second choice: a host whose rules do not match answers 404.
    #[must_use]
    pub fn lookup(&self, authority: &str) -> Option<&VirtualHost> {
        self.position(authority).map(|position| &self.hosts[position])
    }

    /// Like [`RouteTable::lookup`], but the position among [`RouteTable::hosts`].
    #[must_use]
    pub fn position(&self, authority: &str) -> Option<usize> {
        let host = lower_case(host_of(authority));
        if let Some(position) = self.exact.get(host.as_ref()) {
            return Some(*position);
        }
        self.suffix_position(&host).or(self.any)
    }

    /// `*.a.com` needs at least one byte in front of `.a.com` (Envoy's rule).
    fn suffix_position(&self, host: &str) -> Option<usize> {
        self.suffixes.iter().filter(|(length, _)| *length < host.len()).find_map(
            |(length, group)| {
                // A cut inside a multi-byte letter can match nothing.
                group.get(host.get(host.len() - length..)?).copied()
            },
        )
    }
}

/// The host of an authority: what stands before the last colon that is not inside brackets.
#[must_use]
pub fn host_of(authority: &str) -> &str {
    match authority.rfind(':') {
        Some(colon) if authority.rfind(']').is_none_or(|bracket| bracket < colon) => {
            &authority[..colon]
        }
        _ => authority,
    }
}

/// ASCII lower case; borrowed where it is so already, which is nearly always.
fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests;
