//! A client that says a request of the table in HTTP/2, on a connection of its own, and notes the
//! answer in the same lines as the one of HTTP/1.

use std::future::{Future as _, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request as Head, Uri};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::harness::PATIENCE;
use crate::outcome::sorted;
use crate::table::Request;

/// The request in HTTP/2's words, if it has any there: bytes that are raw and headers that are
/// about a connection of HTTP/1 have none.
pub(crate) fn translated(request: &Request, scheme: &str) -> Option<Head<()>> {
    let parts = request.parts.as_ref()?;
    let whole = parts.target.starts_with('/') && !parts.target.contains('#');
    let uri = Uri::builder().scheme(scheme).authority(parts.host.as_str());
    let uri = uri.path_and_query(parts.target.as_str()).build().ok().filter(|_| whole)?;
    let mut head = Head::builder().method(Method::from_bytes(parts.method.as_bytes()).ok()?);
    for line in &parts.lines {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let hop = [CONNECTION, HOST, TRANSFER_ENCODING, UPGRADE].contains(&name);
        if hop || ["keep-alive", "proxy-connection", "te"].contains(&name.as_str()) {
            return None;
        }
        // Lines of HTTP/1 begin and end with what is no part of the value.
        head = head.header(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    head.uri(uri).body(()).ok()
}

/// What comes back, as lines.
pub(crate) fn asked(request: &Request, gateway: SocketAddr) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let stream = TcpStream::connect(gateway).await.expect("connect to the gateway");
        let mut lines = Vec::new();
        let asking = exchange(request, "http", stream, &mut lines);
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => lines.push(format!("answer cut: {}", described(&error))),
            Err(_) => lines.push("answer none".to_owned()),
        }
        lines
    })
}

/// One request and its answer on a stream of bytes of its own.
pub(crate) async fn exchange(
    request: &Request,
    scheme: &str,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    lines: &mut Vec<String>,
) -> Result<(), h2::Error> {
    let (client, connection) = h2::client::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await?;
    let head = translated(request, scheme).expect("a request that HTTP/2 can say");
    let body = request.parts.as_ref().and_then(|parts| parts.body.clone());
    let (mut response, mut sender) = client.send_request(head, body.is_none())?;
    if let Some(body) = body {
        // The gateway may refuse before it has read everything.
        let _ = sender.send_data(Bytes::from(body), true);
    }
    let answer = poll_fn(|waker| {
        while let Poll::Ready(Some(Ok(interim))) = response.poll_informational(waker) {
            lines.push(format!("interim {}", interim.status().as_u16()));
            lines.extend(shown(interim.headers()).map(|line| format!("interim   {line}")));
        }
        Pin::new(&mut response).poll(waker)
    });
    let (head, mut body) = answer.await?.into_parts();
    lines.push(format!("answer {}", head.status.as_u16()));
    lines.extend(shown(&head.headers).map(|line| format!("answer   {line}")));
    let mut bytes = Vec::new();
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        bytes.extend(part);
    }
    if !bytes.is_empty() {
        lines.push(format!("answer body {:?}", String::from_utf8_lossy(&bytes)));
    }
    if let Some(trailers) = body.trailers().await? {
        lines.extend(shown(&trailers).map(|line| format!("answer trailer {line}")));
    }
    drop(client);
    connection.abort();
    Ok(())
}

fn shown(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let value = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let lines: Vec<_> = headers.iter().map(|(name, it)| (name.as_str(), value(it))).collect();
    sorted(lines.iter().map(|(name, value)| (*name, value.as_str()))).into_iter()
}

/// The error without what differs from run to run.
fn described(error: &h2::Error) -> String {
    let kind = match (error.is_reset(), error.is_go_away()) {
        (true, _) => "stream reset",
        (_, true) => "connection ended",
        _ => "connection closed",
    };
    match error.reason() {
        Some(reason) => format!("{kind}, {reason:?}"),
        None => kind.to_owned(),
    }
}
