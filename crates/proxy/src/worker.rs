//! What the tasks of one worker share: a thread's own, so that nothing of it is locked.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::buffers::Buffers;
use crate::clock::Clock;
use crate::guests::Guests;
use crate::http::desk::Desks;
use crate::limits::Patience;
use crate::tcp::RelayBuffer;
use crate::telemetry::Counters;

/// What a worker's tasks share.
pub(crate) struct Worker {
    /// Its number, from 0.
    pub(crate) index: usize,
    /// How long it waits for what.
    pub(crate) patience: Patience,
    /// This machine's name; empty where it cannot be read.
    pub(crate) hostname: Box<str>,
    /// Tells the time.
    pub(crate) clock: Clock,
    /// Buffers to lend.
    pub(crate) buffers: Buffers,
    /// Working sets of requests to lend.
    pub(crate) desks: Desks,
    /// The client connections.
    pub(crate) guests: Guests,
    /// What it has counted.
    pub(crate) counters: Arc<Counters>,
    /// Copies of requests under way to mirrors.
    pub(crate) mirrors: Cell<usize>,
    /// What bytes that are handed on pass through.
    pub(crate) relay: RelayBuffer,
    drained: RefCell<Option<oneshot::Sender<()>>>,
}

impl Worker {
    /// A worker without connections.
    pub(crate) fn new(index: usize, patience: Patience, counters: Arc<Counters>) -> Self {
        Self {
            index,
            patience,
            hostname: hostname(),
            clock: Clock::default(),
            buffers: Buffers::default(),
            desks: Desks::default(),
            guests: Guests::default(),
            counters,
            mirrors: Cell::new(0),
            relay: RelayBuffer::default(),
            drained: RefCell::default(),
        }
    }

    /// Starts a task of this worker. A panic ends the task and nothing else.
    pub(crate) fn spawn(self: &Rc<Self>, task: impl Future<Output = ()> + 'static) {
        tokio::task::spawn_local(task);
    }

    /// Has `done` told when no connection is left; at once if there is none.
    pub(crate) fn tell_when_empty(&self, done: oneshot::Sender<()>) {
        *self.drained.borrow_mut() = Some(done);
        self.connection_ended();
    }

    /// To be called when a client connection has ended.
    pub(crate) fn connection_ended(&self) {
        if self.guests.len() == 0
            && let Some(done) = self.drained.borrow_mut().take()
        {
            // Nobody waits any more if the drain's deadline has passed.
            let _ = done.send(());
        }
    }
}

/// This machine's name; empty where it cannot be read.
fn hostname() -> Box<str> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().into()
}
