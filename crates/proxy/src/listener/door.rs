//! A listener as one worker lives it: the generation its connections use now, and its place there.
//! A door that is shut keeps the last ones, so that its connections end in peace.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Notify;

use crate::upstream::Generation;

/// One listener in one worker.
#[derive(Debug)]
pub(crate) struct Door {
    current: RefCell<(Rc<Generation>, usize)>,
    shut: Cell<bool>,
    shutting: Notify,
}

impl Door {
    /// An open door.
    pub(crate) fn new(generation: Rc<Generation>, position: usize) -> Self {
        Self {
            current: RefCell::new((generation, position)),
            shut: Cell::new(false),
            shutting: Notify::new(),
        }
    }

    /// The generation of this moment.
    pub(crate) fn generation(&self) -> Rc<Generation> {
        Rc::clone(&self.current.borrow().0)
    }

    /// The generation of this moment, and the listener's place among its listeners.
    pub(crate) fn current(&self) -> (Rc<Generation>, usize) {
        let current = self.current.borrow();
        (Rc::clone(&current.0), current.1)
    }

    /// Takes a newer generation.
    pub(crate) fn update(&self, generation: &Rc<Generation>, position: usize) {
        // The old generation is dropped after the borrow: its clusters may close connections.
        let _old = self.current.replace((Rc::clone(generation), position));
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
