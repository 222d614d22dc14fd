//! What a DestinationRule says of connections that are handed on as they are. As in Istio, only its
//! topmost policy is asked, and of the subset's its balancer and tunnel: neither ports nor the mesh
//! count here.

use std::sync::Arc;
use std::time::Duration;

use propylon_snapshot::Tunnel;

use crate::destinations::destination_rule::Merged;
use crate::destinations::traffic_policy::tcp_hash;
use crate::destinations::tunnel;

/// Istio's idle timeout of TCP connections.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// How connections to a destination are handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handing {
    /// Silence after which they are closed; `None`: never.
    pub(crate) idle_timeout: Option<Duration>,
    /// How long they may last; `None`: for ever.
    pub(crate) duration: Option<Duration>,
    /// The client's address is hashed.
    pub(crate) hash_source: bool,
    /// What connections to endpoints begin with.
    pub(crate) tunnel: Option<Arc<Tunnel>>,
}

impl Handing {
    /// What a rule says to a subset, or to the whole service where that is empty.
    pub(crate) fn of(rule: Option<&Merged<'_>>, subset: &str) -> Self {
        let policy = rule.and_then(|rule| rule.policy.as_ref()).map(|placed| placed.part);
        let pool = policy.and_then(|policy| policy.connection_pool.as_ref());
        let tcp = pool.and_then(|pool| pool.tcp.as_ref());
        let idle = tcp.and_then(|tcp| tcp.idle_timeout).unwrap_or(IDLE_TIMEOUT);
        let duration = tcp.and_then(|tcp| tcp.max_connection_duration);
        Self {
            idle_timeout: Some(idle).filter(|idle| !idle.is_zero()),
            duration: duration.filter(|duration| !duration.is_zero()),
            hash_source: rule.is_some_and(|rule| tcp_hash(rule, subset)),
            tunnel: rule.and_then(|rule| tunnel::effective(rule, subset)).map(Arc::new),
        }
    }
}
