//! Shares of faults, as sentences.

use propylon_model::virtual_service::Percent;
use propylon_snapshot::Fraction;
use serde_json::json;

use super::{fault, share};

#[test]
fn a_percentage_is_counted_in_millionths() {
    for (value, millionths) in [
        (0.0, 0),
        (0.0001, 1),
        (0.1, 1_000),
        (50.0, 500_000),
        (100.0, 1_000_000),
        (250.0, 1_000_000),
    ] {
        assert_eq!(share(&Percent { value }), Fraction(millionths), "{value}");
    }
}

#[test]
fn a_fault_without_a_share_never_happens() {
    let written = json!({"delay": {"fixedDelay": "5s"}, "abort": {"httpStatus": 500}});
    assert_eq!(fault(&serde_json::from_value(written).unwrap()), Ok(None));
}

#[test]
fn a_status_that_cannot_be_sent_is_refused_by_field() {
    let written = json!({"abort": {"httpStatus": 99, "percentage": {"value": 1.0}}});
    let refused = fault(&serde_json::from_value(written).unwrap());
    assert_eq!(refused.map_err(|(field, _)| field), Err("abort"));
}
