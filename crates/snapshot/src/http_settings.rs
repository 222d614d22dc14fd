//! Settings that hold for all HTTP listeners: Istio's MeshConfig and ProxyConfig.

/// MeshConfig `pathNormalization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathNormalization {
    /// Paths stay as sent.
    None,
    /// Dot segments, unreserved escapes, backslashes (Istio's default).
    #[default]
    Base,
    /// Base, and runs of slashes become one.
    MergeSlashes,
    /// Merge, and `%2F`, `%5C` are decoded first.
    DecodeAndMergeSlashes,
}

/// ProxyConfig `gatewayTopology.forwardClientCertDetails`: what an upstream gets as
/// `x-forwarded-client-cert`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientCertificate {
    /// Nothing.
    Sanitize,
    /// What the client says, if it has shown a certificate itself.
    ForwardOnly,
    /// What the client says, and its own certificate behind it.
    AppendForward,
    /// The client's own certificate (Istio's default at gateways).
    #[default]
    SanitizeSet,
    /// What the client says, whoever it is.
    AlwaysForwardOnly,
}

/// ProxyConfig `proxyHeaders.server`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerHeader {
    /// Overwrite with this value.
    Set(Box<str>),
    /// Leave the upstream's value.
    PassThrough,
}

impl Default for ServerHeader {
    fn default() -> Self {
        Self::Set("istio-envoy".into())
    }
}

/// Settings of all HTTP listeners.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpSettings {
    /// How request paths are normalised before routing.
    pub path_normalization: PathNormalization,
    /// `gatewayTopology.numTrustedProxies`: how many proxies in front are believed.
    pub trusted_proxies: u32,
    /// What becomes of `x-forwarded-client-cert`.
    pub client_certificate: ClientCertificate,
    /// The `server` response header.
    pub server: ServerHeader,
    /// `ISTIO_META_HTTP10`: answer HTTP/1.0 requests instead of 426.
    pub accept_http10: bool,
    /// `proxyHeaders.xForwardedHost.enabled`: append `x-forwarded-host` when the authority is
    /// rewritten.
    pub append_forwarded_host: bool,
    /// `proxyHeaders.requestId.disabled`: do not make an `x-request-id`.
    pub no_request_id: bool,
    /// `proxyHeaders.attemptCount.disabled`: do not send `x-envoy-attempt-count`.
    pub no_attempt_count: bool,
    /// `proxyHeaders.envoyDebugHeaders.disabled`: no `x-envoy-upstream-service-time` and the like.
    pub no_debug_headers: bool,
}
