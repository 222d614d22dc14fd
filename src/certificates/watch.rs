//! The serving program's look at certificates: beside its work, whenever a configuration goes live
//! and every hour, for certificates end while nothing changes. Tells what is new and what is
//! solved; repeats once a day what has expired.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use propylon_model::{Gateway, Object, Problem};
use propylon_snapshot::Snapshot;
use tokio::sync::Notify;

use super::Judge;
use crate::reload::missing_from;
use crate::report::Report;
use crate::status::Status;

/// Between looks at certificates that did not change.
const LOOK_AGAIN: Duration = Duration::from_secs(60 * 60);
/// From a change to the look at it: most tools write certificate and key one after the other.
const SETTLED: Duration = Duration::from_secs(1);
/// Between repetitions of what is wrong with them.
const SAY_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Looks at the certificates of what is served.
#[derive(Clone)]
pub(crate) struct Watch {
    live: Arc<Mutex<Live>>,
    changed: Arc<Notify>,
    status: Arc<Status>,
    report: Report,
}

/// What is served, and the objects that its problems are told of.
#[derive(Default, Clone)]
struct Live {
    snapshot: Arc<Snapshot>,
    gateways: Arc<[Arc<Object<Gateway>>]>,
}

impl Watch {
    /// Looks at nothing yet.
    pub(crate) fn new(status: Arc<Status>, report: Report) -> Self {
        Self { live: Arc::default(), changed: Arc::default(), status, report }
    }

    /// A configuration went live: it is looked at soon.
    pub(crate) fn look_at(&self, snapshot: &Arc<Snapshot>, gateways: &[Arc<Object<Gateway>>]) {
        let live = Live { snapshot: Arc::clone(snapshot), gateways: gateways.into() };
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = live;
        self.changed.notify_one();
    }

    /// Looks whenever there is a reason to. Never ends.
    pub(crate) async fn run(self) {
        let mut judge = Judge::default();
        let mut said = Instant::now();
        self.changed.notified().await;
        loop {
            let live = self.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // One thread, and not the one that answers: parsing thousands takes a while.
            let looking = tokio::task::spawn_blocking(move || {
                let problems = judge.look(&live.snapshot, &live.gateways, SystemTime::now());
                (judge, problems)
            });
            let Ok((kept, problems)) = looking.await else {
                self.report.warn("the certificates could not be looked at");
                return;
            };
            judge = kept;
            self.tell(problems, &mut said);
            if tokio::time::timeout(LOOK_AGAIN, self.changed.notified()).await.is_ok() {
                tokio::time::sleep(SETTLED).await;
            }
        }
    }

    fn tell(&self, problems: Vec<Problem>, said: &mut Instant) {
        let before = self.status.certificates();
        if said.elapsed() >= SAY_AGAIN {
            *said = Instant::now();
            self.report.problems(&problems);
        } else {
            self.report.problems(&missing_from(&before, &problems));
        }
        self.report.solved(&missing_from(&problems, &before));
        self.status.judge(problems);
    }
}
