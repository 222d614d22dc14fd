//! Fingerprints as Istio writes them.

use super::*;

#[test]
fn a_fingerprint_is_read_with_and_without_colons() {
    let plain = "ab".repeat(32);
    let colons = vec!["AB"; 32].join(":");
    assert_eq!(hex_hash(&plain), Some([0xab; 32]));
    assert_eq!(hex_hash(&colons), Some([0xab; 32]));
    assert_eq!(hex_hash("abcd"), None);
    assert_eq!(hex_hash(&"zz".repeat(32)), None);
}

#[test]
fn without_a_suite_that_is_asked_for_there_is_no_tls_1_2() {
    let suite = CipherSuite::EcdsaAes128;
    let asked = [suite.name().to_owned(), "AES128-SHA".to_owned()];
    assert_eq!(lowest(TlsVersion::V1_2, &asked, &[suite]), TlsVersion::V1_2);
    assert_eq!(lowest(TlsVersion::V1_2, &asked[1..], &[]), TlsVersion::V1_3);
    assert_eq!(lowest(TlsVersion::V1_2, &[], &[]), TlsVersion::V1_2);
}

#[test]
fn a_key_fingerprint_is_read_from_base64() {
    let zeros = format!("{}=", "A".repeat(43));
    assert_eq!(base64_hash(&zeros), Some([0; 32]));
    let ones = format!("{}8=", "/".repeat(42));
    assert_eq!(base64_hash(&ones), Some([0xff; 32]));
    assert_eq!(base64_hash("AAAA"), None);
    assert_eq!(base64_hash(&format!("{}=", "*".repeat(43))), None);
}
