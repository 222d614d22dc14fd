//! TLS of client connections: shakes hands within a limit of time, counts how it went, and serves
//! HTTP behind it. Which server answers was decided by the ClientHello.

use std::rc::Rc;
use std::time::UNIX_EPOCH;

use propylon_snapshot::{RouteTableId, Serves};
use tokio::time::timeout;

use super::caller::Secured;
use super::downstream::http1::{Client, serve};
use crate::arrival::Ends;
use crate::guests::Speaks;
use crate::io::Stream;
use crate::listener::Door;
use crate::telemetry::Counters;
use crate::tls::{self, Handshake, Protocol, Refused};
use crate::upstream::Generation;
use crate::worker::Worker;

/// Where a connection came in and which TLS server its ClientHello asks for.
pub(crate) struct Way {
    /// The door.
    pub(crate) door: Rc<Door>,
    /// The configuration that the hello was looked up in.
    pub(crate) generation: Rc<Generation>,
    /// The listener's place in it.
    pub(crate) listener: usize,
    /// The chain's place in the listener.
    pub(crate) chain: usize,
}

/// Shakes hands; the connection, ready for requests that are routed by `table`.
pub(crate) async fn serving(
    worker: &Rc<Worker>,
    way: Way,
    table: RouteTableId,
    (stream, ends): (Stream, Ends),
) -> Option<impl Future<Output = ()> + 'static> {
    let shaken = shake(worker, &way, stream).await?;
    let Handshake { stream, server_name, settings, client, resumed: _, protocol } = shaken;
    let speaks = match protocol {
        Some(Protocol::Http2) => Speaks::Http2,
        Some(Protocol::Http1) => Speaks::Http1,
        None => Speaks::Either,
    };
    let secured = Secured { server_name, settings, client };
    let routed = (way.generation, table);
    let client = Client::new(stream, ends, (way.door, routed), Rc::clone(worker));
    Some(serve(client.over_tls(secured, speaks)))
}

/// Shakes hands.
pub(crate) async fn shake(
    worker: &Rc<Worker>,
    way: &Way,
    stream: Stream,
) -> Option<Handshake<Stream>> {
    let Way { door: _, generation, listener, chain } = way;
    let (listener, chain) = (*listener, *chain);
    let wall = worker.clock.wall().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(wall).unwrap_or(i64::MAX);
    let choose = |name: Option<&str>| {
        let Serves::Tls(names) = &generation.snapshot().listeners[listener].serves else {
            return None;
        };
        // The TLS library must have read the same name as the hello's reader.
        let same = names.position(name) == Some(chain);
        same.then(|| generation.terminator(listener, chain).cloned()).flatten()
    };
    let shaking = tls::accept(stream, now, choose);
    let shaken = match timeout(worker.patience.handshake, shaking).await {
        Ok(Ok(shaken)) => shaken,
        Ok(Err(refused)) => {
            count(&worker.counters, &refused);
            return None;
        }
        Err(_) => {
            worker.counters.tls_late.add(1);
            return None;
        }
    };
    worker.counters.tls_handshakes.add(1);
    if shaken.resumed {
        worker.counters.tls_resumed.add(1);
    }
    Some(shaken)
}

fn count(counters: &Counters, refused: &Refused) {
    let counter = match refused {
        Refused::UnknownName => &counters.connections_unfit,
        Refused::Credential => &counters.tls_no_credential,
        Refused::NoCertificate => &counters.tls_no_certificate,
        Refused::BadCertificate => &counters.tls_bad_certificate,
        Refused::Protocol | Refused::Io => &counters.tls_failed,
    };
    counter.add(1);
}
