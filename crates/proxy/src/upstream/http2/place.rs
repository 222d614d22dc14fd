//! A request's place in a connection.

use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use h2::SendStream;
use h2::client::ResponseFuture;
use http::Request;

use super::session::Session;
use crate::upstream::live::LiveEndpoint;
use crate::upstream::pool::{Active, Kind};
use crate::upstream::usage::Share;

/// A place for one stream. Dropping it frees the place.
pub(crate) struct Place {
    session: Rc<Session>,
    /// Whom the session leads to.
    endpoint: Rc<LiveEndpoint>,
    _active: Active,
    /// Its share of the requests under way.
    request: Share,
    reused: bool,
}

impl Place {
    pub(super) fn take(
        (session, endpoint): (Rc<Session>, Rc<LiveEndpoint>),
        active: Active,
    ) -> Self {
        let reused = session.enter();
        Self { session, endpoint, _active: active, request: Share::default(), reused }
    }

    /// The same, counted among the requests under way.
    pub(in crate::upstream) fn counted(mut self, request: Share) -> Self {
        self.request = request;
        self
    }

    /// Waits until the peer's settings are known, for a moment.
    pub(crate) async fn settled(&self) {
        self.session.settled().await;
    }

    /// Sends a request's head. `ends` says that nothing follows.
    ///
    /// # Errors
    /// When the connection takes no more streams; nothing of the request was sent then.
    pub(crate) fn open(
        &self,
        request: Request<()>,
        ends: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        self.session.open(request, ends)
    }

    /// True if the connection served a request before: the peer may have closed it in this very
    /// moment.
    #[must_use]
    pub(crate) fn reused(&self) -> bool {
        self.reused
    }

    /// Whom it leads to.
    #[must_use]
    pub(crate) fn endpoint(&self) -> &Rc<LiveEndpoint> {
        &self.endpoint
    }

    /// Our end of the connection; `None` for Unix sockets.
    #[must_use]
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.session.local()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.session.leave();
        if self.endpoint.held.is_retired() {
            self.session.close();
        }
        self.endpoint.held.pool.queues().of(Kind::Http2).freed();
    }
}
