//! A client that sends exactly the bytes a test gives it, and the answers it gets.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::PATIENCE;
use super::message::{Body, Head, Lengthless, Reader};

/// One connection to the gateway.
pub(crate) struct Client {
    stream: TcpStream,
    reader: Reader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream =
            TcpStream::connect_timeout(&address, PATIENCE).expect("connect to the gateway");
        stream.set_read_timeout(Some(PATIENCE)).expect("set the read timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("set the write timeout");
        stream.set_nodelay(true).expect("set no delay");
        let reader = Reader::new(stream.try_clone().expect("clone the socket"));
        Self { stream, reader }
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("send to the gateway");
        self
    }

    /// Sends bytes, and tells whether the gateway still took them.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Ends the sending direction.
    pub(crate) fn finish_sending(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write).expect("end sending");
        self
    }

    /// The next answer, 1xx heads skipped.
    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer("GET").expect("an answer")
    }

    /// The next answer to a request with this method: HEAD has no body.
    pub(crate) fn answer_to(&mut self, method: &str) -> Answer {
        self.try_answer(method).expect("an answer")
    }

    /// The next answer, or why there is none.
    pub(crate) fn try_answer(&mut self, method: &str) -> io::Result<Answer> {
        let mut interim = Vec::new();
        loop {
            let head = self.head()?;
            let status = status(&head)?;
            if (100..200).contains(&status) && status != 101 {
                interim.push(head);
                continue;
            }
            let bodyless = method == "HEAD" || [101, 204, 304].contains(&status);
            let body = match bodyless {
                true => Body::default(),
                false => self.reader.body(&head, Lengthless::UntilClose)?,
            };
            return Ok(Answer { status, head, body, interim });
        }
    }

    /// The next head, an interim one included.
    pub(crate) fn head(&mut self) -> io::Result<Head> {
        self.reader.head()?.ok_or_else(|| {
            io::Error::new(io::ErrorKind::UnexpectedEof, "the gateway closed without an answer")
        })
    }

    /// Exactly this many bytes, as after an upgrade.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        self.reader.exactly(count).expect("bytes from the gateway")
    }

    /// What is still to come until the gateway closes; an error when it does not.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        self.reader.rest()
    }

    /// Whether the gateway closed the connection and sent nothing more.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.rest() {
            Ok(rest) => rest.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// The client's side of the connection as the gateway sees it.
    pub(crate) fn local(&self) -> SocketAddr {
        self.stream.local_addr().expect("a local address")
    }

    /// A read that does not wait for a whole message.
    pub(crate) fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

/// What came back for one request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: Head,
    pub(crate) body: Body,
    /// The 1xx heads that came before.
    pub(crate) interim: Vec<Head>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        self.body.text()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head.raw, self.text());
        self
    }

    #[track_caller]
    pub(crate) fn says(self, body: &str) -> Self {
        assert_eq!(self.text(), body, "{}", self.head.raw);
        self
    }

    #[track_caller]
    pub(crate) fn has(self, name: &str, value: &str) -> Self {
        assert_eq!(self.header(name), Some(value), "`{name}` in\n{}", self.head.raw);
        self
    }

    #[track_caller]
    pub(crate) fn has_no(self, name: &str) -> Self {
        assert_eq!(self.header(name), None, "`{name}` in\n{}", self.head.raw);
        self
    }
}

fn status(head: &Head) -> io::Result<u16> {
    let word = head.first.split(' ').nth(1).unwrap_or_default();
    word.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, head.raw.clone()))
}
