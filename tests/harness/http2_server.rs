//! An origin that speaks HTTP/2 and does what a script tells it for every stream: answers, holds,
//! refuses, leaves or breaks off.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use h2::server::{self, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// A server behind the gateway.
pub(crate) struct Http2Server {
    address: SocketAddr,
    record: Arc<Record>,
    gate: watch::Sender<bool>,
    /// Ends its thread when it is dropped.
    _stop: oneshot::Sender<()>,
}

#[derive(Default)]
struct Record {
    connections: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
}

/// A request as a script sees it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    /// Which connection it came over, from 0, and which request of that it is, from 0.
    pub(crate) connection: usize,
    pub(crate) number: usize,
}

/// What becomes of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// Reads the body and answers with its length.
    Answers,
    /// The same, when [`Http2Server::let_go`] is called.
    Holds,
    /// Answers when the test lets go, and reads nothing before.
    ReadsNothing,
    /// RST_STREAM with REFUSED_STREAM.
    Refuses,
    /// Says GOAWAY, then answers.
    Leaves,
    /// Closes the connection.
    Breaks,
}

impl Http2Server {
    /// A server that follows a script; the windows of streams and connections are in bytes.
    pub(crate) fn does(
        (stream, connection): (u32, u32),
        script: impl Fn(&Asked) -> Does + Send + Sync + 'static,
    ) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind an origin");
        let address = listener.local_addr().expect("the origin's address");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let (record, script) = (Arc::new(Record::default()), Arc::new(script));
        let (stop, stopped) = oneshot::channel();
        let (gate, open) = watch::channel(false);
        let seen = Arc::clone(&record);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let accepting = async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                let mut builder = server::Builder::new();
                builder.initial_window_size(stream).initial_connection_window_size(connection);
                loop {
                    let Ok((socket, _)) = listener.accept().await else { continue };
                    let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                    let opening = builder.clone();
                    let open = open.clone();
                    tokio::spawn(async move {
                        let number = seen.connections.fetch_add(1, Ordering::AcqRel);
                        if let Ok(made) = opening.handshake(socket).await {
                            serve(made, number, (script.as_ref(), &seen, open)).await;
                        }
                    });
                }
            };
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = accepting => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, record, gate, _stop: stop }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets everything go on that is held.
    pub(crate) fn let_go(&self) {
        self.gate.send_replace(true);
    }

    /// Holds what is to be held from now on, again.
    pub(crate) fn hold(&self) {
        self.gate.send_replace(false);
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.record.connections.load(Ordering::Acquire)
    }

    /// Everything asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.record.asked.lock().expect("no test panics with it").clone()
    }
}

async fn serve(
    mut made: Connection<TcpStream, Bytes>,
    connection: usize,
    (script, record, open): (&(impl Fn(&Asked) -> Does + ?Sized), &Record, watch::Receiver<bool>),
) {
    let mut number = 0;
    while let Some(Ok((request, mut respond))) = made.accept().await {
        let asked = Asked { path: request.uri().path().to_owned(), connection, number };
        number += 1;
        let does = script(&asked);
        record.asked.lock().expect("no test panics with it").push(asked);
        match does {
            Does::Refuses => respond.send_reset(Reason::REFUSED_STREAM),
            Does::Breaks => return,
            Does::Answers | Does::Holds | Does::ReadsNothing | Does::Leaves => {
                if does == Does::Leaves {
                    made.graceful_shutdown();
                }
                // The gateway may end a stream at any moment.
                let open = open.clone();
                tokio::spawn(async move { drop(answer(request, respond, does, open).await) });
            }
        }
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    does: Does,
    mut open: watch::Receiver<bool>,
) -> Result<(), h2::Error> {
    if does == Does::ReadsNothing {
        // Whoever leaves is noticed: what it sent is dropped, and room made for others.
        tokio::select! {
            _ = open.wait_for(|open| *open) => {}
            _ = poll_fn(|cx| respond.poll_reset(cx)) => return Ok(()),
        }
    }
    let mut body = request.into_body();
    let mut len = 0;
    while let Some(part) = body.data().await {
        let part = part?;
        len += part.len();
        body.flow_control().release_capacity(part.len())?;
    }
    if does == Does::Holds {
        let _ = open.wait_for(|open| *open).await;
    }
    let mut stream = respond.send_response(Response::new(()), false)?;
    stream.send_data(Bytes::from(len.to_string()), true)
}
