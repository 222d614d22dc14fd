//! What is said of credentials that cannot be used, and what is not.

use rcgen::{CertificateParams, KeyPair};

use super::*;

fn said(chain: &str, key: &str) -> String {
    let read = ServerIdentity {
        chain: Opaque::new(chain.as_bytes()),
        key: Opaque::new(key.as_bytes()),
        ocsp: None,
    };
    let credential = Credential { name: "Secret a/b".into(), read: Ok(read) };
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    match identity(&credential, &provider) {
        Ok(_) => "good".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_key_that_lost_its_line_ends_is_not_repeated_in_the_error() {
    let key = KeyPair::generate().unwrap();
    let chain = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    let chain = chain.self_signed(&key).unwrap().pem();
    let pem = key.serialize_pem();
    assert_eq!(said(&chain, &pem), "good");
    for (broken, expected) in [
        (pem.replace('\n', ""), "were line ends lost?"),
        (pem.replace('\n', " "), "were line ends lost?"),
        (pem.replace("-----END", "END"), "`-----END` line is missing"),
        (pem.replace("MI", "M!"), "it is no base64"),
    ] {
        let text = said(&chain, &broken);
        assert!(text.contains(expected), "{expected}: {text}");
        let secret = &pem.lines().nth(1).unwrap()[8..24];
        let numbers = format!("{:?}", secret.as_bytes());
        assert!(!text.contains(secret) && !text.contains(numbers.trim_matches(['[', ']'])));
        assert!(text.len() < 200, "{text}");
    }
}

#[test]
fn a_certificate_that_lost_its_line_ends_says_so() {
    let text = said("-----BEGIN CERTIFICATE-----MIIB-----END CERTIFICATE-----", "");
    assert!(text.contains("Secret a/b: the certificate is no PEM"), "{text}");
    assert!(text.contains("were line ends lost?"), "{text}");
}
