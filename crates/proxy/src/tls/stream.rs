//! A TLS connection of either side behind the I/O seam. Head and body that are written together
//! leave as one record and one system call; an idle connection holds what the TLS library needs and
//! no more.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice, Read, Write};
use std::task::{Context, Poll, Waker, ready};

use rustls::Connection;

use crate::io::Io;

/// A decrypted view of a connection.
#[derive(Debug)]
pub(crate) struct TlsStream<I> {
    io: I,
    session: RefCell<Connection>,
    /// Decrypted bytes are waiting.
    plaintext: Cell<bool>,
    /// The peer must not be told a regular end.
    aborted: Cell<bool>,
}

impl<I: Io> TlsStream<I> {
    /// Takes over a connection whose handshake is done.
    pub(crate) fn new(io: I, mut session: Connection) -> io::Result<Self> {
        // Data may have come with the end of the handshake.
        let state = session.process_new_packets().map_err(invalid)?;
        let plaintext = Cell::new(state.plaintext_bytes_to_read() > 0 || state.peer_has_closed());
        Ok(Self { io, session: RefCell::new(session), plaintext, aborted: Cell::new(false) })
    }

    /// The connection that carries the records.
    pub(crate) fn below(&self) -> &I {
        &self.io
    }

    /// Takes in what the peer has sent. Ready once some record was processed.
    fn poll_records(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut session = self.session.borrow_mut();
        let mut wire = Wire { io: &self.io, cx };
        match session.read_tls(&mut wire) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
        }
        let processed = session.process_new_packets();
        // Alerts, tickets and key updates leave as far as they can; nothing waits for them.
        let _ = write_out(&mut session, &mut wire);
        let state = processed.map_err(invalid)?;
        self.plaintext.set(state.plaintext_bytes_to_read() > 0 || state.peer_has_closed());
        Poll::Ready(Ok(()))
    }
}

impl<I: Io> Io for TlsStream<I> {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.plaintext.get() {
            return Poll::Ready(Ok(()));
        }
        self.io.poll_readable(cx)
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let read = self.session.borrow_mut().reader().read(buf);
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
            ready!(self.poll_records(cx))?;
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

/// Bytes taken at once that leave without waiting for a flush: one full TLS record.
const EARLY_FLUSH_BYTES: usize = 16 * 1024;
