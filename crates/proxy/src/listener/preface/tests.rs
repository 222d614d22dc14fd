//! Prefaces over real sockets: looked at, and left or taken.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::io::read;

async fn pair() -> (TcpStream, Stream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let client = client.unwrap();
    client.set_nodelay(true).unwrap();
    (client, Stream::from_tcp(accepted.unwrap().0).unwrap())
}

async fn rest(stream: &Stream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut at = 0;
    while at < len {
        at += read(stream, &mut bytes[at..]).await.unwrap();
    }
    bytes
}

#[tokio::test]
async fn a_proxy_header_is_taken_off_and_what_follows_stays() {
    let (mut client, stream) = pair().await;
    let send = async {
        for part in ["PROXY TCP4 9.9.9.9 8.8", ".8.8 1000 80\r", "\nGET", " /"] {
            client.write_all(part.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let buffer = RelayBuffer::default();
    let (ends, ()) = tokio::join!(proxy_header(&stream, &buffer), send);
    assert_eq!(ends.unwrap().unwrap().source, "9.9.9.9:1000".parse().unwrap());
    assert_eq!(rest(&stream, 5).await, b"GET /");
}

#[tokio::test]
async fn a_client_without_a_proxy_header_is_unfit() {
    let (mut client, stream) = pair().await;
    client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert_eq!(proxy_header(&stream, &RelayBuffer::default()).await, Err(Unfit::Wrong));
}

#[tokio::test]
async fn a_client_that_closes_early_is_gone() {
    for sent in [&b""[..], b"\x16\x03\x01\x02"] {
        let (mut client, stream) = pair().await;
        client.write_all(sent).await.unwrap();
        drop(client);
        let found = client_hello(&stream, &RelayBuffer::default()).await;
        assert_eq!(found, Err(Unfit::Gone), "{sent:?}");
    }
}

#[tokio::test]
async fn a_hello_stays_where_it_is() {
    // TLS 1.0 without extensions: as short as a hello can be.
    let body = [&[3, 1][..], &[7; 32], &[0, 0, 2, 0, 47, 1, 0]].concat();
    let len = body.len() as u8;
    let bytes = [&[22, 3, 1, 0, len + 4, 1, 0, 0, len][..], &body].concat();
    let (mut client, stream) = pair().await;
    let send = async {
        for byte in &bytes {
            client.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let buffer = RelayBuffer::default();
    let (hello, ()) = tokio::join!(client_hello(&stream, &buffer), send);
    assert_eq!(hello, Ok(Hello::default()));
    assert_eq!(rest(&stream, bytes.len()).await, bytes);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_gone_in_the_end() {
    let (_client, stream) = pair().await;
    let found = client_hello(&stream, &RelayBuffer::default()).await;
    assert_eq!(found, Err(Unfit::Gone));
}
