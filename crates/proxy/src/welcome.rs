//! What becomes of an accepted connection: the preface that its listener wants, then HTTP or bytes
//! that are handed on. It decides by the snapshot and knows no protocol itself.

use std::rc::Rc;

use propylon_snapshot::{RouteTableId, Serves, Snapshot, TcpRoute, Termination, Then};

use crate::arrival::{Arrival, Ends};
use crate::captured;
use crate::http::{self, admission, secure};
use crate::io::{Io, Stream};
use crate::listener::{Door, Hello, Unfit, client_hello, proxy_header};
use crate::tcp;
use crate::upstream::Wanted;
use crate::worker::Worker;

/// Serves one accepted connection in a task of its own.
pub(crate) fn welcome(worker: &Rc<Worker>, door: &Rc<Door>, stream: Stream) {
    if !admission::fits(stream.descriptor(), worker.guests.len()) {
        worker.counters.connections_overflow.add(1);
        return;
    }
    let (generation, position) = door.current();
    let snapshot = generation.snapshot();
    match snapshot.listeners.get(position).map(|listener| &listener.serves) {
        Some(Serves::Captured(_)) => {
            return worker.spawn(captured::receive(Arrival::new(worker, door), stream));
        }
        Some(Serves::Proxy(_)) => {
            return worker.spawn(captured::receive_proxy(Arrival::new(worker, door), stream));
        }
        Some(Serves::Http(_) | Serves::Tcp(_) | Serves::Tls(_)) | None => {}
    }
    match way(snapshot, position, None) {
        Some(Way::Http(table)) if !snapshot.proxy_protocol => {
            let ends = (stream.peer(), stream.local());
            let routed = (Rc::clone(&generation), table);
            http::welcome(worker, (Rc::clone(door), routed), (stream, ends));
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
    /// TLS ends here, by the settings of this chain; requests are routed by this table.
    Secured(usize, RouteTableId),
    /// TLS ends here, by the settings of this chain; decrypted bytes are handed on.
    Decrypted(usize, &'s TcpRoute),
}

/// Where the listener at `position` sends a connection that said `hello`; `None` where it must be
/// asked for a hello first, or where nothing answers.
fn way<'s>(snapshot: &'s Snapshot, position: usize, hello: Option<&Hello>) -> Option<Way<'s>> {
    match &snapshot.listeners.get(position)?.serves {
        Serves::Http(table) => Some(Way::Http(*table)),
        Serves::Tcp(route) => Some(Way::Tcp(route)),
        // A listener that became another with a reload.
        Serves::Captured(_) | Serves::Proxy(_) => None,
        Serves::Tls(names) => {
            let hello = hello?;
            let position = names.position(hello.server_name.as_deref())?;
            let chain = &names.chains()[position];
            if !chain.offered.admits(hello.alpn.iter().map(|one| &**one)) {
                return None;
            }
            match (&chain.termination, &chain.then) {
                (Termination::Passthrough, Then::Tcp(route)) => Some(Way::Tcp(route)),
                (Termination::Terminate(_), Then::Http(table)) => {
                    Some(Way::Secured(position, *table))
                }
                (Termination::Terminate(_), Then::Tcp(route)) => {
                    Some(Way::Decrypted(position, route))
                }
                (Termination::Passthrough, Then::Http(_)) => None,
            }
        }
    }
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
    let name = hello.as_ref().and_then(|hello| hello.server_name.as_deref());
    let wanted = Wanted { meant: None, name };
    match way(generation.snapshot(), position, hello.as_ref()) {
        Some(Way::Http(table)) => {
            let routed = (Rc::clone(&generation), table);
            http::welcome(&worker, (Rc::clone(&arrival.door), routed), (stream, ends));
        }
        Some(Way::Secured(chain, table)) => {
            let door = Rc::clone(&arrival.door);
            let way = secure::Way { door, generation, listener: position, chain };
            // Boxed: a connection that is served does not carry its handshake along.
            let served = Box::pin(secure::serving(&worker, way, table, (stream, ends))).await;
            if let Some(served) = served {
                worker.spawn(served);
            }
        }
        Some(Way::Decrypted(chain, route)) => {
            let door = Rc::clone(&arrival.door);
            let held = Rc::clone(&generation);
            let way = secure::Way { door, generation: held, listener: position, chain };
            let shaken = Box::pin(secure::shake(&worker, &way, stream)).await;
            let Some(stream) = shaken.map(|shaken| shaken.stream) else { return };
            let opened = Box::pin(tcp::open(&worker, &generation, route, (ends, wanted))).await;
            drop((way, generation));
            match opened {
                Some(opened) => opened.relay(&worker, &stream).await,
                None => stream.farewell(),
            }
        }
        Some(Way::Tcp(route)) => {
            let opened = Box::pin(tcp::open(&worker, &generation, route, (ends, wanted))).await;
            // What is chosen stays chosen: an old configuration need not live as long as its
            // longest connection.
            drop(generation);
            if let Some(opened) = opened {
                opened.relay(&worker, &stream).await;
            }
        }
        None => {
            let named = hello.is_some_and(|hello| hello.server_name.is_some());
            if named && generation.snapshot().alert_unknown_names {
                arrival.alert(&stream).await;
            } else {
                arrival.refuse(&stream);
            }
        }
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
        Some(listener) => matches!(listener.serves, Serves::Tls(_)),
        None => false,
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
