//! Clients that speak HTTP/2: one task for each stream.
//!
//! `serve` takes streams in; `head` is what one asks, `body` what follows, `answer` what goes down,
//! `tunnel` what an extended CONNECT opens.

mod answer;
mod body;
mod head;
mod serve;
mod tunnel;

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{Request, Response};

use self::body::StreamBody;
use self::head::StreamHead;
pub(in crate::http) use self::serve::serve;
use super::UnderWay;
use crate::http::caller::Caller;
use crate::http::exchange;
use crate::http::incoming::Incoming;
use crate::http1::Refusal;

/// Answers one request of a connection.
async fn answer(caller: Rc<Caller>, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
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

/// One request and its answer.
pub(in crate::http) struct Exchange {
    caller: Rc<Caller>,
    sending: RefCell<Sending>,
    /// The trailer lines of an HTTP/1 upstream, as far as they came.
    trailers: RefCell<Vec<u8>>,
}

impl Exchange {
    fn new(caller: Rc<Caller>, respond: SendResponse<Bytes>) -> Self {
        let sending = RefCell::new(Sending::Nothing(respond));
        Self { caller, sending, trailers: RefCell::default() }
    }
}

/// How far an answer has come.
#[derive(Default)]
enum Sending {
    /// Nothing final was said.
    Nothing(SendResponse<Bytes>),
    /// A head is made, and has not left: it may turn out to be all.
    Head(SendResponse<Bytes>, Box<Response<()>>),
    /// The head has left.
    Body(SendStream<Bytes>),
    /// It ended with its head.
    #[default]
    Over,
}
