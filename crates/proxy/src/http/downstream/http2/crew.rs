//! The tasks that answer a worker's streams, whichever connection these are of. One that is done
//! rests until another stream comes: to make and to end a task costs more than most streams need
//! beside it. Knows neither connections nor requests.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use tokio::sync::Notify;

use crate::limits::STREAM_TASKS_KEPT_MAX;

/// The resting tasks of a worker, and what they are called for.
#[derive(Debug)]
pub(crate) struct Crew<S> {
    /// Streams that a resting task was woken for. Never more than there are resting tasks.
    calls: RefCell<VecDeque<S>>,
    resting: Cell<usize>,
    bell: Notify,
}

impl<S> Default for Crew<S> {
    fn default() -> Self {
        Self { calls: RefCell::default(), resting: Cell::new(0), bell: Notify::new() }
    }
}

impl<S> Crew<S> {
    /// Hands a stream to a resting task; gives it back if none rests: then it needs a new one.
    pub(super) fn call(&self, stream: S) -> Option<S> {
        let mut calls = self.calls.borrow_mut();
        if calls.len() >= self.resting.get() {
            return Some(stream);
        }
        calls.push_back(stream);
        // The one that began to rest last has the warmest memory.
        self.bell.notify_last();
        None
    }

    /// The next stream for a task that is done with one; `None` if enough rest already.
    pub(super) async fn rest(&self) -> Option<S> {
        if self.resting.get() >= STREAM_TASKS_KEPT_MAX {
            return None;
        }
        self.resting.set(self.resting.get() + 1);
        let stream = loop {
            // Perhaps another one's call: whoever was woken for it finds none, and rests on.
            let called = self.calls.borrow_mut().pop_front();
            match called {
                Some(stream) => break stream,
                None => self.bell.notified().await,
            }
        };
        self.resting.set(self.resting.get() - 1);
        Some(stream)
    }
}

#[cfg(test)]
mod tests;
