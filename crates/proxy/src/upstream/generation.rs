//! One generation in one worker: the published snapshot and the live clusters it names, so that a
//! request finds a cluster by index. A request holds it from its head to its last byte.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use propylon_snapshot::{ClusterId, Snapshot};
use tokio::time::Instant;

use super::live::LiveCluster;
use crate::running::Running;
use crate::tls::Terminator;
use crate::upstream::{Loads, Names};

/// A published snapshot with this worker's live state.
#[derive(Debug)]
pub(crate) struct Generation {
    running: Arc<Running>,
    live: Vec<Rc<LiveCluster>>,
}

impl Generation {
    /// Joins a published snapshot with the live state of the one before.
    #[must_use]
    pub(crate) fn attach(running: Arc<Running>, previous: Option<&Self>, worker: usize) -> Self {
        let mut known: HashMap<&str, &Rc<LiveCluster>> = HashMap::new();
        if let Some(previous) = previous {
            let names = previous.snapshot().clusters.iter().map(|cluster| &*cluster.name);
            known.extend(names.zip(&previous.live));
        }
        let clusters = running.snapshot.clusters.iter().zip(&running.shared).enumerate();
        let live = clusters
            .map(|(position, (cluster, shared))| match known.remove(&*cluster.name) {
                Some(live) if live.carries(cluster, shared) => {
                    live.update(cluster);
                    Rc::clone(live)
                }
                replaced => {
                    if let Some(replaced) = replaced {
                        replaced.retire();
                    }
                    let tls = running.originators.of(position, cluster);
                    LiveCluster::new(cluster, (Arc::clone(shared), tls), worker)
                }
            })
            .collect();
        for gone in known.into_values() {
            gone.retire();
        }
        Self { running, live }
    }

    /// The snapshot it serves.
    #[must_use]
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.running.snapshot
    }

    /// The TLS server of a chain of a listener.
    pub(crate) fn terminator(&self, listener: usize, chain: usize) -> Option<&Arc<Terminator>> {
        self.running.terminators.at(listener, chain)
    }

    /// What is known about names.
    pub(crate) fn names(&self) -> &Arc<Names> {
        &self.running.names
    }

    /// Its number.
    #[must_use]
    pub(crate) fn number(&self) -> u64 {
        self.running.generation
    }

    /// The live state of a cluster of this snapshot. Never fails: one is made for every cluster.
    #[must_use]
    pub(crate) fn cluster(&self, id: ClusterId) -> &Rc<LiveCluster> {
        &self.live[id.0 as usize]
    }

    /// Tells what this worker has under way at endpoints.
    #[must_use]
    pub(crate) fn loads(&self, now: Instant) -> Loads {
        let mut loads = Loads::default();
        self.live.iter().for_each(|cluster| cluster.tell(&mut loads, now));
        loads
    }

    /// Closes pooled connections that are unused for too long or closed by their peer. To be
    /// called every few seconds.
    pub(crate) fn sweep(&self, now: Instant) {
        for cluster in &self.live {
            cluster.sweep(now);
        }
    }
}
