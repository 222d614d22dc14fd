//! HTTP/1.1 on client connections: reading heads, deciding, forwarding, answering.
//!
//! In the order of a request: `serve` reads the head, `edge` admits and marks it, `exchange`
//! decides and acts: `respond` answers at once, `forward` asks an upstream. Generic over the I/O
//! seam only.

mod attempt;
mod beside;
mod body;
mod client;
mod desk;
mod edge;
mod edits;
mod exchange;
mod forward;
mod limit;
mod linger;
mod mirror;
mod outbound;
mod relay;
mod reply;
mod request;
mod respond;
mod retry;
mod secure;
mod serve;
mod upgrade;

use std::rc::Rc;

pub(crate) use desk::Desks;

use propylon_snapshot::Serves;

use self::client::{Client, Entry};
use crate::io::Stream;
use crate::limits::CLIENT_CONNECTIONS_MAX;
use crate::listener::Door;
use crate::runtime::Worker;

/// Serves one accepted connection in a task of its own.
pub(crate) fn welcome(worker: &Rc<Worker>, door: &Rc<Door>, stream: Stream) {
    if worker.guests.len() >= CLIENT_CONNECTIONS_MAX {
        worker.counters.connections_overflow.add(1);
        return;
    }
    let (generation, position) = door.current();
    let ends = (stream.peer(), stream.local());
    let entry = Entry::new(worker, door, ends);
    match &generation.snapshot().listeners[position].serves {
        Serves::Http(table) => {
            let client = Client::new(stream, entry, (Rc::clone(&generation), *table), None);
            worker.spawn(serve::serve(client));
        }
        Serves::Tls(_) => {
            worker.spawn(secure::serve(stream, entry, generation, position));
        }
        Serves::Tcp(_) => {}
    }
}
