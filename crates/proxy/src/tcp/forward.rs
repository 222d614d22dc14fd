//! One connection whose bytes are handed on: chosen a destination once, connected, relayed.
//! What cannot be connected is closed without a word, as there is no protocol to say why in.

use std::time::Duration;

use propylon_snapshot::{Availability, ClusterId, Target, TcpDestination, TcpRoute};

use tokio::time::timeout;

use super::relay::{Ended, relay};
use super::server::Server;
use super::tally::Tally;
use super::tunnel::{self, NoTunnel};
use crate::balance::of_source;
use crate::io::Io;
use crate::upstream::{Ends, Generation, Outcome, Wanted};
use crate::worker::Worker;

/// A client connection with the destination that was chosen and connected for it.
pub(crate) struct Opened {
    server: Server,
    idle_timeout: Option<Duration>,
    duration: Option<Duration>,
    tally: Tally,
}

/// Chooses a destination for a new connection and connects to it. There is one attempt, as in
/// Envoy; `None` means that the client's connection is to be closed.
pub(crate) async fn open(
    worker: &Worker,
    generation: &Generation,
    route: &TcpRoute,
    (ends, wanted): (Ends, Wanted<'_>),
) -> Option<Opened> {
    let tally = Tally::begin(&worker.counters.tcp, route);
    let Some(id) = cluster(generation, route) else {
        tally.tcp().downstream_cx_no_route.add(1);
        return None;
    };
    let live = &**generation.cluster(id);
    let client = ends.0.map(|peer| peer.ip());
    let hash = client.filter(|_| route.hash_source).map(of_source);
    let endpoint = match live.asked() {
        None => live.choose(hash, &[]),
        Some(asked) => {
            let found = live.endpoint_for(&asked, (generation.names(), wanted), &[]).await;
            let found = found.inspect_err(|why| tracing::debug!(%why, "a TCP connection"));
            found.ok()
        }
    };
    let Some(endpoint) = endpoint else {
        live.counters().upstream_cx_none_healthy.add(1);
        tracing::debug!(route = %route.stat_prefix, "no endpoint for a TCP connection");
        return None;
    };
    let server = match &route.tunnel {
        None => {
            let connected = endpoint.connect_alone(live.connect_timeout(), ends).await;
            connected.map(Server::Straight).map_err(NoTunnel::from)
        }
        Some(tunnel) => {
            let by = (live, &endpoint);
            Box::pin(tunnel::open(&worker.buffers, by, tunnel, ends)).await
        }
    };
    match server {
        Ok(server) => {
            endpoint.note(Outcome::HandedOn);
            let (idle_timeout, duration) = (route.idle_timeout, route.duration);
            Some(Opened { server, idle_timeout, duration, tally })
        }
        Err(error) => {
            live.counters().upstream_cx_connect_attempts_exceeded.add(1);
            tracing::debug!(%error, "a TCP connection came to nothing");
            None
        }
    }
}

impl Opened {
    /// Relays to the end of both sides.
    pub(crate) async fn relay(mut self, worker: &Worker, client: &impl Io) {
        let Self { server, idle_timeout, duration, tally } = &mut self;
        let times = (*idle_timeout, *duration);
        match server {
            Server::Straight(connection) => {
                hand_on(worker, (client, connection.io()), times, tally).await;
            }
            Server::Through(way) => hand_on(worker, (client, &*way), times, tally).await,
            Server::Stream(stream) => {
                let tunnel = &stream.0;
                tunnel.meanwhile(hand_on(worker, (client, tunnel), times, tally)).await;
            }
        }
    }
}

/// Relays to the end of both sides, or of the times for silence and for all of it.
async fn hand_on(
    worker: &Worker,
    (client, server): (&impl Io, &impl Io),
    (idle_timeout, duration): (Option<Duration>, Option<Duration>),
    tally: &mut Tally,
) {
    let relayed = relay((client, server), &worker.relay, idle_timeout, tally);
    let ended = match duration {
        Some(duration) => timeout(duration, relayed).await.unwrap_or(Ended::Aged),
        None => relayed.await,
    };
    match ended {
        Ended::Whole => {}
        Ended::Broken => {
            // What was cut must not look whole to the side that is still there.
            client.abort();
            server.abort();
        }
        Ended::Idle => tally.tcp().idle_timeout.add(1),
        Ended::Aged => tally.tcp().max_downstream_connection_duration.add(1),
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
