//! A scripted origin: a plain TCP server that records what it receives and answers what the test
//! says, byte for byte. One thread a connection; it ends with the test.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::PATIENCE;
use super::message::{Body, Head, Lengthless, Reader};

/// A server behind the gateway.
pub(crate) struct Origin {
    address: SocketAddr,
    record: Arc<Record>,
    stopped: Arc<AtomicBool>,
}

/// One request as it arrived at an origin.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) head: Head,
    pub(crate) body: Body,
    /// Which connection of this origin it came over, from 0.
    pub(crate) connection: usize,
}

impl Received {
    /// The request line.
    pub(crate) fn line(&self) -> &str {
        &self.head.first
    }

    /// The target of the request line.
    pub(crate) fn target(&self) -> &str {
        self.head.first.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn method(&self) -> &str {
        self.head.first.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }
}

#[derive(Default)]
struct Record {
    requests: Mutex<Vec<Received>>,
    changed: Condvar,
    connections: AtomicUsize,
}

/// One connection of an origin, driven by the test's script.
pub(crate) struct Conversation {
    stream: TcpStream,
    reader: Reader<TcpStream>,
    record: Arc<Record>,
    connection: usize,
}

impl Conversation {
    /// Which connection of this origin this is, from 0.
    pub(crate) fn connection(&self) -> usize {
        self.connection
    }

    /// The address that the gateway connected to.
    pub(crate) fn local(&self) -> SocketAddr {
        self.stream.local_addr().expect("the origin's end")
    }

    /// The next request with its whole body, recorded; `None` when the gateway closes.
    pub(crate) fn request(&mut self) -> io::Result<Option<Received>> {
        let Some(head) = self.head()? else { return Ok(None) };
        let body = self.reader.body(&head, Lengthless::Nothing)?;
        Ok(Some(self.recorded(head, body)))
    }

    /// The next request's head alone.
    pub(crate) fn head(&mut self) -> io::Result<Option<Head>> {
        self.reader.head()
    }

    /// The body that this head announces.
    pub(crate) fn body(&mut self, head: &Head) -> io::Result<Body> {
        self.reader.body(head, Lengthless::Nothing)
    }

    /// Exactly this many bytes, as after an upgrade.
    pub(crate) fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        self.reader.exactly(count)
    }

    /// Everything until the gateway closes.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        self.reader.rest()
    }

    /// Records a request whose parts the script read itself.
    pub(crate) fn recorded(&mut self, head: Head, body: Body) -> Received {
        let received = Received { head, body, connection: self.connection };
        self.record.requests.lock().expect("no test panics with it").push(received.clone());
        self.record.changed.notify_all();
        received
    }

    /// Sends bytes as they are.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Ends the connection: nothing more is sent, nothing more is read.
    pub(crate) fn close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Origin {
    /// An origin that follows a script on every connection.
    pub(crate) fn talks(
        script: impl Fn(&mut Conversation) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind an origin");
        Self::on(listener, script)
    }

    /// The same, bound to this address.
    pub(crate) fn talks_at(
        address: SocketAddr,
        script: impl Fn(&mut Conversation) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind(address).expect("bind an origin"), script)
    }

    fn on(
        listener: TcpListener,
        script: impl Fn(&mut Conversation) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("the origin's address");
        let record = Arc::new(Record::default());
        let stopped = Arc::new(AtomicBool::new(false));
        let script = Arc::new(script);
        let origin = Self { address, record: Arc::clone(&record), stopped: Arc::clone(&stopped) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (record, script) = (Arc::clone(&record), Arc::clone(&script));
                thread::spawn(move || converse(stream, record, script.as_ref()));
            }
        });
        origin
    }

    /// An origin that answers every request with the same bytes and keeps the connection.
    pub(crate) fn answers(response: impl Into<String>) -> Self {
        let response = response.into();
        Self::replies(move |_| response.clone())
    }

    /// An origin whose answer depends on the request.
    pub(crate) fn replies(reply: impl Fn(&Received) -> String + Send + Sync + 'static) -> Self {
        Self::talks(move |conversation| {
            while let Some(received) = conversation.request()? {
                conversation.write(reply(&received))?;
            }
            Ok(())
        })
    }

    /// An origin that answers 200 with this body.
    pub(crate) fn says(body: &str) -> Self {
        Self::answers(ok(body))
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Everything received up to now.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.record.requests.lock().expect("no test panics with it").clone()
    }

    /// Everything received up to now, which is then forgotten.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.record.requests.lock().expect("no test panics with it"))
    }

    /// What was received, once it is at least this many requests.
    #[track_caller]
    pub(crate) fn received_at_least(&self, count: usize) -> Vec<Received> {
        let requests = self.record.requests.lock().expect("no test panics with it");
        let (requests, timeout) = self
            .record
            .changed
            .wait_timeout_while(requests, PATIENCE, |requests| requests.len() < count)
            .expect("no test panics with it");
        let arrived = requests.clone();
        drop(requests); // A panic with the lock held would fail the origin's threads too.
        assert!(!timeout.timed_out(), "{} of {count} requests arrived", arrived.len());
        arrived
    }

    /// The one request that was received.
    #[track_caller]
    pub(crate) fn only(&self) -> Received {
        let mut received = self.received();
        assert_eq!(received.len(), 1, "{received:#?}");
        received.remove(0)
    }

    /// The last request that was received.
    #[track_caller]
    pub(crate) fn last(&self) -> Received {
        self.received().pop().expect("a request")
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.record.connections.load(Ordering::Acquire)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address); // Wakes the accept loop so that it sees the flag.
    }
}

fn converse(
    stream: TcpStream,
    record: Arc<Record>,
    script: &(impl Fn(&mut Conversation) -> io::Result<()> + ?Sized),
) {
    let connection = record.connections.fetch_add(1, Ordering::AcqRel);
    let Ok(other) = stream.try_clone() else { return };
    let _ = stream.set_nodelay(true);
    let mut conversation = Conversation { stream, reader: Reader::new(other), record, connection };
    // The gateway may close at any moment; what it did is judged by what was recorded.
    let _ = script(&mut conversation);
    conversation.close();
}

/// A 200 with this body.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// An answer with this status line, without a body.
pub(crate) fn empty(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")
}
