//! Copies of requests to mirrors: sent by tasks of their own, answered to nobody. Whatever happens
//! to a copy never reaches the client.

use std::rc::Rc;

use propylon_snapshot::{ClusterId, Line, Target};
use tokio::time::timeout;

use super::downstream::{Downstream, RequestBody};
use super::exchange::Asked;
use super::forward::Course;
use super::outbound::{self, Rewritten};
use crate::buffers::Buffer;
use crate::http1::{Method, Parsed, ResponseHead};
use crate::io::{read, write_all};
use crate::limits::{MIRROR_ANSWER_BYTES_MAX, MIRROR_TIMEOUT, MIRRORS_MAX};
use crate::runtime::Worker;
use crate::upstream::{Connection, Generation};

/// The copies to make of one request.
#[derive(Debug, Default)]
pub(super) struct Copies {
    clusters: Vec<ClusterId>,
    head: Vec<u8>,
}

/// Draws which mirrors get a copy, and writes its head.
pub(super) fn draw<D: Downstream>(
    asked: &Asked<'_, D>,
    course: Course<'_>,
    rewritten: &Rewritten<'_>,
    lines: &[Line<'_>],
) -> Copies {
    let mut copies = Copies::default();
    for mirror in &course.forward.mirrors {
        let drawn = mirror.share.hits(&mut |sides| fastrand::u32(..sides.max(1)));
        if let (true, Target::Cluster(id)) = (drawn, &mirror.target) {
            copies.clusters.push(*id);
        }
    }
    if !copies.clusters.is_empty() {
        let gateway = asked.caller().local.map(|local| local.ip());
        let request = asked.request;
        outbound::write_mirror_head(request, rewritten, lines, gateway, &mut copies.head);
    }
    copies
}

/// Sends the copies, if the body is at hand as a whole.
pub(super) fn send<D: Downstream>(asked: &Asked<'_, D>, copies: &Copies, body: &D::Body<'_>) {
    let worker = &asked.caller().worker;
    for id in &copies.clusters {
        if !body.is_done() || !body.is_replayable() || worker.mirrors.get() >= MIRRORS_MAX {
            worker.counters.mirror_overflow.add(1);
            continue;
        }
        let [first, held] = body.opening();
        let message = [&copies.head, first, held].concat();
        let mission = Mission {
            worker: Rc::clone(worker),
            generation: Rc::clone(asked.generation),
            cluster: *id,
            method: asked.request.method,
        };
        worker.counters.mirrored.add(1);
        worker.mirrors.set(worker.mirrors.get() + 1);
        worker.spawn(async move {
            let _ = timeout(MIRROR_TIMEOUT, mission.carry_out(&message)).await;
        });
    }
}

/// One copy on its way.
struct Mission {
    worker: Rc<Worker>,
    generation: Rc<Generation>,
    cluster: ClusterId,
    method: Method,
}

impl Drop for Mission {
    fn drop(&mut self) {
        self.worker.mirrors.set(self.worker.mirrors.get() - 1);
    }
}

impl Mission {
    async fn carry_out(&self, message: &[u8]) {
        let cluster = self.generation.cluster(self.cluster);
        let Some(endpoint) = cluster.choose(None, &[]) else { return };
        let connection = match endpoint.pooled() {
            Some(kept) => kept,
            None => match endpoint.connect(cluster.connect_timeout()).await {
                Ok(fresh) => fresh,
                Err(_) => return,
            },
        };
        if write_all(connection.io(), message).await.is_err() {
            return;
        }
        let mut buffer = self.worker.buffers.small();
        let mut response = ResponseHead::new();
        let reusable = self.read_answer(&connection, &mut buffer, &mut response).await;
        self.worker.buffers.give_back(buffer);
        if reusable && response.withholds_body(self.method) {
            connection.release_in_doubt();
        } else if reusable {
            connection.release();
        }
    }

    /// Reads the answer to its end; true if the connection can be used again.
    async fn read_answer(
        &self,
        connection: &Connection,
        buffer: &mut Buffer,
        response: &mut ResponseHead,
    ) -> bool {
        let mut framing = None;
        let mut read_so_far = 0;
        while read_so_far < MIRROR_ANSWER_BYTES_MAX {
            match read(connection.io(), buffer.free_mut()).await {
                Ok(got) if got > 0 => {
                    buffer.fill(got);
                    read_so_far += got;
                }
                _ => return false,
            }
            while framing.is_none() && !buffer.is_empty() {
                match response.parse(buffer.filled_mut()) {
                    Ok(Parsed::Complete { head_len }) => {
                        buffer.consume(head_len);
                        if !response.is_interim() {
                            framing = Some(response.framing(self.method));
                        }
                    }
                    Ok(Parsed::NeedMore) => break,
                    Err(_) => return false,
                }
            }
            let Some(framing) = &mut framing else {
                buffer.make_room(&self.worker.buffers);
                continue;
            };
            match framing.take(buffer.filled()) {
                Ok(taken) if taken.done => {
                    return taken.consumed == buffer.len() && response.is_reusable(self.method);
                }
                Ok(_) => buffer.consume(usize::MAX),
                Err(_) => return false,
            }
        }
        false
    }
}
