//! Requests that wait where there may be no more connections, when some speak HTTP/1 and others
//! HTTP/2 to one endpoint (DestinationRule `useClientProtocol`).

use http::Response;
use propylon_snapshot::{Http2Settings, Limits};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use super::*;

/// Accepts for ever and speaks HTTP/2 on each connection, one stream at a time.
async fn one_stream_at_a_time(origin: Origin) {
    loop {
        let socket = origin.accept().await;
        spawn_local(async move {
            let mut builder = h2::server::Builder::new();
            let mut connection = builder
                .max_concurrent_streams(1)
                .handshake::<_, bytes::Bytes>(socket)
                .await
                .unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                let _ = respond.send_response(Response::new(()), true);
            }
        });
    }
}

fn bounded(address: SocketAddr, connections: u32) -> Cluster {
    let limits = Limits { connections: Some(connections), ..Limits::default() };
    let protocol = UpstreamProtocol::AsClient(Http2Settings::default());
    Cluster { limits, protocol, ..cluster("a", listed(&[address])) }
}

async fn place(endpoint: Rc<LiveEndpoint>) -> Place {
    let settings = Http2Settings { max_concurrent_streams: Some(1), keep_alive: None };
    endpoint.place(settings, LIMIT, (Some("a.test"), NOBODY)).await.unwrap()
}

async fn connection(endpoint: Rc<LiveEndpoint>) -> Connection {
    endpoint.connect(LIMIT, (Purpose::Bytes, NOBODY)).await.unwrap()
}

/// Begins something and lets it come as far as it can without others.
async fn begun<T: 'static>(
    endpoint: &LiveEndpoint,
    waits: impl Future<Output = T> + 'static,
) -> JoinHandle<T> {
    let before = endpoint.held.pool.counts().1;
    let task = spawn_local(waits);
    until(|| endpoint.held.pool.counts().1 > before).await;
    task
}

async fn within_time(all: impl Future<Output = ()>) {
    let all = tokio::time::timeout(LIMIT, all);
    LocalSet::new().run_until(all).await.expect("it waits for ever");
}

async fn done<T>(task: JoinHandle<T>) -> T {
    task.await.unwrap()
}

#[tokio::test]
async fn a_stream_that_ends_is_not_lost_on_a_request_that_cannot_use_it() {
    within_time(async {
        let origin = Origin::new().await;
        let mut world = World::new(SystemResolver);
        let endpoint = first(world.publish(vec![bounded(origin.address(), 2)]));
        spawn_local(one_stream_at_a_time(origin));
        let held = connection(Rc::clone(&endpoint)).await;
        let placed = place(Rc::clone(&endpoint)).await;
        let one = begun(&endpoint, connection(Rc::clone(&endpoint))).await;
        let two = begun(&endpoint, place(Rc::clone(&endpoint))).await;
        drop(placed);
        let two = done(two).await;
        let other = begun(&endpoint, place(Rc::clone(&endpoint))).await;
        held.release();
        done(one).await;
        drop(two);
        done(other).await;
    })
    .await;
}

#[tokio::test]
async fn connections_of_one_protocol_never_keep_the_other_from_its_first() {
    within_time(async {
        let origin = Origin::new().await;
        let mut world = World::new(SystemResolver);
        let endpoint = first(world.publish(vec![bounded(origin.address(), 1)]));
        spawn_local(one_stream_at_a_time(origin));
        let _placed = place(Rc::clone(&endpoint)).await;
        let _held = connection(Rc::clone(&endpoint)).await;
        assert_eq!(endpoint.held.pool.counts(), (2, 0));
    })
    .await;
}
