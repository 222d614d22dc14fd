//! HTTP/1.1 keep-alive: one request at a time.

use std::io;
use std::sync::Arc;

use tokio::time::Instant;

use crate::link::{Link, Settings};
use crate::workload::ASKED;

pub async fn one_connection(
    port: u16,
    tls: Option<Settings>,
    request: Arc<[u8]>,
    until: Instant,
) -> io::Result<f64> {
    let mut link = Link::connect(port, tls.as_ref()).await?;
    let mut buf = vec![0; 128 * 1024];
    let mut requests = 0;
    while Instant::now() < until {
        link.send(&request).await?;
        answer(&mut link, &mut buf).await?;
        requests += 1;
    }
    link.close().await?;
    Ok(f64::from(requests))
}

/// One small request and its answer.
pub async fn ask(link: &mut Link) -> io::Result<()> {
    link.send(ASKED.as_bytes()).await?;
    answer(link, &mut vec![0; 4096]).await
}

/// Reads one whole answer.
pub async fn answer(link: &mut Link, buf: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    loop {
        let read = link.receive(&mut buf[filled..]).await?;
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
                let read = link.receive(buf).await?;
                if read == 0 {
                    return Err(io::Error::other("closed within a body"));
                }
                left = left.saturating_sub(read);
            }
            return Ok(());
        }
    }
}
