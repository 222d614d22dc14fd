//! Closed-loop load: each connection or stream asks again when the answer to its last question is
//! complete. Answers are checked: anything but the expected one ends the run.

pub mod requests;
pub mod streams;

mod bulk;
mod connections;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::link::{self, Link};
use crate::workload::{Call, Load, Workload};

/// What a run achieved.
pub struct Done {
    /// In the workload's unit.
    pub units: f64,
    pub elapsed: Duration,
}

/// How much is asked at once.
#[derive(Clone, Copy)]
pub struct Width {
    /// Connections that carry one request at a time.
    pub connections: usize,
    /// Connections that carry many, and how many each.
    pub multiplexed: (usize, usize),
    /// Connections that are being made.
    pub arriving: usize,
    /// Connections that bytes are poured through.
    pub pouring: usize,
}

/// Loads the proxy at `port` for `span`.
pub fn run(port: u16, workload: &Workload, width: Width, span: Duration) -> io::Result<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let begun = Instant::now();
        let until = begun + span;
        let units = match workload.load {
            Load::Requests { request, upload, secured } => {
                let tls = secured.then(|| link::tls("http/1.1", false)).transpose()?;
                let mut request = request.as_bytes().to_vec();
                request.resize(request.len() + upload, b'x');
                let request = Arc::<[u8]>::from(request);
                let one =
                    || requests::one_connection(port, tls.clone(), Arc::clone(&request), until);
                together(width.connections, one).await?
            }
            Load::Streams { call, secured } => {
                let tls = secured.then(|| link::tls("h2", false)).transpose()?;
                let (connections, streams) = width.multiplexed;
                let one = || streams::one_connection(port, tls.clone(), (call, streams), until);
                together(connections, one).await?
            }
            Load::Connections { handshake } => {
                let one = || connections::one_after_the_other(port, handshake, until);
                together(width.arriving, one).await?
            }
            Load::Bulk => together(width.pouring, || bulk::one_connection(port, until)).await?,
        };
        Ok(Done { units, elapsed: begun.elapsed() })
    })
}

/// Runs so many at once and adds up what they achieve.
async fn together<F>(count: usize, one: impl Fn() -> F) -> io::Result<f64>
where
    F: Future<Output = io::Result<f64>> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|_| tokio::spawn(one())).collect();
    let mut units = 0.0;
    for task in tasks {
        units += task.await.map_err(io::Error::other)??;
    }
    Ok(units)
}

/// A connection that has served one request and now waits for another.
pub async fn idle(port: u16, entry: Idle, tls: Option<&link::Settings>) -> io::Result<Link> {
    let mut link = Link::connect(port, tls).await?;
    match entry {
        Idle::Http1 => requests::ask(&mut link).await?,
        Idle::Http2 => streams::ask(&mut link, Call::Get).await?,
    }
    link.rest();
    Ok(link)
}

/// What an idle connection speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    Http1,
    Http2,
}
