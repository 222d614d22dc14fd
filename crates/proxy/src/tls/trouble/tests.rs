//! The words for failed handshakes.

use super::*;

fn said(error: Error) -> String {
    Trouble::of(error, "ca.pem").to_string()
}

#[test]
fn a_fault_of_the_certificate_is_told_with_its_dates_and_authorities() {
    let seconds = |count| UnixTime::since_unix_epoch(Duration::from_secs(count));
    let (time, not_after) = (seconds(1_000_000_000), seconds(0));
    let expired = CertificateError::ExpiredContext { time, not_after };
    for (error, words) in [
        (expired, "its certificate expired on Thu, 01 Jan 1970 00:00:00 GMT"),
        (CertificateError::Revoked, "its certificate is revoked"),
        (CertificateError::BadEncoding, "its certificate cannot be read"),
        (
            CertificateError::UnknownIssuer,
            "its certificate is not signed by an authority of ca.pem",
        ),
    ] {
        assert_eq!(said(Error::InvalidCertificate(error)), words);
    }
}

#[test]
fn what_the_endpoint_refused_is_told_with_what_it_means() {
    for (alert, words) in [
        (AlertDescription::CertificateRequired, "wants a client certificate"),
        (AlertDescription::UnknownCA, "does not know who signed the client certificate"),
        (AlertDescription::UnrecognisedName, "does not serve the server name"),
        (AlertDescription::ProtocolVersion, "neither TLS 1.2 nor 1.3"),
        (AlertDescription::InternalError, "by the TLS alert InternalError"),
    ] {
        let said = said(Error::AlertReceived(alert));
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_wrong_name_counts_as_one() {
    let name = Trouble::Name("a b".into());
    assert!(name.is_name() && name.is_certificate());
    let other = Trouble::of(Error::InvalidCertificate(CertificateError::Revoked), "ca.pem");
    assert!(!other.is_name() && other.is_certificate());
    let refused = Trouble::of(Error::AlertReceived(AlertDescription::UnknownCA), "ca.pem");
    assert!(!refused.is_certificate());
}
