//! A decided request, and where it goes.

use std::rc::Rc;

use propylon_snapshot::{Decision, Destination, Forward, Snapshot};

use super::caller::Caller;
use super::downstream::Downstream;
use super::incoming::Protocol;
use super::request::Request;
use crate::http1::FramingLine;
use crate::upstream::Generation;

/// A decided request.
pub(super) struct Asked<'x, D> {
    /// The side of the client.
    pub(super) down: &'x D,
    /// The configuration it is decided by, to its last byte.
    pub(super) generation: &'x Rc<Generation>,
    /// What is asked.
    pub(super) request: &'x Request<'x>,
    /// What was decided.
    pub(super) decision: &'x Decision<'x>,
}

impl<D: Downstream> Asked<'_, D> {
    /// Who asks.
    pub(super) fn caller(&self) -> &Caller {
        self.down.caller()
    }

    /// The configuration.
    pub(super) fn snapshot(&self) -> &Snapshot {
        self.generation.snapshot()
    }

    /// True if the connection can go on after a complete exchange whose answer is framed so. A
    /// client of HTTP/1.0 knows only by a length where a body ends, else by the connection's end.
    pub(super) fn wants_to_keep(&self, framing: FramingLine) -> bool {
        let told = matches!(framing, FramingLine::Length(_)) && !self.request.grpc_web;
        (told || self.request.protocol != Protocol::Http10)
            && self.request.keeps_alive
            && self.caller().guest.leaving().is_none()
    }
}

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course<'s> {
    /// The rule's forwarding part.
    pub(super) forward: &'s Forward,
    /// The destination drawn.
    pub(super) destination: &'s Destination,
}
