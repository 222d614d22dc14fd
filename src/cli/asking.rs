//! Asking a running gateway: one page of its admin server, as bytes. Knows HTTP and no page.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::failure::Failure;

/// The page of the gateway whose admin answers at `address`.
///
/// # Errors
/// When nobody answers there in time, or not with this page.
pub(super) fn page(address: SocketAddr, path: &str) -> Result<Bytes, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async {
        match tokio::time::timeout(ANSWER_TIMEOUT, exchange(address, path)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(io::ErrorKind::TimedOut.into()),
        }
    });
    let (status, body) = answer.map_err(|source| {
        Failure::Other(format!(
            "no gateway answers at http://{address}/: {source}; is `propylon run` serving, and its \
             admin there? --admin says where"
        ))
    })?;
    if status != hyper::StatusCode::OK {
        let said = String::from_utf8_lossy(&body);
        let said = said.lines().next().unwrap_or_default();
        return Err(Failure::Other(format!("http://{address}{path} answers {status}: {said}")));
    }
    Ok(body)
}

async fn exchange(address: SocketAddr, path: &str) -> io::Result<(hyper::StatusCode, Bytes)> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path).header(HOST, address.to_string());
    let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    let body = Limited::new(body, PAGE_BYTES_MAX).collect().await.map_err(io::Error::other)?;
    connection.abort();
    Ok((head.status, body.to_bytes()))
}

/// Longer than a gateway waits for its own workers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A page of a hundred thousand endpoints is smaller.
const PAGE_BYTES_MAX: usize = 256 * 1024 * 1024;
