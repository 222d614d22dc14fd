//! What becomes of an accepted connection: the preface that its listener wants, then HTTP or bytes
//! that are handed on. It decides by the snapshot and knows no protocol itself.

use std::net::SocketAddr;
use std::rc::Rc;

use propylon_snapshot::{
    Listener, RouteTableId, ServerNames, Serves, Snapshot, TcpRoute, Termination, Then,
};

use crate::guests::Guest;
use crate::http::{self, admission};
use crate::io::{Io, Stream};
use crate::listener::{Door, Hello, Unfit, client_hello, proxy_header};
use crate::runtime::Worker;
use crate::tcp;

/// The client's end and ours; `None` for Unix sockets.
pub(crate) type Ends = (Option<SocketAddr>, Option<SocketAddr>);

/// Serves one accepted connection in a task of its own.
pub(crate) fn welcome(worker: &Rc<Worker>, door: &Rc<Door>, stream: Stream) {
    if !admission::fits(stream.descriptor(), worker.guests.len()) {
        worker.counters.connections_overflow.add(1);
        return;
    }
    let (generation, position) = door.current();
    let snapshot = generation.snapshot();
    match way(snapshot, position, None) {
        Some(Way::Http(table)) if !snapshot.proxy_protocol => {
            let ends = (stream.peer(), stream.local());
            http::welcome(worker, (door, ends), (Rc::clone(&generation), table), stream);
        }
        Some(Way::Tls) if !snapshot.proxy_protocol => {
            let ends = (stream.peer(), stream.local());
            http::welcome_tls(worker, (door, ends), (Rc::clone(&generation), position), stream);
        }
        _ => {
            let arrival = Arrival::new(worker, door);
            worker.spawn(receive(arrival, stream));
        }
    }
}

/// Where a connection goes.
enum Way<'s> {
    /// Requests are routed by this table.
    Http(RouteTableId),
    /// Bytes are handed on.
    Tcp(&'s TcpRoute),
    /// TLS ends here.
    Tls,
}

/// Where the listener at `position` sends a connection that said `hello`; `None` where it must be
/// asked for a hello first, or where nothing answers.
fn way<'s>(snapshot: &'s Snapshot, position: usize, hello: Option<&Hello>) -> Option<Way<'s>> {
    match &snapshot.listeners.get(position)?.serves {
        Serves::Http(table) => Some(Way::Http(*table)),
        Serves::Tcp(route) => Some(Way::Tcp(route)),
        // Whoever ends TLS reads the hello itself, and refuses names that are not served.
        Serves::Tls(names) if !passes_through(names) => Some(Way::Tls),
        Serves::Tls(names) => {
            let chain = names.lookup(hello?.server_name.as_deref())?;
            match (&chain.termination, &chain.then) {
                (Termination::Passthrough, Then::Tcp(route)) => Some(Way::Tcp(route)),
                (Termination::Passthrough, Then::Http(_)) => None,
                (Termination::Terminate(_), _) => Some(Way::Tls),
            }
        }
    }
}

/// True if some server name's TLS is not ended here: then the name must be known first.
fn passes_through(names: &ServerNames) -> bool {
    names.chains().iter().any(|chain| matches!(chain.termination, Termination::Passthrough))
}

/// Reads what comes before the first request or byte, and sends the connection on its way. One that
/// does not say what is wanted is reset without an answer, as Envoy does.
async fn receive(arrival: Arrival, stream: Stream) {
    let worker = Rc::clone(&arrival.worker);
    let mut ends = (stream.peer(), stream.local());
    let Ok(hello) = preface(&arrival, &stream, &mut ends).await else {
        return arrival.refuse(&stream);
    };
    // The generation of this moment: a reload may have come while the client was talking.
    let (generation, position) = arrival.door.current();
    match way(generation.snapshot(), position, hello.as_ref()) {
        Some(Way::Http(table)) => {
            http::welcome(&worker, (&arrival.door, ends), (Rc::clone(&generation), table), stream);
        }
        Some(Way::Tls) => {
            http::welcome_tls(&worker, (&arrival.door, ends), (generation, position), stream);
        }
        Some(Way::Tcp(route)) => {
            let opened = Box::pin(tcp::open(&worker, &generation, route)).await;
            // What is chosen stays chosen: an old configuration need not live as long as its
            // longest connection.
            drop(generation);
            if let Some(opened) = opened {
                opened.relay(&worker, &stream).await;
            }
        }
        None => arrival.refuse(&stream),
    }
}

async fn preface(
    arrival: &Arrival,
    stream: &Stream,
    ends: &mut Ends,
) -> Result<Option<Hello>, Unfit> {
    let (generation, position) = arrival.door.current();
    let snapshot = generation.snapshot();
    let wants_header = snapshot.proxy_protocol;
    let wants_hello = match snapshot.listeners.get(position) {
        Some(Listener { serves: Serves::Tls(names), .. }) => passes_through(names),
        Some(_) | None => false,
    };
    drop(generation);
    let buffer = &arrival.worker.relay;
    if wants_header && let Some(told) = proxy_header(stream, buffer).await? {
        *ends = (Some(told.source), Some(told.destination));
    }
    match wants_hello {
        true => client_hello(stream, buffer).await.map(Some),
        false => Ok(None),
    }
}

/// A connection that is no HTTP client yet, or never will be; one of the worker's as long as it
/// lives.
struct Arrival {
    worker: Rc<Worker>,
    door: Rc<Door>,
    guest: Rc<Guest>,
}

impl Arrival {
    fn new(worker: &Rc<Worker>, door: &Rc<Door>) -> Self {
        let guest = worker.guests.enter(door);
        // Its own limits of time hold; the sweep for idle HTTP connections passes it over.
        guest.work();
        Self { worker: Rc::clone(worker), door: Rc::clone(door), guest }
    }

    fn refuse(&self, stream: &Stream) {
        self.worker.counters.connections_unfit.add(1);
        stream.abort();
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.worker.counters.panics.add(1);
        }
        self.worker.guests.exit(&self.guest);
        self.worker.connection_ended();
    }
}
