//! What errors of streams mean.

use propylon_snapshot::Reason;

use super::{is_leaving, reason_of};

#[test]
fn a_bare_reason_tells_of_the_stream() {
    for (code, expected) in [
        (h2::Reason::REFUSED_STREAM, Reason::StreamRefused),
        (h2::Reason::CANCEL, Reason::StreamReset),
        (h2::Reason::INTERNAL_ERROR, Reason::StreamReset),
        (h2::Reason::PROTOCOL_ERROR, Reason::UpstreamProtocol),
    ] {
        let error = h2::Error::from(code);
        assert_eq!(reason_of(&error), expected);
        assert!(!is_leaving(&error));
    }
}
