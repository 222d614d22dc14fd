//! As much of HTTP/2 as fixed messages need (RFC 9113, RFC 7541): frames are made once and sent
//! again and again, of received ones little more than type and end is looked at. A full
//! implementation on the client's core would be the bottleneck, and is what is to be measured.

use std::io;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;

/// Of SETTINGS and PING.
pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

pub const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const INITIAL_WINDOW_SIZE: u16 = 4;

const FRAME_HEAD: usize = 9;

/// Window of a stream and of a connection: never in the way.
const WINDOW: u32 = 64 << 20;

/// A received frame.
pub struct Frame<'b> {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: &'b [u8],
}

/// The first whole frame of `bytes` and its length.
pub fn first(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let (head, rest) = bytes.split_at_checked(FRAME_HEAD)?;
    let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let payload = rest.get(..len)?;
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & (u32::MAX >> 1);
    Some((Frame { kind: head[3], flags: head[4], stream, payload }, FRAME_HEAD + len))
}

/// Appends a frame.
pub fn put(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Appends the settings of this side and a wide window for the connection.
pub fn put_opening(out: &mut Vec<u8>, is_client: bool) {
    let mut settings = Vec::new();
    let mut set = |name: u16, value: u32| {
        settings.extend_from_slice(&name.to_be_bytes());
        settings.extend_from_slice(&value.to_be_bytes());
    };
    if is_client {
        set(ENABLE_PUSH, 0);
    }
    set(INITIAL_WINDOW_SIZE, WINDOW);
    put(out, SETTINGS, 0, 0, &settings);
    put(out, WINDOW_UPDATE, 0, 0, &(WINDOW - 65_535).to_be_bytes());
}

/// What every endpoint owes the other, whatever the messages.
#[derive(Default)]
pub struct Duties {
    consumed: u32,
}

impl Duties {
    /// Answers settings and pings, widens the connection's window again.
    pub fn attend(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        match frame.kind {
            SETTINGS if frame.flags & ACK == 0 => put(out, SETTINGS, ACK, 0, &[]),
            PING if frame.flags & ACK == 0 => put(out, PING, ACK, 0, frame.payload),
            DATA => {
                self.consumed += frame.payload.len() as u32;
                if self.consumed > WINDOW / 2 {
                    put(out, WINDOW_UPDATE, 0, 0, &self.consumed.to_be_bytes());
                    self.consumed = 0;
                }
            }
            HEADERS if frame.flags & (PADDED | PRIORITY) != 0 || !frame.ends_headers() => {
                return Err(io::Error::other("a header block in a form that is not read here"));
            }
            RST_STREAM | GOAWAY => {
                let why = frame.payload.get(frame.payload.len().saturating_sub(4)..);
                return Err(io::Error::other(format!("frame {}: {why:?}", frame.kind)));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Frame<'_> {
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    fn ends_headers(&self) -> bool {
        self.flags & END_HEADERS != 0
    }

    /// The value of a setting in a SETTINGS frame.
    pub fn setting(&self, name: u16) -> Option<u32> {
        let mut settings = self.payload.chunks_exact(6);
        let found = settings.find(|setting| setting[..2] == name.to_be_bytes())?;
        Some(u32::from_be_bytes([found[2], found[3], found[4], found[5]]))
    }

    /// True if a header block begins with `:status: 200`, which every encoder writes as the one
    /// byte of the static table, behind updates of the table's size if it has some.
    pub fn is_ok(&self) -> bool {
        let mut block = self.payload;
        while let [update @ 0x20..=0x3f, rest @ ..] = block {
            let long = update & 0x1f == 0x1f;
            let more = rest.iter().take_while(|byte| long && **byte >= 0x80).count();
            block = &rest[more + usize::from(long)..];
        }
        block.first() == Some(&0x88)
    }
}

/// One line of a header block.
pub enum Line {
    /// An entry of the static table.
    Static(u8),
    /// A value under a name of the static table.
    Named(u8, &'static str),
    /// A name and a value.
    New(&'static str, &'static str),
}

/// A header block as encoders write it: the first time with texts, which the dynamic table keeps,
/// from then on with references to it.
pub struct Block {
    pub first: Vec<u8>,
    pub later: Vec<u8>,
}

/// The first entry of the dynamic table.
const DYNAMIC: u8 = 62;

impl Block {
    /// `after` counts the lines that other blocks of the connection put into the table later.
    pub fn new(lines: &[Line], after: u8) -> Self {
        let texts = lines.iter().filter(|line| !matches!(line, Line::Static(_))).count() as u8;
        let (mut first, mut later) = (Vec::new(), Vec::new());
        let mut kept = 0;
        for line in lines {
            let (name, value) = match line {
                Line::Static(index) => {
                    first.push(0x80 | index);
                    later.push(0x80 | index);
                    continue;
                }
                Line::Named(index, value) => (Err(*index), value),
                Line::New(name, value) => (Ok(name), value),
            };
            match name {
                Err(index) => first.push(0x40 | index),
                Ok(name) => {
                    first.push(0x40);
                    put_text(&mut first, name);
                }
            }
            put_text(&mut first, value);
            kept += 1;
            // The newest entry comes first.
            later.push(0x80 | (DYNAMIC + texts - kept + after));
        }
        Self { first, later }
    }

    /// The block as texts that no table keeps, for peers that have none.
    pub fn plain(lines: &[Line]) -> Vec<u8> {
        let mut block = Vec::new();
        for line in lines {
            match line {
                Line::Static(index) => block.push(0x80 | index),
                Line::Named(index, value) => {
                    block.push(*index.min(&0x0f));
                    if *index >= 0x0f {
                        block.push(index - 0x0f);
                    }
                    put_text(&mut block, value);
                }
                Line::New(name, value) => {
                    block.push(0);
                    put_text(&mut block, name);
                    put_text(&mut block, value);
                }
            }
        }
        block
    }
}

/// Texts here are short: their length takes one byte.
fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(text.len().min(126) as u8);
    out.extend_from_slice(text.as_bytes());
}
