//! A listener as one worker lives it: the generation and route table its connections use now.
//! A door that is shut keeps the last ones, so that its connections end in peace.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use propylon_snapshot::RouteTableId;
use tokio::sync::Notify;

use crate::upstream::Generation;

/// One listener in one worker.
#[derive(Debug)]
pub(crate) struct Door {
    current: RefCell<(Rc<Generation>, RouteTableId)>,
    shut: Cell<bool>,
    shutting: Notify,
}

impl Door {
    /// An open door.
    pub(crate) fn new(generation: Rc<Generation>, table: RouteTableId) -> Self {
        Self {
            current: RefCell::new((generation, table)),
            shut: Cell::new(false),
            shutting: Notify::new(),
        }
    }

    /// What a request that starts now is decided by, to its last byte.
    pub(crate) fn current(&self) -> (Rc<Generation>, RouteTableId) {
        let current = self.current.borrow();
        (Rc::clone(&current.0), current.1)
    }

    /// Takes a newer generation.
    pub(crate) fn update(&self, generation: &Rc<Generation>, table: RouteTableId) {
        // The old generation is dropped after the borrow: its clusters may close connections.
        let _old = self.current.replace((Rc::clone(generation), table));
    }

    /// No connection comes in any more.
    pub(crate) fn shut(&self) {
        self.shut.set(true);
        self.shutting.notify_waiters();
    }

    /// Ends when the door is shut.
    pub(crate) async fn shutting(&self) {
        let notified = self.shutting.notified();
        if !self.shut.get() {
            notified.await;
        }
    }

    /// True once connections should end with their current request.
    pub(crate) fn is_shut(&self) -> bool {
        self.shut.get()
    }
}
