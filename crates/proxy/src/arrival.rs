//! An accepted connection before it is known what serves it.

use std::rc::Rc;

use tokio::time::timeout;

use crate::guests::Guest;
use crate::io::{Io, Stream, read, write_all};
use crate::listener::Door;
use crate::worker::Worker;

pub(crate) use crate::upstream::Ends;

/// The TLS alert `unrecognized_name` (112), fatal, in a record of its own (RFC 8446 section 6).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// A connection that is no HTTP client yet, or never will be; one of the worker's as long as it
/// lives.
pub(crate) struct Arrival {
    /// The worker it lives in.
    pub(crate) worker: Rc<Worker>,
    /// Where it came in.
    pub(crate) door: Rc<Door>,
    guest: Rc<Guest>,
}

impl Arrival {
    /// One that came in by a door just now.
    pub(crate) fn new(worker: &Rc<Worker>, door: &Rc<Door>) -> Self {
        let guest = worker.guests.enter(door);
        // Its own limits of time hold; the sweep for idle HTTP connections passes it over.
        guest.work();
        Self { worker: Rc::clone(worker), door: Rc::clone(door), guest }
    }

    /// Says that nothing answers for the server name. The hello was read, so that the alert is not
    /// overtaken by a reset.
    pub(crate) async fn alert(&self, stream: &Stream) {
        self.worker.counters.connections_unfit.add(1);
        let mut hello = self.worker.buffers.large();
        let said = async {
            read(stream, hello.free_mut()).await?;
            write_all(stream, &UNRECOGNIZED_NAME).await
        };
        let _ = timeout(self.worker.patience.handshake, said).await;
        self.worker.buffers.give_back(hello);
        let _ = stream.shutdown_write();
    }

    /// Resets a connection that nothing answers.
    pub(crate) fn refuse(&self, stream: &Stream) {
        self.worker.counters.connections_unfit.add(1);
        stream.abort();
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.worker.counters.panics.add(1);
        }
        self.worker.guests.exit(&self.guest);
        self.worker.connection_ended();
    }
}
