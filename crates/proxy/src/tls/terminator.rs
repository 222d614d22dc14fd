//! The settings of TLS servers as the TLS library wants them. Parsed when the first handshake needs
//! them, once for all workers, and carried over a reload that does not change them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use propylon_snapshot::{
    CipherSuite, ClientCheck, Credential, Identity, ServerTls, Serves, Snapshot, Termination,
    TlsGroup, TlsVersion,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert, WantsServerCert,
};
use rustls::sign::CertifiedKey;
use rustls::{ConfigBuilder, ServerConfig, SignatureAlgorithm, version};

use super::certificate::CertificateFacts;
use super::credential::{self, BadCredential};
use super::staple::Shown;
use super::verify;

/// The protocol that is offered to clients that know how to choose one.
pub(super) const HTTP1: &[u8] = b"http/1.1";
/// The name of HTTP/2 over TLS in ALPN.
pub(super) const HTTP2: &[u8] = b"h2";

/// The terminators of every listener and chain of a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Terminators {
    by_place: Vec<Vec<Option<Arc<Terminator>>>>,
    tickets: Vec<Tickets>,
}

/// One trust boundary: session tickets made behind one way of verifying clients are worth nothing
/// behind another, because a resumed session is not verified again.
#[derive(Debug, Clone)]
struct Tickets {
    clients: ClientCheck,
    keys: Arc<dyn ProducesTickets>,
}

/// One server's settings, parsed when needed.
pub(crate) struct Terminator {
    settings: Arc<ServerTls>,
    tickets: Option<Arc<dyn ProducesTickets>>,
    /// Serves on while the newer credentials cannot be used: a rotation that writes certificate and
    /// key one after the other, or a mistake, costs no handshake.
    last_good: Option<Arc<Self>>,
    ready: OnceLock<Result<Ready, BadCredential>>,
}

impl fmt::Debug for Terminator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a handshake needs.
pub(super) struct Ready {
    /// For clients that offer `http/1.1`.
    pub(super) with_alpn: Arc<ServerConfig>,
    /// For all others: the TLS library would refuse a client whose offers do not fit, where
    /// Envoy answers without choosing.
    pub(super) without_alpn: Arc<ServerConfig>,
    /// The URIs of the own certificate, which `x-forwarded-client-cert` names.
    pub(super) own_uris: Vec<String>,
    chooser: Arc<Chooser>,
}

impl Terminators {
    /// The terminators of a snapshot; those of `previous` with equal settings live on.
    pub(crate) fn attach(snapshot: &Snapshot, previous: Option<(&Snapshot, &Self)>) -> Self {
        let mut known: HashMap<_, &Arc<Terminator>> = HashMap::new();
        if let Some((before, terminators)) = previous {
            for (listener, row) in before.listeners.iter().zip(&terminators.by_place) {
                let Serves::Tls(names) = &listener.serves else { continue };
                for (chain, terminator) in names.chains().iter().zip(row) {
                    let Some(terminator) = terminator else { continue };
                    known.insert((&listener.bind, chain.names.first()), terminator);
                }
            }
        }
        let old_tickets = previous.map_or(&[][..], |(_, terminators)| &terminators.tickets);
        let mut made = Self::default();
        for listener in &snapshot.listeners {
            let mut row = Vec::new();
            if let Serves::Tls(names) = &listener.serves {
                for chain in names.chains() {
                    row.push(match &chain.termination {
                        Termination::Passthrough => None,
                        Termination::Terminate(settings) => {
                            let key = (&listener.bind, chain.names.first());
                            let tickets = made.tickets(&settings.clients, old_tickets);
                            Some(match known.get(&key) {
                                Some(same) if same.settings == *settings => Arc::clone(same),
                                before => Arc::new(Terminator {
                                    settings: Arc::clone(settings),
                                    last_good: before.and_then(|one| one.last_good(settings)),
                                    tickets,
                                    ready: OnceLock::new(),
                                }),
                            })
                        }
                    });
                }
            }
            made.by_place.push(row);
        }
        made
    }

    /// The terminator of a chain of a listener.
    pub(crate) fn at(&self, listener: usize, chain: usize) -> Option<&Arc<Terminator>> {
        self.by_place.get(listener)?.get(chain)?.as_ref()
    }

    fn tickets(
        &mut self,
        clients: &ClientCheck,
        old: &[Tickets],
    ) -> Option<Arc<dyn ProducesTickets>> {
        let same = |tickets: &&Tickets| tickets.clients == *clients;
        if let Some(tickets) = self.tickets.iter().find(same) {
            return Some(Arc::clone(&tickets.keys));
        }
        let tickets = match old.iter().find(same) {
            Some(tickets) => tickets.clone(),
            // Without randomness there are no tickets; handshakes say what is wrong.
            None => Tickets { clients: clients.clone(), keys: aws_lc_rs::Ticketer::new().ok()? },
        };
        let keys = Arc::clone(&tickets.keys);
        self.tickets.push(tickets);
        Some(keys)
    }
}

impl Terminator {
    /// The settings it was made from.
    pub(crate) fn settings(&self) -> &Arc<ServerTls> {
        &self.settings
    }

    /// What a handshake needs; parsed now if nobody needed it before. `now` is in seconds since
    /// 1970.
    pub(super) fn ready(&self, now: i64) -> Result<&Ready, &BadCredential> {
        let own = self.own(now);
        match (own, &self.last_good) {
            (Err(_), Some(last)) => last.own(now),
            (own, _) => own,
        }
    }

    /// This one or its predecessor, whichever can be used, if it differs from `settings` in
    /// nothing but the server's certificates. Whom to accept is never taken from the past.
    fn last_good(self: &Arc<Self>, settings: &ServerTls) -> Option<Arc<Self>> {
        let past = &*self.settings;
        let same = ServerTls { certificates: settings.certificates.clone(), ..past.clone() };
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

    fn own(&self, now: i64) -> Result<&Ready, &BadCredential> {
        let ready = self.ready.get_or_init(|| {
            let ready = prepare(&self.settings, self.tickets.as_ref());
            match &ready {
                Err(error) if self.last_good.is_some() => {
                    tracing::warn!(%error, "the certificate before it is shown");
                }
                Err(error) => tracing::error!(%error, "TLS handshakes fail for this server"),
                Ok((ready, facts)) => {
                    warn_of_dates(self.settings.certificates.iter(), facts, now);
                    ready.chooser.warn(&self.settings.certificates);
                }
            }
            ready.map(|(ready, _)| ready)
        });
        if let Ok(ready) = ready {
            ready.chooser.now.store(now, Ordering::Relaxed);
        }
        ready.as_ref()
    }
}

/// Says which of the gateway's own certificates are out of date.
pub(super) fn warn_of_dates<'c>(
    certificates: impl Iterator<Item = &'c Credential<Identity>>,
    facts: &[CertificateFacts],
    now: i64,
) {
    for (credential, facts) in certificates.zip(facts) {
        let certificate = &*credential.name;
        if facts.not_after < now {
            tracing::warn!(certificate, subject = facts.subject, "the certificate has EXPIRED");
        } else if facts.not_before > now {
            tracing::warn!(
                certificate,
                subject = facts.subject,
                "the certificate is not valid yet"
            );
        }
    }
}

/// Parses everything that a server's settings hold, as the first handshake would, and returns the
/// facts of its own certificates.
///
/// # Errors
/// The first credential that cannot be used.
pub fn inspect(settings: &ServerTls) -> Result<Vec<CertificateFacts>, BadCredential> {
    prepare(settings, None).map(|(_, facts)| facts)
}

/// The name of the revocation lists that a server judges clients by, and when the first of them
/// ends, in seconds since 1970: it refuses the clients that it speaks of from then on.
#[must_use]
pub fn revocations_end(settings: &ServerTls) -> Option<(&str, i64)> {
    let ClientCheck::Verify { revoked: Some(revoked), accept_unverified: false, .. } =
        &settings.clients
    else {
        return None;
    };
    credential::revocations_end(revoked).map(|end| (&*revoked.name, end))
}

fn prepare(
    settings: &ServerTls,
    tickets: Option<&Arc<dyn ProducesTickets>>,
) -> Result<(Ready, Vec<CertificateFacts>), BadCredential> {
    let ServerTls { certificates, clients, min_version, max_version, cipher_suites, groups } =
        settings;
    let provider = Arc::new(provider(cipher_suites, groups));
    let mut keys = Vec::with_capacity(certificates.len());
    let mut facts = Vec::with_capacity(certificates.len());
    for certificate in certificates {
        let key = credential::identity(certificate, &provider)?;
        facts.extend(CertificateFacts::parse(&key.cert[0]));
        keys.push(Shown::new(key));
    }
    let verifier = verify::verifier(clients, &provider)?;
    let broken = |error: rustls::Error| BadCredential {
        name: certificates.first().map_or_else(String::new, |one| one.name.to_string()),
        why: error.to_string(),
    };
    let versions = versions(*min_version, *max_version);
    let builder: ConfigBuilder<ServerConfig, WantsServerCert> = match (
        ServerConfig::builder_with_provider(provider).with_protocol_versions(versions),
        verifier,
    ) {
        (Err(error), _) => return Err(broken(error)),
        (Ok(builder), None) => builder.with_no_client_auth(),
        (Ok(builder), Some(verifier)) => builder.with_client_cert_verifier(verifier),
    };
    let chooser = Arc::new(Chooser::new(keys));
    let mut config = builder.with_cert_resolver(Arc::<Chooser>::clone(&chooser));
    config.ignore_client_order = true;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    if let Some(tickets) = tickets {
        config.ticketer = Arc::clone(tickets);
    }
    let mut with_alpn = config.clone();
    with_alpn.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    let own_uris = facts.first().map(|facts| facts.uris.clone()).unwrap_or_default();
    let (with_alpn, without_alpn) = (Arc::new(with_alpn), Arc::new(config));
    let ready = Ready { with_alpn, without_alpn, own_uris, chooser };
    Ok((ready, facts))
}

/// The algorithms that settings leave.
pub(super) fn provider(suites: &[CipherSuite], groups: &[TlsGroup]) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if !suites.is_empty() {
        let mut chosen: Vec<_> = provider
            .cipher_suites
            .iter()
            .filter(|suite| suite.tls13().is_some())
            .copied()
            .collect();
        chosen.extend(suites.iter().map(|suite| suite_of(*suite)));
        provider.cipher_suites = chosen;
    }
    if !groups.is_empty() {
        provider.kx_groups = groups.iter().map(|group| group_of(*group)).collect();
    }
    provider
}

fn suite_of(suite: CipherSuite) -> rustls::SupportedCipherSuite {
    use aws_lc_rs::cipher_suite as all;
    match suite {
        CipherSuite::EcdsaAes128 => all::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::RsaAes128 => all::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdsaAes256 => all::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::RsaAes256 => all::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdsaChacha20 => all::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::RsaChacha20 => all::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}

fn group_of(group: TlsGroup) -> &'static dyn rustls::crypto::SupportedKxGroup {
    match group {
        TlsGroup::X25519 => aws_lc_rs::kx_group::X25519,
        TlsGroup::P256 => aws_lc_rs::kx_group::SECP256R1,
        TlsGroup::P384 => aws_lc_rs::kx_group::SECP384R1,
        TlsGroup::X25519MlKem768 => aws_lc_rs::kx_group::X25519MLKEM768,
    }
}

type Version = &'static rustls::SupportedProtocolVersion;

static ONLY_TLS12: [Version; 1] = [&version::TLS12];
static ONLY_TLS13: [Version; 1] = [&version::TLS13];
static BOTH: [Version; 2] = [&version::TLS13, &version::TLS12];

fn versions(min: TlsVersion, max: TlsVersion) -> &'static [Version] {
    match (min, max) {
        (TlsVersion::V1_2, TlsVersion::V1_2) => &ONLY_TLS12,
        (TlsVersion::V1_3, _) => &ONLY_TLS13,
        (TlsVersion::V1_2, TlsVersion::V1_3) => &BOTH,
    }
}

/// The certificates of one server.
#[derive(Debug)]
struct Chooser {
    /// In the order they were configured in.
    shown: Vec<Shown>,
    /// Indexes, the preferred first.
    order: Vec<usize>,
    /// The time of the latest handshake, in seconds since 1970.
    now: AtomicI64,
}

impl Chooser {
    fn new(shown: Vec<Shown>) -> Self {
        let mut order: Vec<usize> = (0..shown.len()).collect();
        // Clients that can verify both get the one that is cheaper to sign with.
        order.sort_by_key(|at| shown[*at].plain.key.algorithm() == SignatureAlgorithm::RSA);
        Self { shown, order, now: AtomicI64::new(0) }
    }

    /// Says which OCSP responses are not stapled.
    fn warn(&self, certificates: &[Credential<Identity>]) {
        for (certificate, shown) in certificates.iter().zip(&self.shown) {
            if let Some(why) = shown.refused {
                tracing::warn!(certificate = &*certificate.name, why, "nothing is stapled");
            }
        }
    }
}

impl ResolvesServerCert for Chooser {
    /// The first that the client can verify the signature of.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let can =
            |shown: &&Shown| shown.plain.key.choose_scheme(hello.signature_schemes()).is_some();
        let mut shown = self.order.iter().map(|at| &self.shown[*at]);
        let chosen = shown.clone().find(can).or_else(|| shown.next())?;
        Some(Arc::clone(chosen.at(self.now.load(Ordering::Relaxed))))
    }
}

#[cfg(test)]
mod tests;
