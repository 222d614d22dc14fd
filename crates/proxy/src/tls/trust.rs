//! Judging the certificates of endpoints: the chain and revocation by webpki, then Istio's rules
//! about names. It decides and says why not; the handshake acts.

use std::fmt;
use std::sync::{Arc, OnceLock};

use propylon_snapshot::{Authorities, ServerCheck};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::certificate::CertificateFacts;
use super::credential::{self, BadCredential};

/// Istio's rules on top of the chain's.
#[derive(Debug)]
struct Verifier {
    /// `None`: any chain will do.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that are trusted themselves, whatever they are signed by and made for.
    trusted: Vec<CertificateDer<'static>>,
    names: Vec<Box<str>>,
    /// The name of the handshake must be among the certificate's.
    of_request: bool,
    provider: Arc<CryptoProvider>,
}

/// The verifiers for a cluster's rules: for requests, and for connections that are none.
///
/// # Errors
/// When the authorities or revocation lists cannot be used.
pub(super) fn verifiers(
    check: &ServerCheck,
    provider: &Arc<CryptoProvider>,
) -> Result<[Arc<dyn ServerCertVerifier>; 2], BadCredential> {
    let ServerCheck::Verify { authorities, revoked, names, of_request } = check else {
        let any = Arc::new(Verifier {
            chain: None,
            trusted: Vec::new(),
            names: Vec::new(),
            of_request: false,
            provider: Arc::clone(provider),
        });
        return Ok([Arc::<Verifier>::clone(&any), any]);
    };
    let (roots, trusted, source) = match authorities {
        Authorities::System => (system_roots()?, Vec::new(), SYSTEM),
        Authorities::Listed(listed) => {
            (credential::authorities(listed)?, credential::listed(listed)?, &*listed.name)
        }
    };
    let mut chain = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider));
    if let Some(revoked) = revoked {
        // As Envoy: what no list speaks of counts as revoked, and so does all that a list which
        // has ended speaks of.
        chain = chain.with_crls(credential::revocations(revoked)?).enforce_revocation_expiration();
    }
    let chain =
        chain.build().map_err(|error| credential::unusable(&error, source, revoked.as_deref()))?;
    let verifier = |of_request| {
        Arc::new(Verifier {
            chain: Some(Arc::clone(&chain)),
            trusted: trusted.clone(),
            names: names.clone(),
            of_request,
            provider: Arc::clone(provider),
        })
    };
    Ok([verifier(*of_request), verifier(false)])
}

/// The roots that the operating system trusts, read once in the life of the process.
fn system_roots() -> Result<Arc<RootCertStore>, BadCredential> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        // Stores of operating systems hold certificates that no library accepts.
        store.add_parsable_certificates(found.certs);
        Arc::new(store)
    });
    if roots.is_empty() {
        return Err(BadCredential {
            name: SYSTEM.to_owned(),
            why: "there are none on this machine; install `ca-certificates`, or name authorities \
                  with `caCertificates`"
                .to_owned(),
        });
    }
    Ok(Arc::clone(roots))
}

impl Verifier {
    fn judge_chain(
        &self,
        chain: &WebPkiServerVerifier,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        if self.trusted.iter().any(|trusted| trusted == end_entity) {
            return in_force(end_entity, now);
        }
        match chain.verify_server_cert(end_entity, intermediates, name, &[], now) {
            Ok(_) => Ok(()),
            // Names are judged last, and here by Istio's rules instead.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Istio's `subjectAltNames` and Envoy's `auto_san_validation`; both where both are in force.
    fn judge_names(&self, der: &[u8], name: &ServerName<'_>) -> Result<(), Error> {
        if self.names.is_empty() && !self.of_request {
            return Ok(());
        }
        let facts = CertificateFacts::parse(der)
            .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let asked = name.to_str();
        if self.of_request && !facts.is_named(&asked) {
            return Err(WrongName::error(&facts, &[asked.into()]));
        }
        if !self.names.is_empty() && !self.names.iter().any(|name| facts.is_named(name)) {
            return Err(WrongName::error(&facts, &self.names));
        }
        Ok(())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(chain) = &self.chain {
            self.judge_chain(chain, end_entity, intermediates, name, now)?;
            self.judge_names(end_entity, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A certificate that is trusted by itself still has its dates.
fn in_force(der: &[u8], now: UnixTime) -> Result<(), Error> {
    let facts = CertificateFacts::parse(der)
        .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let seconds = |date: i64| {
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(date).unwrap_or(0)))
    };
    let (not_before, not_after) = (seconds(facts.not_before), seconds(facts.not_after));
    if now < not_before {
        let error = CertificateError::NotValidYetContext { time: now, not_before };
        return Err(Error::InvalidCertificate(error));
    }
    if now > not_after {
        let error = CertificateError::ExpiredContext { time: now, not_after };
        return Err(Error::InvalidCertificate(error));
    }
    Ok(())
}

/// A certificate for others than the one that was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrongName {
    /// Whom it is for.
    presented: Vec<String>,
    /// Whom it should be for: one of these.
    expected: Vec<Box<str>>,
}

impl WrongName {
    fn error(facts: &CertificateFacts, expected: &[Box<str>]) -> Error {
        let names = facts.dns.iter().chain(&facts.uris).chain(&facts.others);
        let error = Self {
            presented: names.take(NAMES_SHOWN_MAX).cloned().collect(),
            expected: expected.iter().take(NAMES_SHOWN_MAX).cloned().collect(),
        };
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error))))
    }
}

impl fmt::Display for WrongName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = self.expected.join(" or ");
        if self.presented.is_empty() {
            return write!(f, "its certificate names nobody, and {expected} was expected");
        }
        write!(f, "its certificate is for {}, not for {expected}", self.presented.join(", "))
    }
}

impl std::error::Error for WrongName {}

/// What the roots of the operating system are called.
pub(super) const SYSTEM: &str = "the operating system's authorities";
/// Names of a certificate that a message shows: enough to recognise it by.
const NAMES_SHOWN_MAX: usize = 8;

#[cfg(test)]
mod tests;
