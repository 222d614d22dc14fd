//! Where requests wait for a connection of one endpoint: those for HTTP/1 and those for HTTP/2
//! apart, because what serves the one does not serve the other. It knows who waits, not for what.

use std::cell::Cell;

use tokio::sync::Notify;

/// What a connection is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) enum Kind {
    /// One request at a time, or bytes.
    Http1,
    /// Many requests.
    Http2,
}

/// The connections and waiting requests of each kind.
#[derive(Debug, Default)]
pub(in crate::upstream) struct Queues {
    http1: Queue,
    http2: Queue,
}

/// Those of one kind.
#[derive(Debug, Default)]
pub(in crate::upstream) struct Queue {
    /// Connections open or being made, those in use included.
    open: Cell<u32>,
    /// Requests that wait for one of them.
    waiting: Cell<u32>,
    /// Told whenever one is kept or gone.
    freed: Notify,
    /// How many more may be told of what was freed last.
    passes: Cell<u32>,
}

impl Queues {
    /// Those of a kind.
    pub(in crate::upstream) fn of(&self, kind: Kind) -> &Queue {
        match kind {
            Kind::Http1 => &self.http1,
            Kind::Http2 => &self.http2,
        }
    }

    /// Counts a connection out. What it leaves is room for any kind.
    pub(in crate::upstream) fn closes(&self, kind: Kind) {
        let open = &self.of(kind).open;
        open.set(open.get() - 1);
        self.http1.freed();
        self.http2.freed();
    }

    /// Connections open or being made, and requests that wait for one.
    pub(in crate::upstream) fn counts(&self) -> (u64, u64) {
        let sum = |count: fn(&Queue) -> u32| {
            u64::from(count(&self.http1)) + u64::from(count(&self.http2))
        };
        (sum(Queue::open), sum(Queue::waiting))
    }
}

impl Queue {
    /// Connections open or being made.
    pub(in crate::upstream) fn open(&self) -> u32 {
        self.open.get()
    }

    /// Counts a connection in.
    pub(in crate::upstream) fn opens(&self) {
        self.open.set(self.open.get() + 1);
    }

    /// How many wait.
    pub(in crate::upstream) fn waiting(&self) -> u32 {
        self.waiting.get()
    }

    /// To be called when something that others may wait for is free or gone.
    pub(in crate::upstream) fn freed(&self) {
        if self.waiting.get() > 0 {
            self.passes.set(self.waiting.get());
            self.pass();
        }
    }

    /// Begins to wait.
    pub(in crate::upstream) fn wait(&self) -> Waiting<'_> {
        self.waiting.set(self.waiting.get() + 1);
        Waiting { queue: self, told: false }
    }

    /// Tells the next, unless all were told.
    fn pass(&self) {
        if let Some(left) = self.passes.get().checked_sub(1) {
            self.passes.set(left);
            self.freed.notify_one();
        }
    }
}

/// A request that waits.
pub(in crate::upstream) struct Waiting<'q> {
    queue: &'q Queue,
    told: bool,
}

impl Waiting<'_> {
    /// Waits until something is free or gone. Whoever asks again had no use for it, and the next
    /// one is told: it may be for another host.
    pub(in crate::upstream) async fn turn(&mut self) {
        if std::mem::replace(&mut self.told, false) {
            self.queue.pass();
        }
        self.queue.freed.notified().await;
        self.told = true;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queue.waiting.set(self.queue.waiting.get() - 1);
    }
}

#[cfg(test)]
mod tests;
