//! What is spoken on a service's port: Istio's protocol selection by name, `appProtocol` and
//! number. Knows no sniffing: a gateway routes what is not said as the route says.

/// A protocol as far as the upstream side tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2 with prior knowledge: HTTP2, GRPC, GRPC-WEB.
    Http2,
    /// TLS that the client speaks itself: HTTPS, TLS.
    Tls,
    /// Bytes: TCP, MONGO and the like.
    Tcp,
    /// Not said.
    Unknown,
}

impl Protocol {
    /// A protocol by its name in Istio's objects, in any case.
    pub(crate) fn parse(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "http" | "http_proxy" => Self::Http,
            "http2" | "grpc" | "grpc-web" => Self::Http2,
            "https" | "tls" => Self::Tls,
            "tcp" | "mongo" | "mysql" | "redis" | "udp" => Self::Tcp,
            _ => Self::Unknown,
        }
    }

    /// The protocol of a Kubernetes port: `appProtocol`, else the name's prefix before a dash, else
    /// well-known numbers.
    pub(crate) fn of_kubernetes(app_protocol: &str, name: &str, number: u16) -> Self {
        if !app_protocol.is_empty() {
            return match app_protocol {
                "kubernetes.io/h2c" => Self::Http2,
                "kubernetes.io/ws" => Self::Http,
                "kubernetes.io/wss" => Self::Tls,
                other => Self::parse(other),
            };
        }
        let lower = name.to_ascii_lowercase();
        let prefix = if lower == "grpc-web" || lower.starts_with("grpc-web-") {
            "grpc-web"
        } else {
            lower.split('-').next().unwrap_or("")
        };
        match (Self::parse(prefix), number) {
            (Self::Unknown, 25 | 53 | 3306 | 27017) => Self::Tcp,
            (protocol, _) => protocol,
        }
    }

    /// True for protocols whose requests Istio routes as HTTP without looking at bytes.
    pub(crate) fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2)
    }

    /// True where `http` routes may apply: HTTP, said or noticed.
    pub(crate) fn may_be_http(self) -> bool {
        self.is_http() || self == Self::Unknown
    }
}

#[cfg(test)]
mod tests;
