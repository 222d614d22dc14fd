//! An origin that speaks HTTP/2 and answers what the one of HTTP/1 would: the same bytes, said in
//! the other version.

use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, server};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::harness::message::{Body, Head, Lengthless, Reader};
use crate::harness::origin::Received;

/// What an origin answers to a request, in the words of HTTP/1.
pub(crate) type Reply = fn(&Received) -> String;

/// A server behind the gateway.
pub(crate) struct Http2Origin {
    pub(crate) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    /// Ends its thread when it is dropped.
    _stop: oneshot::Sender<()>,
}

impl Http2Origin {
    pub(crate) fn replies(reply: Reply) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = oneshot::channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind an origin");
        let address: SocketAddr = listener.local_addr().expect("the origin's address");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let record = Arc::clone(&received);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = accept(&listener, reply, &record) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { port: address.port(), received, _stop: stop }
    }

    /// Everything received up to now, which is then forgotten.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().expect("no test panics with it"))
    }
}

async fn accept(listener: &TcpListener, reply: Reply, record: &Arc<Mutex<Vec<Received>>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(serve(stream, reply, Arc::clone(record)));
    }
}

async fn serve(stream: TcpStream, reply: Reply, record: Arc<Mutex<Vec<Received>>>) {
    let Ok(mut connection) = server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let record = Arc::clone(&record);
        // The gateway may end a stream at any moment; what it did is judged by the record.
        tokio::spawn(async move {
            let _ = answer(request, respond, reply, &record).await;
        });
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    reply: Reply,
    record: &Mutex<Vec<Received>>,
) -> Result<(), h2::Error> {
    let received = read(request).await?;
    let text = reply(&received);
    let method = received.method().to_owned();
    record.lock().expect("no test panics with it").push(received);
    let mut reader = Reader::new(Cursor::new(text.into_bytes()));
    loop {
        let head = reader.head().ok().flatten().expect("a reply with a head");
        let response = translated(&head);
        if response.status().is_informational() {
            respond.send_informational(response)?;
            continue;
        }
        let status = response.status();
        let bodyless = method == "HEAD" || [204, 304].contains(&status.as_u16());
        let body = if bodyless { Ok(Body::default()) } else { body(&mut reader, &head) };
        let body = body.expect("a reply with a whole body");
        let ends = body.bytes.is_empty() && body.trailers.is_empty();
        let mut stream = respond.send_response(response, ends)?;
        if !ends {
            stream.send_data(Bytes::from(body.bytes), body.trailers.is_empty())?;
        }
        if !body.trailers.is_empty() {
            stream.send_trailers(fields(&body.trailers))?;
        }
        return Ok(());
    }
}

fn body(reader: &mut Reader<Cursor<Vec<u8>>>, head: &Head) -> std::io::Result<Body> {
    reader.body(head, Lengthless::UntilClose)
}

/// The request as the record has it: pseudo-headers first, as they are named on the wire.
async fn read(request: Request<RecvStream>) -> Result<Received, h2::Error> {
    let (head, mut stream) = request.into_parts();
    let target = head.uri.path_and_query().map_or("", |it| it.as_str());
    let first = format!("{} {target} HTTP/2", head.method);
    let mut headers = vec![
        (":authority".to_owned(), head.uri.authority().map(ToString::to_string)),
        (":scheme".to_owned(), head.uri.scheme_str().map(str::to_owned)),
    ];
    headers.retain(|(_, value)| value.is_some());
    let pseudo = headers.into_iter().map(|(name, value)| (name, value.unwrap_or_default()));
    let headers = pseudo.chain(lines(&head.headers)).collect();
    let mut bytes = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part?;
        stream.flow_control().release_capacity(part.len())?;
        bytes.extend(part);
    }
    let trailers = stream.trailers().await?.map_or_else(Vec::new, |it| lines(&it));
    let head = Head { first, headers, raw: String::new() };
    Ok(Received { head, body: Body { bytes, trailers }, connection: 0 })
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// A head of HTTP/1 without what concerns its connection.
fn translated(head: &Head) -> Response<()> {
    let status = head.first.split(' ').nth(1).and_then(|word| word.parse::<u16>().ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = Response::new(());
    *response.status_mut() = status.expect("a status");
    *response.headers_mut() = fields(&head.headers);
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        response.headers_mut().remove(name);
    }
    response
}

fn fields(lines: &[(String, String)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        })
        .collect()
}
