//! The far side of a connection that is handed on, however it is reached.

use std::rc::Rc;

use crate::http2;
use crate::io::Io;
use crate::upstream::{Connection, Place};

/// The way to the other end.
pub(super) enum Server {
    /// The endpoint is it.
    Straight(Connection),
    /// Beyond the endpoint, on a connection.
    Through(Rc<dyn Io>),
    /// Beyond the endpoint, on a stream that has a place in a connection.
    Stream(Box<(http2::Tunnel, Place)>),
}
