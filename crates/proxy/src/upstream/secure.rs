//! TLS with one endpoint in one worker: the cluster's settings, what is remembered of the endpoint,
//! which connections may serve which requests, and how failures are counted and told.

use std::cell::OnceCell;
use std::sync::Arc;

use propylon_snapshot::{ServerCheck, SniName};
use tokio::time::Instant;

use super::connect::{ConnectError, ConnectFailure, Secured};
use super::counters::ClusterCounters;
use crate::tls::{Originator, Purpose, Sessions, shown};

/// TLS with one endpoint.
#[derive(Debug)]
pub(super) struct Secure {
    originator: Arc<Originator>,
    sessions: OnceCell<Sessions>,
}

impl Secure {
    /// Remembers nothing yet.
    pub(super) fn new(originator: &Arc<Originator>) -> Self {
        Self { originator: Arc::clone(originator), sessions: OnceCell::new() }
    }

    /// What a handshake needs.
    pub(super) fn ready(&self) -> Secured<'_> {
        if let Some(sessions) = self.sessions.get() {
            return Ok((&self.originator, sessions));
        }
        let sessions = self.originator.sessions().map_err(Clone::clone)?;
        Ok((&self.originator, self.sessions.get_or_init(|| sessions)))
    }

    /// The host that connections are made for, where it matters: a connection that was verified
    /// for one host, or asked for it by name, serves no other.
    pub(super) fn host<'a>(&self, purpose: Purpose<'a>) -> Option<&'a str> {
        let settings = self.originator.settings();
        let judged = matches!(settings.servers, ServerCheck::Verify { of_request: true, .. });
        let matters = judged || settings.asks_for == SniName::OfRequest;
        purpose.host().filter(|_| matters)
    }

    /// Counts a handshake that was made.
    pub(super) fn count(&self, counters: &ClusterCounters, resumed: bool) {
        counters.ssl_handshake.add(1);
        if resumed {
            counters.ssl_session_reused.add(1);
        }
    }

    /// Counts a failed one, and tells it where that was not done lately.
    pub(super) fn complain(&self, cluster: &str, error: &ConnectError, counters: &ClusterCounters) {
        let ConnectFailure::Tls(trouble) = &error.failure else { return };
        let counter = if trouble.is_name() {
            &counters.ssl_fail_verify_san
        } else if trouble.is_certificate() {
            &counters.ssl_fail_verify_error
        } else {
            &counters.ssl_connection_error
        };
        counter.add(1);
        let Some(untold) = self.originator.complains(Instant::now()) else { return };
        let endpoint = shown(&error.endpoint);
        tracing::warn!(cluster, endpoint, untold, "no TLS connection: {trouble}");
    }
}
