//! One connection whose bytes are handed on: chosen a destination once, connected, relayed.
//! What cannot be connected is closed without a word, as there is no protocol to say why in.

use std::rc::Rc;

use propylon_snapshot::{Availability, ClusterId, Target, TcpDestination, TcpRoute};

use super::relay::{Ended, relay};
use super::tally::Tally;
use crate::io::Io;
use crate::runtime::Worker;
use crate::upstream::{Connection, Generation};

/// Serves a client connection to its end.
///
/// The generation is held only until the destination is connected: what is chosen stays chosen,
/// and an old configuration need not live as long as its longest connection.
pub(crate) async fn forward(
    worker: &Worker,
    client: &impl Io,
    generation: Rc<Generation>,
    route: &TcpRoute,
) {
    let mut tally = Tally::begin(&worker.tcp.counters, route);
    let idle = route.idle_timeout;
    let Some(server) = Box::pin(connect(&generation, route, &tally)).await else { return };
    drop(generation);
    match relay((client, server.io()), &worker.tcp.buffer, idle, &mut tally).await {
        Ended::Whole => {}
        Ended::Broken => {
            // What was cut must not look whole to the side that is still there.
            client.abort();
            server.io().abort();
        }
        Ended::Idle => tally.tcp().idle_timeout.add(1),
    }
}

/// A connection to one of the route's destinations. There is one attempt, as in Envoy.
async fn connect(
    generation: &Rc<Generation>,
    route: &TcpRoute,
    tally: &Tally,
) -> Option<Connection> {
    let Some(id) = cluster(generation, route) else {
        tally.tcp().downstream_cx_no_route.add(1);
        return None;
    };
    let live = generation.cluster(id);
    let Some(endpoint) = live.choose(&[]) else {
        live.counters().upstream_cx_none_healthy.add(1);
        tracing::debug!(cluster = %route.stat_prefix, "no endpoint for a TCP connection");
        return None;
    };
    match endpoint.connect(live.connect_timeout()).await {
        Ok(connection) => Some(connection),
        Err(error) => {
            tracing::debug!(%error, "a TCP connection came to nothing");
            None
        }
    }
}

/// The cluster that a new connection goes to. `None` if nothing may be sent there.
fn cluster(generation: &Generation, route: &TcpRoute) -> Option<ClusterId> {
    let snapshot = generation.snapshot();
    if snapshot.closed {
        return None;
    }
    let destination = choose(&route.destinations, |sides| fastrand::u64(..sides))?;
    let Target::Cluster(id) = destination.target else { return None };
    let open = snapshot.cluster(id).availability == Availability::Open;
    open.then_some(id)
}

/// One destination by weight; `dice` gives a number below the one it is given. A single one needs
/// no luck.
fn choose(
    destinations: &[TcpDestination],
    dice: impl FnOnce(u64) -> u64,
) -> Option<&TcpDestination> {
    if let [only] = destinations {
        return Some(only);
    }
    let total: u64 = destinations.iter().map(|one| u64::from(one.weight)).sum();
    let mut thrown = if total == 0 { 0 } else { dice(total) };
    destinations.iter().find(|one| {
        let share = u64::from(one.weight);
        let hit = thrown < share;
        thrown = thrown.saturating_sub(share);
        hit
    })
}

#[cfg(test)]
mod tests;
