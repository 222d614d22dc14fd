//! The way up: live clusters, their endpoints, pooled connections and name resolution.
//!
//! Control side: [`Registry`] keeps what all workers share about a cluster ([`Shared`]: resolved
//! addresses, counters). Worker side: [`Generation`] holds one [`LiveCluster`] per cluster of a
//! snapshot; those whose settings did not change are carried over with pools and counts.

mod ages;
mod alone;
mod conduit;
mod connect;
mod counters;
mod generation;
mod health;
mod herald;
mod http2;
mod live;
mod load;
mod names;
mod pool;
mod queue;
mod registry;
mod resolve;
mod secure;
mod tables;
mod usage;

pub(crate) use conduit::Conduit;
pub(crate) use connect::ConnectError;
pub(crate) use counters::Counter;
pub(crate) use generation::Generation;
pub use health::EndpointHealth;
pub(crate) use health::{Outcome, status_of_grpc};
pub(crate) use herald::Ends;
pub(crate) use http2::{Place, is_leaving, reason_of};
pub(crate) use live::{Been, LiveCluster, LiveEndpoint, Wanted};
pub use load::{Load, Loads};
pub(crate) use names::Names;
pub(crate) use pool::Connection;
pub use registry::ClusterStatus;
pub(crate) use registry::{Registry, Shared};
pub use resolve::{Resolve, ResolveError, Resolved, Resolving, SystemResolver};
pub use usage::InUse;
pub(crate) use usage::Share;

#[cfg(test)]
mod tests;
