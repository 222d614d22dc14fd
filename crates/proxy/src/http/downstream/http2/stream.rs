//! One stream from its first frame to its last.

use std::rc::Rc;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::Request;

use super::body::StreamBody;
use super::exchange::Exchange;
use super::head::StreamHead;
use crate::http::caller::Caller;
use crate::http::downstream::UnderWay;
use crate::http::exchange;
use crate::http::incoming::Incoming;
use crate::http1::Refusal;

/// Answers one request of a connection.
pub(super) async fn answer(
    caller: Rc<Caller>,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
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
