//! What workers have under way at endpoints: told by each worker when it is asked, summed by who
//! asks. Nothing of it is shared while serving: a request pays no more than its own count.

use std::cell::Cell;
use std::collections::HashMap;

use propylon_snapshot::Address;

use super::health::Outcome;

/// What is under way at one endpoint now, and what was done since it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Connections open or being made, unused ones included.
    pub connections: u64,
    /// Of those, the ones kept unused.
    pub unused: u64,
    /// Requests and handed-on connections under way.
    pub requests: u64,
    /// Requests that wait for a connection.
    pub waiting: u64,
    /// Connections made.
    pub connections_total: u64,
    /// Connections that could not be made.
    pub connections_failed: u64,
    /// Requests and handed-on connections that there were, those under way included.
    pub requests_total: u64,
    /// Requests answered with another status than 5xx.
    pub requests_succeeded: u64,
    /// Requests answered with 5xx, or not at all.
    pub requests_failed: u64,
    /// Of those, the ones that took too long.
    pub requests_late: u64,
}

impl Load {
    fn add(&mut self, other: &Self) {
        let Self {
            connections,
            unused,
            requests,
            waiting,
            connections_total,
            connections_failed,
            requests_total,
            requests_succeeded,
            requests_failed,
            requests_late,
        } = other;
        self.connections += connections;
        self.unused += unused;
        self.requests += requests;
        self.waiting += waiting;
        self.connections_total += connections_total;
        self.connections_failed += connections_failed;
        self.requests_total += requests_total;
        self.requests_succeeded += requests_succeeded;
        self.requests_failed += requests_failed;
        self.requests_late += requests_late;
    }
}

/// The loads of all endpoints, by cluster and address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loads(HashMap<Box<str>, HashMap<Address, Load>>);

impl Loads {
    /// What is under way at an endpoint; nothing where it is not known.
    #[must_use]
    pub fn of(&self, cluster: &str, address: &Address) -> Load {
        self.0.get(cluster).and_then(|all| all.get(address)).copied().unwrap_or_default()
    }

    /// The endpoints of a cluster that workers know, in the order of their addresses. Those that
    /// were asked for by a client are known to workers alone.
    #[must_use]
    pub fn endpoints(&self, cluster: &str) -> Vec<&Address> {
        let mut all: Vec<&Address> =
            self.0.get(cluster).map(|all| all.keys().collect()).unwrap_or_default();
        all.sort();
        all
    }

    pub(crate) fn note(&mut self, cluster: &str, address: &Address, load: &Load) {
        let endpoints = match self.0.get_mut(cluster) {
            Some(endpoints) => endpoints,
            None => self.0.entry(cluster.into()).or_default(),
        };
        endpoints.entry(address.clone()).or_default().add(load);
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        for (cluster, endpoints) in &other.0 {
            for (address, load) in endpoints {
                self.note(cluster, address, load);
            }
        }
    }
}

/// What one worker counts at one endpoint.
#[derive(Debug, Default)]
pub(super) struct Tally {
    connections: Cell<u64>,
    connections_failed: Cell<u64>,
    requests: Cell<u64>,
    succeeded: Cell<u64>,
    failed: Cell<u64>,
    late: Cell<u64>,
}

impl Tally {
    /// A request, or a connection that is handed on.
    pub(super) fn request(&self) {
        add(&self.requests);
    }

    /// A connection that could not be made.
    pub(super) fn unconnected(&self) {
        add(&self.connections_failed);
    }

    /// What became of a use.
    pub(super) fn outcome(&self, outcome: Outcome) {
        match outcome {
            Outcome::Connected => add(&self.connections),
            Outcome::HandedOn => {}
            Outcome::Answered(500..) | Outcome::Broke => add(&self.failed),
            Outcome::Answered(_) => add(&self.succeeded),
            Outcome::Late => {
                add(&self.failed);
                add(&self.late);
            }
        }
    }

    /// The totals; what is under way is for others to fill in.
    pub(super) fn totals(&self) -> Load {
        Load {
            connections_total: self.connections.get(),
            connections_failed: self.connections_failed.get(),
            requests_total: self.requests.get(),
            requests_succeeded: self.succeeded.get(),
            requests_failed: self.failed.get(),
            requests_late: self.late.get(),
            ..Load::default()
        }
    }
}

fn add(count: &Cell<u64>) {
    count.set(count.get().wrapping_add(1));
}

#[cfg(test)]
mod tests;
