//! The cheapest backend that still speaks HTTP/1.1 keep-alive: one thread, fixed answers.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Where it listens; the peers' configurations name it.
pub const PORT: u16 = 19000;

/// Starts it on a thread of its own.
pub fn start() -> std::io::Result<()> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", PORT))?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(stream));
            }
        });
    });
    Ok(())
}

async fn serve(mut stream: TcpStream) {
    let small = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello";
    let mut large = b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n\
        content-length: 65536\r\n\r\n"
        .to_vec();
    large.resize(large.len() + 65536, b'x');
    let mut buf = vec![0; 16 * 1024];
    let mut filled = 0;
    while let Ok(read) = stream.read(&mut buf[filled..]).await {
        filled += read;
        if read == 0 || filled == buf.len() {
            return;
        }
        if !buf[..filled].ends_with(b"\r\n\r\n") {
            continue;
        }
        let answer = if buf.starts_with(b"GET /static/") { &large[..] } else { &small[..] };
        if stream.write_all(answer).await.is_err() {
            return;
        }
        filled = 0;
    }
}
