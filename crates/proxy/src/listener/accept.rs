//! Accepting: takes connections in batches and hands each to its own task. Never gives up: a lack
//! of descriptors or memory only makes it wait.

use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use tokio::net::{TcpListener, UnixListener};

use super::door::Door;
use super::socket::Socket;
use crate::io::Stream;
use crate::limits::{ACCEPT_BACKOFF, ACCEPT_BATCH_MAX};
use crate::worker::Worker;

/// What is done with an accepted connection.
pub(crate) type Welcome = fn(&Rc<Worker>, &Rc<Door>, Stream);

/// Accepts from `socket` until the door is shut; `welcome` gets every connection.
///
/// # Errors
/// Only when the reactor refuses the socket at the start.
pub(crate) async fn accept(
    worker: Rc<Worker>,
    door: Rc<Door>,
    socket: Socket,
    welcome: Welcome,
) -> io::Result<()> {
    let listening = match socket {
        Socket::Tcp(socket) => Listening::Tcp(TcpListener::from_std(socket)?),
        Socket::Unix(socket) => Listening::Unix(UnixListener::from_std(socket)?),
    };
    let mut shut = pin!(door.shutting());
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = listening.accept() => accepted,
            () = &mut shut => break,
        };
        let mut accepted = Some(accepted);
        for _ in 0..ACCEPT_BATCH_MAX {
            match accepted {
                Some(accepted) => greet(accepted, &worker, &door, welcome).await,
                None => break,
            }
            accepted = listening.accept_now().await;
        }
        if let Some(accepted) = accepted {
            greet(accepted, &worker, &door, welcome).await;
            tokio::task::yield_now().await;
        }
    }
    // What the kernel has accepted already is served: closing the socket would reset those clients.
    while let Some(accepted) = listening.accept_now().await {
        greet(accepted, &worker, &door, welcome).await;
    }
    Ok(())
}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listening {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(socket) => Ok(Stream::accepted(socket.accept().await?.0)),
            Self::Unix(socket) => Ok(Stream::from_unix(socket.accept().await?.0)),
        }
    }

    /// A connection that is waiting already; `None` if there is none.
    async fn accept_now(&self) -> Option<io::Result<Stream>> {
        let mut accept = pin!(self.accept());
        std::future::poll_fn(|cx| match accept.as_mut().poll(cx) {
            Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }
}

async fn greet(
    accepted: io::Result<Stream>,
    worker: &Rc<Worker>,
    door: &Rc<Door>,
    welcome: Welcome,
) {
    match accepted {
        Ok(stream) => welcome(worker, door, stream),
        Err(error) if is_clients_own(&error) => {}
        Err(error) => {
            worker.counters.accept_failures.add(1);
            tracing::warn!(%error, "accept failed; trying again soon");
            tokio::time::sleep(ACCEPT_BACKOFF).await;
        }
    }
}

/// The client gave up while it waited in the queue, or a signal came: nothing is lacking.
fn is_clients_own(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::NotConnected
            | Kind::InvalidInput
            | Kind::Interrupted
    )
}
