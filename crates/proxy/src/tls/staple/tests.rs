//! OCSP responses that are stapled, and those that are not.

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// A certificate, and what `openssl ocsp` said of it until 28 November 2026, 16:48:22 UTC.
const CERTIFICATE: &str = "\
3082019e30820144a00302010202146bbd3f3ca3fb1150b3cf36246d9910037a4c6a3b300a06082a8648ce3d0403\
02301c310d300b060355040a0c0441636d65310b300906035504030c026361301e170d3236313132313134343235\
315a170d3237313132313134343235315a300c310a300806035504030c01613059301306072a8648ce3d02010608\
2a8648ce3d030107034200041b65b395c2ff4d00ec2fdb93d45b4e56fc4592df89ebe541af2668b17fdb048db883\
c0391673a2b98f2a923b1cf1262d9034f8f5ce81db93d723673746d6c948a374307230110603551d11040a300882\
06612e74657374301d0603551d250416301406082b0601050507030106082b06010505070302301d0603551d0e04\
16041496fcee1cf828d813f39f80c6e3e6b71325975a89301f0603551d230418301680144eae9db2f6d3c5af4519\
bdc364f593704c482a30300a06082a8648ce3d040302034800304502210097952390f26e335df93fc765eaf5aa4d\
182e4440a3a1daa7b6871de999f436d702200ab2f2e5a11bff58a5f7cb24248a0c6607a3524808b20f809e3bccfb\
38d53787";
const RESPONSE: &str = "\
308202de0a0100a08202d7308202d306092b0601050507300101048202c4308202c03081cfa11e301c310d300b06\
0355040a0c0441636d65310b300906035504030c026361180f32303236313132313136343832325a30773075304d\
300906052b0e03021a050004142f20cb9eaad19cad82486a5f607c0646d7c403fa04144eae9db2f6d3c5af4519bd\
c364f593704c482a3002146bbd3f3ca3fb1150b3cf36246d9910037a4c6a3b8000180f3230323631313231313634\
3832325aa011180f32303236313132383136343832325aa1233021301f06092b0601050507300102041204105dfc\
b2b3c90fdec1cdc46636418957d3300a06082a8648ce3d04030203480030450220256a43ce13491c868cfd20363a\
9a906b855c76556942cea65e1c5d88c3eb394702210089d7c03cfe048ca437dbb7e05089caef19b7437b75ffd7b0\
89aef72be94d8480a0820194308201903082018c30820133a003020102021475c5b41e65e3d867f39fde7447f327\
cdb4e34c74300a06082a8648ce3d040302301c310d300b060355040a0c0441636d65310b300906035504030c0263\
61301e170d3236313132313134343235315a170d3336313131383134343235315a301c310d300b060355040a0c04\
41636d65310b300906035504030c0263613059301306072a8648ce3d020106082a8648ce3d030107034200044820\
0fc1216fa200a9a9c5642692939849afa3bea09903df0d77cdee0e66f298b675a9f27447d0059bdd93ddaf69abd0\
08b135af82edbe06cc4aaa5c7a4af0eea3533051301d0603551d0e041604144eae9db2f6d3c5af4519bdc364f593\
704c482a30301f0603551d230418301680144eae9db2f6d3c5af4519bdc364f593704c482a30300f0603551d1301\
01ff040530030101ff300a06082a8648ce3d0403020347003044022058a190d02f936d6d17efa343a49896093abe\
9ce30f414dbf0b7e84c30da18d0e022022f563f06f7d9bb57cb008bfe043000dd98568d725bd5d73a0c54d6bfb95\
6cbd";
const END: i64 = 1_795_884_502;

fn other_certificate() -> Vec<u8> {
    let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

#[test]
fn a_response_about_the_certificate_holds_until_it_says() {
    assert_eq!(end(&bytes(RESPONSE), &bytes(CERTIFICATE)), Ok(END));
}

#[test]
fn what_is_no_response_about_the_certificate_is_refused_with_a_reason() {
    let (certificate, response) = (bytes(CERTIFICATE), bytes(RESPONSE));
    let another = end(&response, &other_certificate());
    assert_eq!(another, Err("the OCSP response is of another certificate"));
    // `tryLater`, which has no content.
    let later = end(&[0x30, 3, 0x0a, 1, 3], &certificate);
    assert_eq!(later, Err("the OCSP responder failed"));
    for cut in 0..response.len() {
        assert!(end(&response[..cut], &certificate).is_err(), "{cut} bytes");
    }
    for at in 0..response.len() {
        let mut wrong = response.clone();
        wrong[at] ^= 0x20;
        let _ = end(&wrong, &certificate);
    }
}

#[test]
fn a_response_is_stapled_until_it_ends() {
    let key = KeyPair::generate().unwrap();
    let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).unwrap();
    let chain = vec![CertificateDer::from(bytes(CERTIFICATE))];
    let mut key = CertifiedKey::new(chain, key);
    key.ocsp = Some(bytes(RESPONSE));
    let shown = Shown::new(key.clone());
    assert_eq!(shown.refused, None);
    assert_eq!(shown.at(END).ocsp, key.ocsp);
    assert_eq!(shown.at(END + 1).ocsp, None);
    key.ocsp = Some(b"nothing".to_vec());
    let shown = Shown::new(key);
    assert_eq!(shown.refused, Some("it is no OCSP response in DER"));
    assert_eq!(shown.at(END).ocsp, None);
}
