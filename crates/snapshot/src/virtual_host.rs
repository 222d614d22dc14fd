//! From a request's authority to the rules of one host: Envoy's virtual host selection.
//! Exact name first, then the longest `*suffix`, then `*`. Knows names, not sockets.

use std::borrow::Cow;
use std::sync::Arc;

use crate::name_index::NameIndex;
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
    /// Requests in gRPC-Web are translated to gRPC, and their answers back: the server's protocol
    /// is GRPC-WEB.
    pub grpc_web: bool,
    hosts: Vec<VirtualHost>,
    index: NameIndex,
}

/// The index follows from the hosts, so it takes no part in comparisons.
impl PartialEq for RouteTable {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.grpc_web == other.grpc_web && self.hosts == other.hosts
    }
}
impl Eq for RouteTable {}

impl RouteTable {
    /// A table of hosts whose domains are distinct. Of two equal domains the first counts.
    #[must_use]
    pub fn new(name: &str, hosts: Vec<VirtualHost>) -> Self {
        let domains = hosts.iter().enumerate();
        let index = NameIndex::new(domains.map(|(position, host)| (&*host.domain, position)));
        Self { name: name.into(), grpc_web: false, hosts, index }
    }

    /// The same table, whose requests in gRPC-Web are translated or not.
    #[must_use]
    pub fn with_grpc_web(self, grpc_web: bool) -> Self {
        Self { grpc_web, ..self }
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
        self.index.position(&lower_case(host_of(authority)))
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
pub(crate) fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests;
