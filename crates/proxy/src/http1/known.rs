//! Header names that some part of the gateway asks for, as one byte each.
//! A name is classified once, when its head is indexed; everything later compares ids.

/// Writes the enum, its names and the look-up by length from one table.
macro_rules! known_names {
    ($($length:literal { $($variant:ident = $name:literal),+ $(,)? })+) => {
        /// The id of a header name; `Other` for names that no part of the gateway asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        #[repr(u8)]
        #[allow(missing_docs)] // each variant is its name
        pub enum Known {
            #[default]
            Other,
            $($($variant,)+)+
        }

        impl Known {
            /// Every id but `Other`.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)+)+];

            /// The id of a lower-case name.
            #[must_use]
            pub fn of(name: &[u8]) -> Self {
                // By length first: most names then need one comparison, not fifty.
                match name.len() {
                    $($length => match name {
                        $(name if name == $name.as_bytes() => Self::$variant,)+
                        _ => Self::Other,
                    },)+
                    _ => Self::Other,
                }
            }

            /// The lower-case name; `None` for `Other`.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self {
                    Self::Other => None,
                    $($(Self::$variant => Some($name),)+)+
                }
            }
        }
    };
}

known_names! {
    2 {
        Te = "te",
    }
    3 {
        Via = "via",
    }
    4 {
        Date = "date",
        Etag = "etag",
        Host = "host",
        Vary = "vary",
    }
    5 {
        Range = "range",
    }
    6 {
        Accept = "accept",
        Cookie = "cookie",
        Expect = "expect",
        Origin = "origin",
        Pragma = "pragma",
        Server = "server",
    }
    7 {
        Expires = "expires",
        Referer = "referer",
        Trailer = "trailer",
        Upgrade = "upgrade",
    }
    8 {
        Location = "location",
        Priority = "priority",
    }
    9 {
        Forwarded = "forwarded",
        SecChUa = "sec-ch-ua",
        XRealIp = "x-real-ip",
    }
    10 {
        Connection = "connection",
        KeepAlive = "keep-alive",
        SetCookie = "set-cookie",
        Tracestate = "tracestate",
        UserAgent = "user-agent",
    }
    11 {
        GrpcStatus = "grpc-status",
        Traceparent = "traceparent",
    }
    12 {
        ContentType = "content-type",
        XRequestId = "x-request-id",
    }
    13 {
        AcceptRanges = "accept-ranges",
        Authorization = "authorization",
        CacheControl = "cache-control",
        IfNoneMatch = "if-none-match",
        LastModified = "last-modified",
    }
    14 {
        ContentLength = "content-length",
        Http2Settings = "http2-settings",
        SecFetchDest = "sec-fetch-dest",
        SecFetchMode = "sec-fetch-mode",
        SecFetchSite = "sec-fetch-site",
        SecFetchUser = "sec-fetch-user",
    }
    15 {
        AcceptEncoding = "accept-encoding",
        AcceptLanguage = "accept-language",
        XForwardedFor = "x-forwarded-for",
    }
    16 {
        ContentEncoding = "content-encoding",
        ProxyConnection = "proxy-connection",
        SecChUaMobile = "sec-ch-ua-mobile",
        WwwAuthenticate = "www-authenticate",
        XEnvoyDegraded = "x-envoy-degraded",
        XEnvoyInternal = "x-envoy-internal",
        XEnvoyRetryOn = "x-envoy-retry-on",
        XForwardedHost = "x-forwarded-host",
        XForwardedPort = "x-forwarded-port",
        XRequestedWith = "x-requested-with",
    }
    17 {
        IfModifiedSince = "if-modified-since",
        SecWebsocketKey = "sec-websocket-key",
        TransferEncoding = "transfer-encoding",
        XForwardedProto = "x-forwarded-proto",
    }
    18 {
        ProxyAuthenticate = "proxy-authenticate",
        SecChUaPlatform = "sec-ch-ua-platform",
        XEnvoyOverloaded = "x-envoy-overloaded",
    }
    19 {
        ProxyAuthorization = "proxy-authorization",
        XEnvoyForceTrace = "x-envoy-force-trace",
        XEnvoyMaxRetries = "x-envoy-max-retries",
        XEnvoyRatelimited = "x-envoy-ratelimited",
    }
    21 {
        SecWebsocketVersion = "sec-websocket-version",
        XEnvoyAttemptCount = "x-envoy-attempt-count",
        XEnvoyOriginalPath = "x-envoy-original-path",
        XEnvoyPeerMetadata = "x-envoy-peer-metadata",
        XEnvoyRetryGrpcOn = "x-envoy-retry-grpc-on",
    }
    22 {
        AccessControlMaxAge = "access-control-max-age",
    }
    23 {
        XForwardedClientCert = "x-forwarded-client-cert",
    }
    24 {
        XEnvoyExternalAddress = "x-envoy-external-address",
        XEnvoyPeerMetadataId = "x-envoy-peer-metadata-id",
    }
    25 {
        UpgradeInsecureRequests = "upgrade-insecure-requests",
    }
    27 {
        AccessControlAllowOrigin = "access-control-allow-origin",
        XEnvoyDecoratorOperation = "x-envoy-decorator-operation",
    }
    28 {
        AccessControlAllowHeaders = "access-control-allow-headers",
        AccessControlAllowMethods = "access-control-allow-methods",
    }
    29 {
        AccessControlExposeHeaders = "access-control-expose-headers",
        AccessControlRequestMethod = "access-control-request-method",
        XEnvoyUpstreamServiceTime = "x-envoy-upstream-service-time",
    }
    30 {
        AccessControlRequestHeaders = "access-control-request-headers",
        XEnvoyExpectedRqTimeoutMs = "x-envoy-expected-rq-timeout-ms",
        XEnvoyUpstreamRqTimeoutMs = "x-envoy-upstream-rq-timeout-ms",
    }
    32 {
        AccessControlAllowCredentials = "access-control-allow-credentials",
    }
    35 {
        XEnvoyImmediateHealthCheckFail = "x-envoy-immediate-health-check-fail",
    }
    38 {
        XEnvoyUpstreamHealthcheckedCluster = "x-envoy-upstream-healthchecked-cluster",
        XEnvoyUpstreamRqPerTryTimeoutMs = "x-envoy-upstream-rq-per-try-timeout-ms",
    }
}

impl Known {
    /// True for lines that belong to one connection and are never forwarded (RFC 9110 section
    /// 7.6.1). `te` is not among them: its `trailers` survives.
    #[must_use]
    pub fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::KeepAlive
                | Self::ProxyConnection
                | Self::TransferEncoding
                | Self::Upgrade
                | Self::Http2Settings
        )
    }

    /// True for lines that say how long the body is. They are made anew for every hop.
    #[must_use]
    pub fn is_framing(self) -> bool {
        matches!(self, Self::ContentLength | Self::TransferEncoding)
    }
}

#[cfg(test)]
mod tests;
