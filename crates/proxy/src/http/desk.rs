//! What one busy connection works with: indexes over heads, lists of lines, byte vectors. Lent by
//! the worker, so that a request allocates nothing once a worker has warmed up.

use std::cell::RefCell;

use super::edge::Marks;
use super::edits::Rendered;
use crate::http1::{LineShelf, RequestHead, ResponseHead};
use crate::limits::{DESKS_KEPT_MAX, TEXT_BYTES_KEPT_MAX};

/// The working set of one busy connection.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// Index over the request's head.
    pub(super) request: RequestHead,
    /// Everything that comes after the request's head was read.
    pub(super) sheets: Sheets,
}

/// What is written on while a request is answered.
#[derive(Debug, Default)]
pub(super) struct Sheets {
    /// Storage of the request's lines.
    pub(super) request_lines: LineShelf,
    /// Values that the gateway makes for the request.
    pub(super) marks: Marks,
    /// What is needed once it is decided what becomes of the request.
    pub(super) out: Out,
}

/// What answers and forwarded heads are written with.
#[derive(Debug, Default)]
pub(super) struct Out {
    /// Index over the response's head.
    pub(super) response: ResponseHead,
    /// Storage of the response's lines.
    pub(super) response_lines: LineShelf,
    /// Header values made from formats: for the destination's operations and the route's.
    pub(super) rendered: [Rendered; 2],
    /// The same for the request.
    pub(super) rendered_up: [Rendered; 2],
    /// The head that goes up.
    pub(super) up: Vec<u8>,
    /// Milliseconds the upstream took, in digits.
    pub(super) service_time: Vec<u8>,
    /// The head that comes down.
    pub(super) down: Vec<u8>,
}

/// What a response's head is made with.
pub(super) struct Page<'o> {
    /// Storage of its lines.
    pub(super) response_lines: &'o mut LineShelf,
    /// Header values made from formats.
    pub(super) rendered: &'o mut [Rendered; 2],
    /// Milliseconds the upstream took, in digits.
    pub(super) service_time: &'o mut Vec<u8>,
    /// The head that comes down.
    pub(super) down: &'o mut Vec<u8>,
}

impl Out {
    /// The index over an HTTP/1 response's head, and what the client's is made with.
    pub(super) fn page(&mut self) -> (&ResponseHead, Page<'_>) {
        let Self { response, response_lines, rendered, service_time, down, .. } = self;
        (response, Page { response_lines, rendered, service_time, down })
    }
}

/// A worker's desks.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "a desk is lent by moving its box, not its hundreds of bytes")]
pub(crate) struct Desks(RefCell<Vec<Box<Desk>>>);

impl Desks {
    /// Lends a desk.
    pub(crate) fn lend(&self) -> Box<Desk> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes a desk back.
    pub(crate) fn give_back(&self, mut desk: Box<Desk>) {
        let out = &mut desk.sheets.out;
        for text in [&mut out.up, &mut out.down] {
            text.clear();
            if text.capacity() > TEXT_BYTES_KEPT_MAX {
                *text = Vec::new();
            }
        }
        // An abandoned head must not be taken up again with another connection's bytes.
        desk.request.restart();
        out.response.restart();
        let mut kept = self.0.borrow_mut();
        if kept.len() < DESKS_KEPT_MAX {
            kept.push(desk);
        }
    }
}
