//! Connections that serve one request each, one after the other.

use std::io;

use tokio::time::Instant;

use super::requests;
use crate::link::{self, Link};
use crate::workload::Handshake;

pub async fn one_after_the_other(
    port: u16,
    handshake: Option<Handshake>,
    until: Instant,
) -> io::Result<f64> {
    let resuming = handshake == Some(Handshake::Resumed);
    let tls = handshake.map(|_| link::tls("http/1.1", resuming)).transpose()?;
    let mut made = 0;
    while Instant::now() < until {
        let mut link = Link::connect(port, tls.as_ref()).await?;
        // The first has nothing to resume.
        if link.is_resumed() != (resuming && made > 0) {
            return Err(io::Error::other("resumed where it should not, or not where it should"));
        }
        // The tickets for the next connection come before the answer.
        requests::ask(&mut link).await?;
        link.close().await?;
        made += 1;
    }
    Ok(f64::from(made))
}
