//! The cheapest backends that still speak their protocol, all on one thread: HTTP/1.1 keep-alive
//! with fixed answers, a source that never runs dry, and gRPC.

mod grpc;

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::workload::UPLOAD_BYTES;

/// Where HTTP/1.1 is spoken; the peers' configurations name these three.
const HTTP_PORT: u16 = 19000;
/// Where bytes come from as fast as they are taken.
const SOURCE_PORT: u16 = 19001;
/// Where gRPC is spoken over plaintext HTTP/2.
const GRPC_PORT: u16 = 19002;

/// Starts them on a thread of their own.
pub fn start() -> io::Result<()> {
    let bind = |port| {
        let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        Ok::<_, io::Error>(listener)
    };
    let (http, source, grpc) = (bind(HTTP_PORT)?, bind(SOURCE_PORT)?, bind(GRPC_PORT)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::join!(
                accept(http, serve_http),
                accept(source, serve_bytes),
                accept(grpc, grpc::serve),
            )
        });
    });
    Ok(())
}

/// Serves every connection in a task of its own; what goes wrong with one, the client notices.
async fn accept<F>(listener: std::net::TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve(stream));
    }
}

async fn serve_http(mut stream: TcpStream) -> io::Result<()> {
    let small = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello";
    let mut large = b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n\
        content-length: 65536\r\n\r\n"
        .to_vec();
    large.resize(large.len() + 65536, b'x');
    let mut buf = vec![0; 16 * 1024];
    let mut body = vec![0; UPLOAD_BYTES];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buf[filled..]).await?;
        filled += read;
        if read == 0 {
            return Ok(());
        }
        let Some(end) = buf[..filled].windows(4).position(|end| end == b"\r\n\r\n") else {
            continue;
        };
        if buf.starts_with(b"POST ") {
            let mut left = (end + 4 + UPLOAD_BYTES).saturating_sub(filled);
            while left > 0 {
                let read = stream.read(&mut body).await?;
                if read == 0 {
                    return Ok(());
                }
                left = left.saturating_sub(read);
            }
        }
        let answer = if buf.starts_with(b"GET /static/") { &large[..] } else { &small[..] };
        stream.write_all(answer).await?;
        filled = 0;
    }
}

async fn serve_bytes(mut stream: TcpStream) -> io::Result<()> {
    let bytes = vec![b'x'; 256 * 1024];
    loop {
        stream.write_all(&bytes).await?;
    }
}
