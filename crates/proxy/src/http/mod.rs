//! Requests of client connections: deciding, forwarding, answering.
//!
//! In the order of a request: `downstream` is the client's side and reads a head, which `incoming`
//! shows without its protocol; `edge` admits and marks it, `exchange` decides and acts: `respond`
//! answers at once, `forward` asks an upstream. Generic over the client's side and the I/O seam.

pub(crate) mod admission;
mod asked;
mod attempt;
mod beside;
mod caller;
pub(crate) mod desk;
mod downstream;
mod edge;
mod edits;
mod end;
mod exchange;
mod forward;
mod forwarding;
mod grpc_web;
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
mod view;

use std::rc::Rc;

use self::caller::Routed;
use self::downstream::http1::{Client, serve};
use crate::aim::Aim;
use crate::arrival::Ends;
use crate::io::Stream;
use crate::listener::Door;
use crate::worker::Worker;

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

/// As [`welcome`], for a connection that was captured or that an explicit proxy is asked by.
pub(crate) fn welcome_aimed(
    worker: &Rc<Worker>,
    way: (Rc<Door>, Routed),
    (stream, ends): (Stream, Ends),
    aim: Aim,
) {
    let client = Client::new(stream, ends, way, Rc::clone(worker));
    worker.spawn(serve(client.aimed(aim)));
}
