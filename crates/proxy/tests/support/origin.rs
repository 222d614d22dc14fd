//! Backends that answer as a test says and remember what they received.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

use super::DEADLINE;
use super::wire::Wire;

type Served = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A backend.
#[derive(Clone)]
pub struct Origin {
    pub address: SocketAddr,
    log: Arc<Log>,
}

/// What a backend saw.
#[derive(Default)]
pub struct Log {
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

impl Log {
    pub fn note(&self, request: &str) {
        self.requests.lock().unwrap().push(request.to_owned());
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

impl Origin {
    /// Answers every request, read with its body, with what `answer` makes of it. Connections stay
    /// open.
    pub async fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::serving(move |mut wire, log, _| {
            let answer = Arc::clone(&answer);
            Box::pin(async move {
                while let Some(request) = request(&mut wire).await {
                    log.note(&request);
                    wire.try_send(answer(&request)).await;
                }
            })
        })
        .await
    }

    /// Answers `200` with this body.
    pub async fn saying(body: &'static str) -> Self {
        Self::answering(move |_| ok(body)).await
    }

    /// Hands every connection, numbered from 0, to `serve`.
    pub async fn serving(
        serve: impl Fn(Wire, Arc<Log>, usize) -> Served + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let seen = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = seen.connections.fetch_add(1, Ordering::SeqCst);
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(Wire::over(stream), Arc::clone(&seen), number));
            }
        });
        Self { address, log }
    }

    /// An address where nobody listens.
    pub async fn absent() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    /// Adds to what was received; origins can wait for it.
    pub fn note(&self, text: &str) {
        self.log.note(text);
    }

    pub fn requests(&self) -> Vec<String> {
        self.log.requests.lock().unwrap().clone()
    }

    pub fn last(&self) -> String {
        self.requests().pop().expect("the origin received nothing")
    }

    pub fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    /// Waits until so many requests have come.
    pub async fn received(&self, count: usize) -> Vec<String> {
        let come = async {
            while self.requests().len() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, come).await.expect("too few requests came");
        self.requests()
    }
}

/// Reads a request with its body as it came; `None` at the end.
pub async fn request(wire: &mut Wire) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match wire.try_exactly(1).await {
            Some(byte) => head.extend(byte),
            None => return None,
        }
    }
    let mut text = String::from_utf8(head).unwrap();
    if let Some(length) = header(&text, "content-length") {
        let body = wire.try_exactly(length.parse().unwrap()).await?;
        text.push_str(&String::from_utf8_lossy(&body));
    } else if header(&text, "transfer-encoding").is_some() {
        while !text.ends_with("\r\n0\r\n\r\n") && !text.ends_with("\r\n\r\n0\r\n\r\n") {
            text.push_str(&String::from_utf8_lossy(&wire.try_exactly(1).await?));
        }
    }
    Some(text)
}

/// The value of a header in a raw message.
pub fn header<'m>(message: &'m str, name: &str) -> Option<&'m str> {
    message.lines().skip(1).take_while(|line| !line.is_empty()).find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// `200` with a body.
pub fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A status with a body.
pub fn status(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Some\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
