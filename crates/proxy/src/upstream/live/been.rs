//! Where the tries of one request have been, for retries that leave a locality behind: Envoy's
//! `previous_priorities`, which Istio's `retryRemoteLocalities` turns on. Knows priorities and how
//! they share requests; picks no endpoint.

use std::rc::Rc;

use super::LiveEndpoint;
use super::set::EndpointSet;

/// Tries after which the priorities tried so far are left out anew (Istio's `update_frequency`).
const TRIES_BETWEEN: usize = 2;

/// What tries of one request have seen.
#[derive(Debug, Default)]
pub(crate) struct Been {
    at: Vec<Rc<LiveEndpoint>>,
    past: Vec<u32>,
    /// How the remaining priorities share requests; `None`: as without any try.
    upto: Option<Vec<u32>>,
}

impl Been {
    /// Notes a try.
    pub(super) fn note(&mut self, endpoint: &Rc<LiveEndpoint>) {
        self.at.push(Rc::clone(endpoint));
    }

    /// How priorities share the next try. Where all of them were tried it begins again.
    pub(super) fn shares(&mut self, set: &EndpointSet) -> Option<&[u32]> {
        let tries = self.at.len();
        if tries >= TRIES_BETWEEN && tries.is_multiple_of(TRIES_BETWEEN) {
            self.past.extend(self.at.iter().filter_map(|endpoint| set.priority_of(endpoint)));
            self.upto = set.plan().without(&self.past);
            if self.upto.is_none() {
                *self = Self::default();
            }
        }
        self.upto.as_deref()
    }
}
