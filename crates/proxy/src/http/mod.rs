//! Requests of client connections: deciding, forwarding, answering.
//!
//! In the order of a request: `downstream` is the client's side and reads a head, which `incoming`
//! shows without its protocol; `edge` admits and marks it, `exchange` decides and acts: `respond`
//! answers at once, `forward` asks an upstream. Generic over the client's side and the I/O seam.

pub(crate) mod admission;
mod attempt;
mod beside;
mod caller;
mod desk;
mod downstream;
mod edge;
mod edits;
mod exchange;
mod forward;
mod incoming;
mod limit;
mod mirror;
mod outbound;
mod relay;
mod reply;
mod request;
mod respond;
mod retry;
pub(crate) mod secure;
mod stream;
mod upgrade;
mod upload;

use std::rc::Rc;

pub(crate) use desk::Desks;

use self::caller::Routed;
use self::downstream::http1::{Client, serve};
use crate::io::Stream;
use crate::listener::Door;
use crate::runtime::Worker;
use crate::welcome::Ends;

/// Serves one client connection in a task of its own: it came in by a door, is routed by a table
/// and has these ends.
pub(crate) fn welcome(
    worker: &Rc<Worker>,
    way: (Rc<Door>, Routed),
    (stream, ends): (Stream, Ends),
) {
    let client = Client::new(stream, ends, way, Rc::clone(worker));
    worker.spawn(serve(client));
}
