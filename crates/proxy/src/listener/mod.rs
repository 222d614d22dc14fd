//! Where connections come in: binding addresses on the control side, accepting on the workers.
//! Sockets belong to bind addresses, not to generations; a reload keeps every one it can.

mod accept;
mod asking;
mod bind;
mod detect;
mod door;
pub(crate) mod hello;
mod holder;
mod preface;
pub(crate) mod proxy_protocol;
mod socket;
mod unix;

pub(crate) use accept::accept;
pub(crate) use asking::{Asking, asking};
pub(crate) use bind::{Sockets, bind};
pub(crate) use detect::{First, first_bytes};
pub(crate) use door::Door;
pub(crate) use hello::Hello;
pub(crate) use preface::{Unfit, client_hello, proxy_header};
pub(crate) use socket::Socket;
pub(crate) use unix::SocketFile;

use std::net::SocketAddr;

use propylon_snapshot::Bind;

/// `name (process 123)` of the process that listens where `address` cannot be bound, if this user
/// may see it.
#[must_use]
pub fn holder_of(address: SocketAddr) -> Option<String> {
    holder::of(address)
}

/// What became of one listener of a published snapshot.
#[derive(Debug)]
pub struct ListenerStatus {
    /// The bind address as the snapshot has it.
    pub bind: Bind,
    /// The port that the Gateway's server declares.
    pub port: u16,
    /// The address that is bound (with the real port where 0 was asked for), or why none is.
    pub outcome: Result<Bind, ListenError>,
}

/// An address that could not be bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// Another socket listens there.
    #[error("{bind} is in use{}", by(holder.as_deref()))]
    InUse {
        /// The address.
        bind: Bind,
        /// The process that holds it, where it can be seen: `name (process 123)`.
        holder: Option<String>,
    },
    /// The kernel does not let this user bind there.
    #[error("binding {bind} is not permitted: {remedy}")]
    NotPermitted {
        /// The address.
        bind: Bind,
        /// What to do.
        remedy: String,
    },
    /// The address is not one of this machine.
    #[error("{bind} is no address of this machine")]
    NotHere {
        /// The address.
        bind: Bind,
    },
    /// Anything else.
    #[error("binding {bind} failed: {why}")]
    Other {
        /// The address.
        bind: Bind,
        /// What the kernel said.
        why: String,
    },
}

/// ` by <holder>`, where one is known.
fn by(holder: Option<&str>) -> String {
    holder.map(|holder| format!(" by {holder}")).unwrap_or_default()
}
