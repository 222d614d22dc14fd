//! One stream from its first frame to its last, and the task that answers one after another.

use std::rc::Rc;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::Request;

use super::body::StreamBody;
use super::exchange::Exchange;
use super::head::StreamHead;
use super::serve::Entered;
use crate::http::downstream::UnderWay;
use crate::http::exchange;
use crate::http::incoming::Incoming;
use crate::http1::Refusal;
use crate::worker::Worker;

/// A stream that was opened: what it asks, and where the answer goes.
pub(crate) struct Stream {
    /// Counts it as open.
    pub(super) entered: Entered,
    /// What is asked.
    pub(super) request: Request<RecvStream>,
    /// Where the answer goes.
    pub(super) respond: SendResponse<Bytes>,
}

/// Has a stream answered by a task of its own, one that rests or a new one.
pub(super) fn begin(worker: &Rc<Worker>, stream: Stream) {
    let Some(stream) = worker.crew.call(stream) else { return };
    let crew = Rc::clone(worker);
    worker.spawn(async move {
        let mut next = Some(stream);
        while let Some(stream) = next {
            answer(stream).await;
            next = crew.crew.rest().await;
        }
    });
}

/// Answers one request of a connection.
async fn answer(stream: Stream) {
    let Stream { entered, request, respond } = stream;
    let caller = Rc::clone(entered.caller());
    let worker = Rc::clone(&caller.worker);
    let _under_way = UnderWay::begin(&worker.counters);
    let (parts, recv) = request.into_parts();
    let (head, refusal) = StreamHead::read(&parts, recv.is_end_stream());
    let mut body = StreamBody::new(recv, head.framing_line());
    body.take_first().await;
    let down = Exchange::new(caller, respond);
    let mut desk = worker.desks.lend();
    let refused = refusal.map(Refusal::of_request);
    // What becomes of the connection is not for one of its streams to say.
    exchange::answer(&down, &head, refused, &mut body, &mut desk.sheets).await;
    worker.desks.give_back(desk);
}
