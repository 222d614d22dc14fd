//! A tunnel through an HTTP proxy, for bytes that are handed on: asked for on a connection or
//! stream of its own, and open once the answer's head says so. Nothing that the client says leaves
//! before.
//!
//! The words are Envoy's. HTTP/1 takes every 2xx for a yes, HTTP/2 only 200. Unlike in Envoy the
//! answer has to come in the time for connecting, and the end of one direction leaves the other.

mod ahead;
mod post;

use std::io;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, StatusCode};
use propylon_snapshot::{Http2Settings, Reason, Tunnel, TunnelMethod, UpstreamProtocol};
use tokio::time::{Instant, timeout_at};

use ahead::Ahead;
use post::Post;

use super::server::Server;
use crate::buffers::{Buffer, Buffers};
use crate::http1::{Framing, Method, Parsed, Refusal, ResponseHead};
use crate::http2;
use crate::io::{Io, read, readable, write_all};
use crate::limits::INTERIM_RESPONSES_MAX;
use crate::upstream::{ConnectError, Ends, LiveCluster, LiveEndpoint, Outcome};

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoTunnel {
    /// There is no connection to ask on.
    #[error("{0}")]
    Unconnected(#[from] ConnectError),
    /// There is no HTTP/2 connection to ask on.
    #[error("no HTTP/2 connection: {}", .0.detail())]
    NoStream(Reason),
    /// The far end cannot be asked for.
    #[error("it cannot be asked for: {0}")]
    Target(#[from] http::Error),
    /// The answer is no.
    #[error("the answer was {0}")]
    Declined(u16),
    /// The answer is none.
    #[error("the answer was malformed: {0}")]
    Malformed(#[from] Refusal),
    /// There were more interim answers than anyone sends.
    #[error("the answer was interim again and again")]
    Undecided,
    /// The connection ended before the answer.
    #[error("it broke off before an answer: {0}")]
    Broken(#[from] io::Error),
    /// The stream ended before the answer.
    #[error("it broke off before an answer: {0}")]
    Reset(#[from] h2::Error),
    /// There was no answer in time.
    #[error("there was no answer within {0:?}")]
    Late(Duration),
}

/// Opens a tunnel through an endpoint, in HTTP/2 where the cluster speaks that, and counts, notes
/// and tells what becomes of it.
///
/// # Errors
/// See [`NoTunnel`].
pub(super) async fn open(
    buffers: &Buffers,
    (live, endpoint): (&LiveCluster, &Rc<LiveEndpoint>),
    tunnel: &Tunnel,
    ends: Ends,
) -> Result<Server, NoTunnel> {
    let limit = live.connect_timeout();
    let deadline = Instant::now() + limit;
    let opened = match live.protocol() {
        UpstreamProtocol::Http1 => {
            let connection = endpoint.connect_alone(limit, ends).await?;
            endpoint.counters().upstream_cx_http1_total.add(1);
            timeout_at(deadline, on_connection(connection, tunnel, buffers)).await
        }
        // Nobody speaks HTTP to the gateway here, and Envoy then prefers HTTP/2, too.
        UpstreamProtocol::Http2(settings) | UpstreamProtocol::AsClient(settings) => {
            timeout_at(deadline, on_stream(endpoint, (settings, limit), tunnel, ends)).await
        }
    };
    let opened = opened.unwrap_or(Err(NoTunnel::Late(limit)));
    match &opened {
        Ok(_) | Err(NoTunnel::Unconnected(_) | NoTunnel::NoStream(_)) => {}
        Err(why) => {
            note(endpoint, why);
            live.complain_of_tunnel(endpoint, &format!("{tunnel}: {why}"));
        }
    }
    opened
}

/// Counts an endpoint that was reached and opened no tunnel. Envoy takes its no for a connection
/// that failed.
fn note(endpoint: &LiveEndpoint, why: &NoTunnel) {
    let counters = endpoint.counters();
    match why {
        NoTunnel::Late(_) => {
            counters.upstream_cx_connect_fail.add(1);
            counters.upstream_cx_connect_timeout.add(1);
            return endpoint.note(Outcome::Late);
        }
        NoTunnel::Target(_) => return,
        NoTunnel::Malformed(_) | NoTunnel::Undecided => counters.upstream_cx_protocol_error.add(1),
        _ => {}
    }
    endpoint.note(Outcome::Broke);
}

/// Asks in HTTP/1, on a connection that is the tunnel afterwards.
async fn on_connection<I: Io + 'static>(
    way: I,
    tunnel: &Tunnel,
    buffers: &Buffers,
) -> Result<Server, NoTunnel> {
    let Tunnel { method, target } = tunnel;
    let (head, asked) = match method {
        TunnelMethod::Connect => {
            (format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n"), Method::Connect)
        }
        TunnelMethod::Post => {
            let lines = format!("host: {target}\r\ntransfer-encoding: chunked\r\n");
            (format!("POST / HTTP/1.1\r\n{lines}\r\n"), Method::Post)
        }
    };
    write_all(&way, head.as_bytes()).await?;
    // No buffer is held while the proxy thinks. An error shows again in the read that follows.
    let _ = readable(&way).await;
    let mut buffer = buffers.small();
    let answered = answer(&way, &mut buffer, asked, buffers).await;
    let behind = buffer.filled().to_vec();
    buffers.give_back(buffer);
    let way = Ahead::new(way, behind);
    Ok(match (answered?, method) {
        // Whatever its lines say about a length (RFC 9110 section 9.3.6).
        (_, TunnelMethod::Connect) => Server::Through(Rc::new(way)),
        (framing, TunnelMethod::Post) => Server::Through(Rc::new(Post::new(way, framing))),
    })
}

/// Reads an answer's head, and leaves what lies behind it in the buffer.
async fn answer(
    way: &impl Io,
    buffer: &mut Buffer,
    asked: Method,
    buffers: &Buffers,
) -> Result<Framing, NoTunnel> {
    let mut head = ResponseHead::new();
    let mut interims = 0;
    loop {
        match read(way, buffer.free_mut()).await? {
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            got => buffer.fill(got),
        }
        while !buffer.is_empty() {
            let Parsed::Complete { head_len } = head.parse(buffer.filled_mut())? else { break };
            buffer.consume(head_len);
            match head.status() {
                200..=299 => return Ok(head.framing(asked)),
                _ if head.is_interim() => interims += 1,
                status => return Err(NoTunnel::Declined(status)),
            }
            if interims > INTERIM_RESPONSES_MAX {
                return Err(NoTunnel::Undecided);
            }
        }
        buffer.make_room(buffers);
    }
}

/// Asks in HTTP/2, on a stream that is the tunnel afterwards; others may share its connection.
async fn on_stream(
    endpoint: &Rc<LiveEndpoint>,
    (settings, limit): (Http2Settings, Duration),
    tunnel: &Tunnel,
    ends: Ends,
) -> Result<Server, NoTunnel> {
    let request = request(tunnel, endpoint.is_secured())?;
    let place = endpoint.place(settings, limit, (None, ends)).await.map_err(NoTunnel::NoStream)?;
    let (response, send) = place.open(request, false)?;
    let response = response.await?;
    match response.status() {
        StatusCode::OK => {
            let stream = http2::Tunnel::new(send, response.into_body());
            Ok(Server::Stream(Box::new((stream, place))))
        }
        status => Err(NoTunnel::Declined(status.as_u16())),
    }
}

fn request(tunnel: &Tunnel, secured: bool) -> Result<Request<()>, http::Error> {
    let Tunnel { method, target } = tunnel;
    let scheme = if secured { "https" } else { "http" };
    let asked = match method {
        TunnelMethod::Connect => Request::connect(&**target),
        TunnelMethod::Post => Request::post(format!("{scheme}://{target}/")),
    };
    asked.version(http::Version::HTTP_2).body(())
}

#[cfg(test)]
mod tests;
