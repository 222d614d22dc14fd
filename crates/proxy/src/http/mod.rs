//! HTTP/1.1 on client connections: reading heads, deciding, forwarding, answering.

use std::rc::Rc;

use crate::io::Stream;
use crate::listener::Door;
use crate::runtime::Worker;

/// Serves one accepted connection in a task of its own.
pub(crate) fn welcome(worker: &Rc<Worker>, door: &Rc<Door>, stream: Stream) {
    drop((worker, door, stream));
}
