//! What a connection costs that only waits: the growth of the proxy's own memory over many idle
//! connections, each of which has served one request.

use std::io;
use std::time::Duration;

use crate::client::{self, Idle};
use crate::link;
use crate::peer::{Peer, Running};
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

/// Measures and prints every kind at every proxy, each in a process of its own.
pub fn measure(peers: &[Peer], count: usize) -> io::Result<()> {
    println!("Bytes of the proxy's memory per idle connection:\n");
    println!(
        "| idle connections | {} |",
        peers.iter().map(|p| p.name).collect::<Vec<_>>().join(" | ")
    );
    println!("|---|{}", "---|".repeat(peers.len()));
    for (name, entry, speaks, protocol) in KINDS {
        let mut cells = Vec::new();
        for peer in peers {
            let count = count.min(peer.connections_max);
            let tls = protocol.map(|protocol| link::tls(protocol, false)).transpose()?;
            let cell = peer
                .clone()
                .start()
                .map_err(io::Error::other)
                .and_then(|running| one(&running, *entry, *speaks, tls.as_ref(), count));
            cells.push(match cell {
                Ok(bytes) => format!("{bytes:.0} ({count})"),
                Err(why) => {
                    eprintln!("SKIPPED: {name}: {}: {why}", peer.name);
                    "-".into()
                }
            });
        }
        println!("| {name} | {} |", cells.join(" | "));
    }
    println!("\n(in parentheses: how many connections were open)");
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
