//! A client that speaks raw bytes.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::DEADLINE;

/// A raw connection.
pub struct Wire {
    pub stream: TcpStream,
    ahead: Vec<u8>,
}

/// A response taken apart.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// Trailer lines of a chunked body.
    pub trailers: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    pub fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, ahead: Vec::new() }
    }

    pub fn over(stream: TcpStream) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(DEADLINE, self.stream.write_all(bytes.as_ref())).await.unwrap().unwrap();
    }

    /// Sends, and does not mind if the other side does not take it.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = timeout(DEADLINE, self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends, however long the other side takes.
    pub async fn patient_send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Sends a request and reads its final answer.
    pub async fn ask(&mut self, request: &str) -> Answer {
        self.send(request).await;
        let head_only = request.starts_with("HEAD ");
        self.answer(head_only).await
    }

    /// Reads one answer, interim ones included as such.
    pub async fn answer(&mut self, head_only: bool) -> Answer {
        let head = self.head().await;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new(), trailers: String::new() };
        if head_only || status < 200 || status == 204 || status == 304 {
            return answer;
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            self.chunked(&mut answer).await;
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().unwrap();
            answer.body = self.exactly(length).await;
        } else {
            answer.body = self.to_end().await;
        }
        answer
    }

    /// Reads a head, its empty line included.
    pub async fn head(&mut self) -> String {
        String::from_utf8(self.until(b"\r\n\r\n").await).unwrap()
    }

    /// Reads up to and with a pattern.
    pub async fn until(&mut self, pattern: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.ahead.windows(pattern.len()).position(|w| w == pattern) {
                let rest = self.ahead.split_off(at + pattern.len());
                return std::mem::replace(&mut self.ahead, rest);
            }
            let got = self.more().await;
            assert!(got > 0, "closed after {:?}", String::from_utf8_lossy(&self.ahead));
        }
    }

    /// Reads so many bytes.
    pub async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.ahead.len() < length {
            let got = self.more().await;
            assert!(got > 0, "closed after {} of {length} bytes", self.ahead.len());
        }
        let rest = self.ahead.split_off(length);
        std::mem::replace(&mut self.ahead, rest)
    }

    /// Reads so many bytes; `None` if the other side closes first.
    pub async fn try_exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.ahead.len() < length {
            let read = self.stream.read_buf(&mut self.ahead);
            if read.await.unwrap_or(0) == 0 {
                return None;
            }
        }
        let rest = self.ahead.split_off(length);
        Some(std::mem::replace(&mut self.ahead, rest))
    }

    /// Reads to the connection's end; a reset counts as one.
    pub async fn to_end(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.ahead)
    }

    /// True once the other side has closed with nothing unread.
    pub async fn is_closed(&mut self) -> bool {
        self.ahead.is_empty() && self.more().await == 0
    }

    async fn chunked(&mut self, answer: &mut Answer) {
        loop {
            let line = String::from_utf8(self.until(b"\r\n").await).unwrap();
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
            if size == 0 {
                break;
            }
            answer.body.extend(self.exactly(size).await);
            assert_eq!(self.exactly(2).await, b"\r\n");
        }
        loop {
            let line = String::from_utf8(self.until(b"\r\n").await).unwrap();
            if line == "\r\n" {
                return;
            }
            answer.trailers.push_str(&line);
        }
    }

    async fn more(&mut self) -> usize {
        let read = self.stream.read_buf(&mut self.ahead);
        timeout(DEADLINE, read).await.expect("nothing came in time").unwrap_or(0)
    }
}
