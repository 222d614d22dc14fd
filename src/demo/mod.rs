//! Backends that behave like the tutorials' services, so that an example answers without a cluster.
//! Tiny hyper servers on fixed loopback ports, which the examples' EndpointSlices name.

mod backend;
pub(crate) mod builtin;
pub(crate) mod client;
pub(crate) mod exchange;
pub(crate) mod pick;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::watch;

use crate::http_server;
use backend::Backend;

/// A backend that runs, or why it does not.
#[derive(Debug)]
pub(crate) struct Started {
    /// What it plays.
    pub name: &'static str,
    /// Where the examples look for it.
    pub address: SocketAddr,
    /// Why it is not there; another program may answer in its place.
    pub problem: Option<std::io::Error>,
}

/// Starts every backend of [`BACKENDS`] on the current runtime, until `stop` says true.
pub(crate) async fn start(stop: &watch::Receiver<bool>) -> Vec<Started> {
    let mut started = Vec::with_capacity(BACKENDS.len());
    for (name, port, backend) in BACKENDS {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let problem = match http_server::bind(address).await {
            Ok(listener) => {
                tokio::spawn(http_server::serve(listener, Arc::new(backend), stop.clone()));
                None
            }
            Err(error) => Some(error),
        };
        started.push(Started { name, address, problem });
    }
    started
}

/// Name, loopback port and behaviour of each backend; the examples' EndpointSlices name these
/// ports.
const BACKENDS: [(&str, u16, Backend); 5] = [
    ("httpbin", 18000, Backend::Httpbin),
    ("productpage", 18080, Backend::ProductPage),
    ("user v1", 18101, Backend::User { body: r#""v1""# }),
    ("user v2", 18102, Backend::User { body: r#""v2""# }),
    ("echo", 18200, Backend::Echo),
];
