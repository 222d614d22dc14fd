//! What becomes of connections that leave a workload: captured ones by the address that they were
//! meant for, those of an explicit proxy by the host and port that CONNECT names. The snapshot
//! decides; this only asks a connection what it speaks where that matters.

use std::net::IpAddr;
use std::rc::Rc;

use propylon_snapshot::{Captured, RouteTableId, Snapshot, TcpRoute, Then};

use crate::aim::{Aim, host_and_port, outbound};
use crate::arrival::{Arrival, Ends};
use crate::http;
use crate::io::{Io, Stream};
use crate::listener::{Asking, First, asking, first_bytes};
use crate::tcp;
use crate::upstream::Generation;

/// Serves a connection that the kernel redirected here.
pub(crate) async fn receive(arrival: Arrival, stream: Stream) {
    // A client that connects here on purpose was not captured: handing it on would lead it here
    // again.
    let original = stream.original_destination();
    match original.filter(|meant| Some(*meant) != stream.local()) {
        Some(meant) => serve(arrival, stream, Aim::Address(meant)).await,
        None => arrival.refuse(&stream),
    }
}

/// Serves a connection to an explicit proxy.
pub(crate) async fn receive_proxy(arrival: Arrival, stream: Stream) {
    let Ok(asked) = asking(&stream, &arrival.worker.relay).await else {
        return arrival.refuse(&stream);
    };
    match asked {
        Asking::Requests => {
            let (generation, position) = arrival.door.current();
            match Aim::Each.table(generation.snapshot(), position) {
                Some(table) => requests(&arrival, stream, (generation, table), Aim::Each),
                None => arrival.refuse(&stream),
            }
        }
        Asking::Connect(authority) => {
            let aim = host_and_port(&authority, HTTPS_PORT)
                .map(|(host, port)| Aim::Named(host.into(), port));
            let (generation, position) = arrival.door.current();
            let snapshot = generation.snapshot();
            let known = aim.filter(|aim| is_defined(snapshot, position, aim));
            drop(generation);
            let Some(aim) = known else {
                let _ = crate::io::write_all(&stream, REFUSED).await;
                return stream.farewell();
            };
            if crate::io::write_all(&stream, ESTABLISHED).await.is_ok() {
                serve(arrival, stream, aim).await;
            }
        }
    }
}

/// True if some object defines what CONNECT names. By an address alone that cannot be told of
/// ports where server names decide.
fn is_defined(snapshot: &Snapshot, position: usize, aim: &Aim) -> bool {
    let Some(listener) = outbound(snapshot, position).and_then(|all| aim.listener(all)) else {
        return false;
    };
    let Aim::Named(host, _) = aim else { return true };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let reaches = |route: &TcpRoute| {
        route.destinations.iter().any(|one| !snapshot.passes_through(&one.target))
    };
    listener.http.is_some()
        || listener.bytes.as_ref().is_some_and(reaches)
        || listener.names.lookup(Some(host)).is_some()
        || bare.parse::<IpAddr>().is_ok()
}

/// Where a connection goes on.
enum Way<'s> {
    Http(RouteTableId),
    Tcp(&'s TcpRoute),
}

/// Asks a connection what it speaks, if that matters, and sends it on its way.
async fn serve(arrival: Arrival, stream: Stream, aim: Aim) {
    let detects = {
        let (generation, position) = arrival.door.current();
        let outbound = outbound(generation.snapshot(), position);
        outbound.and_then(|all| aim.listener(all)).is_some_and(Captured::detects)
    };
    let first = match detects {
        true => match first_bytes(&stream, &arrival.worker.relay).await {
            Ok(first) => Some(first),
            Err(_) => return arrival.refuse(&stream),
        },
        false => None,
    };
    // The generation of this moment: a reload may have come while the client was talking.
    let (generation, position) = arrival.door.current();
    match way(generation.snapshot(), position, &aim, first.as_ref()) {
        Some(Way::Http(table)) => requests(&arrival, stream, (generation, table), aim),
        Some(Way::Tcp(route)) => {
            let server_name = match &first {
                Some(First::Hello(hello)) => hello.server_name.as_deref(),
                Some(First::Http | First::Bytes) | None => None,
            };
            let wanted = aim.wanted(server_name);
            let who = (ends(&stream, &aim), wanted);
            let opened = Box::pin(tcp::open(&arrival.worker, &generation, route, who)).await;
            drop(generation);
            match opened {
                Some(opened) => opened.relay(&arrival.worker, &stream).await,
                None => stream.abort(),
            }
        }
        None => arrival.refuse(&stream),
    }
}

fn way<'s>(
    snapshot: &'s Snapshot,
    position: usize,
    aim: &Aim,
    first: Option<&First>,
) -> Option<Way<'s>> {
    let outbound = outbound(snapshot, position)?;
    let Some(listener) = aim.listener(outbound) else {
        // What nobody defined is reached by its address only.
        return aim.address().and(outbound.otherwise()).map(Way::Tcp);
    };
    let bytes = || listener.bytes.as_ref().map(Way::Tcp);
    match first {
        Some(First::Hello(hello)) => {
            let chain = listener.names.lookup(hello.server_name.as_deref());
            match chain.map(|chain| &chain.then) {
                Some(Then::Tcp(route)) => Some(Way::Tcp(route)),
                Some(Then::Http(_)) | None => bytes(),
            }
        }
        Some(First::Bytes) => bytes(),
        Some(First::Http) | None => listener.http.map(Way::Http).or_else(bytes),
    }
}

/// Who asks, and for what address.
fn ends(stream: &Stream, aim: &Aim) -> Ends {
    (stream.peer(), aim.address().or_else(|| stream.local()))
}

/// Serves requests.
fn requests(arrival: &Arrival, stream: Stream, routed: (Rc<Generation>, RouteTableId), aim: Aim) {
    let ends = ends(&stream, &aim);
    let door = Rc::clone(&arrival.door);
    http::welcome_aimed(&arrival.worker, (door, routed), (stream, ends), aim);
}

const HTTPS_PORT: u16 = 443;
/// The answer to a CONNECT that is carried out.
const ESTABLISHED: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
/// The answer to a CONNECT to what nobody defined: that of Istio's `block_all`.
const REFUSED: &[u8] =
    b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
