//! What is being served at this moment, for those who ask: admin, readiness, the reload loop.
//! Written by the reload loop alone, read without waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;
use propylon_model::Problem;
use propylon_proxy::ListenerStatus;
use propylon_snapshot::Snapshot;

/// One published generation and what is known about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Served {
    /// Its number; 0 before the first.
    pub generation: u64,
    /// What every worker decides with.
    pub snapshot: Arc<Snapshot>,
    /// What became of each bind address.
    pub listeners: Arc<Vec<ListenerStatus>>,
    /// What is wrong with the configuration as it stands in the files.
    pub problems: Vec<Problem>,
    /// When this generation went live.
    pub since: Option<SystemTime>,
}

/// How far the program's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first configuration is not live yet.
    Starting,
    /// Serving.
    Live,
    /// Asked to stop; finishing what runs.
    Draining,
}

impl Phase {
    /// Envoy's name of it (`/server_info`, `/ready`).
    #[must_use]
    pub(crate) fn envoy_name(self) -> &'static str {
        match self {
            Self::Starting => "INITIALIZING",
            Self::Live => "LIVE",
            Self::Draining => "DRAINING",
        }
    }
}

/// The state of the running program.
#[derive(Debug)]
pub(crate) struct Status {
    served: ArcSwap<Served>,
    certificates: ArcSwap<Vec<Problem>>,
    phase: AtomicU8,
    started: Instant,
}

impl Status {
    /// A program that starts now.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            served: ArcSwap::default(),
            certificates: ArcSwap::default(),
            phase: AtomicU8::new(Phase::Starting as u8),
            started: Instant::now(),
        }
    }

    /// What is served.
    #[must_use]
    pub(crate) fn served(&self) -> Arc<Served> {
        self.served.load_full()
    }

    /// Says what is served from now on.
    pub(crate) fn publish(&self, served: Served) {
        self.served.store(Arc::new(served));
    }

    /// What is wrong with certificates, as far as they were looked at.
    #[must_use]
    pub(crate) fn certificates(&self) -> Arc<Vec<Problem>> {
        self.certificates.load_full()
    }

    /// Says what is wrong with certificates.
    pub(crate) fn judge(&self, problems: Vec<Problem>) {
        self.certificates.store(Arc::new(problems));
    }

    /// Everything that is wrong with the files and with what they name; errors first.
    #[must_use]
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut all = self.served().problems.clone();
        all.extend_from_slice(&self.certificates());
        // Those of one severity stay in the order of files.
        all.sort_by_key(|problem| problem.severity);
        all
    }

    /// Where in its life the program is.
    #[must_use]
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            phase if phase == Phase::Live as u8 => Phase::Live,
            phase if phase == Phase::Draining as u8 => Phase::Draining,
            _ => Phase::Starting,
        }
    }

    /// Enters a phase; one that lies behind is never entered again.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// Whether new requests are welcome, and can come in: a gateway none of whose addresses is
    /// bound serves nobody.
    #[must_use]
    pub(crate) fn ready(&self) -> bool {
        let served = self.served();
        let bound = served.listeners.iter().any(|listener| listener.outcome.is_ok());
        self.phase() == Phase::Live && (bound || served.listeners.is_empty())
    }

    /// When the program started.
    #[must_use]
    pub(crate) fn started(&self) -> Instant {
        self.started
    }
}

#[cfg(test)]
mod tests {
    use propylon_proxy::ListenError;
    use propylon_snapshot::Bind;

    use super::*;

    #[test]
    fn a_program_is_ready_only_between_its_first_configuration_and_its_drain() {
        let status = Status::new();
        assert!(!status.ready());
        status.enter(Phase::Live);
        assert!(status.ready());
        status.enter(Phase::Draining);
        assert!(!status.ready());
        status.enter(Phase::Live);
        assert_eq!(status.phase(), Phase::Draining);
    }

    #[test]
    fn a_program_that_could_bind_nothing_is_not_ready() {
        let status = Status::new();
        status.enter(Phase::Live);
        let bind = Bind::Ip(([127, 0, 0, 1], 80).into());
        let outcome = Err(ListenError::InUse { bind: bind.clone(), holder: None });
        let failed = ListenerStatus { bind: bind.clone(), port: 80, outcome };
        let bound = ListenerStatus { bind: bind.clone(), port: 80, outcome: Ok(bind) };
        let publish = |listeners| {
            status.publish(Served { listeners: Arc::new(listeners), ..Served::default() });
        };
        publish(vec![failed]);
        assert!(!status.ready());
        publish(vec![bound]);
        assert!(status.ready());
    }
}
