//! What is published: one generation of configuration with what all workers share about its
//! clusters. Immutable; made by the control side, taken by every worker.

use std::sync::Arc;

use propylon_snapshot::Snapshot;

use crate::tls::{Originators, Terminators};
use crate::upstream::Shared;

/// One published generation.
#[derive(Debug)]
pub(crate) struct Running {
    /// Its number; grows with every publication.
    pub generation: u64,
    /// The configuration.
    pub snapshot: Arc<Snapshot>,
    /// What workers share about each cluster, by `ClusterId`.
    pub shared: Vec<Arc<Shared>>,
    /// The parsed settings of its TLS servers.
    pub terminators: Arc<Terminators>,
    /// The parsed TLS settings of its clusters.
    pub originators: Arc<Originators>,
}
