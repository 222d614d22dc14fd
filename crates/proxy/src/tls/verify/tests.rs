//! Istio's rules about client certificates, on top of the chain's.

use std::time::Duration;

use propylon_snapshot::{Credential, Opaque};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;

use super::*;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    let name = format!("{:?}", key.public_key_raw());
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { issuer: Issuer::new(params, key), pem }
}

fn client(authority: &Authority, name: &str, serial: u64) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.serial_number = Some(SerialNumber::from(serial));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    params.signed_by(&key, &authority.issuer).unwrap().der().clone()
}

fn pem(text: &str) -> Box<Credential<Opaque>> {
    let read = Ok(Opaque::new(text.as_bytes()));
    Box::new(Credential { name: "test".into(), read })
}

/// Rules of an authority, changed by the test.
struct Rules {
    revoked: Option<String>,
    names: Vec<Box<str>>,
    keys: Vec<[u8; 32]>,
    certificates: Vec<[u8; 32]>,
    accept_unverified: bool,
}

const NONE: Rules = Rules {
    revoked: None,
    names: Vec::new(),
    keys: Vec::new(),
    certificates: Vec::new(),
    accept_unverified: false,
};

fn accepts(authority: &Authority, rules: Rules, certificate: &CertificateDer<'_>) -> bool {
    let Rules { revoked, names, keys, certificates, accept_unverified } = rules;
    let check = ClientCheck::Verify {
        required: true,
        authorities: pem(&authority.pem),
        revoked: revoked.as_deref().map(pem),
        names,
        keys,
        certificates,
        accept_unverified,
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = verifier(&check, &provider).unwrap().unwrap();
    // The middle of 2026: certificates of the test are valid from 1975 to 4096.
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_780_000_000));
    verifier.verify_client_cert(certificate, &[], now).is_ok()
}

#[test]
fn the_chain_must_lead_to_the_authority_unless_verification_is_skipped() {
    let (own, other) = (authority(), authority());
    assert!(accepts(&own, NONE, &client(&own, "a.example", 1)));
    assert!(!accepts(&own, NONE, &client(&other, "a.example", 1)));
    let skipping = Rules { accept_unverified: true, ..NONE };
    assert!(accepts(&own, skipping, &client(&other, "a.example", 1)));
}

#[test]
fn one_of_the_names_must_be_the_certificates_own() {
    let own = authority();
    let certificate = client(&own, "a.example", 1);
    let names =
        |names: &[&str]| Rules { names: names.iter().map(|name| (*name).into()).collect(), ..NONE };
    assert!(accepts(&own, names(&["b.example", "a.example"]), &certificate));
    assert!(!accepts(&own, names(&["b.example", "*.example"]), &certificate));
}

#[test]
fn a_pinned_key_or_certificate_suffices_and_any_other_does_not() {
    let own = authority();
    let certificate = client(&own, "a.example", 1);
    let facts = CertificateFacts::parse(&certificate).unwrap();
    let by_key = Rules { keys: vec![facts.key_fingerprint], certificates: vec![[0; 32]], ..NONE };
    assert!(accepts(&own, by_key, &certificate));
    let by_certificate = Rules { certificates: vec![facts.fingerprint], ..NONE };
    assert!(accepts(&own, by_certificate, &certificate));
    assert!(!accepts(&own, Rules { keys: vec![[0; 32]], ..NONE }, &certificate));
}

/// A revocation list of `issuer` with serial number 7, good until the beginning of a year.
fn list(issuer: &Authority, until: i32) -> String {
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(until, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(7),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&issuer.issuer).unwrap().pem().unwrap()
}

#[test]
fn a_revoked_certificate_is_refused_and_its_siblings_are_not() {
    let own = authority();
    let pem = list(&own, 4000);
    let rules = || Rules { revoked: Some(pem.clone()), ..NONE };
    assert!(!accepts(&own, rules(), &client(&own, "a.example", 7)));
    assert!(accepts(&own, rules(), &client(&own, "a.example", 8)));
}

#[test]
fn a_list_that_has_ended_or_is_anothers_lets_nobody_in() {
    let (own, other) = (authority(), authority());
    for list in [list(&own, 2021), list(&other, 4000)] {
        let rules = Rules { revoked: Some(list), ..NONE };
        assert!(!accepts(&own, rules, &client(&own, "a.example", 8)));
    }
}
