//! HTTP over TLS: shakes hands within a limit of time, counts how it went, and serves what follows.
//! Which server answers is the snapshot's table of server names to say.

use std::cell::Cell;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use propylon_snapshot::{Serves, Then};
use tokio::time::timeout;

use super::client::{Client, Entry, Secured};
use super::serve;
use crate::io::{Io, Stream};
use crate::tcp;
use crate::telemetry::Counters;
use crate::tls::{self, Handshake, Refused};
use crate::upstream::Generation;

/// Serves a connection of a TLS listener to its end.
pub(super) async fn serve(
    stream: Stream,
    entry: Entry,
    generation: Rc<Generation>,
    position: usize,
) {
    let Serves::Tls(names) = &generation.snapshot().listeners[position].serves else { return };
    let worker = Rc::clone(entry.worker());
    let wall = worker.clock.wall().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(wall).unwrap_or(i64::MAX);
    let chosen = Cell::new(None);
    let choose = |name: Option<&str>| {
        let chain = names.position(name)?;
        chosen.set(Some(chain));
        generation.terminator(position, chain).cloned()
    };
    // Boxed: a connection that is served does not carry the handshake along.
    let shaking = Box::pin(tls::accept(stream, now, choose));
    let shaken = match timeout(worker.patience.handshake, shaking).await {
        Ok(Ok(shaken)) => shaken,
        Ok(Err(refused)) => return count(&worker.counters, &refused),
        Err(_) => return worker.counters.tls_late.add(1),
    };
    worker.counters.tls_handshakes.add(1);
    if shaken.resumed {
        worker.counters.tls_resumed.add(1);
    }
    let Some(chain) = chosen.get().and_then(|chain| names.chains().get(chain)) else { return };
    let Handshake { stream, server_name, settings, client, resumed: _ } = shaken;
    let table = match &chain.then {
        Then::Http(table) => *table,
        Then::Tcp(route) => {
            let opened = Box::pin(tcp::open(&worker, &generation, route)).await;
            drop(generation);
            return match opened {
                Some(opened) => Box::pin(opened.relay(&worker, &stream)).await,
                None => stream.farewell(),
            };
        }
    };
    let secured = Secured { server_name, settings, client };
    let client = Client::new(stream, entry, (Rc::clone(&generation), table), Some(secured));
    drop(generation);
    serve::serve(client).await;
}

fn count(counters: &Counters, refused: &Refused) {
    let counter = match refused {
        Refused::NotTls | Refused::UnknownName => &counters.connections_unfit,
        Refused::Credential => &counters.tls_no_credential,
        Refused::NoCertificate => &counters.tls_no_certificate,
        Refused::BadCertificate => &counters.tls_bad_certificate,
        Refused::Protocol | Refused::Io => &counters.tls_failed,
    };
    counter.add(1);
}
