//! Backends that speak HTTP/2: with the `h2` crate where they behave, frame by frame where not.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use propylon_snapshot::{Http2Settings, Snapshot, UpstreamProtocol};
use tokio::net::TcpListener;

use super::origin::{Log, Origin};
use super::wire::Wire;

type Served = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A request on a stream, and where its answer goes.
pub struct Stream {
    pub request: Request<RecvStream>,
    pub respond: SendResponse<Bytes>,
    pub log: Arc<Log>,
}

/// The same world, with every cluster spoken to in HTTP/2.
pub fn over_http2(world: Snapshot) -> Snapshot {
    over_http2_with(world, Http2Settings::default())
}

/// The same world, with every cluster spoken to in HTTP/2 so.
pub fn over_http2_with(mut world: Snapshot, settings: Http2Settings) -> Snapshot {
    for cluster in &mut world.clusters {
        cluster.protocol = UpstreamProtocol::Http2(settings);
    }
    world
}

/// A backend that serves every stream so.
pub async fn streams(serve: impl Fn(Stream) -> Served + Clone + Send + Sync + 'static) -> Origin {
    streams_with(server::Builder::new(), serve).await
}

/// A backend with other settings.
pub async fn streams_with(
    builder: server::Builder,
    serve: impl Fn(Stream) -> Served + Clone + Send + Sync + 'static,
) -> Origin {
    Origin::serving(move |wire, log, _| {
        let (serve, builder) = (serve.clone(), builder.clone());
        Box::pin(async move {
            let Ok(mut connection) = builder.handshake::<_, Bytes>(wire.stream).await else {
                return;
            };
            while let Some(Ok((request, respond))) = connection.accept().await {
                log.note(&told(&request));
                tokio::spawn(serve(Stream { request, respond, log: Arc::clone(&log) }));
            }
        })
    })
    .await
}

/// A request's head as text: pseudo-headers, then lines.
fn told(request: &Request<RecvStream>) -> String {
    let mut text = format!("{} {}\r\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    text + "\r\n"
}

impl Stream {
    /// Answers with a status, a body and trailers.
    pub fn answer(&mut self, status: u16, body: &str, trailers: &[(&'static str, &str)]) {
        let response = Response::builder().status(status).body(()).unwrap();
        let Ok(mut send) = self.respond.send_response(response, false) else { return };
        let _ = send.send_data(Bytes::copy_from_slice(body.as_bytes()), trailers.is_empty());
        if !trailers.is_empty() {
            let _ = send.send_trailers(fields(trailers));
        }
    }

    /// Begins an answer.
    pub fn begin(&mut self) -> SendStream<Bytes> {
        self.respond.send_response(Response::new(()), false).unwrap()
    }

    /// Reads the request to its end.
    pub async fn body(&mut self) -> (Vec<u8>, Option<HeaderMap>) {
        let mut all = Vec::new();
        let body = self.request.body_mut();
        while let Some(Ok(part)) = body.data().await {
            all.extend_from_slice(&part);
            body.flow_control().release_capacity(part.len()).unwrap();
        }
        (all, body.trailers().await.unwrap_or_default())
    }
}

/// A client's HTTP/2 connection.
pub struct Caller {
    pub handle: h2::client::SendRequest<Bytes>,
}

impl Caller {
    /// Speaks HTTP/2 to a plaintext port without being asked.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::connect_with(&h2::client::Builder::new(), address).await
    }

    /// The same with other settings.
    pub async fn connect_with(builder: &h2::client::Builder, address: SocketAddr) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (handle, connection) = builder.handshake(stream).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Self { handle }
    }

    /// Sends a head for host `a.test`.
    pub async fn open(
        &mut self,
        method: &str,
        path: &str,
        lines: &[(&'static str, &str)],
        ends: bool,
    ) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
        let uri = format!("http://a.test{path}");
        let mut request = Request::builder().method(method).uri(uri).body(()).unwrap();
        *request.headers_mut() = fields(lines);
        poll_fn(|cx| self.handle.poll_ready(cx)).await.unwrap();
        self.handle.send_request(request, ends).unwrap()
    }

    /// One whole exchange.
    pub async fn ask(
        &mut self,
        (method, path): (&str, &str),
        lines: &[(&'static str, &str)],
        body: &[u8],
    ) -> Whole {
        let (response, mut send) = self.open(method, path, lines, body.is_empty()).await;
        let body = Bytes::copy_from_slice(body);
        let up = async {
            if !body.is_empty() {
                send_all(&mut send, body, true).await;
            }
        };
        let down = async { Whole::of(response.await.unwrap()).await };
        let ((), whole) = tokio::join!(up, down);
        whole
    }
}

/// An answer with everything behind it.
#[derive(Debug)]
pub struct Whole {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
    /// It ended with its head.
    pub bare: bool,
}

impl Whole {
    pub async fn of(response: Response<RecvStream>) -> Self {
        let (head, mut recv) = response.into_parts();
        let bare = recv.is_end_stream();
        let mut body = Vec::new();
        while let Some(part) = recv.data().await {
            let part = part.unwrap();
            body.extend_from_slice(&part);
            recv.flow_control().release_capacity(part.len()).unwrap();
        }
        let trailers = recv.trailers().await.unwrap();
        Self { status: head.status.as_u16(), headers: head.headers, body, trailers, bare }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Fields of a section.
pub fn fields(list: &[(&'static str, &str)]) -> HeaderMap {
    list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

/// Sends all of it as the peer takes it; how much it took before it broke off.
pub async fn send_all(send: &mut SendStream<Bytes>, mut data: Bytes, ends: bool) -> usize {
    let len = data.len();
    while !data.is_empty() {
        send.reserve_capacity(data.len());
        if send.capacity() == 0 {
            match poll_fn(|cx| send.poll_capacity(cx)).await {
                Some(Ok(_)) => continue,
                _ => return len - data.len(),
            }
        }
        let part = data.split_to(send.capacity().min(data.len()));
        if send.send_data(part, ends && data.is_empty()).is_err() {
            return len - data.len();
        }
    }
    len
}

/// A frame.
#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;

/// The head `:status: 200`.
pub const OK: &[u8] = &[0x88];

/// A frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `200` with a body, both in one.
pub fn answer(stream: u32, body: &str) -> Vec<u8> {
    [frame(HEADERS, 4, stream, OK), frame(DATA, 1, stream, body.as_bytes())].concat()
}

/// The GOAWAY that takes streams up to `last` on.
pub fn going_away(last: u32, code: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat())
}

/// A connection that is spoken to frame by frame.
pub struct Raw {
    pub wire: Wire,
    pub log: Arc<Log>,
    /// From 0.
    pub number: usize,
}

impl Raw {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.wire.try_send(bytes).await;
    }

    /// The next frame; SETTINGS are acknowledged.
    pub async fn next(&mut self) -> Option<Frame> {
        let head = self.wire.try_exactly(9).await?;
        let len = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let payload = if len == 0 { Vec::new() } else { self.wire.try_exactly(len).await? };
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let frame = Frame { kind: head[3], flags: head[4], stream, payload };
        if frame.kind == SETTINGS && frame.flags == 0 {
            self.send(self::frame(SETTINGS, 1, 0, b"")).await;
        }
        Some(frame)
    }

    /// The next request's stream, noted in the log.
    pub async fn request(&mut self) -> Option<u32> {
        loop {
            let frame = self.next().await?;
            if frame.kind == HEADERS {
                self.log.note(&format!("stream {} of {}", frame.stream, self.number));
                return Some(frame.stream);
            }
        }
    }
}

/// A backend that speaks raw frames on every connection, after the first settings.
pub async fn raw(serve: impl Fn(Raw) -> Served + Send + Sync + 'static) -> Origin {
    let serve = Arc::new(serve);
    Origin::serving(move |mut wire, log, number| {
        let serve = Arc::clone(&serve);
        Box::pin(async move {
            if wire.try_exactly(24).await.is_some() {
                wire.try_send(frame(SETTINGS, 0, 0, b"")).await;
                serve(Raw { wire, log, number }).await;
            }
        })
    })
    .await
}

/// An address where a listener accepts and never says a word.
pub async fn mute() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap(), listener)
}
