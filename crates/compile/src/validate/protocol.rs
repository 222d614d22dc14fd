//! Protocol names of ports, as Istio parses them: without case, in three classes.

/// What a port's protocol means to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// HTTP, HTTP2, GRPC, GRPC-WEB, HTTP_PROXY: requests are routed.
    Http,
    /// HTTPS, TLS: connections are told apart by server name.
    Tls,
    /// TCP, MONGO, MYSQL, REDIS, UDP: connections are forwarded.
    Tcp,
}

/// The class of a protocol; `None` for names that Istio does not know.
pub(crate) fn class(protocol: &str) -> Option<Class> {
    match protocol.to_ascii_uppercase().as_str() {
        "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" | "HTTP_PROXY" => Some(Class::Http),
        "HTTPS" | "TLS" => Some(Class::Tls),
        "TCP" | "MONGO" | "MYSQL" | "REDIS" | "UDP" => Some(Class::Tcp),
        _ => None,
    }
}
