//! Credentials from PEM: chains, private keys, authorities and revocation lists. Says in words what
//! is wrong with them and never shows what is in them.

use std::sync::Arc;

use propylon_snapshot::{Credential, Identity, Opaque};
use rustls::crypto::CryptoProvider;
use rustls::server::VerifierBuilderError;
use rustls::sign::CertifiedKey;
use rustls::{CertRevocationListError, RootCertStore};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, SubjectPublicKeyInfoDer,
};

/// A credential that cannot be used: handshakes fail for the names of its server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {why}")]
pub struct BadCredential {
    /// Where it came from: `Secret istio-system/web`, or paths.
    pub name: String,
    /// What is wrong.
    pub why: String,
}

/// A server's chain and key, ready to sign.
///
/// # Errors
/// When it was not read, is no PEM, or key and certificate do not belong together.
pub(super) fn identity(
    credential: &Credential<Identity>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, BadCredential> {
    let Identity { chain, key, ocsp } = read(credential)?;
    let bad = |why: String| BadCredential { name: credential.name.to_string(), why };
    let chain = certificates(chain).map_err(bad)?;
    let key = PrivateKeyDer::from_pem_slice(key.reveal()).map_err(|error| {
        bad(match error {
            pem::Error::NoItemsFound => {
                "the private key is no PEM (PKCS#8, PKCS#1 or SEC1, without a password)".to_owned()
            }
            other => format!("the private key cannot be read: {}", broken(&other)),
        })
    })?;
    let key = provider.key_provider.load_private_key(key).map_err(|_| {
        bad("the private key is of no kind that TLS can use (RSA, ECDSA, Ed25519)".to_owned())
    })?;
    // A certificate that cannot be parsed this far is compared by nobody; clients judge it.
    let public = x509_parser::parse_x509_certificate(&chain[0]);
    if let (Ok((_, leaf)), Some(key)) = (public, key.public_key())
        && SubjectPublicKeyInfoDer::from(leaf.public_key().raw) != key
    {
        return Err(bad("the private key does not belong to the certificate".to_owned()));
    }
    let mut certified = CertifiedKey::new(chain, key);
    certified.ocsp = ocsp.as_ref().map(|staple| staple.reveal().to_vec());
    Ok(certified)
}

/// The authorities that client certificates are verified with.
///
/// # Errors
/// When they were not read, are no PEM, or none of them can be used.
pub(super) fn authorities(
    credential: &Credential<Opaque>,
) -> Result<Arc<RootCertStore>, BadCredential> {
    let pem = read(credential)?;
    let bad = |why: String| BadCredential { name: credential.name.to_string(), why };
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem).map_err(bad)? {
        store
            .add(certificate)
            .map_err(|error| bad(format!("a certificate authority cannot be used: {error}")))?;
    }
    Ok(Arc::new(store))
}

/// The certificates of the authorities themselves.
///
/// # Errors
/// When they were not read or are no PEM.
pub(super) fn listed(
    credential: &Credential<Opaque>,
) -> Result<Vec<CertificateDer<'static>>, BadCredential> {
    let bad = |why: String| BadCredential { name: credential.name.to_string(), why };
    certificates(read(credential)?).map_err(bad)
}

/// Revocation lists.
///
/// # Errors
/// When they were not read or are no PEM.
pub(super) fn revocations(
    credential: &Credential<Opaque>,
) -> Result<Vec<CertificateRevocationListDer<'static>>, BadCredential> {
    let pem = read(credential)?;
    let bad = |why: String| BadCredential { name: credential.name.to_string(), why };
    let lists: Result<Vec<_>, _> =
        CertificateRevocationListDer::pem_slice_iter(pem.reveal()).collect();
    let lists =
        lists.map_err(|error| bad(format!("the revocation list is no PEM: {}", broken(&error))))?;
    if lists.is_empty() {
        return Err(bad("there is no revocation list in PEM".to_owned()));
    }
    Ok(lists)
}

/// Why a chain of authorities and revocation lists cannot be judged by.
pub(super) fn unusable(
    error: &VerifierBuilderError,
    authorities: &str,
    revoked: Option<&Credential<Opaque>>,
) -> BadCredential {
    use CertRevocationListError as Bad;
    let (VerifierBuilderError::InvalidCrl(bad), Some(revoked)) = (error, revoked) else {
        return BadCredential { name: authorities.to_owned(), why: error.to_string() };
    };
    let why = match bad {
        Bad::ParseError | Bad::UnsupportedCrlVersion => {
            "the revocation list cannot be read: it must be of version 2 with a CRL number (RFC \
             5280 section 5.2; `openssl ca -gencrl` makes one where its section has \
             `crl_extensions`)"
                .to_owned()
        }
        Bad::UnsupportedDeltaCrl => "the revocation list is a delta; a whole one is needed".into(),
        Bad::UnsupportedIndirectCrl => "the revocation list is another issuer's".into(),
        other => format!("the revocation list cannot be used: {other:?}"),
    };
    BadCredential { name: revoked.name.to_string(), why }
}

/// When the first of these revocation lists ends, in seconds since 1970.
pub(super) fn revocations_end(credential: &Credential<Opaque>) -> Option<i64> {
    let lists = revocations(credential).ok()?;
    let ends = lists.iter().filter_map(|list| {
        let (_, list) = x509_parser::parse_x509_crl(list).ok()?;
        list.next_update().map(|end| end.timestamp())
    });
    ends.min()
}

/// The certificates of a PEM text; at least one.
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) fn certificates(pem: &Opaque) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.reveal()).collect();
    let chain = chain.map_err(|error| format!("the certificate is no PEM: {}", broken(&error)))?;
    if chain.is_empty() {
        return Err("there is no certificate in PEM".to_owned());
    }
    Ok(chain)
}

/// What is wrong with a PEM text. The library's own words repeat what they are about, which is a
/// whole private key where its line ends were lost.
fn broken(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "its `-----END` line is missing: were line ends lost?"
        }
        pem::Error::IllegalSectionStart { .. } => {
            "its `-----BEGIN` line is not by itself: were line ends lost?"
        }
        pem::Error::Base64Decode(_) => "it is no base64",
        pem::Error::NoItemsFound => "nothing of the kind is there",
        pem::Error::SectionTooLarge => "it is too large",
        _ => "it cannot be read",
    }
}

/// What a credential holds.
pub(super) fn read<T>(credential: &Credential<T>) -> Result<&T, BadCredential> {
    credential
        .read
        .as_ref()
        .map_err(|why| BadCredential { name: credential.name.to_string(), why: why.to_string() })
}

#[cfg(test)]
mod tests;
