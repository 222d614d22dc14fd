//! HTTP/1.1 on client connections: reading heads, deciding, forwarding, answering.
//!
//! In the order of a request: `serve` reads the head, `edge` admits and marks it, `exchange`
//! decides and acts: `respond` answers at once, `forward` asks an upstream. Generic over the I/O
//! seam only.

pub(crate) mod admission;
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

use self::client::{Client, Entry, Routed};
use crate::io::Stream;
use crate::listener::Door;
use crate::runtime::Worker;
use crate::upstream::Generation;
use crate::welcome::Ends;

/// Serves one plaintext client in a task of its own: it came in by a door, has these ends and is
/// routed by a table.
pub(crate) fn welcome(
    worker: &Rc<Worker>,
    (door, ends): (&Rc<Door>, Ends),
    routed: Routed,
    stream: Stream,
) {
    let entry = Entry::new(worker, door, ends);
    worker.spawn(serve::serve(Client::new(stream, entry, routed, None)));
}

/// Ends the TLS of one client in a task of its own and serves it by what its listener, at
/// `position`, has for its server name.
pub(crate) fn welcome_tls(
    worker: &Rc<Worker>,
    (door, ends): (&Rc<Door>, Ends),
    (generation, position): (Rc<Generation>, usize),
    stream: Stream,
) {
    let entry = Entry::new(worker, door, ends);
    worker.spawn(secure::serve(stream, entry, generation, position));
}
