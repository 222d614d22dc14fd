//! Asking a proxy that a test plays.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;
use crate::io::Stream;

fn to(method: TunnelMethod) -> Tunnel {
    Tunnel { method, target: "far.example:443".into() }
}

/// What is asked, and what comes of this answer, behind which the proxy has nothing more to say.
async fn asked(method: TunnelMethod, answer: &[u8]) -> (String, Result<String, NoTunnel>) {
    let (mut proxy, near) = UnixStream::pair().unwrap();
    let (buffers, tunnel) = (Buffers::default(), to(method));
    let play = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(proxy.read_u8().await.unwrap());
        }
        // Whoever has read enough does not wait for the rest.
        let _ = proxy.write_all(answer).await;
        let _ = proxy.shutdown().await;
        String::from_utf8(head).unwrap()
    };
    let opened = async {
        match on_connection(Stream::from_unix(near), &tunnel, &buffers).await? {
            Server::Through(way) => {
                let mut buffer = [0; 64];
                let got = read(&way, &mut buffer).await?;
                Ok(String::from_utf8_lossy(&buffer[..got]).into_owned())
            }
            Server::Straight(_) | Server::Stream(_) => panic!("another way"),
        }
    };
    tokio::join!(play, opened)
}

#[tokio::test]
async fn the_proxy_is_asked_in_envoys_words() {
    let (head, _) = asked(TunnelMethod::Connect, b"").await;
    assert_eq!(head, "CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\n\r\n");
    let (head, _) = asked(TunnelMethod::Post, b"").await;
    let lines = "host: far.example:443\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(head, format!("POST / HTTP/1.1\r\n{lines}"));
}

#[tokio::test]
async fn what_lies_behind_a_yes_is_the_far_ends() {
    let connect = TunnelMethod::Connect;
    for (method, answer, content) in [
        (connect, "HTTP/1.1 200 OK\r\n\r\nfirst", "first"),
        (connect, "HTTP/1.0 200 Connection established\r\n\r\n", ""),
        (connect, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 299 Fine\r\n\r\nfirst", "first"),
        (connect, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nfirst", "first"),
        (connect, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfirst", "first"),
        (TunnelMethod::Post, "HTTP/1.1 200 OK\r\n\r\nfirst", "first"),
        (TunnelMethod::Post, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nfirst", "fi"),
        (
            TunnelMethod::Post,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
            "one",
        ),
    ] {
        let (_, heard) = asked(method, answer.as_bytes()).await;
        assert_eq!(heard.unwrap(), content, "{answer:?}");
    }
}

#[tokio::test]
async fn everything_else_is_a_no_that_says_why() {
    let endless = "HTTP/1.1 200 OK\r\n".to_owned() + &"a: b\r\n".repeat(20_000);
    let interims = "HTTP/1.1 100 Continue\r\n\r\n".repeat(20);
    for (answer, why) in [
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno", "the answer was 403"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "the answer was 101"),
        ("HTTP/1.1 301 Moved\r\nlocation: /\r\n\r\n", "the answer was 301"),
        ("220 mail.example ESMTP\r\n", "the answer was malformed: "),
        ("", "it broke off before an answer: "),
        ("HTTP/1.1 200 OK\r\n", "it broke off before an answer: "),
        (&endless, "the answer was malformed: "),
        (&interims, "the answer was interim again and again"),
    ] {
        let (_, heard) = asked(TunnelMethod::Connect, answer.as_bytes()).await;
        let told = heard.unwrap_err().to_string();
        let start = answer.get(..20).unwrap_or(answer);
        assert!(told.starts_with(why), "{start:?}: {told}");
    }
}

#[test]
fn streams_are_asked_for_with_an_authority_alone_or_as_a_request() {
    let connect = request(&to(TunnelMethod::Connect), true).unwrap();
    let parts = (connect.uri().authority(), connect.uri().scheme(), connect.uri().path());
    assert_eq!(parts, (Some(&"far.example:443".parse().unwrap()), None, ""));
    let post = request(&to(TunnelMethod::Post), false).unwrap();
    assert_eq!(
        (post.method().as_str(), &*post.uri().to_string()),
        ("POST", "http://far.example:443/")
    );
    let tunnel = Tunnel { method: TunnelMethod::Connect, target: "[2001:db8::1]:443".into() };
    assert_eq!(request(&tunnel, true).unwrap().uri().to_string(), "[2001:db8::1]:443");
}
