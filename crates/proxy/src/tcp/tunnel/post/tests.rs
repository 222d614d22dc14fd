//! Bodies on a connection that takes and gives as little at a time as it likes.

use std::cell::Cell;

use super::*;
use crate::io::{read, write_all};

/// A connection in memory.
#[derive(Default)]
struct Narrow {
    /// Most bytes that it takes at once; it takes some only every other time.
    width: Cell<usize>,
    turn: Cell<bool>,
    written: RefCell<Vec<u8>>,
    /// What it gives, a part at a time, and then its end.
    parts: RefCell<Vec<&'static [u8]>>,
}

impl Narrow {
    fn taking(width: usize) -> Self {
        Self { width: Cell::new(width), ..Self::default() }
    }

    fn giving(parts: &[&'static [u8]]) -> Self {
        let parts = RefCell::new(parts.iter().rev().copied().collect());
        Self { parts, ..Self::taking(usize::MAX) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.borrow()).into_owned()
    }
}

impl Io for &Narrow {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_read(&self, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let part = self.parts.borrow_mut().pop().unwrap_or_default();
        buf[..part.len()].copy_from_slice(part);
        Poll::Ready(Ok(part.len()))
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.width.get() == 0 || self.turn.replace(!self.turn.get()) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let taken = &all[..all.len().min(self.width.get())];
        self.written.borrow_mut().extend_from_slice(taken);
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn shutdown_write(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn abort(&self) {}
}

fn posting(below: &Narrow) -> Post<&Narrow> {
    Post::new(below, Framing::chunked())
}

/// Everything that comes out of an answer, or the error behind what came before it.
async fn heard(framing: Framing, parts: &[&'static [u8]]) -> (String, bool) {
    let below = Narrow::giving(parts);
    let post = Post::new(&below, framing);
    let (mut text, mut buffer) = (String::new(), [0; 64]);
    loop {
        match read(&post, &mut buffer).await {
            Ok(0) => return (text, true),
            Ok(got) => text.push_str(&String::from_utf8_lossy(&buffer[..got])),
            Err(_) => return (text, false),
        }
    }
}

#[tokio::test]
async fn content_leaves_in_chunks_however_little_the_connection_takes() {
    for width in 1..24 {
        let below = Narrow::taking(width);
        let post = posting(&below);
        write_all(&post, b"hello").await.unwrap();
        write_all(&post, b"a sentence of 26 characters").await.unwrap();
        let whole = "5\r\nhello\r\n1b\r\na sentence of 26 characters\r\n";
        assert_eq!(below.text(), whole, "{width} at a time");
    }
}

#[tokio::test]
async fn the_end_is_a_last_chunk_and_waits_for_room() {
    let below = Narrow::taking(usize::MAX);
    let post = posting(&below);
    write_all(&post, b"hello").await.unwrap();
    below.width.set(0);
    post.shutdown_write().unwrap();
    assert_eq!(below.text(), "5\r\nhello\r\n");
    // Whoever waits for the answer sees to it.
    below.width.set(2);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..8 {
        let _ = post.poll_read(&mut cx, &mut [0; 8]);
    }
    assert_eq!(below.text(), "5\r\nhello\r\n0\r\n\r\n");
    post.farewell();
    assert_eq!(below.text(), "5\r\nhello\r\n0\r\n\r\n");
}

#[tokio::test]
async fn an_answer_is_taken_out_of_its_framing() {
    let chunks: [&[u8]; 3] = [b"3\r\nabc\r\n2", b"\r\n", b"de\r\n0\r\nx: y\r\n\r\nbehind"];
    let cases: [(Framing, &[&'static [u8]], &str, bool); 7] = [
        (Framing::chunked(), &chunks, "abcde", true),
        (Framing::chunked(), &chunks[..2], "abc", false),
        (Framing::chunked(), &[b"3\r\nabc\r\nzz\r\n"], "", false),
        (Framing::Length(4), &[b"ab", b"cdef"], "abcd", true),
        (Framing::Length(4), &[b"ab"], "ab", false),
        (Framing::UntilClose, &[b"ab", b"cd"], "abcd", true),
        (Framing::None, &[b"ab"], "", true),
    ];
    for (framing, parts, text, whole) in cases {
        let told = format!("{framing:?} {parts:?}");
        assert_eq!(heard(framing, parts).await, (text.to_owned(), whole), "{told}");
    }
}
