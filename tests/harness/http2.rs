//! Two clients of HTTP/2: one that behaves, over the `h2` crate, and one that writes whatever
//! frames a test wants.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{self, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::PATIENCE;

/// A connection of a client that behaves.
pub(crate) struct Session {
    runtime: Handle,
    /// Ends the runtime's thread when it goes.
    _alive: oneshot::Sender<()>,
    sender: SendRequest<Bytes>,
}

/// What came of a request.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    /// Why the stream was broken off, if it was.
    pub(crate) broken: Option<Reason>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a text"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Session {
    /// Connects with prior knowledge.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let thread = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let runtime = thread.handle().clone();
        let (alive, gone) = oneshot::channel();
        // The connection lives on between two calls of the test.
        std::thread::spawn(move || thread.block_on(gone));
        let sender = runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(address).await.expect("connect");
            let mut builder = client::Builder::new();
            builder.enable_push(false).initial_window_size(1 << 20);
            let (sender, connection) = builder.handshake(stream).await.expect("a handshake");
            tokio::spawn(connection);
            sender
        });
        Self { runtime, _alive: alive, sender }
    }

    /// Opens a stream; `ends` if nothing follows the head.
    pub(crate) fn open(&mut self, request: Request<()>, ends: bool) -> Stream<'_> {
        let sender = self.sender.clone();
        let opened = self.runtime.block_on(within(async {
            let mut sender = sender.ready().await?;
            sender.send_request(request, ends)
        }));
        let (answer, send) = opened.expect("a stream");
        Stream { runtime: &self.runtime, answer: Some(answer), send, recv: None }
    }

    /// One request with a body, and its answer.
    pub(crate) fn ask(&mut self, request: Request<()>, body: &[u8]) -> Reply {
        let mut stream = self.open(request, body.is_empty());
        if !body.is_empty() {
            stream.send(body, true);
        }
        stream.reply()
    }

    /// A GET.
    pub(crate) fn get(&mut self, url: &str) -> Reply {
        self.ask(Request::get(url).body(()).expect("a request"), b"")
    }

    /// True once the gateway has said that it takes no more streams, or is gone.
    pub(crate) fn is_dismissed(&mut self) -> bool {
        let sender = self.sender.clone();
        self.runtime.block_on(within(async { sender.ready().await.is_err() }))
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("in time")
}

/// A stream of a client that behaves.
pub(crate) struct Stream<'s> {
    runtime: &'s Handle,
    answer: Option<client::ResponseFuture>,
    send: SendStream<Bytes>,
    recv: Option<RecvStream>,
}

impl Stream<'_> {
    /// Sends content as the gateway takes it.
    pub(crate) fn send(&mut self, data: &[u8], ends: bool) {
        let mut data = Bytes::copy_from_slice(data);
        if data.is_empty() && ends {
            let _ = self.send.send_data(data, true);
            return;
        }
        let send = &mut self.send;
        self.runtime.block_on(within(async {
            while !data.is_empty() {
                send.reserve_capacity(data.len());
                let room = std::future::poll_fn(|cx| send.poll_capacity(cx)).await;
                let Some(Ok(room)) = room else { return };
                let part = data.split_to(room.min(data.len()));
                let last = ends && data.is_empty();
                if send.send_data(part, last).is_err() {
                    return;
                }
            }
        }));
    }

    /// Ends the request with trailers.
    pub(crate) fn send_trailers(&mut self, trailers: HeaderMap) {
        self.send.send_trailers(trailers).expect("trailers");
    }

    /// Takes the request back.
    pub(crate) fn reset(&mut self, reason: Reason) {
        self.send.send_reset(reason);
    }

    /// The head of the answer.
    pub(crate) fn head(&mut self) -> Reply {
        let mut reply = Reply::default();
        let Some(answer) = self.answer.take() else { return reply };
        match self.runtime.block_on(within(answer)) {
            Ok(response) => {
                let (parts, recv) = response.into_parts();
                reply.status = parts.status.as_u16();
                reply.headers = parts.headers;
                self.recv = Some(recv);
            }
            Err(error) => reply.broken = error.reason(),
        }
        reply
    }

    /// The next part of the answer's body; `None` at its end.
    pub(crate) fn data(&mut self) -> Option<Result<Bytes, h2::Error>> {
        let recv = self.recv.as_mut()?;
        let data = self.runtime.block_on(within(recv.data()));
        if let Some(Ok(data)) = &data {
            let _ = recv.flow_control().release_capacity(data.len());
        }
        data
    }

    /// The whole answer.
    pub(crate) fn reply(mut self) -> Reply {
        let mut reply = self.head();
        while let Some(data) = self.data() {
            match data {
                Ok(data) => reply.body.extend_from_slice(&data),
                Err(error) => {
                    reply.broken = error.reason();
                    return reply;
                }
            }
        }
        if let Some(recv) = &mut self.recv {
            reply.trailers = self.runtime.block_on(within(recv.trailers())).unwrap_or_default();
        }
        reply
    }
}

/// A connection of a client that writes what it likes.
pub(crate) struct Frames {
    stream: TcpStream,
}

/// A frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame in bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut bytes = vec![len[1], len[2], len[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The header block of a request, without a dynamic table and without Huffman codes.
pub(crate) fn block(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in lines {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "a short text");
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend(text.bytes());
        }
    }
    block
}

/// The header block of a GET.
pub(crate) fn get(path: &str) -> Vec<u8> {
    block(&[(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a.example")])
}

impl Frames {
    /// Connects and says hello.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut frames = Self::silent(address);
        frames.write(PREFACE);
        frames.write(&frame(SETTINGS, 0, 0, &[]));
        frames
    }

    /// Connects and says nothing.
    pub(crate) fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self { stream }
    }

    /// Writes bytes. A gateway that has closed is noticed by reading.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload));
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).ok()?;
        let len = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// Reads until a frame of this kind comes.
    pub(crate) fn until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().unwrap_or_else(|| panic!("closed before frame {kind}"));
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// The error code that the gateway takes its leave with; `None` if it says no word.
    pub(crate) fn farewell(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(frame) = self.next() {
            if frame.kind == GOAWAY && frame.payload.len() >= 8 {
                let bytes = frame.payload[4..8].try_into().expect("four bytes");
                code = Some(u32::from_be_bytes(bytes));
            }
        }
        code
    }

    /// True if nothing comes for a moment.
    pub(crate) fn is_quiet(&mut self, moment: Duration) -> bool {
        self.stream.set_read_timeout(Some(moment)).expect("a timeout");
        let mut byte = [0];
        let quiet = match self.stream.peek(&mut byte) {
            Err(error) => {
                matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
            }
            Ok(_) => false,
        };
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        quiet
    }

    /// Says that nothing more follows.
    pub(crate) fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}
