//! Binding: one listening socket per worker and address, shared with nobody else.
//!
//! `SO_REUSEPORT` would silently share a port with another process of the same user; a probe
//! without it finds that out first.

use std::io;
use std::net::{SocketAddr, TcpListener};

use propylon_snapshot::Bind;
use socket2::{Domain, Protocol, Type};

use super::socket::Socket;
use super::unix::{self, SocketFile};
use super::{ListenError, holder};
use crate::limits::ACCEPT_BACKLOG;

/// One socket per worker, and where they listen.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// The bound address, with the real port.
    pub(crate) bound: Bind,
    /// As many as workers.
    pub(crate) sockets: Vec<Socket>,
    /// The file that stands for them, to be taken away with the listener.
    pub(crate) file: Option<SocketFile>,
}

/// Binds `bind` once per worker.
///
/// # Errors
/// When the address is taken, foreign or forbidden.
pub(crate) fn bind(bind: &Bind, workers: usize) -> Result<Sockets, ListenError> {
    let bound = || bind.clone();
    let opened = match bind {
        Bind::Ip(address) => bind_ip(*address, workers),
        Bind::Unix(path) => unix::bind_file(path, workers).map(|(sockets, file)| Sockets {
            bound: bound(),
            sockets,
            file: Some(file),
        }),
        Bind::Abstract(name) => unix::bind_abstract(name, workers).map(|sockets| Sockets {
            bound: bound(),
            sockets,
            file: None,
        }),
    };
    opened.map_err(|error| explain(bind, &error))
}

fn bind_ip(address: SocketAddr, workers: usize) -> io::Result<Sockets> {
    if address.port() != 0 {
        match open(address, false) {
            Ok(probe) => drop(probe),
            // Our own sockets of an overlapping address (`0.0.0.0:80` beside `10.0.0.1:80`) do not
            // count: the real bind below tells.
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse && holder::only_ourselves(address) => {}
            Err(error) => return Err(error),
        }
    }
    let mut sockets = Vec::with_capacity(workers);
    let mut bound = address;
    for _ in 0..workers {
        let socket = open(bound, true)?;
        socket.listen(ACCEPT_BACKLOG)?;
        let listener = TcpListener::from(socket);
        bound = listener.local_addr()?;
        sockets.push(Socket::Tcp(listener));
    }
    Ok(Sockets { bound: Bind::Ip(bound), sockets, file: None })
}

fn open(address: SocketAddr, shared: bool) -> io::Result<socket2::Socket> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if domain == Domain::IPV6 {
        // As Envoy: an IPv6 address does not take the IPv4 port with it.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    // Those that are accepted from it inherit this: a system call less for each.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn explain(bind: &Bind, error: &io::Error) -> ListenError {
    let other = |why: String| ListenError::Other { bind: bind.clone(), why };
    match (error.kind(), bind) {
        (io::ErrorKind::AddrInUse, Bind::Ip(address)) => {
            ListenError::InUse { bind: bind.clone(), holder: holder::of(*address) }
        }
        (io::ErrorKind::AddrInUse, _) => ListenError::InUse { bind: bind.clone(), holder: None },
        (io::ErrorKind::PermissionDenied, _) => {
            ListenError::NotPermitted { bind: bind.clone(), remedy: remedy(bind) }
        }
        (io::ErrorKind::AddrNotAvailable, _) => ListenError::NotHere { bind: bind.clone() },
        (io::ErrorKind::AlreadyExists, Bind::Unix(_)) => {
            other("a file that is no socket is there; move it away".to_owned())
        }
        (io::ErrorKind::NotFound, Bind::Unix(_)) => {
            other("its directory does not exist; make it first".to_owned())
        }
        (io::ErrorKind::InvalidInput, Bind::Unix(_) | Bind::Abstract(_)) => other(
            "the name of a Unix socket has at most 107 bytes; choose a shorter one".to_owned(),
        ),
        (_, Bind::Ip(address)) if address.is_ipv6() && error.raw_os_error() == Some(NO_FAMILY) => {
            other("this machine has no IPv6; bind IPv4 addresses alone".to_owned())
        }
        _ => other(error.to_string()),
    }
}

/// What makes an address bindable that is not permitted.
fn remedy(bind: &Bind) -> String {
    match bind {
        Bind::Ip(address) if address.port() < 1024 => {
            let port = address.port();
            format!(
                "ports below 1024 are privileged. Bind another one with `--port-map \
                 {port}={}`; or allow this one: `sysctl -w \
                 net.ipv4.ip_unprivileged_port_start={port}` for all programs, `setcap \
                 cap_net_bind_service=+ep` on the program's file, `AmbientCapabilities=\
                 CAP_NET_BIND_SERVICE` in a systemd unit, `NET_BIND_SERVICE` among the added \
                 capabilities of a container, or run as root",
                8000 + port % 1000
            )
        }
        Bind::Ip(_) => "a security policy of this machine forbids it".to_owned(),
        Bind::Unix(path) => {
            format!("the directory of {} is not writable for this user", path.display())
        }
        Bind::Abstract(_) => "a security policy of this machine forbids it".to_owned(),
    }
}

/// `EAFNOSUPPORT`: the kernel does not speak this family.
const NO_FAMILY: i32 = 97;

#[cfg(test)]
mod tests;
