//! Entry points for fuzzing what reads certificates and keys: plain functions of bytes that panic
//! when a promise is broken. Those of strangers come over the wire, those of operators from files.

use propylon_snapshot::{Credential, Opaque, ServerIdentity};
use rustls::crypto::aws_lc_rs;

use super::certificate::{self, CertificateFacts};
use super::credential;

/// A certificate as a client shows it: no panic, and nothing in it ends the header line that tells
/// an endpoint of it, or gets past its quotes unescaped by a line end.
pub fn fuzz_certificate(bytes: &[u8]) {
    let Some(facts) = CertificateFacts::parse(bytes) else { return };
    let line = certificate::forwarded(&facts.uris, bytes, &facts);
    assert!(line.iter().all(|byte| !byte.is_ascii_control()));
    assert!(facts.subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    assert!(facts.serial.len() % 2 == 0);
    assert!(!facts.serial.starts_with("00"));
    assert_eq!(CertificateFacts::parse(bytes), Some(facts));
}

/// Files of a credential: no panic, whatever stands in the place of certificate, key or list, and
/// no error repeats what it read.
pub fn fuzz_credential(bytes: &[u8]) {
    let pem = Opaque::new(bytes);
    let listed = |read| Credential { name: "file".into(), read: Ok::<Opaque, Box<str>>(read) };
    let _ = certificate::certificates_in(&pem);
    let _ = credential::authorities(&listed(pem.clone()));
    let _ = credential::revocations(&listed(pem.clone()));
    let (chain, key) = (pem.clone(), pem);
    let read = Ok(ServerIdentity { chain, key, ocsp: None });
    let both = Credential { name: "file".into(), read };
    if let Err(error) = credential::identity(&both, &aws_lc_rs::default_provider()) {
        let said = error.to_string();
        assert!(said.len() < LONGEST_ERROR, "an error as long as what it is about: {said}");
    }
}

/// Bytes of the longest sentence about a credential, generously.
const LONGEST_ERROR: usize = 512;
