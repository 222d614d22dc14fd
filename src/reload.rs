//! The one loop: something changed, so read, compile, publish, and say what changed.
//! It alone publishes; every wish to reload (files, SIGHUP, admin) is the same bell.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use propylon_model::{Code, ObjectKey, Problem, Severity};
use propylon_proxy::{DataPlane, ListenerStatus};
use propylon_snapshot::Snapshot;
use propylon_source::file::NamedFiles;
use tokio::sync::Notify;

use crate::certificates;
use crate::load::{Loaded, Loader};
use crate::report::{Files, Report};
use crate::status::{Phase, Served, Status};

/// Everything the loop needs.
#[derive(Clone)]
pub(crate) struct Reload {
    loader: Arc<Mutex<Loader>>,
    plane: Arc<DataPlane>,
    status: Arc<Status>,
    report: Report,
    bell: Arc<Notify>,
    named: Arc<Mutex<NamedFiles>>,
    certificates: certificates::Watch,
}

impl Reload {
    /// A loop over `loader`'s files for `plane`.
    ///
    /// `bell` is rung whenever something may have changed; rings in a row are one.
    pub(crate) fn new(
        loader: Loader,
        plane: Arc<DataPlane>,
        status: Arc<Status>,
        report: Report,
        bell: Arc<Notify>,
    ) -> Self {
        let named = Arc::default();
        let certificates = certificates::Watch::new(Arc::clone(&status), report);
        let loader = Arc::new(Mutex::new(loader));
        Self { loader, plane, status, report, bell, named, certificates }
    }

    /// Publishes the first configuration and says what listens where.
    pub(crate) async fn first(&self, loaded: Loaded) {
        self.report.problems(&loaded.problems);
        self.keep(loaded.named);
        let snapshot = Arc::new(loaded.snapshot);
        let listeners = self.plane.publish(FIRST_GENERATION, Arc::clone(&snapshot)).await;
        self.report.listening(&snapshot, &listeners);
        self.certificates.look_at(&snapshot, &loaded.world.gateways);
        self.status.publish(served(FIRST_GENERATION, snapshot, listeners, loaded.problems));
        self.status.enter(Phase::Live);
    }

    /// Reloads whenever the bell rings, and tries again to bind what could not be bound. Never
    /// ends.
    pub(crate) async fn run(self) {
        loop {
            let unbound = self.status.served().listeners.iter().any(|l| l.outcome.is_err());
            if unbound {
                tokio::select! {
                    () = self.bell.notified() => self.once().await,
                    () = tokio::time::sleep(BIND_AGAIN) => self.bind_again().await,
                }
            } else {
                self.bell.notified().await;
                self.once().await;
            }
        }
    }

    /// Rings the bell when a certificate, key or list changes that objects name. Looks instead of
    /// waiting for events: such files lie anywhere, often behind links that are swapped. Never
    /// ends.
    pub(crate) async fn look_at_named(self) {
        loop {
            tokio::time::sleep(NAMED_LOOK).await;
            let named = self.named.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if named.count() == 0 {
                continue;
            }
            let changed = tokio::task::spawn_blocking(move || named.changed()).await;
            if changed.unwrap_or(false) {
                self.bell.notify_one();
            }
        }
    }

    /// What looks at the certificates of whatever goes live.
    pub(crate) fn certificates(&self) -> certificates::Watch {
        self.certificates.clone()
    }

    fn keep(&self, named: NamedFiles) {
        *self.named.lock().unwrap_or_else(PoisonError::into_inner) = named;
    }

    async fn once(&self) {
        let started = Instant::now();
        let loader = Arc::clone(&self.loader);
        // Compiling is plain computation; on its own thread it does not hold up the control side.
        let loading = tokio::task::spawn_blocking(move || {
            loader.lock().unwrap_or_else(PoisonError::into_inner).load()
        });
        let Ok(loaded) = loading.await else {
            let generation = self.status.served().generation;
            self.report.warn(&format!("generation {generation} stays: reading it again failed"));
            return;
        };
        let Loaded { world, snapshot, problems, held, named } = loaded;
        self.keep(named);
        let before = self.status.served();
        self.report.problems(&missing_from(&before.problems, &problems));
        self.report.solved(&missing_from(&problems, &before.problems));
        let generation = before.generation;
        let state = Files { problems: &problems, held: &held };
        if snapshot == *before.snapshot {
            // The places of problems may have moved.
            self.certificates.look_at(&before.snapshot, &world.gateways);
            self.report.stays(generation, state);
            self.status.publish(Served { problems, ..(*before).clone() });
            return;
        }
        let snapshot = Arc::new(snapshot);
        let listeners = self.plane.publish(generation + 1, Arc::clone(&snapshot)).await;
        let changes = propylon_compile::summary(&before.snapshot, &snapshot);
        self.certificates.look_at(&snapshot, &world.gateways);
        self.report.live(generation + 1, started.elapsed(), &changes, state);
        self.report.unbound(&listeners);
        self.status.publish(served(generation + 1, snapshot, listeners, problems));
    }

    /// Publishes the same generation again, so that addresses held by others get another chance.
    async fn bind_again(&self) {
        let before = self.status.served();
        let snapshot = Arc::clone(&before.snapshot);
        let listeners = self.plane.publish(before.generation, Arc::clone(&snapshot)).await;
        let failed = |statuses: &[ListenerStatus]| {
            statuses.iter().filter(|status| status.outcome.is_err()).count()
        };
        if failed(&listeners) < failed(&before.listeners) {
            self.report.listening(&snapshot, &listeners);
        }
        self.status.publish(Served { listeners: Arc::new(listeners), ..(*before).clone() });
    }
}

/// A generation that goes live now.
fn served(
    generation: u64,
    snapshot: Arc<Snapshot>,
    listeners: Vec<ListenerStatus>,
    problems: Vec<Problem>,
) -> Served {
    let since = Some(SystemTime::now());
    Served { generation, snapshot, listeners: Arc::new(listeners), problems, since }
}

/// What makes a problem the same one after an edit moved it to other lines.
type Identity<'p> = (Severity, Code, &'p Option<ObjectKey>, &'p str);

fn identity(problem: &Problem) -> Identity<'_> {
    (problem.severity, problem.code, &problem.object, &problem.message)
}

/// The problems of `present` that `absent` does not have.
pub(crate) fn missing_from(absent: &[Problem], present: &[Problem]) -> Vec<Problem> {
    let known: BTreeSet<Identity<'_>> = absent.iter().map(identity).collect();
    present.iter().filter(|problem| !known.contains(&identity(problem))).cloned().collect()
}

/// How often named files are looked at: a rotation is in force within a second.
const NAMED_LOOK: Duration = Duration::from_millis(400);
const FIRST_GENERATION: u64 = 1;
/// Between attempts to bind an address that another process holds.
const BIND_AGAIN: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
