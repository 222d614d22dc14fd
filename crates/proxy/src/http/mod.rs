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
mod serve;
mod upgrade;

use std::rc::Rc;

pub(crate) use desk::Desks;

use self::client::Client;
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
    let Some(table) = client::table(&generation, position) else {
        return;
    };
    let ends = (stream.peer(), stream.local());
    let way = (Rc::clone(door), (generation, table));
    let client = Client::new(stream, ends, way, Rc::clone(worker));
    worker.spawn(serve::serve(client));
}
