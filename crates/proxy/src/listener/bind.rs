//! Binding: one listening socket per worker and address, shared with nobody else.
//!
//! `SO_REUSEPORT` would silently share a port with another process of the same user; a probe
//! without it finds that out first.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use propylon_snapshot::Bind;
use socket2::{Domain, Protocol, Type};

use super::ListenError;
use super::holder;
use crate::limits::ACCEPT_BACKLOG;

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// Unix.
    Unix(UnixListener),
}

/// One socket per worker, and where they listen.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// The bound address, with the real port.
    pub(crate) bound: Bind,
    /// As many as workers.
    pub(crate) sockets: Vec<Socket>,
}

/// Binds `bind` once per worker.
///
/// # Errors
/// When the address is taken, foreign or forbidden.
pub(crate) fn bind(bind: &Bind, workers: usize) -> Result<Sockets, ListenError> {
    match bind {
        Bind::Ip(address) => bind_ip(*address, workers).map_err(|e| explain(bind, &e)),
        Bind::Unix(path) => bind_unix(path, workers).map_err(|e| explain(bind, &e)),
    }
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
    Ok(Sockets { bound: Bind::Ip(bound), sockets })
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
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Unix sockets cannot be bound twice: all workers accept from one.
fn bind_unix(path: &Path, workers: usize) -> io::Result<Sockets> {
    if path.exists() {
        if UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        // A socket file that nobody answers is left over from a process that is gone.
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    let sockets = (0..workers)
        .map(|_| listener.try_clone().map(Socket::Unix))
        .collect::<io::Result<Vec<_>>>()?;
    Ok(Sockets { bound: Bind::Unix(PathBuf::from(path)), sockets })
}

fn explain(bind: &Bind, error: &io::Error) -> ListenError {
    let bind = bind.clone();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let holder = match &bind {
                Bind::Ip(address) => holder::of(*address),
                Bind::Unix(_) => None,
            };
            ListenError::InUse { bind, holder }
        }
        io::ErrorKind::PermissionDenied => {
            let remedy = match &bind {
                Bind::Ip(address) if address.port() < 1024 => format!(
                    "ports below 1024 are privileged; map the port (80=8080), run as root, give \
                     the program the capability CAP_NET_BIND_SERVICE, or lower the sysctl \
                     net.ipv4.ip_unprivileged_port_start to {}",
                    address.port()
                ),
                Bind::Ip(_) => "a security policy of this machine forbids it".to_owned(),
                Bind::Unix(path) => {
                    format!("the directory of {} is not writable for this user", path.display())
                }
            };
            ListenError::NotPermitted { bind, remedy }
        }
        io::ErrorKind::AddrNotAvailable => ListenError::NotHere { bind },
        _ => ListenError::Other { bind, why: error.to_string() },
    }
}
