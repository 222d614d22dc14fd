//! The I/O seam: what protocol code may ask of a connection, and nothing more.
//!
//! All methods take `&self`, so that one task can read and write the same connection without
//! splitting it. Implemented for TCP and Unix sockets here; TLS implements the same trait.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, Read};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// A byte stream with readiness.
pub(crate) trait Io {
    /// Ready when a read may succeed, see the end, or fail. Holds no buffer, so that idle
    /// connections cost none. It may be ready too early: the read that follows may be pending.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads some bytes; 0 means the peer sent its last one.
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes some bytes of the slices, in order.
    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;

    /// Hands everything accepted by [`Io::poll_write`] to the kernel.
    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Tells the peer that no more bytes follow; reading stays possible.
    ///
    /// # Errors
    /// When the connection is gone already.
    fn shutdown_write(&self) -> io::Result<()>;

    /// True if the peer is known to send no more or to be gone, even while bytes that it sent
    /// before wait to be read. Costs no system call. `false` where that cannot be told.
    fn is_left(&self) -> bool {
        false
    }

    /// Makes closing the connection a reset, so that the peer cannot take what it got for all.
    fn abort(&self);

    /// Says goodbye where the protocol has words for it; to be called once, before a regular end.
    fn farewell(&self) {}
}

impl<I: Io + ?Sized> Io for Rc<I> {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_readable(cx)
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        (**self).poll_read(cx, buf)
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        (**self).poll_write(cx, slices)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_flush(cx)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        (**self).shutdown_write()
    }

    fn is_left(&self) -> bool {
        (**self).is_left()
    }

    fn abort(&self) {
        (**self).abort();
    }

    fn farewell(&self) {
        (**self).farewell();
    }
}

/// Waits until a read may make progress.
///
/// # Errors
/// As the connection's.
pub(crate) async fn readable(io: &impl Io) -> io::Result<()> {
    poll_fn(|cx| io.poll_readable(cx)).await
}

/// Reads some bytes; 0 means the peer sent its last one. Cancel safe: nothing is lost.
///
/// # Errors
/// As the connection's.
pub(crate) async fn read(io: &impl Io, buf: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| io.poll_read(cx, buf)).await
}

/// Reads what is there now; `None` when that is nothing.
///
/// # Errors
/// As the connection's.
pub(crate) async fn read_now(io: &impl Io, buf: &mut [u8]) -> io::Result<Option<usize>> {
    poll_fn(|cx| match io.poll_read(cx, buf) {
        Poll::Ready(read) => Poll::Ready(read.map(Some)),
        Poll::Pending => Poll::Ready(Ok(None)),
    })
    .await
}

/// Writes all bytes and flushes. Not cancel safe: some bytes may have left.
///
/// # Errors
/// As the connection's; `WriteZero` when it takes no more.
pub(crate) async fn write_all(io: &impl Io, buf: &[u8]) -> io::Result<()> {
    write_all_vectored(io, &mut [IoSlice::new(buf)]).await
}

/// Writes all bytes of the slices in order and flushes. Not cancel safe: some bytes may have left.
///
/// # Errors
/// As the connection's; `WriteZero` when it takes no more.
pub(crate) async fn write_all_vectored(
    io: &impl Io,
    mut slices: &mut [IoSlice<'_>],
) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let written = poll_fn(|cx| io.poll_write(cx, slices)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut slices, written);
    }
    poll_fn(|cx| io.poll_flush(cx)).await
}

/// A connected socket of the kernel.
pub(crate) struct Stream {
    kernel: Kernel,
    /// Bytes that were read and given back; they are read again before the kernel's.
    ahead: Cell<Option<Box<Ahead>>>,
}

/// Bytes that were given back, and how many of them were read again.
struct Ahead {
    bytes: Vec<u8>,
    read: usize,
}

#[derive(Debug)]
enum Kernel {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("kernel", &self.kernel).finish_non_exhaustive()
    }
}

impl Stream {
    /// Takes over a connected TCP socket and turns Nagle's delay off.
    ///
    /// # Errors
    /// When the socket is gone already.
    pub(crate) fn from_tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::accepted(stream))
    }

    /// Takes over a socket that was accepted from one without Nagle's delay: it has none, either.
    pub(crate) fn accepted(stream: TcpStream) -> Self {
        Self { kernel: Kernel::Tcp(stream), ahead: Cell::default() }
    }

    /// Takes over a connected Unix socket.
    pub(crate) fn from_unix(stream: UnixStream) -> Self {
        Self { kernel: Kernel::Unix(stream), ahead: Cell::default() }
    }

    /// Gives bytes back that were read and are another's: the next reads find them again.
    pub(crate) fn unread(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut all = bytes.to_vec();
        if let Some(later) = self.ahead.take() {
            all.extend_from_slice(&later.bytes[later.read..]);
        }
        self.ahead.set(Some(Box::new(Ahead { bytes: all, read: 0 })));
    }

    /// Reads again what was given back; 0 if nothing was.
    fn read_ahead(&self, buf: &mut [u8]) -> usize {
        let Some(mut ahead) = self.ahead.take() else { return 0 };
        let rest = &ahead.bytes[ahead.read..];
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        ahead.read += len;
        if ahead.read < ahead.bytes.len() {
            self.ahead.set(Some(ahead));
        }
        len
    }

    /// True if bytes that were given back are there to be read.
    fn has_ahead(&self) -> bool {
        let ahead = self.ahead.take();
        let has = ahead.is_some();
        self.ahead.set(ahead);
        has
    }

    /// The peer's address; `None` for Unix sockets.
    #[must_use]
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        match &self.kernel {
            Kernel::Tcp(stream) => stream.peer_addr().ok(),
            Kernel::Unix(_) => None,
        }
    }

    /// The local address; `None` for Unix sockets.
    #[must_use]
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        match &self.kernel {
            Kernel::Tcp(stream) => stream.local_addr().ok(),
            Kernel::Unix(_) => None,
        }
    }

    /// The address that the client connected to before the kernel redirected it here; `None` where
    /// it was not redirected, or where that is not known.
    #[must_use]
    pub(crate) fn original_destination(&self) -> Option<SocketAddr> {
        let local = self.local()?;
        let original = match local {
            SocketAddr::V4(_) => self.socket().original_dst_v4(),
            SocketAddr::V6(_) => self.socket().original_dst_v6(),
        };
        original.ok()?.as_socket()
    }

    /// Its number in the process's table of open files.
    pub(crate) fn descriptor(&self) -> i32 {
        match &self.kernel {
            Kernel::Tcp(stream) => stream.as_raw_fd(),
            Kernel::Unix(stream) => stream.as_raw_fd(),
        }
    }

    fn socket(&self) -> SockRef<'_> {
        match &self.kernel {
            Kernel::Tcp(stream) => SockRef::from(stream),
            Kernel::Unix(stream) => SockRef::from(stream),
        }
    }

    fn try_io<R>(&self, interest: Interest, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        match &self.kernel {
            Kernel::Tcp(stream) => stream.try_io(interest, f),
            Kernel::Unix(stream) => stream.try_io(interest, f),
        }
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.kernel {
            Kernel::Tcp(stream) => stream.poll_write_ready(cx),
            Kernel::Unix(stream) => stream.poll_write_ready(cx),
        }
    }
}

impl Io for Stream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_ahead() {
            return Poll::Ready(Ok(()));
        }
        match &self.kernel {
            Kernel::Tcp(stream) => stream.poll_read_ready(cx),
            Kernel::Unix(stream) => stream.poll_read_ready(cx),
        }
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.has_ahead() {
            return Poll::Ready(Ok(self.read_ahead(buf)));
        }
        loop {
            ready!(self.poll_readable(cx))?;
            match self.read_once(buf) {
                Err(error) if is_transient(&error) => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_writable(cx))?;
            let sent = self.try_io(Interest::WRITABLE, || match slices {
                // One slice leaves by `send`, which the kernel serves faster than `sendmsg`.
                [one] => self.socket().send(one),
                many => self.socket().send_vectored(many),
            });
            match sent {
                Err(error) if is_transient(&error) => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.socket().shutdown(Shutdown::Write)
    }

    fn is_left(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let ready = match &self.kernel {
            Kernel::Tcp(stream) => pin!(stream.ready(Interest::READABLE)).poll(&mut cx),
            Kernel::Unix(stream) => pin!(stream.ready(Interest::READABLE)).poll(&mut cx),
        };
        match ready {
            Poll::Ready(Ok(ready)) => ready.is_read_closed(),
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        }
    }

    fn abort(&self) {
        // A connection that is gone already needs no reset.
        let _ = self.socket().set_linger(Some(std::time::Duration::ZERO));
    }
}

impl Stream {
    /// One read with cached readiness. A read that does not fill the buffer has emptied the
    /// socket: reporting "would block" to the reactor drops its readiness at once, which saves the
    /// read that would only learn that. Bytes that arrive later raise a new edge, and a seen end
    /// of stream stays ready.
    fn read_once(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut partial = None;
        let read = self.try_io(Interest::READABLE, || {
            let read = (&*self.socket()).read(buf)?;
            if read > 0 && read < buf.len() {
                partial = Some(read);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(read)
        });
        partial.map_or(read, Ok)
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
