//! Name resolution for DNS clusters: hickory over the system's configuration, with the answer's
//! TTL. It keeps no cache and no schedule; the data plane decides when to ask again.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::NetError;
use propylon_proxy::{Resolve, ResolveError, Resolved, Resolving};

/// Asks the name servers of `/etc/resolv.conf`, and `/etc/hosts` before them.
#[derive(Default)]
pub(crate) struct HickoryResolver {
    current: Mutex<Option<Configured>>,
}

/// A resolver, and the age of the configuration it was made from.
struct Configured {
    modified: Option<SystemTime>,
    resolver: TokioResolver,
}

impl Resolve for HickoryResolver {
    fn resolve(&self, name: &str) -> Resolving {
        let name = name.to_owned();
        let resolver = self.resolver();
        Box::pin(async move {
            let failed = |error: &NetError| ResolveError { name: name.clone(), why: why(error) };
            let resolver = resolver.map_err(|error| failed(&error))?;
            let found = resolver.lookup_ip(name.as_str()).await.map_err(|error| failed(&error))?;
            let ttl = found.valid_until().saturating_duration_since(Instant::now());
            Ok(Resolved { addresses: found.iter().collect(), ttl })
        })
    }
}

impl HickoryResolver {
    /// The resolver of the system's present configuration: a laptop changes networks, a container
    /// gets its name servers late. Looking at one file's age per refresh costs nothing.
    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let modified = modified(Path::new(RESOLV_CONF));
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(configured) = current.as_ref()
            && configured.modified == modified
        {
            return Ok(configured.resolver.clone());
        }
        let mut builder = TokioResolver::builder_tokio()?;
        let options = builder.options_mut();
        options.cache_size = 0;
        // Istio's gateways look for IPv4 unless they have only IPv6 themselves.
        options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        let resolver = builder.build()?;
        *current = Some(Configured { modified, resolver: resolver.clone() });
        Ok(resolver)
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|found| found.modified()).ok()
}

/// A short reason; hickory's own text for a missing name repeats the whole query.
fn why(error: &NetError) -> String {
    if error.is_nx_domain() {
        return "no such name".to_owned();
    }
    if error.is_no_records_found() {
        return "the name has no address".to_owned();
    }
    error.to_string()
}

const RESOLV_CONF: &str = "/etc/resolv.conf";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_resolves_to_itself_and_localhost_to_loopback() {
        let resolver = HickoryResolver::default();
        // A machine without any name server cannot build a resolver; that is an answer, too.
        let Ok(found) = resolver.resolve("192.0.2.7").await else { return };
        assert_eq!(found.addresses, ["192.0.2.7".parse::<std::net::IpAddr>().unwrap()]);
        let found = resolver.resolve("localhost").await.unwrap();
        assert!(found.addresses.iter().all(std::net::IpAddr::is_loopback), "{found:?}");
    }
}
