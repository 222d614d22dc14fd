//! Two pairs of sockets with a relay between them.

use propylon_snapshot::{ObjectId, Origin, TcpProtocol, TcpRoute};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;
use crate::io::Stream;
use crate::tcp::Counters;

const PLENTY: usize = 8 * 1024 * 1024;

fn tally() -> (Counters, Tally) {
    let counters = Counters::default();
    let route = TcpRoute {
        destinations: Vec::new(),
        idle_timeout: None,
        duration: None,
        stat_prefix: "p".into(),
        protocol: TcpProtocol::Tcp,
        hash_source: false,
        tunnel: None,
        origin: Origin { object: ObjectId(0), entry: 0, matching: None },
    };
    let tally = Tally::begin(&counters, &route);
    (counters, tally)
}

fn pair() -> (UnixStream, Stream) {
    let (far, near) = UnixStream::pair().unwrap();
    (far, Stream::from_unix(near))
}

/// A client's and a server's end, and what the relay between them ends with.
async fn between<F: Future<Output = ()>>(
    idle: Option<Duration>,
    play: impl FnOnce(UnixStream, UnixStream) -> F,
) -> (Ended, Counters) {
    let ((client, near), (server, far)) = (pair(), pair());
    let buffer = RelayBuffer::default();
    let (counters, mut tally) = tally();
    let relayed = async {
        let ended = relay((&near, &far), &buffer, idle, &mut tally).await;
        drop((near, far));
        ended
    };
    let (ended, ()) = tokio::join!(relayed, play(client, server));
    (ended, counters)
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 4096) as u8).collect()
}

#[tokio::test]
async fn the_end_of_one_direction_is_passed_on_and_the_other_goes_on() {
    let (ended, counters) = between(None, async |mut client, mut server| {
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut asked = Vec::new();
        server.read_to_end(&mut asked).await.unwrap();
        assert_eq!(asked, b"question");
        server.write_all(b"a late answer").await.unwrap();
        drop(server);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"a late answer");
    })
    .await;
    assert_eq!(ended, Ended::Whole);
    let counted = counters.tcp("p");
    assert_eq!(counted.downstream_cx_rx_bytes_total.get(), 8);
    assert_eq!(counted.downstream_cx_tx_bytes_total.get(), 13);
    assert_eq!(counted.downstream_cx_total.get(), 1);
}

#[tokio::test]
async fn plenty_goes_both_ways_at_once_unchanged() {
    let (ended, _) = between(None, async |client, server| {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let send_up = async {
            to_client.write_all(&pattern(PLENTY)).await.unwrap();
            drop(to_client);
        };
        let send_down = async {
            to_server.write_all(&pattern(PLENTY)).await.unwrap();
            drop(to_server);
        };
        let mut up = Vec::new();
        let mut down = Vec::new();
        let (_, _, one, other) = tokio::join!(
            send_up,
            send_down,
            from_server.read_to_end(&mut up),
            from_client.read_to_end(&mut down)
        );
        one.unwrap();
        other.unwrap();
        assert!(up == pattern(PLENTY) && down == pattern(PLENTY));
    })
    .await;
    assert_eq!(ended, Ended::Whole);
}

#[tokio::test]
async fn a_side_that_does_not_read_stops_the_other_from_sending() {
    let (ended, counters) = between(None, async |mut client, mut server| {
        // Writes until nothing more is taken: the kernel's buffers and one of ours are full.
        let bytes = pattern(64 * 1024);
        let mut sent = 0;
        let stuck = Duration::from_millis(200);
        while let Ok(written) = tokio::time::timeout(stuck, client.write(&bytes)).await {
            sent += written.unwrap();
            assert!(sent < PLENTY, "nothing stops the sender");
        }
        client.shutdown().await.unwrap();
        let mut got = Vec::new();
        server.read_to_end(&mut got).await.unwrap();
        assert_eq!(got.len(), sent);
    })
    .await;
    assert_eq!(ended, Ended::Whole);
    assert!(counters.tcp("p").downstream_cx_rx_bytes_total.get() < PLENTY as u64);
}

#[tokio::test]
async fn a_side_that_is_gone_ends_the_relay() {
    let (ended, _) = between(None, async |mut client, server| {
        drop(server);
        // The end is passed on first; writing then fails.
        let mut end = Vec::new();
        client.read_to_end(&mut end).await.unwrap();
        while client.write_all(b"anybody?").await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(ended, Ended::Broken);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_connection_after_its_timeout() {
    let began = Instant::now();
    let idle = Duration::from_secs(800);
    let (ended, _) = between(Some(idle), async |mut client, server| {
        let mut end = Vec::new();
        client.read_to_end(&mut end).await.unwrap();
        drop(server);
    })
    .await;
    assert_eq!(ended, Ended::Idle);
    assert!(began.elapsed() >= idle && began.elapsed() <= idle + idle / IDLE_LOOKS);
}
