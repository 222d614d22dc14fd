//! A bound address and what answers there.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::{Origin, RouteTableId};

/// What a listener binds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bind {
    /// TCP.
    Ip(SocketAddr),
    /// A Unix domain socket in the file system.
    Unix(PathBuf),
}

/// `0.0.0.0:8080`, `[::]:8080` or `unix:/run/gateway.sock`.
impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A listener: plaintext HTTP (HTTP/1.1 today).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where it binds; unique within a snapshot.
    pub bind: Bind,
    /// The port that the Gateway's server declares, which matches and logs use; it may differ from
    /// the bound one.
    pub port: u16,
    /// Its routes.
    pub table: RouteTableId,
    /// The first Gateway server that opened it.
    pub origin: Origin,
}
