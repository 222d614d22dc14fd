//! WebSockets: after a 101 both connections become one tunnel. Neither a reload nor a timeout ends
//! it; either side's end does.

use std::future::Future;
use std::io;
use std::pin::pin;

use tokio::time::timeout;

use super::beside::Beside;
use super::desk::Out;
use super::downstream::{After, Downstream};
use super::forwarding::Forwarding;
use super::relay::{self, Course};
use crate::buffers::{Buffer, Buffers};
use crate::io::{Io, read, readable, write_all};
use crate::limits::LINGER_TIMEOUT;
use crate::upstream::Connection;
use crate::worker::Worker;

/// Passes the 101 on and then everything both sides say.
pub(super) async fn tunnel<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    connection: &Connection,
    mut beside: Beside<'_, '_, D>,
    (mut buffer, head_len): (Buffer, usize),
    out: &mut Out,
) -> After {
    let down = forwarding.asked.down;
    let course = Course { connection, tries: 1 };
    relay::write_switch(forwarding, &buffer.filled()[..head_len], (out, course));
    buffer.consume(head_len);
    beside.timer().stop();
    if let Some(body) = beside.into_body() {
        down.join(&out.down, buffer.filled(), body, connection.io()).await;
    }
    down.caller().worker.buffers.give_back(buffer);
    After::Close
}

/// Joins the two ends of a tunnel until one of them ends.
pub(super) async fn both_ways(client: &impl Io, upstream: &impl Io, worker: &Worker) {
    let counters = &worker.counters;
    counters.upgrades.add(1);
    counters.upgrades_active.add(1);
    // Boxed: a tunnel lives long, and what a request needs beside it does not.
    Box::pin(copy_both(client, upstream, &worker.buffers)).await;
    counters.upgrades_active.sub(1);
}

/// Copies both ways until one side ends; the other then has a moment to finish.
async fn copy_both(client: &impl Io, upstream: &impl Io, buffers: &Buffers) {
    let mut up = pin!(copy(client, upstream, buffers));
    let mut down = pin!(copy(upstream, client, buffers));
    let (ended, rest): (io::Result<()>, _) = tokio::select! {
        ended = &mut up => (ended, Rest::Down),
        ended = &mut down => (ended, Rest::Up),
    };
    if ended.is_err() {
        return;
    }
    let _ = match rest {
        Rest::Up => finish(up).await,
        Rest::Down => finish(down).await,
    };
}

/// The direction that goes on alone.
enum Rest {
    Up,
    Down,
}

async fn finish(copy: impl Future<Output = io::Result<()>>) -> Option<io::Result<()>> {
    timeout(LINGER_TIMEOUT, copy).await.ok()
}

/// Copies to the end and passes that on. A buffer is held only while there is something to copy.
async fn copy(from: &impl Io, to: &impl Io, buffers: &Buffers) -> io::Result<()> {
    loop {
        readable(from).await?;
        let mut buffer = buffers.small();
        let got = match read(from, buffer.free_mut()).await {
            Ok(got) => got,
            Err(error) => {
                buffers.give_back(buffer);
                return Err(error);
            }
        };
        buffer.fill(got);
        let written = write_all(to, buffer.filled()).await;
        buffers.give_back(buffer);
        written?;
        if got == 0 {
            return to.shutdown_write();
        }
    }
}
