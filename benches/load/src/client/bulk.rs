//! Bytes, taken as fast as they come.

use std::io;

use tokio::time::{Instant, timeout_at};

use crate::link::Link;

pub async fn one_connection(port: u16, until: Instant) -> io::Result<f64> {
    let mut link = Link::connect(port, None).await?;
    let mut buf = vec![0; 256 * 1024];
    let mut bytes = 0;
    while let Ok(read) = timeout_at(until, link.receive(&mut buf)).await {
        match read? {
            0 => return Err(io::Error::other("the source ran dry")),
            read => bytes += read,
        }
    }
    if bytes == 0 {
        return Err(io::Error::other("no byte came"));
    }
    Ok(bytes as f64 / f64::from(1 << 30))
}
