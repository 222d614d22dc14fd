//! HTTP/2: few connections, on each so many streams at once.

use std::io;

use tokio::time::Instant;

use crate::frames::{self, Block, Duties, Frame};
use crate::link::{Link, Settings};
use crate::workload::Call;

pub async fn one_connection(
    port: u16,
    tls: Option<Settings>,
    (call, streams): (Call, usize),
    until: Instant,
) -> io::Result<f64> {
    let mut link = Link::connect(port, tls.as_ref()).await?;
    let mut calls = Calls::new(call, streams);
    calls.run(&mut link, |_| Instant::now() < until).await?;
    link.close().await?;
    Ok(calls.answered as f64)
}

/// One call on a new connection.
pub async fn ask(link: &mut Link, call: Call) -> io::Result<()> {
    Calls::new(call, 1).run(link, |_| false).await
}

/// The calls of one connection.
struct Calls {
    call: Call,
    block: Block,
    out: Vec<u8>,
    next_stream: u32,
    begun: u64,
    answered: u64,
    /// Bytes of all answers' bodies.
    body_bytes: u64,
    duties: Duties,
}

impl Calls {
    fn new(call: Call, streams: usize) -> Self {
        let mut out = frames::PREFACE.to_vec();
        frames::put_opening(&mut out, true);
        let mut calls = Self {
            call,
            block: Block::new(call.lines(), 0),
            out,
            next_stream: 1,
            begun: 0,
            answered: 0,
            body_bytes: 0,
            duties: Duties::default(),
        };
        (0..streams).for_each(|_| calls.begin());
        calls
    }

    fn begin(&mut self) {
        let block = if self.begun == 0 { &self.block.first } else { &self.block.later };
        let body = self.call.body();
        let end = if body.is_empty() { frames::END_STREAM } else { 0 };
        let (stream, whole) = (self.next_stream, frames::END_HEADERS);
        frames::put(&mut self.out, frames::HEADERS, whole | end, stream, block);
        if !body.is_empty() {
            frames::put(&mut self.out, frames::DATA, frames::END_STREAM, stream, body);
        }
        self.next_stream += 2;
        self.begun += 1;
    }

    /// Calls on as long as `more` says so, then waits for the answers that are due.
    async fn run(&mut self, link: &mut Link, more: impl Fn(&Self) -> bool) -> io::Result<()> {
        let mut buf = vec![0; 64 * 1024];
        let mut filled = 0;
        loop {
            if !self.out.is_empty() {
                link.send(&self.out).await?;
                self.out.clear();
            }
            if self.answered == self.begun {
                return self.verify();
            }
            let read = link.receive(&mut buf[filled..]).await?;
            if read == 0 {
                return Err(io::Error::other("closed within an answer"));
            }
            filled += read;
            let mut taken = 0;
            while let Some((frame, len)) = frames::first(&buf[taken..filled]) {
                taken += len;
                if self.take(&frame)? && more(self) {
                    self.begin();
                }
            }
            buf.copy_within(taken..filled, 0);
            filled -= taken;
        }
    }

    /// True if a call was answered to its end.
    fn take(&mut self, frame: &Frame<'_>) -> io::Result<bool> {
        self.duties.attend(frame, &mut self.out)?;
        match frame.kind {
            frames::DATA => self.body_bytes += frame.payload.len() as u64,
            // A block that ends its stream is trailers, or an answer without a body: the count of
            // bytes shows which.
            frames::HEADERS if !frame.ends_stream() && !frame.is_ok() => {
                return Err(io::Error::other("an answer other than 200"));
            }
            _ => {}
        }
        self.answered += u64::from(frame.ends_stream());
        Ok(frame.ends_stream())
    }

    fn verify(&self) -> io::Result<()> {
        match self.answered * self.call.answer_bytes() as u64 == self.body_bytes {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "{} answers with {} bytes together",
                self.answered, self.body_bytes
            ))),
        }
    }
}
