//! Workers: one thread each, sharing nothing mutable on the request path. A worker takes orders
//! from the control side (a new generation, drain, stop) and runs everything else as local tasks.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use propylon_snapshot::Bind;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::limits::Patience;
use crate::listener::{Door, Socket, accept};
use crate::running::Running;
use crate::telemetry::Counters;
use crate::upstream::{Generation, Loads};
use crate::welcome::welcome;
use crate::worker::Worker;

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

/// What a worker serves, at the end where its orders arrive.
struct Post {
    worker: Rc<Worker>,
    doors: HashMap<Bind, Rc<Door>>,
    generation: Option<Rc<Generation>>,
}

impl Post {
    fn new(worker: Rc<Worker>) -> Self {
        Self { worker, doors: HashMap::new(), generation: None }
    }

    fn publish(&mut self, running: &Arc<Running>, open: Vec<(Bind, Socket)>) {
        let index = self.worker.index;
        let generation = Generation::attach(Arc::clone(running), self.generation.as_deref(), index);
        let generation = Rc::new(generation);
        tracing::debug!(worker = index, generation = generation.number(), "taken over");
        let _previous = self.generation.replace(Rc::clone(&generation));
        let listeners = &running.snapshot.listeners;
        let position_of = |bind: &Bind| {
            listeners.iter().position(|listener| listener.binds().any(|one| one == bind))
        };
        let mut gone = false;
        self.doors.retain(|bind, door| {
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
            self.worker.guests.leave_shut_doors();
        }
        for (bind, socket) in open {
            let Some(position) = position_of(&bind) else {
                continue;
            };
            let door = Rc::new(Door::new(Rc::clone(&generation), position));
            self.doors.insert(bind, Rc::clone(&door));
            self.listen(door, socket);
        }
    }

    fn listen(&self, door: Rc<Door>, socket: Socket) {
        let worker = Rc::clone(&self.worker);
        self.worker.spawn(async move {
            if let Err(error) = accept(worker, door, socket, welcome).await {
                tracing::error!(%error, "a worker cannot accept connections");
            }
        });
    }

    fn drain(&mut self, done: oneshot::Sender<()>) {
        for (_, door) in self.doors.drain() {
            door.shut();
        }
        self.worker.guests.leave_shut_doors();
        self.worker.tell_when_empty(done);
    }

    fn loads(&self) -> Loads {
        let now = self.worker.clock.now();
        let generation = self.generation.as_ref();
        generation.map(|generation| generation.loads(now.into())).unwrap_or_default()
    }

    fn sweep(&self) {
        let now = self.worker.clock.now();
        self.worker.guests.sweep(now, self.worker.patience.idle);
        if let Some(generation) = &self.generation {
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
        LocalSet::new().block_on(&runtime, obey(Post::new(worker), taken));
    })?;
    Ok(Handle { orders, counters, thread: Some(thread) })
}

/// Carries out orders until told to stop or the control side is gone.
async fn obey(mut post: Post, mut orders: mpsc::UnboundedReceiver<Order>) {
    let mut sweep = tokio::time::interval(post.worker.patience.sweep);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            _ = sweep.tick() => {
                post.sweep();
                continue;
            }
        };
        match order {
            Some(Order::Publish { running, open, done }) => {
                post.publish(&running, open);
                let _ = done.send(());
            }
            Some(Order::Tell { told }) => {
                // Whoever asked may have gone.
                let _ = told.send(post.loads());
            }
            Some(Order::Drain { done }) => post.drain(done),
            Some(Order::Stop) | None => return,
        }
    }
}
