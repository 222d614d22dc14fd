//! The demo's own client: sends an exchange's request to the gateway and shows the answer as curl
//! does.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::exchange::Request;

/// An answer as curl prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Its status.
    pub status: u16,
    /// Status line, headers, and the first lines of the body.
    pub text: String,
}

/// Sends `request` to the gateway at `address`.
///
/// # Errors
/// When there is no answer, or not in time.
pub(crate) async fn ask(address: SocketAddr, request: &Request) -> io::Result<Shown> {
    match tokio::time::timeout(ANSWER_TIMEOUT, exchange(address, request)).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn exchange(address: SocketAddr, request: &Request) -> io::Result<Shown> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let mut outgoing = hyper::Request::builder()
        .method(request.method.as_str())
        .uri(request.target.as_str())
        .header("host", request.authority(address.port()))
        .header("user-agent", "curl");
    for (name, value) in &request.headers {
        if !name.eq_ignore_ascii_case("host") {
            outgoing = outgoing.header(name, value);
        }
    }
    let body = Full::new(Bytes::from(request.body.clone()));
    let outgoing = outgoing.body(body).map_err(io::Error::other)?;
    let (head, body) = sender.send_request(outgoing).await.map_err(io::Error::other)?.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    connection.abort();

    let reason = head.status.canonical_reason().unwrap_or_default();
    let mut text = format!("HTTP/1.1 {} {reason}\n", head.status.as_u16());
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    let body = String::from_utf8_lossy(&body);
    if !body.is_empty() {
        text.push('\n');
        let shown: Vec<&str> = body.lines().take(BODY_LINES_SHOWN).collect();
        text.push_str(&shown.join("\n"));
        text.push_str(if body.lines().count() > BODY_LINES_SHOWN { "\n...\n" } else { "\n" });
    }
    Ok(Shown { status: head.status.as_u16(), text })
}

/// Longer than httpbin's longest delay.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Lines of a body that are printed; the head is what an example is about.
const BODY_LINES_SHOWN: usize = 12;
