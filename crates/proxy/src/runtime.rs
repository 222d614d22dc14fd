//! Workers: one thread each, sharing nothing mutable on the request path. A worker takes orders
//! from the control side (a new generation, drain, stop) and runs everything else as local tasks.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use propylon_snapshot::Bind;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::buffers::Buffers;
use crate::clock::Clock;
use crate::guests::Guests;
use crate::http;
use crate::limits::Patience;
use crate::listener::{Door, Socket, accept};
use crate::running::Running;
use crate::tcp::RelayBuffer;
use crate::telemetry::Counters;
use crate::upstream::{Generation, Loads};
use crate::welcome::welcome;

/// What the control side asks of a worker.
#[derive(Debug)]
pub(crate) enum Order {
    /// Serve this generation. Answered once it is in force.
    Publish {
        /// The generation.
        running: Arc<Running>,
        /// New listeners, with this worker's socket each.
        open: Vec<(Bind, Socket)>,
        /// Told when done.
        done: oneshot::Sender<()>,
    },
    /// Tell what is under way at endpoints.
    Tell {
        /// Told.
        told: oneshot::Sender<Loads>,
    },
    /// Accept nothing more and let connections end. Answered when none is left.
    Drain {
        /// Told when no connection is left.
        done: oneshot::Sender<()>,
    },
    /// End now.
    Stop,
}

/// The control side's end of a worker.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) orders: mpsc::UnboundedSender<Order>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) thread: Option<thread::JoinHandle<()>>,
}

/// Everything a worker owns.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) patience: Patience,
    pub(crate) hostname: Box<str>,
    pub(crate) clock: Clock,
    pub(crate) buffers: Buffers,
    pub(crate) desks: http::Desks,
    pub(crate) guests: Guests,
    pub(crate) counters: Arc<Counters>,
    pub(crate) mirrors: Cell<usize>,
    pub(crate) relay: RelayBuffer,
    doors: RefCell<HashMap<Bind, Rc<Door>>>,
    generation: RefCell<Option<Rc<Generation>>>,
    drained: RefCell<Option<oneshot::Sender<()>>>,
}

impl Worker {
    pub(crate) fn new(index: usize, patience: Patience, counters: Arc<Counters>) -> Self {
        Self {
            index,
            patience,
            hostname: hostname(),
            clock: Clock::default(),
            buffers: Buffers::default(),
            desks: http::Desks::default(),
            guests: Guests::default(),
            counters,
            mirrors: Cell::new(0),
            relay: RelayBuffer::default(),
            doors: RefCell::default(),
            generation: RefCell::default(),
            drained: RefCell::default(),
        }
    }

    /// Starts a task of this worker. A panic ends the task and nothing else.
    pub(crate) fn spawn(self: &Rc<Self>, task: impl Future<Output = ()> + 'static) {
        tokio::task::spawn_local(task);
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

    fn publish(self: &Rc<Self>, running: &Arc<Running>, open: Vec<(Bind, Socket)>) {
        let previous = self.generation.borrow().clone();
        let generation = Generation::attach(Arc::clone(running), previous.as_deref(), self.index);
        let generation = Rc::new(generation);
        tracing::debug!(worker = self.index, generation = generation.number(), "taken over");
        let _previous = self.generation.replace(Some(Rc::clone(&generation)));
        let listeners = &running.snapshot.listeners;
        let position_of = |bind: &Bind| {
            listeners.iter().position(|listener| listener.binds().any(|one| one == bind))
        };
        let mut gone = false;
        self.doors.borrow_mut().retain(|bind, door| {
            match position_of(bind) {
                Some(position) => door.update(&generation, position),
                None => {
                    door.shut();
                    gone = true;
                }
            }
            !door.is_shut()
        });
        if gone {
            self.guests.leave_shut_doors();
        }
        for (bind, socket) in open {
            let Some(position) = position_of(&bind) else {
                continue;
            };
            let door = Rc::new(Door::new(Rc::clone(&generation), position));
            self.doors.borrow_mut().insert(bind, Rc::clone(&door));
            self.listen(door, socket);
        }
    }

    fn listen(self: &Rc<Self>, door: Rc<Door>, socket: Socket) {
        let worker = Rc::clone(self);
        self.spawn(async move {
            if let Err(error) = accept(worker, door, socket, welcome).await {
                tracing::error!(%error, "a worker cannot accept connections");
            }
        });
    }

    fn drain(&self, done: oneshot::Sender<()>) {
        for door in self.doors.borrow_mut().drain().map(|(_, door)| door) {
            door.shut();
        }
        self.guests.leave_shut_doors();
        *self.drained.borrow_mut() = Some(done);
        self.connection_ended();
    }

    fn loads(&self) -> Loads {
        let generation = self.generation.borrow().clone();
        generation.map(|generation| generation.loads(self.clock.now().into())).unwrap_or_default()
    }

    fn sweep(&self) {
        let now = self.clock.now();
        self.guests.sweep(now, self.patience.idle);
        let generation = self.generation.borrow().clone();
        if let Some(generation) = generation {
            generation.sweep(now.into());
        }
    }
}

/// Starts worker `index` on a thread of its own.
///
/// # Errors
/// When the thread or its reactor cannot be made.
pub(crate) fn start(index: usize, patience: Patience) -> io::Result<Handle> {
    let (orders, taken) = mpsc::unbounded_channel();
    let counters = Arc::new(Counters::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let counted = Arc::clone(&counters);
    let thread = thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
        let worker = Rc::new(Worker::new(index, patience, counted));
        LocalSet::new().block_on(&runtime, obey(worker, taken));
    })?;
    Ok(Handle { orders, counters, thread: Some(thread) })
}

/// Carries out orders until told to stop or the control side is gone.
async fn obey(worker: Rc<Worker>, mut orders: mpsc::UnboundedReceiver<Order>) {
    let mut sweep = tokio::time::interval(worker.patience.sweep);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            _ = sweep.tick() => {
                worker.sweep();
                continue;
            }
        };
        match order {
            Some(Order::Publish { running, open, done }) => {
                worker.publish(&running, open);
                let _ = done.send(());
            }
            Some(Order::Tell { told }) => {
                // Whoever asked may have gone.
                let _ = told.send(worker.loads());
            }
            Some(Order::Drain { done }) => worker.drain(done),
            Some(Order::Stop) | None => return,
        }
    }
}

/// This machine's name; empty where it cannot be read.
fn hostname() -> Box<str> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().into()
}
