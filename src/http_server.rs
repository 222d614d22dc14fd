//! One small HTTP/1.1 server for the control side (admin, readiness) and the demo's backends.
//! hyper on the control runtime, bounded in everything; the data plane never comes through here.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// A whole answer; bodies here are small enough to be held.
pub(crate) type Answer = Response<Full<Bytes>>;

/// An answer on its way.
pub(crate) type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// What answers one server's requests.
pub(crate) trait Serve: Send + Sync + 'static {
    /// The answer to `request`, which arrived at `local`. A body that is not read is dropped.
    fn answer(&self, request: Request<Incoming>, local: SocketAddr) -> Answering<'_>;
}

/// Binds `address` for [`serve`]; a port that was in use a moment ago is ours again.
///
/// # Errors
/// When the address is taken or not ours.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until `stop` says true; then running requests get a moment to end.
pub(crate) async fn serve(
    listener: TcpListener,
    service: Arc<dyn Serve>,
    stop: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stopping = stop.clone();
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stopping) => return,
        };
        let stream = match accepted {
            Ok((stream, _peer)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the control side could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (service, stop) = (Arc::clone(&service), stop.clone());
        tokio::spawn(async move {
            connection(stream, service, stop).await;
            drop(permit);
        });
    }
}

async fn connection(stream: TcpStream, service: Arc<dyn Serve>, mut stop: watch::Receiver<bool>) {
    let Ok(local) = stream.local_addr() else { return };
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request: Request<Incoming>| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request, local).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_headers(HEADERS_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), answer));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(GOODBYE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of the control side ended badly");
    }
}

/// Ends when `stop` is true or nobody is left to say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// An answer with a body of the given type.
#[must_use]
pub(crate) fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// An answer without a body.
#[must_use]
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// Plain text.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
/// JSON.
pub(crate) const JSON: &str = "application/json";
/// HTML.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// Connections of one server at a time; probes and scrapers need a handful, a demo's load some
/// more.
const CONNECTIONS_MAX: usize = 1024;
/// Header lines of one request.
const HEADERS_MAX: usize = 100;
/// A client that dribbles its head, or keeps a connection without asking, is cut off after this.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long running answers may take after the program was asked to stop.
const GOODBYE: Duration = Duration::from_millis(500);
/// Between attempts to accept when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
