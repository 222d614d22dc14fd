//! A TLS connection of either side behind the I/O seam. Head and body that are written together
//! leave as one record and one system call; an idle connection holds what the TLS library needs and
//! no more.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice, Read, Write};
use std::task::{Context, Poll, Waker, ready};

use rustls::Connection;

use super::originator::Ear;
use crate::io::Io;
use crate::limits::CIPHERTEXT_BUFFER_BYTES;

/// A decrypted view of a connection.
#[derive(Debug)]
pub(crate) struct TlsStream<I> {
    io: I,
    session: RefCell<Connection>,
    /// Decrypted bytes are waiting.
    plaintext: Cell<bool>,
    /// The peer has said its last word, or something that cannot be: a read will tell.
    over: Cell<bool>,
    /// The peer must not be told a regular end.
    aborted: Cell<bool>,
    /// Who is told of the peer's alerts.
    listens: Option<Box<Ear>>,
}

impl<I: Io> TlsStream<I> {
    /// Takes over a connection whose handshake is done.
    pub(crate) fn new(io: I, mut session: Connection) -> io::Result<Self> {
        // Data may have come with the end of the handshake.
        let state = session.process_new_packets().map_err(invalid)?;
        let plaintext = Cell::new(state.plaintext_bytes_to_read() > 0);
        let over = Cell::new(state.peer_has_closed());
        let session = RefCell::new(session);
        Ok(Self { io, session, plaintext, over, aborted: Cell::new(false), listens: None })
    }

    /// The same connection, whose alerts are told.
    pub(super) fn heard_by(mut self, ear: Ear) -> Self {
        self.listens = Some(Box::new(ear));
        self
    }

    /// The connection that carries the records.
    pub(crate) fn below(&self) -> &I {
        &self.io
    }

    /// Takes in what the peer has sent and decrypts it into `buf`; where that is short, the bytes
    /// wait in the session. Ready once some record was processed.
    fn poll_records(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut session = self.session.borrow_mut();
        let mut wire = Wire { io: &self.io, cx };
        let taken = match buf.len() {
            0..SESSION_STEP_BYTES => self.step(&mut session, &mut wire).map(|_| 0),
            _ => with_ciphertext(|bytes| self.steps(&mut session, &mut wire, bytes, buf)),
        };
        match taken {
            // What was to be sent meanwhile leaves with the answer to these bytes.
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            // Alerts, tickets and key updates leave as far as they can; nothing waits for them.
            Ok(0) | Err(_) => {
                let _ = write_out(&mut session, &mut wire);
            }
        }
        Poll::Ready(taken)
    }

    /// Reads once and decrypts all of it. The session alone would read in steps of its own, each of
    /// them a system call.
    ///
    /// No more is read than `buf` has room for. So what the session must keep stays below its
    /// limit: it is the record that the last read left unfinished.
    fn steps(
        &self,
        session: &mut Connection,
        wire: &mut Wire<'_, '_, I>,
        ciphertext: &mut [u8],
        buf: &mut [u8],
    ) -> io::Result<usize> {
        let room = ciphertext.len().min(buf.len());
        let got = wire.read(&mut ciphertext[..room])?;
        let mut records = &ciphertext[..got];
        let mut filled = 0;
        loop {
            let stepped = self.step(session, &mut records);
            filled += session.reader().read(&mut buf[filled..]).unwrap_or(0);
            match stepped {
                // The end, or bytes behind the peer's last word.
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if filled == 0 => return Err(error),
                // The next read says so; these bytes came before it.
                Err(_) => {
                    self.over.set(true);
                    break;
                }
            }
            if records.is_empty() {
                break;
            }
        }
        self.plaintext.set(filled == buf.len());
        Ok(filled)
    }

    /// One step of the session: takes some bytes in and processes what is whole.
    fn step(&self, session: &mut Connection, from: &mut dyn Read) -> io::Result<usize> {
        let taken = session.read_tls(from)?;
        let state = session.process_new_packets().map_err(|error| self.broken(error))?;
        self.over.set(state.peer_has_closed());
        Ok(taken)
    }

    fn broken(&self, error: rustls::Error) -> io::Error {
        if let (Some(ear), rustls::Error::AlertReceived(_)) = (&self.listens, &error) {
            ear.tell(&error);
        }
        invalid(error)
    }
}

impl<I: Io> Io for TlsStream<I> {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.plaintext.get() || self.over.get() {
            return Poll::Ready(Ok(()));
        }
        self.io.poll_readable(cx)
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut session = self.session.borrow_mut();
            let read = session.reader().read(buf);
            match read {
                Ok(read) => {
                    // What is left of it is found by the next read, which costs little.
                    self.plaintext.set(read == buf.len());
                    return Poll::Ready(Ok(read));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.plaintext.set(false);
                }
                // The peer closed without saying so in TLS: an end like any other, as for Envoy.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(0));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
            if self.over.get()
                && let Err(error) = session.process_new_packets()
            {
                let _ = write_out(&mut session, &mut Wire { io: &self.io, cx });
                return Poll::Ready(Err(invalid(error)));
            }
            drop(session);
            match ready!(self.poll_records(cx, buf))? {
                0 => {}
                read => return Poll::Ready(Ok(read)),
            }
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        loop {
            let mut session = self.session.borrow_mut();
            let taken = session.writer().write_vectored(slices)?;
            let mut wire = Wire { io: &self.io, cx };
            if taken > 0 {
                if taken >= EARLY_FLUSH_BYTES {
                    // A long body leaves while the next part of it is being read.
                    let _ = write_out(&mut session, &mut wire)?;
                }
                return Poll::Ready(Ok(taken));
            }
            // Full: something must leave before more is taken.
            ready!(write_out(&mut session, &mut wire)?);
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut session = self.session.borrow_mut();
        ready!(write_out(&mut session, &mut Wire { io: &self.io, cx })?);
        self.io.poll_flush(cx)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.farewell();
        self.io.shutdown_write()
    }

    fn abort(&self) {
        self.aborted.set(true);
        self.io.abort();
    }

    fn farewell(&self) {
        if self.aborted.get() {
            return;
        }
        let mut session = self.session.borrow_mut();
        session.send_close_notify();
        let mut cx = Context::from_waker(Waker::noop());
        // As much as leaves at once: nobody waits for a goodbye.
        let _ = write_out(&mut session, &mut Wire { io: &self.io, cx: &mut cx });
    }
}

/// Hands ciphertext to the connection below until none is left.
pub(super) fn write_out<I: Io>(
    session: &mut Connection,
    wire: &mut Wire<'_, '_, I>,
) -> io::Result<Poll<()>> {
    while session.wants_write() {
        match session.write_tls(wire) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Poll::Pending),
            Err(error) => return Err(error),
        }
    }
    Ok(Poll::Ready(()))
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// A connection as the TLS library wants it: not ready is an error.
pub(super) struct Wire<'a, 'c, I> {
    pub(super) io: &'a I,
    pub(super) cx: &'a mut Context<'c>,
}

impl<I: Io> Read for Wire<'_, '_, I> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        blocking(self.io.poll_read(self.cx, buf))
    }
}

impl<I: Io> Write for Wire<'_, '_, I> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        blocking(self.io.poll_write(self.cx, &[IoSlice::new(buf)]))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        blocking(self.io.poll_write(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        blocking(self.io.poll_flush(self.cx))
    }
}

fn blocking<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(done) => done,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// Lends this thread's buffer for ciphertext. Reads end within it, so that idle connections hold
/// none; one connection inside another gets a buffer of its own.
fn with_ciphertext<T>(lend: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static CIPHERTEXT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    CIPHERTEXT.with(|kept| {
        let mut bytes = kept.take();
        bytes.resize(CIPHERTEXT_BUFFER_BYTES, 0);
        let done = lend(&mut bytes);
        kept.set(bytes);
        done
    })
}

/// Bytes that a session reads at once by itself.
const SESSION_STEP_BYTES: usize = 4 * 1024;

/// Bytes taken at once that leave without waiting for a flush: one full TLS record.
const EARLY_FLUSH_BYTES: usize = 16 * 1024;

#[cfg(test)]
pub(super) mod tests;
