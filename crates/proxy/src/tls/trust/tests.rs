//! Whom a cluster's rules accept.

use propylon_snapshot::{Credential, Opaque};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use rustls::crypto::aws_lc_rs::default_provider;

use super::*;
use crate::tls::Trouble;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["authority.example".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap();
    Authority { pem: own.pem(), der: own.der().clone(), issuer: Issuer::new(params, key) }
}

impl Authority {
    fn signs(&self, names: &[SanType]) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = names.to_vec();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &self.issuer).unwrap().der().clone()
    }
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn check(authority: &Authority, names: &[&str], of_request: bool) -> ServerCheck {
    let read = Ok(Opaque::new(authority.pem.clone().into_bytes()));
    ServerCheck::Verify {
        authorities: Authorities::Listed(Box::new(Credential { name: "ca.pem".into(), read })),
        revoked: None,
        names: names.iter().map(|name| (*name).into()).collect(),
        of_request,
    }
}

/// Judges a certificate for requests and for connections.
fn judged(check: &ServerCheck, der: &CertificateDer<'_>, name: &str) -> [Result<(), Error>; 2] {
    let provider = Arc::new(default_provider());
    let name = ServerName::try_from(name).unwrap();
    verifiers(check, &provider).unwrap().map(|verifier| {
        verifier.verify_server_cert(der, &[], &name, &[], UnixTime::now()).map(|_| ())
    })
}

#[test]
fn the_requests_host_must_be_named_where_it_counts_and_only_for_requests() {
    let authority = authority();
    let der = authority.signs(&[dns("*.a.example")]);
    let rule = check(&authority, &[], true);
    assert_eq!(judged(&rule, &der, "x.a.example"), [Ok(()), Ok(())]);
    let [request, connection] = judged(&rule, &der, "b.example");
    let said = Trouble::of(request.unwrap_err(), "ca.pem").to_string();
    assert!(said.contains("for *.a.example, not for b.example"), "{said}");
    assert_eq!(connection, Ok(()));
}

#[test]
fn names_of_the_rule_and_the_requests_host_must_both_be_there() {
    let authority = authority();
    let uri = SanType::URI("spiffe://td/x".try_into().unwrap());
    let der = authority.signs(&[dns("a.example"), uri]);
    let rule = check(&authority, &["spiffe://td/x"], true);
    assert!(judged(&rule, &der, "a.example")[0].is_ok());
    assert!(judged(&rule, &der, "b.example")[0].is_err());
    let other = check(&authority, &["spiffe://td/y"], true);
    assert!(judged(&other, &der, "a.example")[0].is_err());
}

#[test]
fn an_address_counts_as_a_name() {
    let authority = authority();
    let der = authority.signs(&[SanType::IpAddress("192.0.2.1".parse().unwrap())]);
    let rule = check(&authority, &[], true);
    assert!(judged(&rule, &der, "192.0.2.1")[0].is_ok());
    assert!(judged(&rule, &der, "192.0.2.2")[0].is_err());
}

#[test]
fn a_listed_certificate_is_trusted_itself_and_others_need_its_signature() {
    let (trusted, other) = (authority(), authority());
    let rule = check(&trusted, &[], false);
    assert!(judged(&rule, &trusted.der, "a.example")[0].is_ok());
    assert!(judged(&rule, &other.der, "a.example")[0].is_err());
    assert!(judged(&rule, &other.signs(&[]), "a.example")[0].is_err());
    assert!(judged(&ServerCheck::None, &other.der, "a.example")[0].is_ok());
}
