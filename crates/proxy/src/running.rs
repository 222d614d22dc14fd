//! What is published: one generation of configuration with what all workers share about its
//! clusters. Immutable; made by the control side, taken by every worker.

use std::sync::Arc;

use propylon_snapshot::Snapshot;

use crate::tls::Terminators;
use crate::upstream::{Names, Shared};

/// One published generation.
pub(crate) struct Running {
    /// Its number; grows with every publication.
    pub generation: u64,
    /// The configuration.
    pub snapshot: Arc<Snapshot>,
    /// What workers share about each cluster, by `ClusterId`.
    pub shared: Vec<Arc<Shared>>,
    /// The parsed settings of its TLS servers.
    pub terminators: Arc<Terminators>,
    /// What is known about names.
    pub names: Arc<Names>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("generation", &self.generation).finish_non_exhaustive()
    }
}
