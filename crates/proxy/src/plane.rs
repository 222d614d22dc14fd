//! The data plane as the binary sees it: start it, publish snapshots to it, ask it, drain it.
//! It reconciles listeners by bind address and hands each worker its sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use propylon_snapshot::{Bind, Listener, Snapshot};
use tokio::sync::oneshot;

use crate::limits::{FIRST_ANSWERS_WAIT, LOADS_WAIT, Patience};
use crate::listener::{self, ListenError, ListenerStatus, Socket, SocketFile, Sockets};
use crate::running::Running;
use crate::runtime::{self, Handle, Order};
use crate::tcp;
use crate::telemetry;
use crate::tls::{Originators, Terminators};
use crate::upstream::{ClusterStatus, Loads, Registry, Resolve};

/// How to start.
pub struct Options {
    /// Worker threads, one per core to be used; at least 1.
    pub workers: usize,
    /// Turns the names of DNS clusters into addresses.
    pub resolver: Arc<dyn Resolve>,
}

/// The running data plane. Dropping it ends its workers without a drain.
pub struct DataPlane {
    workers: Vec<Handle>,
    registry: Mutex<Registry>,
    bound: Mutex<BTreeMap<Bind, Held>>,
    publishing: tokio::sync::Mutex<()>,
    /// The TLS settings of the snapshot that was published last.
    secured: Mutex<Option<Secured>>,
}

/// The TLS settings of a snapshot, parsed when they are needed.
#[derive(Clone)]
struct Secured {
    snapshot: Arc<Snapshot>,
    terminators: Arc<Terminators>,
    originators: Arc<Originators>,
}

/// An address that is bound.
struct Held {
    /// With the real port.
    address: Bind,
    /// What is to be taken away with it.
    file: Option<SocketFile>,
}

impl DataPlane {
    /// Starts the workers. They serve nothing until something is published.
    ///
    /// # Errors
    /// When a thread or its reactor cannot be made.
    pub fn start(options: Options) -> io::Result<Self> {
        Self::start_with(options, Patience::default())
    }

    /// As [`DataPlane::start`], with other limits of time.
    ///
    /// # Errors
    /// When a thread or its reactor cannot be made.
    pub fn start_with(options: Options, patience: Patience) -> io::Result<Self> {
        let Options { workers, resolver } = options;
        let workers = workers.max(1);
        let registry = Registry::new(resolver, workers);
        let workers = (0..workers).map(|index| runtime::start(index, patience));
        let workers = workers.collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            workers,
            registry: Mutex::new(registry),
            bound: Mutex::default(),
            publishing: tokio::sync::Mutex::default(),
            secured: Mutex::default(),
        })
    }

    /// Puts a snapshot in force. When this returns, every worker has taken it: requests that start
    /// from now on are decided by it. Listeners that could not be bound are reported and tried
    /// again with the next publication; all others serve.
    ///
    /// Must be called inside the control runtime, which then also resolves names.
    pub async fn publish(&self, generation: u64, snapshot: Arc<Snapshot>) -> Vec<ListenerStatus> {
        let _one_at_a_time = self.publishing.lock().await;
        let (shared, warm, names) = {
            let mut registry = lock(&self.registry);
            let shared = registry.attach(&snapshot);
            let warm = registry.warm(FIRST_ANSWERS_WAIT);
            (shared, warm, Arc::clone(registry.names()))
        };
        warm.await;
        let (mut sockets, statuses) = self.reconcile(&snapshot);
        let Secured { snapshot, terminators, originators } = self.secured(&snapshot);
        let running =
            Arc::new(Running { generation, snapshot, shared, terminators, originators, names });
        let mut taken = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (done, taking) = oneshot::channel();
            let open = sockets.pop().unwrap_or_default();
            let running = Arc::clone(&running);
            if worker.orders.send(Order::Publish { running, open, done }).is_ok() {
                taken.push(taking);
            }
        }
        for taking in taken {
            // A worker that is gone takes nothing, and serves nothing either.
            let _ = taking.await;
        }
        statuses
    }

    /// Every counter of the workers, summed, and those of clusters as `cluster.<name>.<counter>`.
    #[must_use]
    pub fn stats(&self) -> Vec<(String, u64)> {
        let counters: Vec<_> = self.workers.iter().map(|w| Arc::clone(&w.counters)).collect();
        let mut all = telemetry::sum(&counters);
        all.extend(tcp::sum(self.workers.iter().map(|worker| &worker.counters.tcp)));
        for cluster in self.cluster_status() {
            let counters = cluster.counters.iter();
            all.extend(counters.map(|(name, n)| (format!("cluster.{}.{name}", cluster.name), *n)));
        }
        all
    }

    /// Every cluster with its endpoints now, those that names resolve to included.
    #[must_use]
    pub fn cluster_status(&self) -> Vec<ClusterStatus> {
        lock(&self.registry).status()
    }

    /// What workers have under way at endpoints now. A worker that does not answer in time is left
    /// out. What is returned does not keep the data plane.
    pub fn loads(&self) -> impl Future<Output = Loads> + Send + use<> {
        let asked = self.workers.iter().filter_map(|worker| {
            let (told, telling) = oneshot::channel();
            worker.orders.send(Order::Tell { told }).ok().map(|()| telling)
        });
        let asked: Vec<_> = asked.collect();
        async move {
            let mut sum = Loads::default();
            for telling in asked {
                if let Ok(Ok(loads)) = tokio::time::timeout(LOADS_WAIT, telling).await {
                    sum.absorb(&loads);
                }
            }
            sum
        }
    }

    /// Stops accepting, lets requests end (their answers say `connection: close`), and returns when
    /// no connection is left or `deadline` has passed. The workers stop thereafter.
    pub async fn drain(mut self, deadline: Duration) {
        self.let_requests_end(deadline).await;
        let threads = self.stop();
        // The threads end at once; joining them only makes sure that their sockets are closed.
        let _ = tokio::task::spawn_blocking(move || join(threads)).await;
    }

    /// The waiting part of [`DataPlane::drain`], for owners that answer questions meanwhile. True
    /// if no connection is left. Dropping the data plane afterwards ends it.
    pub async fn let_requests_end(&self, deadline: Duration) -> bool {
        let mut draining = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (done, drained) = oneshot::channel();
            if worker.orders.send(Order::Drain { done }).is_ok() {
                draining.push(drained);
            }
        }
        let all = async {
            for drained in draining {
                let _ = drained.await;
            }
        };
        let ended = tokio::time::timeout(deadline, all).await.is_ok();
        if !ended {
            tracing::warn!("connections were still open when the drain's time was up");
        }
        ended
    }

    fn stop(&mut self) -> Vec<std::thread::JoinHandle<()>> {
        for held in std::mem::take(&mut *lock(&self.bound)).into_values() {
            held.file.iter().for_each(SocketFile::remove);
        }
        for worker in &self.workers {
            let _ = worker.orders.send(Order::Stop);
        }
        self.workers.iter_mut().filter_map(|worker| worker.thread.take()).collect()
    }

    /// The TLS settings of a snapshot; unchanged ones keep what was parsed, all servers their
    /// tickets.
    fn secured(&self, snapshot: &Arc<Snapshot>) -> Secured {
        let mut published = lock(&self.secured);
        let previous = published.as_ref();
        let servers = previous.map(|made| (&*made.snapshot, &*made.terminators));
        let clusters = previous.map(|made| (&*made.snapshot, &*made.originators));
        let made = Secured {
            snapshot: Arc::clone(snapshot),
            terminators: Arc::new(Terminators::attach(snapshot, servers)),
            originators: Arc::new(Originators::attach(snapshot, clusters)),
        };
        *published = Some(made.clone());
        made
    }

    /// Binds what is new and forgets what is gone. Returns one list of sockets per worker.
    fn reconcile(&self, snapshot: &Snapshot) -> (Vec<Vec<(Bind, Socket)>>, Vec<ListenerStatus>) {
        let mut bound = lock(&self.bound);
        let wanted: BTreeSet<&Bind> = snapshot.listeners.iter().flat_map(Listener::binds).collect();
        bound.retain(|bind, held| {
            let kept = wanted.contains(bind);
            if let (false, Some(file)) = (kept, &held.file) {
                file.remove();
            }
            kept
        });
        let mut sockets: Vec<Vec<(Bind, Socket)>> = Vec::new();
        sockets.resize_with(self.workers.len(), Vec::new);
        let mut statuses = Vec::with_capacity(snapshot.listeners.len());
        for listener in &snapshot.listeners {
            for bind in listener.binds() {
                let outcome = self.address_of(bind, &mut bound, &mut sockets);
                statuses.push(ListenerStatus { bind: bind.clone(), port: listener.port, outcome });
            }
        }
        (sockets, statuses)
    }

    /// The address that stands for `bind`, bound now if it was not yet.
    fn address_of(
        &self,
        bind: &Bind,
        bound: &mut BTreeMap<Bind, Held>,
        sockets: &mut [Vec<(Bind, Socket)>],
    ) -> Result<Bind, ListenError> {
        if let Some(held) = bound.get(bind) {
            return Ok(held.address.clone());
        }
        let Sockets { bound: address, sockets: opened, file } =
            listener::bind(bind, self.workers.len())?;
        for (socket, worker) in opened.into_iter().zip(sockets) {
            worker.push((bind.clone(), socket));
        }
        bound.insert(bind.clone(), Held { address: address.clone(), file });
        Ok(address)
    }
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        join(self.stop());
    }
}

fn join(threads: Vec<std::thread::JoinHandle<()>>) {
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a worker ended in a panic");
        }
    }
}

/// The guarded maps stay consistent even if a holder panicked: every change is one insertion.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
