//! What a request and its response supply to format strings.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::SystemTime;

use propylon_snapshot::{AddressOf, Line, Number, Reason, Text, Variables};

use super::asked::Asked;
use super::downstream::Downstream;
use super::request::Request;
use crate::clock::Clock;

/// What an upstream was spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum UpstreamSpeaks {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2.
    Http2,
}

/// One request and its response as format strings see them.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    /// The request.
    pub(super) request: &'v Request<'v>,
    /// Its lines now.
    pub(super) lines: &'v [Line<'v>],
    /// The response's lines now; none before there is one.
    pub(super) response: &'v [Line<'v>],
    /// The response's status; 0 before there is one.
    pub(super) status: u16,
    /// Why the gateway answers itself.
    pub(super) reason: Option<Reason>,
    /// The rule's name.
    pub(super) route: &'v str,
    /// The cluster's name.
    pub(super) cluster: Option<&'v str>,
    /// The endpoint.
    pub(super) endpoint: Option<SocketAddr>,
    /// What it speaks; `None` before it was asked.
    pub(super) upstream: Option<UpstreamSpeaks>,
    /// Our end of the connection to it.
    pub(super) upstream_local: Option<SocketAddr>,
    /// The other end of the client connection.
    pub(super) peer: Option<SocketAddr>,
    /// Our end of it.
    pub(super) local: Option<SocketAddr>,
    /// Its number.
    pub(super) connection: u64,
    /// This machine's name.
    pub(super) hostname: &'v str,
    /// Tells the time.
    pub(super) clock: &'v Clock,
    /// Milliseconds since the request began.
    pub(super) elapsed: u64,
    /// Tries so far.
    pub(super) tries: u32,
}

impl<'v> View<'v> {
    /// A request before anything came of it.
    pub(super) fn of<D: Downstream>(asked: &'v Asked<'_, D>, lines: &'v [Line<'v>]) -> Self {
        let client = asked.caller();
        Self {
            request: asked.request,
            lines,
            response: &[],
            status: 0,
            reason: None,
            route: asked.decision.rule.map_or("", |rule| &rule.name),
            cluster: None,
            endpoint: None,
            upstream: None,
            upstream_local: None,
            peer: client.peer,
            local: client.local,
            connection: client.guest.number(),
            hostname: &client.worker.hostname,
            clock: &client.worker.clock,
            elapsed: client.elapsed(asked.request.began),
            tries: 0,
        }
    }
}

impl Variables for View<'_> {
    fn request_header(&self, name: &str) -> Option<&[u8]> {
        match name {
            ":method" => Some(self.request.method.as_str().as_bytes()),
            ":path" => Some(self.request.target().as_bytes()),
            ":authority" | "host" => Some(self.request.authority.as_bytes()),
            ":scheme" => Some(self.request.scheme.as_str().as_bytes()),
            _ => first(self.lines, name),
        }
    }

    fn response_header(&self, name: &str) -> Option<&[u8]> {
        first(self.response, name)
    }

    fn start_time(&self) -> SystemTime {
        // Asked for rarely: the calendar is not read for every request.
        let elapsed = self.clock.now().saturating_duration_since(self.request.began);
        self.clock.wall().checked_sub(elapsed).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn address(&self, of: AddressOf) -> Option<SocketAddr> {
        match of {
            AddressOf::DownstreamRemote => self.request.client,
            AddressOf::DownstreamDirectRemote => self.peer,
            AddressOf::DownstreamLocal | AddressOf::DownstreamDirectLocal => self.local,
            AddressOf::UpstreamRemote => self.endpoint,
            AddressOf::UpstreamLocal => self.upstream_local,
        }
    }

    fn number(&self, which: Number) -> Option<u64> {
        match which {
            Number::ResponseCode => Some(u64::from(self.status)),
            Number::Duration => Some(self.elapsed),
            Number::ResponseDuration => self.upstream.map(|_| self.elapsed),
            Number::ConnectionId => Some(self.connection),
            Number::UpstreamAttempts => Some(u64::from(self.tries)),
            _ => None,
        }
    }

    fn text(&self, which: Text) -> Option<Cow<'_, str>> {
        let text = match which {
            Text::Protocol => self.request.protocol.as_str(),
            Text::UpstreamProtocol => match self.upstream.unwrap_or_default() {
                UpstreamSpeaks::Http1 => "HTTP/1.1",
                UpstreamSpeaks::Http2 => "HTTP/2",
            },
            Text::ResponseCodeDetails => self.reason.map_or("via_upstream", Reason::detail),
            Text::ResponseFlags => self.reason.map(Reason::flag)?,
            Text::UpstreamHost => return Some(Cow::Owned(self.endpoint?.to_string())),
            Text::UpstreamCluster | Text::UpstreamClusterRaw => self.cluster?,
            Text::RouteName => self.route,
            Text::Hostname => self.hostname,
            Text::StreamId => str::from_utf8(first(self.lines, "x-request-id")?).ok()?,
            _ => return None,
        };
        (!text.is_empty()).then_some(Cow::Borrowed(text))
    }
}

fn first<'l>(lines: &'l [Line<'l>], name: &str) -> Option<&'l [u8]> {
    lines.iter().find(|line| line.name == name).map(|line| line.value)
}
