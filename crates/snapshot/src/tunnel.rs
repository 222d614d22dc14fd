//! A tunnel through an HTTP proxy: what connections to an endpoint ask for before the bytes that
//! are handed on. Knows the words, not who writes them.

use std::fmt;

/// A tunnel (DestinationRule `tunnel`, Envoy's `tunneling_config`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// How the endpoint is asked for it.
    pub method: TunnelMethod,
    /// Its far end as an authority: `host:port`, an IPv6 address in brackets.
    pub target: Box<str>,
}

/// How an endpoint is asked for a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TunnelMethod {
    /// CONNECT: both connections are one from the answer's head on.
    Connect,
    /// POST: what the client says is the request's body, and what it is told the answer's.
    Post,
}

/// `CONNECT far.example:443`.
impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = match self.method {
            TunnelMethod::Connect => "CONNECT",
            TunnelMethod::Post => "POST",
        };
        write!(f, "{method} {}", self.target)
    }
}
