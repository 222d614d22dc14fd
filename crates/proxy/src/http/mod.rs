//! HTTP/1.1 on client connections: reading heads, deciding, forwarding, answering.
//!
//! In the order of a request: `serve` reads the head, `edge` admits and marks it, `exchange`
//! decides and acts: `respond` answers at once, `forward` asks an upstream. Generic over the I/O
//! seam only.

mod admission;
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
use crate::listener::Door;
use crate::runtime::Worker;

/// Serves one accepted connection in a task of its own.
pub(crate) fn welcome(worker: &Rc<Worker>, door: &Rc<Door>, stream: Stream) {
    if !admission::fits(stream.descriptor(), worker.guests.len()) {
        worker.counters.connections_overflow.add(1);
        return;
    }
    let ends = (stream.peer(), stream.local());
    let client = Client::new(stream, ends, Rc::clone(door), Rc::clone(worker));
    worker.spawn(serve::serve(client));
}
