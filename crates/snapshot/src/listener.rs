//! A bound address and what answers there.

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

/// A listener: plaintext HTTP (HTTP/1.1 today).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where it binds; unique within a snapshot.
    pub bind: Bind,
    /// The port that the Gateway's server declares, which matches and logs use; it may differ from the bound one.
    pub port: u16,
    /// Its routes.
    pub table: RouteTableId,
    /// The first Gateway server that opened it.
    pub origin: Origin,
}
