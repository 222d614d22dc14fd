//! Listeners: which servers are open and share an address, what answers for their names and hosts,
//! and what a sidecar listens on.

pub(crate) mod gateway;
pub(crate) mod merge;
pub(crate) mod outbound;
pub(crate) mod route_table;
pub(crate) mod server_hosts;

mod auto_passthrough;
mod renumber;
mod tcp_listener;
mod tcp_route;
mod tls_server;
