//! Facts of certificates, and the header that tells them to an upstream.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

use super::*;

fn certificate(organisation: &str, names: &[SanType]) -> rcgen::Certificate {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, organisation);
    params.distinguished_name.push(DnType::CommonName, "cli");
    params.subject_alt_names = names.to_vec();
    params.self_signed(&KeyPair::generate().unwrap()).unwrap()
}

fn named() -> rcgen::Certificate {
    certificate(
        "Acme",
        &[
            SanType::URI("spiffe://td/ns/a/sa/b".try_into().unwrap()),
            SanType::DnsName("cli.example".try_into().unwrap()),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
        ],
    )
}

#[test]
fn names_of_every_kind_are_found_and_compared_whole() {
    let facts = CertificateFacts::parse(named().der()).unwrap();
    assert_eq!(facts.subject, "CN=cli,O=Acme");
    for name in ["spiffe://td/ns/a/sa/b", "cli.example", "192.0.2.1"] {
        assert!(facts.is_named(name), "{name}");
    }
    for name in ["cli", "example", "spiffe://td/ns/a", "192.0.2.10"] {
        assert!(!facts.is_named(name), "{name}");
    }
}

#[test]
fn the_header_names_hash_certificate_subject_and_names_in_envoys_order() {
    let certificate = named();
    let facts = CertificateFacts::parse(certificate.der()).unwrap();
    let own = ["spiffe://td/gateway".to_owned()];
    let text = String::from_utf8(forwarded(&own, certificate.der(), &facts)).unwrap();
    let pem = certificate.pem().replace("\r\n", "\n");
    let encoded = pem
        .replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    let hash = facts.fingerprint_text();
    assert_eq!(
        text,
        format!(
            "By=spiffe://td/gateway;Hash={hash};Cert=\"{encoded}\";Subject=\"CN=cli,O=Acme\";\
             URI=spiffe://td/ns/a/sa/b;DNS=cli.example"
        )
    );
}

#[test]
fn a_certificate_without_a_uri_leaves_the_uri_empty() {
    let certificate = certificate("Acme", &[]);
    let facts = CertificateFacts::parse(certificate.der()).unwrap();
    let text = String::from_utf8(forwarded(&[], certificate.der(), &facts)).unwrap();
    assert!(text.ends_with(";Subject=\"CN=cli,O=Acme\";URI="), "{text}");
}

#[test]
fn a_subject_cannot_break_out_of_its_quotes_or_its_line() {
    let certificate = certificate("A\",B\r\nx-evil: 1", &[]);
    let facts = CertificateFacts::parse(certificate.der()).unwrap();
    assert_eq!(facts.subject, "CN=cli,O=A\\\"\\,B\\0D\\0Ax-evil: 1");
    let text = forwarded(&[], certificate.der(), &facts);
    assert!(!text.iter().any(u8::is_ascii_control));
}

#[test]
fn bytes_that_are_no_certificate_have_no_facts() {
    assert_eq!(CertificateFacts::parse(b"nothing"), None);
    assert_eq!(CertificateFacts::parse(&[]), None);
}
