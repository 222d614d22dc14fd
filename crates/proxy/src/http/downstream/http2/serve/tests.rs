//! What a stream costs the others when it falls.

use std::sync::Arc;

use propylon_snapshot::{RouteTableId, Snapshot};
use tokio::task::LocalSet;

use super::*;
use crate::limits::Patience;
use crate::listener::Door;
use crate::running::Running;
use crate::upstream::{Generation, Names, SystemResolver};
use crate::worker::Worker;

fn caller(counters: &Arc<Counters>) -> Rc<Caller> {
    let worker = Rc::new(Worker::new(0, Patience::default(), Arc::clone(counters)));
    let running = Arc::new(Running {
        generation: 1,
        snapshot: Arc::new(Snapshot::default()),
        shared: Vec::new(),
        terminators: Arc::default(),
        originators: Arc::default(),
        names: Names::new(Arc::new(SystemResolver)),
    });
    let generation = Rc::new(Generation::attach(running, None, 0));
    let door = Rc::new(Door::new(Rc::clone(&generation), 0));
    Rc::new(Caller::new((None, None), (door, (generation, RouteTableId(0))), worker))
}

#[tokio::test]
async fn a_panic_ends_its_own_stream_and_the_connection_rests_with_the_last_one() {
    let counters = Arc::<Counters>::default();
    let caller = caller(&counters);
    let open = Rc::<Open>::default();
    let tasks = LocalSet::new();
    for faulty in [true, false, true] {
        let entered = Entered::new(&open, &caller);
        tasks.spawn_local(async move {
            let _entered = entered;
            tokio::task::yield_now().await;
            assert!(!faulty, "a fault in the gateway, made on purpose");
        });
    }
    assert_eq!(open.count.get(), 3);
    tasks.await;
    assert_eq!((open.count.get(), counters.panics.get()), (0, 2));
    assert_eq!((caller.worker.guests.len(), counters.connections_active.get()), (1, 1));
    drop(caller);
    assert_eq!((counters.connections_active.get(), counters.panics.get()), (0, 2));
}
