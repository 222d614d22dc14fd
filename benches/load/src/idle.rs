//! What a connection costs that only waits: the growth of the proxy's own memory over many idle
//! connections, each of which has served one request.

use std::io;
use std::time::Duration;

use crate::client::{self, Idle};
use crate::link;
use crate::peer::{Peer, Running};
use crate::report::Report;
use crate::workload::Entry;

/// What idle connections speak, and where they come in.
const KINDS: &[(&str, Entry, Idle, Option<&str>)] = &[
    ("HTTP/1.1", Entry::Http, Idle::Http1, None),
    ("HTTP/1.1 over TLS", Entry::Tls, Idle::Http1, Some("http/1.1")),
    ("HTTP/2", Entry::Http2, Idle::Http2, None),
    ("HTTP/2 over TLS", Entry::Tls, Idle::Http2, Some("h2")),
];

/// Connections that come and go before anything is measured: they fill pools and caches.
const WARM_UP: usize = 256;

/// Connections that are being made at a time.
const ARRIVING: usize = 16;

/// Time for a proxy to give back what it needs no more.
const SETTLE: Duration = Duration::from_secs(1);

/// Measures every kind at every proxy, each in a process of its own.
pub fn measure(peers: &[Peer], count: usize, report: &mut Report) -> io::Result<()> {
    for (kind, entry, speaks, protocol) in KINDS {
        for peer in peers {
            let count = count.min(peer.connections_max);
            let tls = protocol.map(|protocol| link::tls(protocol, false)).transpose()?;
            let started = peer.clone().start().map_err(io::Error::other);
            match started.and_then(|peer| one(&peer, *entry, *speaks, tls.as_ref(), count)) {
                Ok(bytes) => report.idle(kind, peer.name, bytes),
                Err(why) => eprintln!("SKIPPED: idle {kind}: {}: {why}", peer.name),
            }
        }
    }
    Ok(())
}

/// Bytes per connection.
fn one(
    running: &Running,
    entry: Entry,
    speaks: Idle,
    tls: Option<&link::Settings>,
    count: usize,
) -> io::Result<f64> {
    let port = running.peer().port(entry);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let open = async |count: usize| {
            let each = || {
                let tls = tls.cloned();
                let share = count / ARRIVING;
                async move {
                    let mut links = Vec::with_capacity(share);
                    for _ in 0..share {
                        links.push(client::idle(port, speaks, tls.as_ref()).await?);
                    }
                    Ok::<_, io::Error>(links)
                }
            };
            let tasks: Vec<_> = (0..ARRIVING).map(|_| tokio::spawn(each())).collect();
            let mut links = Vec::with_capacity(count);
            for task in tasks {
                links.extend(task.await.map_err(io::Error::other)??);
            }
            tokio::time::sleep(SETTLE).await;
            Ok::<_, io::Error>(links)
        };
        drop(open(WARM_UP).await?);
        tokio::time::sleep(SETTLE).await;
        let before = running.anonymous_kib();
        let links = open(count).await?;
        let after = running.anonymous_kib();
        Ok(after.saturating_sub(before) as f64 * 1024.0 / links.len() as f64)
    })
}
