//! Since when a cluster has had each of its endpoints, over all workers and reloads. Kept only
//! where new endpoints warm up; time is an argument.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use propylon_snapshot::{Address, Endpoint};
use tokio::time::Instant;

/// Endpoints and since when they are there.
#[derive(Debug, Default)]
pub(super) struct Ages(Mutex<HashMap<Address, Instant>>);

impl Ages {
    /// Takes the endpoints of now: those that stay keep their age, those that go lose it. Where
    /// nobody asks for ages (`kept` is false) all are forgotten.
    pub(super) fn settle(&self, kept: bool, endpoints: &[Endpoint], now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *known);
        if kept {
            let addresses = endpoints.iter().map(|endpoint| &endpoint.address);
            let since = |address: &Address| before.get(address).copied().unwrap_or(now);
            *known = addresses.map(|address| (address.clone(), since(address))).collect();
        }
    }

    /// Since when an endpoint is there; `None` if it is not known.
    pub(super) fn of(&self, address: &Address) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(address).copied()
    }
}

#[cfg(test)]
mod tests;
