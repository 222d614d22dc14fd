//! What a connection costs while it is idle and while it is busy, and that it falls alone.

use std::future::Future;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};

use propylon_snapshot::{RouteTableId, Snapshot};
use tokio::task::LocalSet;

use super::*;
use crate::io::Stream;
use crate::limits::Patience;
use crate::listener::Door;
use crate::running::Running;
use crate::telemetry::Counters;
use crate::upstream::{Generation, Names, SystemResolver};
use crate::worker::Worker;

fn size<A, F: Future>(_: impl Fn(A) -> F) -> usize {
    size_of::<F>()
}

#[test]
fn an_idle_connection_needs_less_than_200_bytes_of_state() {
    let size = size(serve::<Stream>);
    assert!(size < 200, "{size} bytes");
}

#[test]
fn a_busy_connection_needs_less_than_4_kib_beside_its_buffers() {
    let size = size(|client: &'static Client<Stream>| work(client));
    assert!(size < 4 * 1024, "{size} bytes");
}

/// A connection that breaks an assumption of whoever reads from it.
struct Faulty;

impl Io for Faulty {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_read(&self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        panic!("a fault in the gateway, made on purpose");
    }

    fn poll_write(&self, _: &mut Context<'_>, _: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn shutdown_write(&self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&self) {}
}

#[tokio::test]
async fn a_panic_ends_its_own_connection_and_is_counted() {
    let counters = Arc::new(Counters::default());
    let worker = Rc::new(Worker::new(0, Patience::default(), Arc::clone(&counters)));
    let snapshot = Arc::new(Snapshot::default());
    let running = Arc::new(Running {
        generation: 1,
        snapshot,
        shared: Vec::new(),
        terminators: Arc::default(),
        originators: Arc::default(),
        names: Names::new(Arc::new(SystemResolver)),
    });
    let generation = Rc::new(Generation::attach(running, None, 0));
    let table = RouteTableId(0);
    let door = Rc::new(Door::new(Rc::clone(&generation), 0));
    let way = || (Rc::clone(&door), (Rc::clone(&generation), table));
    let tasks = LocalSet::new();
    tasks
        .run_until(async {
            let connect = || Client::new(Faulty, (None, None), way(), Rc::clone(&worker));
            for _ in 0..3 {
                worker.spawn(serve(connect()));
            }
        })
        .await;
    // Every task ends; the panics stay in them.
    tasks.await;
    assert_eq!((counters.panics.get(), counters.connections_active.get()), (3, 0));
    assert_eq!(worker.guests.len(), 0);
}
