//! Judging client certificates: the chain and revocation by webpki, then Istio's own rules about
//! names, keys and fingerprints. It decides; the handshake acts.

use std::sync::Arc;

use propylon_snapshot::ClientCheck;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::certificate::CertificateFacts;
use super::credential::{self, BadCredential};

/// Istio's rules on top of the chain's.
#[derive(Debug)]
struct Verifier {
    chain: Arc<dyn ClientCertVerifier>,
    required: bool,
    names: Vec<Box<str>>,
    keys: Vec<[u8; 32]>,
    certificates: Vec<[u8; 32]>,
    accept_unverified: bool,
}

/// The verifier for a server's rules; `None` where no certificate is asked for.
///
/// # Errors
/// When the authorities or revocation lists cannot be used.
pub(super) fn verifier(
    check: &ClientCheck,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, BadCredential> {
    let ClientCheck::Verify {
        required,
        authorities,
        revoked,
        names,
        keys,
        certificates,
        accept_unverified,
    } = check
    else {
        return Ok(None);
    };
    let roots = credential::authorities(authorities)?;
    let mut chain = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    if let Some(revoked) = revoked {
        // As Envoy: what no list speaks of counts as revoked, and so does all that a list which
        // has ended speaks of.
        chain = chain.with_crls(credential::revocations(revoked)?).enforce_revocation_expiration();
    }
    let chain = chain
        .build()
        .map_err(|error| credential::unusable(&error, &authorities.name, revoked.as_deref()))?;
    Ok(Some(Arc::new(Verifier {
        chain,
        required: *required,
        names: names.clone(),
        keys: keys.clone(),
        certificates: certificates.clone(),
        accept_unverified: *accept_unverified,
    })))
}

impl Verifier {
    /// Istio's `subjectAltNames`, `verifyCertificateSpki` and `verifyCertificateHash`.
    fn judge(&self, der: &[u8]) -> Result<(), Error> {
        if self.names.is_empty() && self.keys.is_empty() && self.certificates.is_empty() {
            return Ok(());
        }
        let facts = CertificateFacts::parse(der)
            .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if !self.names.is_empty() && !self.names.iter().any(|name| facts.is_named(name)) {
            return Err(unwanted("none of its names is one of `subjectAltNames`"));
        }
        let pinned = !self.keys.is_empty() || !self.certificates.is_empty();
        let known = self.keys.contains(&facts.key_fingerprint)
            || self.certificates.contains(&facts.fingerprint);
        if pinned && !known {
            return Err(unwanted("neither its key nor itself is one of those that are pinned"));
        }
        Ok(())
    }
}

/// A certificate that verified and that the configuration does not want. The client is told
/// `certificate_unknown`, as by Envoy: which of the conditions failed is not its business.
fn unwanted(why: &'static str) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Unwanted(why)))))
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unwanted(&'static str);

impl ClientCertVerifier for Verifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain = self.chain.verify_client_cert(end_entity, intermediates, now);
        let judged = chain.and_then(|_| self.judge(end_entity));
        match judged {
            Err(error) if !self.accept_unverified => Err(error),
            Ok(()) | Err(_) => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests;
