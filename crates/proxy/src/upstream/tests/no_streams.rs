//! An HTTP/2 endpoint that allows no stream at all (SETTINGS_MAX_CONCURRENT_STREAMS 0) and answers
//! all the same.

use http::Request;
use propylon_snapshot::Http2Settings;
use tokio::io::AsyncReadExt;
use tokio::task::{LocalSet, spawn_local};

use super::*;

const PREFACE_BYTES: usize = 24;
/// A SETTINGS frame that allows no stream.
const NO_STREAMS: [u8; 15] = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0];
const HEADERS: u8 = 1;

/// Accepts for ever, says at once that no stream is allowed, and answers every one with 200.
async fn no_streams(origin: Origin) {
    loop {
        let mut socket = origin.accept().await;
        spawn_local(async move {
            socket.write_all(&NO_STREAMS).await.unwrap();
            let mut skipped = [0; PREFACE_BYTES];
            socket.read_exact(&mut skipped).await.unwrap();
            let mut head = [0; 9];
            while socket.read_exact(&mut head).await.is_ok() {
                let [_, high, low, kind, _, stream @ ..] = head;
                let mut payload = vec![0; usize::from(u16::from_be_bytes([high, low]))];
                socket.read_exact(&mut payload).await.unwrap();
                if kind == HEADERS {
                    let [a, b, c, d] = stream;
                    // Ends headers and stream; `:status: 200` from HPACK's static table.
                    socket.write_all(&[0, 0, 1, HEADERS, 5, a, b, c, d, 0x88]).await.unwrap();
                }
            }
        });
    }
}

#[tokio::test]
async fn each_request_has_one_connection_which_ends_with_it() {
    let all = async {
        let origin = Origin::new().await;
        let mut world = World::new(SystemResolver);
        let endpoint = first(world.publish(vec![cluster("a", listed(&[origin.address()]))]));
        spawn_local(no_streams(origin));
        for _ in 0..20 {
            let settings = Http2Settings::default();
            let place = endpoint.place(settings, LIMIT, (Some("a.test"), NOBODY)).await.unwrap();
            let request = Request::get("http://a.test/").body(()).unwrap();
            let (response, _) = place.open(request, true).unwrap();
            assert_eq!(response.await.unwrap().status(), 200);
        }
        assert_eq!(endpoint.counters().upstream_cx_total.get(), 20);
        until(|| endpoint.counters().upstream_cx_active.get() == 0).await;
    };
    let all = tokio::time::timeout(LIMIT, all);
    LocalSet::new().run_until(all).await.expect("it waits for ever");
}
