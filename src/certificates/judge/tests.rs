//! What a moment is in a certificate's life.

use super::*;

const DAY: i64 = 24 * 60 * 60;

fn certificate(from: i64, until: i64) -> CertificateFacts {
    CertificateFacts {
        subject: "CN=a.example".to_owned(),
        issuer: "CN=authority".to_owned(),
        dns: vec!["a.example".to_owned()],
        uris: Vec::new(),
        others: Vec::new(),
        serial: "01".to_owned(),
        not_before: from * DAY,
        not_after: until * DAY,
        fingerprint: [0; 32],
        key_fingerprint: [0; 32],
    }
}

#[test]
fn a_certificate_is_early_then_good_then_ends_soon_and_then_has_expired() {
    let year = certificate(100, 465);
    for (day, expected) in [
        (99, Age::Early),
        (100, Age::Good),
        (450, Age::Good),
        (452, Age::Ending),
        (465, Age::Ending),
        (466, Age::Expired),
    ] {
        assert_eq!(Age::of(&year, day * DAY), expected, "day {day}");
    }
}

#[test]
fn a_certificate_that_lives_shortly_ends_soon_in_the_last_third_of_its_life() {
    let week = certificate(100, 106);
    assert_eq!(Age::of(&week, 103 * DAY), Age::Good);
    assert_eq!(Age::of(&week, 105 * DAY), Age::Ending);
}
