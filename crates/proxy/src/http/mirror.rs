//! Copies of requests to mirrors: sent by tasks of their own, answered to nobody. Whatever happens
//! to a copy never reaches the client.

use std::rc::Rc;

use bytes::Bytes;
use propylon_snapshot::{Availability, ClusterId, Http2Settings, Line, Target};
use tokio::time::timeout;

use super::asked::{Asked, Course};
use super::downstream::{Downstream, RequestBody};
use super::forwarding::http2_of;
use super::outbound::{self, Mirrored, Rewritten};
use super::upload::{self, Ends};
use crate::buffers::Buffer;
use crate::http1::{Method, Parsed, ResponseHead};
use crate::io::{read, write_all};
use crate::limits::{HELD_BODY_BYTES_MAX, MIRROR_ANSWER_BYTES_MAX, MIRROR_TIMEOUT, MIRRORS_MAX};
use crate::tls::Purpose;
use crate::upstream::{self, Connection, Generation, LiveCluster, LiveEndpoint, Place};
use crate::worker::Worker;

/// The copies to make of one request.
#[derive(Debug, Default)]
pub(super) struct Copies {
    clusters: Vec<ClusterId>,
    /// The head for those that speak HTTP/1.
    text: Vec<u8>,
    /// The head for those that speak HTTP/2.
    http2: Option<Box<http::Request<()>>>,
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
        if let (true, Target::Cluster(id)) = (drawn, &mirror.target)
            && asked.snapshot().cluster(*id).availability == Availability::Open
        {
            copies.clusters.push(*id);
        }
    }
    if !copies.clusters.is_empty() {
        let gateway = asked.caller().local.map(|local| local.ip());
        let request = asked.request;
        let mirrored = Mirrored::new(lines, gateway);
        let lines = mirrored.apply(lines);
        outbound::write_head(request, rewritten, &lines, &mut copies.text);
        if copies.clusters.iter().any(|id| http2(asked, *id).is_some()) {
            copies.http2 = Some(Box::new(outbound::http2::request(request, rewritten, &lines)));
        }
    }
    copies
}

/// Sends the copies, if the body is at hand as a whole.
pub(super) fn send<D: Downstream>(
    asked: &Asked<'_, D>,
    (copies, rewritten): (&Copies, &Rewritten<'_>),
    body: &D::Body<'_>,
) {
    let worker = &asked.caller().worker;
    for id in &copies.clusters {
        if !body.is_done() || !body.is_replayable() || worker.mirrors.get() >= MIRRORS_MAX {
            worker.counters.mirror_overflow.add(1);
            continue;
        }
        let message = match (http2(asked, *id), &copies.http2) {
            (Some(settings), Some(head)) => {
                // Framing made it larger than this at most.
                let content = body.whole(2 * HELD_BODY_BYTES_MAX).unwrap_or_default();
                Message::Stream { settings, head: head.clone(), content }
            }
            _ => {
                let [first, held] = body.opening();
                Message::Text([&copies.text, first, held].concat())
            }
        };
        let mission = Mission {
            worker: Rc::clone(worker),
            generation: Rc::clone(asked.generation),
            cluster: *id,
            method: asked.request.method,
            authority: rewritten.authority(asked.request).into(),
            ends: asked.caller().ends(),
        };
        worker.counters.mirrored.add(1);
        worker.mirrors.set(worker.mirrors.get() + 1);
        worker.spawn(async move {
            let _ = timeout(MIRROR_TIMEOUT, mission.carry_out(message)).await;
        });
    }
}

/// What HTTP/2 a mirror is spoken to in, if it is.
fn http2<D: Downstream>(asked: &Asked<'_, D>, id: ClusterId) -> Option<Http2Settings> {
    http2_of(asked.generation.cluster(id).protocol(), asked.request.protocol)
}

/// A copy as it goes to its mirror.
enum Message {
    /// HTTP/1.
    Text(Vec<u8>),
    /// HTTP/2.
    Stream { settings: Http2Settings, head: Box<http::Request<()>>, content: Bytes },
}

/// One copy on its way.
struct Mission {
    worker: Rc<Worker>,
    generation: Rc<Generation>,
    cluster: ClusterId,
    method: Method,
    authority: Box<str>,
    ends: upstream::Ends,
}

impl Drop for Mission {
    fn drop(&mut self) {
        self.worker.mirrors.set(self.worker.mirrors.get() - 1);
    }
}

impl Mission {
    async fn carry_out(&self, message: Message) {
        let cluster = self.generation.cluster(self.cluster);
        let Some(endpoint) = cluster.choose(None, &[]) else { return };
        match message {
            Message::Text(text) => self.as_text(cluster, &endpoint, &text).await,
            Message::Stream { settings, head, content } => {
                let limit = cluster.connect_timeout();
                if let Ok(place) =
                    endpoint.place(settings, limit, (Some(&self.authority), self.ends)).await
                {
                    // Whatever becomes of it, nobody waits for it.
                    let _ = as_stream(&place, *head, content).await;
                }
            }
        }
    }

    async fn as_text(&self, cluster: &LiveCluster, endpoint: &Rc<LiveEndpoint>, message: &[u8]) {
        let purpose = Purpose::Http1(&self.authority);
        let connection = match endpoint.pooled(purpose, self.ends) {
            Err(_) => return,
            Ok(Some(kept)) => kept,
            Ok(None) => {
                match endpoint.connect(cluster.connect_timeout(), (purpose, self.ends)).await {
                    Ok(fresh) => {
                        cluster.counters().upstream_cx_http1_total.add(1);
                        fresh
                    }
                    Err(_) => return,
                }
            }
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

/// Sends a copy on a stream and reads its answer, as far as that goes.
async fn as_stream(
    place: &Place,
    head: http::Request<()>,
    content: Bytes,
) -> Result<(), h2::Error> {
    let (response, mut stream) = place.open(head, content.is_empty())?;
    if !content.is_empty() {
        let _ = upload::send(&mut stream, content, Ends::With(None)).await;
    }
    let mut body = response.await?.into_body();
    let mut read_so_far = 0;
    while read_so_far < MIRROR_ANSWER_BYTES_MAX {
        let Some(part) = body.data().await.transpose()? else { break };
        read_so_far += part.len();
        body.flow_control().release_capacity(part.len())?;
    }
    Ok(())
}
