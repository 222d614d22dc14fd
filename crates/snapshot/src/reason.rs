//! Why a request did not get an upstream's answer. This type alone knows status, body, Envoy's
//! response flag and detail, the gRPC status, and whether a retry is thinkable.

use std::borrow::Cow;

/// Why Propylon answered itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// No virtual host or no rule: 404, NR, `route_not_found`.
    NoRoute,
    /// The host belongs to another TLS server of the port, with other certificates or rules:
    /// 421.
    Misdirected,
    /// An explicit proxy was asked for a host or port that no object defines: 502, as Istio's
    /// `block_all` answers.
    Undefined,
    /// The rule's cluster does not exist: 503, NC, `cluster_not_found`.
    NoCluster,
    /// The cluster must not be used yet ([`crate::Availability::Closed`]): 503, NC.
    ClusterClosed,
    /// The cluster has no endpoint: 503, UH, `no_healthy_upstream`.
    NoEndpoint,
    /// The connection was refused or failed: 503, UF.
    ConnectFailure,
    /// The endpoint was reached, and TLS with it failed: 503, UF.
    ConnectTls,
    /// The connection was not made in time: 503, UF.
    ConnectTimeout,
    /// A bound of the cluster is reached: 503, UO, with `x-envoy-overloaded: true`.
    Overflow,
    /// The upstream closed before its response head: 503, UC.
    UpstreamReset,
    /// The upstream reset the request's stream before its response head: 503, UR.
    StreamReset,
    /// The upstream reset the request's stream and says that it did nothing of it: 503, UR.
    StreamRefused,
    /// The upstream sent no valid HTTP: 502, UPE.
    UpstreamProtocol,
    /// The upstream's response head is too large: 502, UPE.
    UpstreamHeadTooLarge,
    /// The route's timeout passed: 504, UT, `response_timeout`.
    Timeout,
    /// The last try's timeout passed: 504, UT, `upstream_per_try_timeout`.
    PerTryTimeout,
    /// A security policy that is not enforced covers the request: 403.
    Unenforced,
    /// An upgrade other than WebSocket: 403, `upgrade_failed`.
    UpgradeFailed,
    /// No Host: 400, `missing_host_header`.
    MissingHost,
    /// The path cannot be normalised: 400, `path_normalization_failed`.
    BadPath,
    /// A malformed or ambiguous message: 400, DPE, `http1.codec_error`.
    BadRequest,
    /// gRPC-Web's text is no base64: 400, `grpc_base_64_decode_failed`.
    BadGrpcWeb,
    /// HTTP/1.0: 426, `low_version`.
    LowVersion,
    /// The head is larger than 60 KiB: 431, `http1.headers_too_large`.
    HeadTooLarge,
    /// More than 100 header lines: 431, `http1.too_many_headers`.
    TooManyHeaders,
    /// The head did not arrive in time: 408.
    HeadTimeout,
    /// The client went away: 499 in logs, DC.
    ClientGone,
}

/// How far a try got that brought no response head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// There was no connection.
    Connect,
    /// There was one, and the upstream says that it did nothing of the request.
    Refused,
    /// There was one, and it or its answer broke.
    Reset,
}

/// Envoy's text in front of every failure of an upstream.
const DISCONNECT: &str = "upstream connect error or disconnect/reset before headers. ";
/// Body of a request that ran into a timeout.
const TIMED_OUT: &str = "upstream request timeout";

impl Reason {
    /// Every reason, in the order of the enum.
    pub const ALL: [Self; 28] = [
        Self::NoRoute,
        Self::Misdirected,
        Self::Undefined,
        Self::NoCluster,
        Self::ClusterClosed,
        Self::NoEndpoint,
        Self::ConnectFailure,
        Self::ConnectTls,
        Self::ConnectTimeout,
        Self::Overflow,
        Self::UpstreamReset,
        Self::StreamReset,
        Self::StreamRefused,
        Self::UpstreamProtocol,
        Self::UpstreamHeadTooLarge,
        Self::Timeout,
        Self::PerTryTimeout,
        Self::Unenforced,
        Self::UpgradeFailed,
        Self::MissingHost,
        Self::BadPath,
        Self::BadRequest,
        Self::BadGrpcWeb,
        Self::LowVersion,
        Self::HeadTooLarge,
        Self::TooManyHeaders,
        Self::HeadTimeout,
        Self::ClientGone,
    ];

    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::MissingHost | Self::BadPath | Self::BadRequest | Self::BadGrpcWeb => 400,
            Self::Unenforced | Self::UpgradeFailed => 403,
            Self::NoRoute => 404,
            Self::HeadTimeout => 408,
            Self::Misdirected => 421,
            Self::LowVersion => 426,
            Self::HeadTooLarge | Self::TooManyHeaders => 431,
            Self::ClientGone => 499,
            Self::Undefined | Self::UpstreamProtocol | Self::UpstreamHeadTooLarge => 502,
            Self::NoCluster
            | Self::ClusterClosed
            | Self::NoEndpoint
            | Self::ConnectFailure
            | Self::ConnectTls
            | Self::ConnectTimeout
            | Self::Overflow
            | Self::UpstreamReset
            | Self::StreamReset
            | Self::StreamRefused => 503,
            Self::Timeout | Self::PerTryTimeout => 504,
        }
    }

    /// Envoy's words for what broke a try; `None` for all that is no reset.
    fn reset_word(self) -> Option<&'static str> {
        match self {
            Self::ConnectFailure | Self::ConnectTls => Some("remote connection failure"),
            Self::ConnectTimeout => Some("connection timeout"),
            Self::Overflow => Some("overflow"),
            Self::UpstreamReset => Some("connection termination"),
            Self::StreamReset => Some("remote reset"),
            Self::StreamRefused => Some("remote refused stream reset"),
            Self::UpstreamProtocol | Self::UpstreamHeadTooLarge => Some("protocol error"),
            _ => None,
        }
    }

    /// Envoy's body text, `text/plain` where it is not empty. `retried` says whether the request
    /// was tried more than once.
    #[must_use]
    pub fn body(self, retried: bool) -> Cow<'static, str> {
        if let Some(word) = self.reset_word() {
            let lead = if retried { "retried and the latest reset reason" } else { "reset reason" };
            return Cow::Owned(format!("{DISCONNECT}{lead}: {word}"));
        }
        Cow::Borrowed(match self {
            Self::NoEndpoint => "no healthy upstream",
            Self::Timeout | Self::PerTryTimeout => TIMED_OUT,
            Self::Unenforced => "RBAC: access denied",
            Self::BadRequest => "Bad Request",
            Self::BadGrpcWeb => "Bad gRPC-web request, invalid base64 data.",
            Self::LowVersion => "Upgrade Required",
            Self::HeadTooLarge | Self::TooManyHeaders => "Request Header Fields Too Large",
            Self::HeadTimeout => "request header timeout",
            _ => "",
        })
    }

    /// Envoy's `%RESPONSE_FLAGS%` code; `-` where Envoy sets none.
    #[must_use]
    pub fn flag(self) -> &'static str {
        match self {
            Self::NoRoute | Self::Misdirected => "NR",
            Self::NoCluster | Self::ClusterClosed => "NC",
            Self::NoEndpoint => "UH",
            Self::ConnectFailure | Self::ConnectTls | Self::ConnectTimeout => "UF",
            Self::Overflow => "UO",
            Self::UpstreamReset => "UC",
            Self::StreamReset | Self::StreamRefused => "UR",
            Self::UpstreamProtocol | Self::UpstreamHeadTooLarge => "UPE",
            Self::Timeout | Self::PerTryTimeout => "UT",
            Self::BadRequest | Self::LowVersion | Self::HeadTooLarge | Self::TooManyHeaders => {
                "DPE"
            }
            Self::ClientGone => "DC",
            Self::Undefined
            | Self::Unenforced
            | Self::UpgradeFailed
            | Self::MissingHost
            | Self::BadPath
            | Self::BadGrpcWeb
            | Self::HeadTimeout => "-",
        }
    }

    /// Envoy's `%RESPONSE_CODE_DETAILS%`; our own words where Envoy knows no such case.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::NoRoute => "route_not_found",
            Self::Misdirected => "misdirected_request",
            Self::Undefined => "direct_response",
            Self::NoCluster => "cluster_not_found",
            Self::ClusterClosed => "cluster_closed",
            Self::NoEndpoint => "no_healthy_upstream",
            Self::ConnectFailure | Self::ConnectTls => {
                "upstream_reset_before_response_started{remote_connection_failure}"
            }
            Self::ConnectTimeout => "upstream_reset_before_response_started{connection_timeout}",
            Self::Overflow => "upstream_reset_before_response_started{overflow}",
            Self::UpstreamReset => "upstream_reset_before_response_started{connection_termination}",
            Self::StreamReset => "upstream_reset_before_response_started{remote_reset}",
            Self::StreamRefused => {
                "upstream_reset_before_response_started{remote_refused_stream_reset}"
            }
            Self::UpstreamProtocol | Self::UpstreamHeadTooLarge => {
                "upstream_reset_before_response_started{protocol_error}"
            }
            Self::Timeout => "response_timeout",
            Self::PerTryTimeout => "upstream_per_try_timeout",
            Self::Unenforced => "policy_not_enforced",
            Self::UpgradeFailed => "upgrade_failed",
            Self::MissingHost => "missing_host_header",
            Self::BadPath => "path_normalization_failed",
            Self::BadRequest => "http1.codec_error",
            Self::BadGrpcWeb => "grpc_base_64_decode_failed",
            Self::LowVersion => "low_version",
            Self::HeadTooLarge => "http1.headers_too_large",
            Self::TooManyHeaders => "http1.too_many_headers",
            Self::HeadTimeout => "request_header_timeout",
            Self::ClientGone => "downstream_remote_disconnect",
        }
    }

    /// The gRPC status that a gRPC client gets, over HTTP 200.
    #[must_use]
    pub fn grpc_status(self) -> u8 {
        grpc_status_of(self.status())
    }

    /// True if the client's connection cannot be used after the answer: what follows on it cannot
    /// be told from the refused message.
    #[must_use]
    pub fn closes_connection(self) -> bool {
        matches!(
            self,
            Self::UpgradeFailed
                | Self::MissingHost
                | Self::BadPath
                | Self::BadRequest
                | Self::LowVersion
                | Self::HeadTooLarge
                | Self::TooManyHeaders
                | Self::HeadTimeout
                | Self::ClientGone
        )
    }

    /// How the try failed, for reasons that end one try and that a retry may mend.
    #[must_use]
    pub fn failure(self) -> Option<Failure> {
        match self {
            Self::ConnectFailure | Self::ConnectTls | Self::ConnectTimeout => {
                Some(Failure::Connect)
            }
            Self::StreamRefused => Some(Failure::Refused),
            Self::UpstreamReset
            | Self::StreamReset
            | Self::UpstreamProtocol
            | Self::UpstreamHeadTooLarge
            | Self::PerTryTimeout => Some(Failure::Reset),
            _ => None,
        }
    }
}

/// Envoy's mapping of the HTTP status of a local reply to a gRPC status.
#[must_use]
pub fn grpc_status_of(status: u16) -> u8 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

#[cfg(test)]
mod tests;
