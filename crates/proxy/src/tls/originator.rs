//! TLS settings of clusters as the TLS library wants them: parsed when the first handshake needs
//! them, once for all workers, and carried over a reload that does not change them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use propylon_snapshot::{Authorities, ClientTls, Cluster, ServerCheck, Snapshot};
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, version};
use rustls_pki_types::UnixTime;
use tokio::time::Instant;

use super::certificate::CertificateFacts;
use super::credential::{self, BadCredential};
use super::terminator::{provider, warn_of_dates};
use super::trouble::Trouble;
use super::trust;

/// The originators of a snapshot's clusters.
#[derive(Debug, Default)]
pub(crate) struct Originators(Vec<Option<Arc<Originator>>>);

/// One cluster's settings, parsed when needed.
pub(crate) struct Originator {
    /// The cluster's name.
    cluster: Box<str>,
    settings: Arc<ClientTls>,
    /// Shown on while the newer certificate cannot be used, as a rotation that writes certificate
    /// and key one after the other leaves it for a moment.
    last_good: Option<Arc<Self>>,
    ready: OnceLock<Result<Ready, BadCredential>>,
    complaint: Mutex<Complaint>,
}

impl fmt::Debug for Originator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Originator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a handshake needs, without a memory of earlier ones.
pub(super) struct Ready {
    /// For requests.
    requests: ClientConfig,
    /// For connections that are handed on: there is no host that certificates could be for.
    connections: ClientConfig,
}

/// What handshakes with one endpoint need, with what it remembers of earlier ones.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub(super) requests: Arc<ClientConfig>,
    pub(super) connections: Arc<ClientConfig>,
}

/// Hears what an endpoint does not like about a connection whose handshake was over for us: TLS 1.3
/// servers look at client certificates only then.
#[derive(Debug)]
pub(super) struct Ear {
    pub(super) originator: Arc<Originator>,
    pub(super) endpoint: Box<str>,
}

impl Ear {
    /// Tells of an alert.
    pub(super) fn tell(&self, alert: &rustls::Error) {
        let Self { originator, endpoint } = self;
        let Some(untold) = originator.complains(Instant::now()) else { return };
        let trouble = Trouble::of(alert.clone(), originator.authorities());
        let cluster = &*originator.cluster;
        tracing::warn!(cluster, endpoint, untold, "TLS connection ended: {trouble}");
    }
}

/// When a failure was last told, and how many were not since.
#[derive(Debug, Default)]
struct Complaint {
    last: Option<Instant>,
    untold: u64,
}

impl Originators {
    /// The originators of a snapshot; those of `previous` with equal settings live on.
    pub(crate) fn attach(snapshot: &Snapshot, previous: Option<(&Snapshot, &Self)>) -> Self {
        let mut known: HashMap<&str, &Arc<Originator>> = HashMap::new();
        if let Some((before, originators)) = previous {
            for (cluster, originator) in before.clusters.iter().zip(&originators.0) {
                known.extend(originator.as_ref().map(|one| (&*cluster.name, one)));
            }
        }
        let made = snapshot.clusters.iter().map(|cluster| {
            let settings = cluster.tls.as_ref()?;
            Some(match known.get(&*cluster.name) {
                Some(same) if same.settings == *settings => Arc::clone(same),
                before => {
                    let last_good = before.and_then(|one| one.last_good(settings));
                    Arc::new(Originator::new(cluster, settings, last_good))
                }
            })
        });
        Self(made.collect())
    }

    /// The originator of a cluster at its place in the snapshot; `None` for plaintext.
    pub(crate) fn of(&self, position: usize, cluster: &Cluster) -> Option<Arc<Originator>> {
        let settings = cluster.tls.as_ref()?;
        let made = self.0.get(position).and_then(Option::as_ref);
        Some(made.map_or_else(|| Arc::new(Originator::new(cluster, settings, None)), Arc::clone))
    }
}

impl Originator {
    fn new(cluster: &Cluster, settings: &Arc<ClientTls>, last_good: Option<Arc<Self>>) -> Self {
        Self {
            cluster: cluster.name.to_string().into(),
            settings: Arc::clone(settings),
            last_good,
            ready: OnceLock::new(),
            complaint: Mutex::default(),
        }
    }

    /// The settings it was made from.
    pub(crate) fn settings(&self) -> &ClientTls {
        &self.settings
    }

    /// A memory of sessions for one endpoint in one worker.
    ///
    /// # Errors
    /// When the cluster's credentials cannot be used.
    pub(crate) fn sessions(&self) -> Result<Sessions, &BadCredential> {
        let ready = match (self.own(), &self.last_good) {
            (Err(_), Some(last)) => last.own(),
            (own, _) => own,
        }?;
        let remembering = |config: &ClientConfig| {
            let mut config = config.clone();
            config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
            Arc::new(config)
        };
        Ok(Sessions {
            requests: remembering(&ready.requests),
            connections: remembering(&ready.connections),
        })
    }

    /// True if a failure of this moment should be told, and how many were not told since the last
    /// one: endpoints that refuse every handshake must not fill the log.
    pub(crate) fn complains(&self, now: Instant) -> Option<u64> {
        let mut complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        if complaint.last.is_some_and(|last| now.duration_since(last) < COMPLAINT_PAUSE) {
            complaint.untold += 1;
            return None;
        }
        complaint.last = Some(now);
        Some(std::mem::take(&mut complaint.untold))
    }

    /// Who should have signed certificates, for people.
    pub(super) fn authorities(&self) -> &str {
        match &self.settings.servers {
            ServerCheck::Verify { authorities: Authorities::Listed(listed), .. } => &listed.name,
            ServerCheck::Verify { authorities: Authorities::System, .. } | ServerCheck::None => {
                trust::SYSTEM
            }
        }
    }

    /// This one or its predecessor, whichever can be used, if it differs from `settings` in
    /// nothing but the own certificate. Whom to accept is never taken from the past.
    fn last_good(self: &Arc<Self>, settings: &ClientTls) -> Option<Arc<Self>> {
        let past = &*self.settings;
        let same = ClientTls { identity: settings.identity.clone(), ..past.clone() };
        if same != *settings {
            return None;
        }
        match self.ready.get() {
            Some(Ok(_)) => Some(Arc::clone(self)),
            // Nobody has parsed it yet; whether it is good shows when it is needed.
            None if self.last_good.is_none() => Some(Arc::clone(self)),
            None | Some(Err(_)) => self.last_good.clone(),
        }
    }

    fn own(&self) -> Result<&Ready, &BadCredential> {
        let ready = self.ready.get_or_init(|| {
            let ready = prepare(&self.settings);
            if let Ok((_, facts)) = &ready {
                let now = i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX);
                warn_of_dates(self.settings.identity.iter(), facts, now);
            }
            ready.map(|(ready, _)| ready)
        });
        ready.as_ref()
    }
}

/// Parses everything that a cluster's settings hold, as the first handshake would, and returns the
/// facts of its own certificate, if it has one.
///
/// # Errors
/// The first credential that cannot be used.
pub fn inspect_client(settings: &ClientTls) -> Result<Option<CertificateFacts>, BadCredential> {
    prepare(settings).map(|(_, facts)| facts.into_iter().next())
}

fn prepare(settings: &ClientTls) -> Result<(Ready, Vec<CertificateFacts>), BadCredential> {
    let ClientTls { identity, servers, asks_for: _, offers: _, cipher_suites, groups } = settings;
    let provider = Arc::new(provider(cipher_suites, groups));
    let mut facts = Vec::new();
    let shown = match identity {
        None => None,
        Some(identity) => {
            let key = credential::identity(identity, &provider)?;
            facts.extend(CertificateFacts::parse(&key.cert[0]));
            Some(Arc::new(SingleCertAndKey::from(key)))
        }
    };
    let [for_requests, for_connections] = trust::verifiers(servers, &provider)?;
    let config = |verifier: Arc<dyn ServerCertVerifier>| {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| BadCredential {
                name: "TLS settings of the cluster".to_owned(),
                why: error.to_string(),
            })?;
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = match &shown {
            Some(shown) => builder.with_client_cert_resolver(Arc::<SingleCertAndKey>::clone(shown)),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        Ok(config)
    };
    let ready = Ready { requests: config(for_requests)?, connections: config(for_connections)? };
    Ok((ready, facts))
}

/// Sessions remembered for one endpoint by one worker: eight tickets for each of four server names.
const SESSIONS_MAX: usize = 32;

/// How long a cluster's failed handshakes are not told again after one was.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
