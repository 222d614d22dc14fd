//! Raw clients and origins on loopback, and gateways made of hand-built snapshots. Everything waits
//! for a condition with a deadline, nothing for a while.

// Each test crate uses its own part of it, and all of it is test code.
#![allow(dead_code, unreachable_pub, unused_imports)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::wrong_self_convention)]

pub mod origin;
pub mod snapshots;
pub mod streams;
pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use propylon_proxy::limits::Patience;
use propylon_proxy::{DataPlane, ListenerStatus, Options, SystemResolver};
use propylon_snapshot::{Bind, Snapshot};

pub use origin::Origin;
pub use snapshots::{Route, world};
pub use wire::{Answer, Wire};

/// Longest time anything in a test may take.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A running data plane with one listener.
pub struct Gateway {
    pub plane: DataPlane,
    pub address: SocketAddr,
    generation: u64,
}

/// Starts a data plane with one worker that serves `snapshot`.
pub async fn gateway(snapshot: Snapshot) -> Gateway {
    gateway_with(1, snapshot).await
}

/// Starts a data plane with so many workers.
pub async fn gateway_with(workers: usize, snapshot: Snapshot) -> Gateway {
    gateway_of(workers, Patience::default(), snapshot).await
}

/// Starts a data plane with other limits of time.
pub async fn gateway_of(workers: usize, patience: Patience, snapshot: Snapshot) -> Gateway {
    let options = Options { workers, resolver: Arc::new(SystemResolver) };
    let plane = DataPlane::start_with(options, patience).unwrap();
    let statuses = plane.publish(1, Arc::new(snapshot)).await;
    let address = bound(&statuses[0]);
    Gateway { plane, address, generation: 1 }
}

/// Where a listener listens.
pub fn bound(status: &ListenerStatus) -> SocketAddr {
    match &status.outcome {
        Ok(Bind::Ip(address)) => *address,
        other => panic!("not bound: {other:?}"),
    }
}

impl Gateway {
    /// Puts another snapshot in force.
    pub async fn publish(&mut self, snapshot: Snapshot) -> Vec<ListenerStatus> {
        self.generation += 1;
        self.plane.publish(self.generation, Arc::new(snapshot)).await
    }

    /// A new connection.
    pub async fn connect(&self) -> Wire {
        Wire::connect(self.address).await
    }

    /// One request on a connection of its own.
    pub async fn ask(&self, request: &str) -> Answer {
        self.connect().await.ask(request).await
    }

    /// `GET path` for host `a.test`.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(&get(path)).await
    }

    /// A counter's sum.
    pub fn stat(&self, name: &str) -> u64 {
        let stats = self.plane.stats();
        let found = stats.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no counter {name}")).1
    }

    /// Waits until a counter has a value.
    pub async fn stat_becomes(&self, name: &str, value: u64) {
        let settled = async {
            while self.stat(name) != value {
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(DEADLINE, settled).await.is_err() {
            panic!("{name} is {}, not {value}", self.stat(name));
        }
    }
}

/// The text of `GET path` for host `a.test`.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a.test\r\n\r\n")
}
