//! A request while it is answered.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::time::Instant;

use propylon_snapshot::{Head, Line, Scheme};

use super::incoming::Protocol;
use crate::http1::{FramingLine, Method};

/// An admitted request. Borrows what its head was read into.
#[derive(Debug)]
pub(super) struct Request<'r> {
    /// What the client speaks.
    pub(super) protocol: Protocol,
    /// The method.
    pub(super) method: Method,
    /// Host with port, as the client wrote it.
    pub(super) authority: &'r str,
    /// Normalised path.
    pub(super) path: &'r str,
    /// Query.
    pub(super) query: Option<&'r str>,
    /// Path and query as format strings see them, made when one asks.
    pub(super) target: OnceCell<String>,
    /// What routing sees.
    pub(super) scheme: Scheme,
    /// The client as far as it is trusted.
    pub(super) client: Option<SocketAddr>,
    /// The client lets its connection go on afterwards.
    pub(super) keeps_alive: bool,
    /// How the body's length is told to an upstream that speaks HTTP/1.
    pub(super) framing: FramingLine,
    /// The client asks for a WebSocket.
    pub(super) websocket: bool,
    /// It is a gRPC request, and local answers travel as gRPC statuses.
    pub(super) grpc: bool,
    /// It was made one of a request in gRPC-Web: local answers are translated as all others are.
    pub(super) grpc_web: bool,
    /// When its head was complete.
    pub(super) began: Instant,
}

impl Request<'_> {
    /// Path and query.
    pub(super) fn target(&self) -> &str {
        self.target.get_or_init(|| {
            let mut target = String::new();
            self.head(&[]).push_target(&mut target);
            target
        })
    }

    /// The head as decisions see it.
    pub(super) fn head<'h>(&'h self, lines: &'h [Line<'h>]) -> Head<'h> {
        Head {
            method: self.method.as_str(),
            scheme: self.scheme,
            authority: self.authority,
            path: self.path,
            query: self.query,
            lines,
        }
    }
}
