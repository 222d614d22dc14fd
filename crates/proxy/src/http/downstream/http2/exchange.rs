//! One request on a stream, and how far its answer has come.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use h2::SendStream;
use h2::server::SendResponse;
use http::Response;

use crate::http::caller::Caller;

/// One request and its answer.
pub(in crate::http) struct Exchange {
    /// Who asks.
    pub(super) caller: Rc<Caller>,
    /// How far its answer has come.
    pub(super) sending: RefCell<Sending>,
    /// The trailer lines of an HTTP/1 upstream, as far as they came.
    pub(super) trailers: RefCell<Vec<u8>>,
}

impl Exchange {
    pub(super) fn new(caller: Rc<Caller>, respond: SendResponse<Bytes>) -> Self {
        let sending = RefCell::new(Sending::Nothing(respond));
        Self { caller, sending, trailers: RefCell::default() }
    }
}

/// How far an answer has come.
#[derive(Default)]
pub(super) enum Sending {
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
