//! The seam to name resolution. The binary brings a resolver; tests bring their own.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

/// Addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// In the order of the answer.
    pub addresses: Vec<IpAddr>,
    /// How long the answer holds.
    pub ttl: Duration,
}

/// A name that could not be resolved, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {why}")]
pub struct ResolveError {
    /// The name.
    pub name: String,
    /// What the resolver said.
    pub why: String,
}

/// A resolution under way.
pub type Resolving = Pin<Box<dyn Future<Output = Result<Resolved, ResolveError>> + Send>>;

/// Turns names into addresses.
pub trait Resolve: Send + Sync + 'static {
    /// Resolves one absolute name.
    fn resolve(&self, name: &str) -> Resolving;
}

/// The C library's resolver. It knows no TTL, so answers hold [`SystemResolver::HOLD`].
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl SystemResolver {
    /// Envoy's default refresh rate.
    pub const HOLD: Duration = Duration::from_secs(5);
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: &str) -> Resolving {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let addresses = found.map(|found| found.map(|address| address.ip()).collect());
            addresses
                .map(|addresses| Resolved { addresses, ttl: Self::HOLD })
                .map_err(|error| ResolveError { name, why: error.to_string() })
        })
    }
}
