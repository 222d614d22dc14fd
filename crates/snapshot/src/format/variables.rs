//! The variables of format strings, and the trait through which a request supplies their values.
//! Groups follow the kind of value, so that a supplier has one method for each.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::SystemTime;

/// An end of one of the two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressOf {
    /// The client as trusted: the peer, or what a trusted proxy in front says.
    DownstreamRemote,
    /// The peer of the client connection.
    DownstreamDirectRemote,
    /// Our end of the client connection, as the PROXY protocol may have changed it.
    DownstreamLocal,
    /// Our end of the client connection.
    DownstreamDirectLocal,
    /// Our end of the upstream connection.
    UpstreamLocal,
    /// The endpoint.
    UpstreamRemote,
}

/// What of an address is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressPart {
    /// `192.0.2.1:80`, `[2001:db8::1]:80`.
    Whole,
    /// `192.0.2.1`, `2001:db8::1`.
    WithoutPort,
    /// `80`.
    Port,
}

/// Variables whose value is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    /// `RESPONSE_CODE`: the status; 0 while there is none.
    ResponseCode,
    /// `BYTES_RECEIVED`: body bytes from the client.
    BytesReceived,
    /// `BYTES_SENT`: body bytes to the client.
    BytesSent,
    /// `DURATION`: milliseconds since the request began.
    Duration,
    /// `REQUEST_DURATION`: milliseconds to the last byte of the request.
    RequestDuration,
    /// `RESPONSE_DURATION`: milliseconds to the first byte of the upstream's answer.
    ResponseDuration,
    /// `RESPONSE_TX_DURATION`: milliseconds from the first byte from the upstream to the last
    /// one to the client.
    ResponseTxDuration,
    /// `CONNECTION_ID`.
    ConnectionId,
    /// `UPSTREAM_REQUEST_ATTEMPT_COUNT`.
    UpstreamAttempts,
    /// `REQUEST_HEADERS_BYTES`.
    RequestHeadersBytes,
    /// `RESPONSE_HEADERS_BYTES`.
    ResponseHeadersBytes,
}

/// Variables whose value is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Text {
    /// `PROTOCOL`: `HTTP/1.1`, `HTTP/2` ...
    Protocol,
    /// `UPSTREAM_PROTOCOL`.
    UpstreamProtocol,
    /// `RESPONSE_CODE_DETAILS`.
    ResponseCodeDetails,
    /// `CONNECTION_TERMINATION_DETAILS`.
    ConnectionTerminationDetails,
    /// `RESPONSE_FLAGS`: joined by commas; `-` where there are none, in headers too.
    ResponseFlags,
    /// `UPSTREAM_HOST`: address of the endpoint.
    UpstreamHost,
    /// `UPSTREAM_CLUSTER`.
    UpstreamCluster,
    /// `UPSTREAM_CLUSTER_RAW`.
    UpstreamClusterRaw,
    /// `UPSTREAM_TRANSPORT_FAILURE_REASON`.
    UpstreamTransportFailure,
    /// `REQUESTED_SERVER_NAME`: the name of the TLS handshake.
    RequestedServerName,
    /// `ROUTE_NAME`.
    RouteName,
    /// `HOSTNAME`: the machine's name.
    Hostname,
    /// `STREAM_ID`, `UNIQUE_ID`: the request's own id.
    StreamId,
}

/// What a request supplies to format strings. Every method may say "absent".
pub trait Variables {
    /// First value of a request header; `name` is lower-case. `:method`, `:path` (with query),
    /// `:authority` and `:scheme` are the request line's.
    fn request_header(&self, name: &str) -> Option<&[u8]>;

    /// First value of a response header; `name` is lower-case. `:status` is the status.
    fn response_header(&self, name: &str) -> Option<&[u8]>;

    /// First value of a response trailer; `name` is lower-case.
    fn response_trailer(&self, _name: &str) -> Option<&[u8]> {
        None
    }

    /// When the request's first byte came.
    fn start_time(&self) -> SystemTime;

    /// An address; `None` for Unix sockets and unknown ends.
    fn address(&self, of: AddressOf) -> Option<SocketAddr>;

    /// A number.
    fn number(&self, which: Number) -> Option<u64>;

    /// A text.
    fn text(&self, which: Text) -> Option<Cow<'_, str>>;
}
