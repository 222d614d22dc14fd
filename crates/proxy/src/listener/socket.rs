//! A listening socket of either kind.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// Unix.
    Unix(UnixListener),
}
