//! A gRPC server with one fixed answer for every call: it waits for a call's end and does not look
//! at what was asked.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::frames::{self, Block, Duties, Line};
use crate::workload::GRPC_MESSAGE;

const HEAD: &[Line] = &[Line::Static(8), Line::Named(31, "application/grpc")];
const TRAILERS: &[Line] = &[Line::New("grpc-status", "0")];

pub async fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut preface = [0; frames::PREFACE.len()];
    stream.read_exact(&mut preface).await?;
    let mut out = Vec::new();
    frames::put_opening(&mut out, false);
    let (head, trailers) = (Block::new(HEAD, 1), Block::new(TRAILERS, 0));
    let plain = (Block::plain(HEAD), Block::plain(TRAILERS));
    // Some proxies keep no table of the lines they get.
    let (mut has_table, mut answered) = (true, 0);
    let mut duties = Duties::default();
    let mut buf = vec![0; 64 * 1024];
    let mut filled = 0;
    loop {
        if !out.is_empty() {
            stream.write_all(&out).await?;
            out.clear();
        }
        let read = stream.read(&mut buf[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let mut taken = 0;
        while let Some((frame, len)) = frames::first(&buf[taken..filled]) {
            taken += len;
            // A call that was given up needs no answer.
            if frame.kind == frames::RST_STREAM {
                continue;
            }
            duties.attend(&frame, &mut out)?;
            if frame.kind == frames::SETTINGS
                && frame.setting(frames::HEADER_TABLE_SIZE).is_some_and(|bytes| bytes < 4096)
            {
                has_table = false;
            }
            if frame.ends_stream() {
                let (head, trailers) = match (has_table, answered) {
                    (false, _) => (&plain.0, &plain.1),
                    (true, 0) => (&head.first, &trailers.first),
                    (true, _) => (&head.later, &trailers.later),
                };
                let (whole, end) = (frames::END_HEADERS, frames::END_STREAM);
                frames::put(&mut out, frames::HEADERS, whole, frame.stream, head);
                frames::put(&mut out, frames::DATA, 0, frame.stream, GRPC_MESSAGE);
                frames::put(&mut out, frames::HEADERS, whole | end, frame.stream, trailers);
                answered += 1;
            }
        }
        buf.copy_within(taken..filled, 0);
        filled -= taken;
    }
}
