//! What the errors of a stream or a connection mean for requests, in Envoy's words.

use std::io;

use propylon_snapshot::Reason;

/// What a stream's error means for its request.
#[must_use]
pub(crate) fn reason_of(error: &h2::Error) -> Reason {
    match error.reason() {
        _ if is_broken(error) => Reason::UpstreamProtocol,
        // Only streams above the last one that the peer takes on end with its GOAWAY.
        Some(_) if is_leaving(error) => Reason::StreamRefused,
        Some(h2::Reason::REFUSED_STREAM) => Reason::StreamRefused,
        // Envoy takes a peer that complains of a breach for one that cannot be spoken to.
        Some(h2::Reason::PROTOCOL_ERROR) => Reason::UpstreamProtocol,
        Some(_) => Reason::StreamReset,
        None => Reason::UpstreamReset,
    }
}

/// True if a stream ended because its connection was going away and the peer did nothing of it.
#[must_use]
pub(crate) fn is_leaving(error: &h2::Error) -> bool {
    error.is_go_away() && error.is_remote()
}

/// True if the peer broke the protocol, or floods.
pub(super) fn is_broken(error: &h2::Error) -> bool {
    // The meter's errors are of no kind of the operating system's.
    let flooded = |error: &io::Error| error.kind() == io::ErrorKind::Other;
    error.is_library() || error.get_io().is_some_and(flooded)
}
