//! A request on its way up, as all tries and the answer see it.

use std::cell::Cell;
use std::rc::Rc;

use propylon_snapshot::{Http2Settings, Line, UpstreamProtocol};

use super::asked::Asked;
use super::downstream::Downstream;
use super::incoming::Protocol;
use super::outbound::Rewritten;
use crate::balance::Hashed;
use crate::upstream::LiveCluster;

/// A request on its way up.
pub(super) struct Forwarding<'x, D> {
    /// What was asked and decided.
    pub(super) asked: &'x Asked<'x, D>,
    /// The cluster; the same for all tries.
    pub(super) cluster: &'x Rc<LiveCluster>,
    /// Its name.
    pub(super) name: &'x str,
    /// The lines that go up.
    pub(super) lines: &'x [Line<'x>],
    /// Authority and path that go up.
    pub(super) rewritten: &'x Rewritten<'x>,
    /// Milliseconds that the upstream of a further try is told it has.
    pub(super) expected: Cell<Option<u64>>,
    /// What chooses its endpoint, where a hash does.
    pub(super) hashed: Option<&'x Hashed>,
}

impl<D: Downstream> Forwarding<'_, D> {
    /// The authority that goes up, which TLS to the endpoint may ask for.
    pub(super) fn authority(&self) -> &str {
        self.rewritten.authority(self.asked.request)
    }
}

/// What HTTP/2 is spoken to the endpoints in, if that is spoken for such a client.
pub(super) fn http2_of(upstream: UpstreamProtocol, client: Protocol) -> Option<Http2Settings> {
    match upstream {
        UpstreamProtocol::Http1 => None,
        UpstreamProtocol::Http2(settings) => Some(settings),
        UpstreamProtocol::AsClient(settings) => client.is_http2().then_some(settings),
    }
}
