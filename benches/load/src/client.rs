//! Closed-loop load: so many keep-alive connections, each sending its next request when the answer
//! to the last is complete. Answers are checked: anything but the expected 200 ends the run.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::Workload;

/// What a run achieved.
pub struct Load {
    pub requests: u64,
    pub elapsed: Duration,
}

/// Loads the proxy at `port` for `span`.
pub fn run(port: u16, workload: &Workload, connections: usize, span: Duration) -> io::Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let begun = Instant::now();
        let until = begun + span;
        let tasks: Vec<_> = (0..connections)
            .map(|_| tokio::spawn(one_connection(port, workload.request, until)))
            .collect();
        let mut requests = 0;
        for task in tasks {
            requests += task.await.map_err(io::Error::other)??;
        }
        Ok(Load { requests, elapsed: begun.elapsed() })
    })
}

async fn one_connection(port: u16, request: &str, until: Instant) -> io::Result<u64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut buf = vec![0; 128 * 1024];
    let mut requests = 0;
    while Instant::now() < until {
        stream.write_all(request.as_bytes()).await?;
        answer(&mut stream, &mut buf).await?;
        requests += 1;
    }
    Ok(requests)
}

/// Reads one whole answer.
async fn answer(stream: &mut TcpStream, buf: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buf[filled..]).await?;
        if read == 0 {
            return Err(io::Error::other("closed within an answer"));
        }
        filled += read;
        let head = buf[..filled].windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(end) = head {
            let head = String::from_utf8_lossy(&buf[..end]).to_lowercase();
            if !head.starts_with("http/1.1 200") {
                return Err(io::Error::other(format!("unexpected answer: {head}")));
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length
                .and_then(|length| length.trim().parse().ok())
                .ok_or_else(|| io::Error::other(format!("no content-length: {head}")))?;
            let mut left = (end + 4 + length).saturating_sub(filled);
            while left > 0 {
                let read = stream.read(buf).await?;
                if read == 0 {
                    return Err(io::Error::other("closed within a body"));
                }
                left = left.saturating_sub(read);
            }
            return Ok(());
        }
    }
}
