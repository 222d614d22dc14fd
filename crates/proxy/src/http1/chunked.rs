//! The scanner of chunked bodies (RFC 9112 section 7.1): finds content, trailers and the end.
//!
//! Accepted bytes may be forwarded as they came, so it accepts only what every parser reads alike:
//! sizes of hexadecimal digits with nothing around them, exact CRLFs, extensions and trailers
//! without controls. Chunk extensions pass untouched, where Envoy drops them: smuggling with them
//! needs a line end inside or a blank before, both refused, and their bytes are bounded.

use super::known::Known;
use super::{HEAD_BYTES_MAX, HEAD_LINES_MAX, Piece, Refusal, Step};

/// Hexadecimal digits of a 64-bit size. More could only be zeros, which nobody needs.
const SIZE_DIGITS_MAX: u8 = 16;

/// Extension bytes in one body, in all. Nothing in use comes near it, and without a bound a client
/// could make the gateway scan megabytes for bytes of content.
const EXTENSION_BYTES_MAX: u16 = 16 * 1024;

/// As much of a trailer's name as tells whether it is forbidden.
const NAME_BYTES_KEPT: usize = 24;

/// A chunked body's state. Feed it in any portions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanner {
    state: State,
    /// Of a size being read, then of the data still to come.
    size: u64,
    digits: u8,
    extension_bytes: u16,
    trailer_bytes: u32,
    trailer_lines: u16,
    name: [u8; NAME_BYTES_KEPT],
    name_len: u16,
}

/// What the next byte must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Done,
}

impl Scanner {
    /// Before the first chunk.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Size,
            size: 0,
            digits: 0,
            extension_bytes: 0,
            trailer_bytes: 0,
            trailer_lines: 0,
            name: [0; NAME_BYTES_KEPT],
            name_len: 0,
        }
    }

    /// True behind the last byte of the trailer section.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The next piece of the body; see [`super::Framing::piece`].
    ///
    /// # Errors
    /// [`Refusal::ChunkHead`], [`Refusal::ChunkEnd`], [`Refusal::Trailer`],
    /// [`Refusal::TrailersTooLarge`].
    pub fn piece(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        let mut at = 0;
        loop {
            match self.state {
                State::Done => return Ok(Step { consumed: at, piece: Some(Piece::End) }),
                State::Data => return Ok(self.data(at, bytes.len())),
                State::TrailerStart
                | State::TrailerName
                | State::TrailerValue
                | State::TrailerLf => {
                    let end = self.trailers(bytes, at)?;
                    if end > at {
                        let piece = Some(Piece::Trailers(at..end));
                        return Ok(Step { consumed: end, piece });
                    }
                }
                State::Size
                | State::Extension
                | State::SizeLf
                | State::DataCr
                | State::DataLf
                | State::EndLf => {}
            }
            let Some(byte) = bytes.get(at) else {
                return Ok(Step { consumed: at, piece: None });
            };
            self.state = self.step(*byte)?;
            at += 1;
        }
    }

    fn data(&mut self, from: usize, len: usize) -> Step {
        let taken = usize::try_from(self.size).unwrap_or(usize::MAX).min(len - from);
        self.size -= taken as u64;
        if self.size == 0 {
            self.state = State::DataCr;
        }
        let piece = (taken > 0).then_some(Piece::Data(from..from + taken));
        Step { consumed: from + taken, piece }
    }

    /// One byte of framing outside data and trailer lines.
    fn step(&mut self, byte: u8) -> Result<State, Refusal> {
        match (self.state, byte) {
            (State::Size, b'\r') if self.digits > 0 => Ok(State::SizeLf),
            (State::Size, b';') if self.digits > 0 => self.extend(),
            (State::Size, _) => self.size_digit(byte),
            (State::Extension, b'\r') => Ok(State::SizeLf),
            (State::Extension, b'\t' | b' '..=b'~') => self.extend(),
            (State::SizeLf, b'\n') => {
                self.digits = 0;
                Ok(if self.size == 0 { State::TrailerStart } else { State::Data })
            }
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::Size),
            (State::DataCr | State::DataLf, _) => Err(Refusal::ChunkEnd),
            // Only the carriage return of the empty line is left for here.
            (State::TrailerStart, b'\r') => Ok(State::EndLf),
            (State::EndLf, b'\n') => Ok(State::Done),
            (State::TrailerStart | State::EndLf, _) => Err(Refusal::Trailer),
            _ => Err(Refusal::ChunkHead),
        }
    }

    fn size_digit(&mut self, byte: u8) -> Result<State, Refusal> {
        let digit = (byte as char).to_digit(16).ok_or(Refusal::ChunkHead)?;
        self.digits += 1;
        // 2^63-1 in all: the bound of Content-Length, so that signed sums elsewhere cannot wrap.
        if self.digits > SIZE_DIGITS_MAX || self.size > (i64::MAX as u64) >> 4 {
            return Err(Refusal::ChunkHead);
        }
        self.size = (self.size << 4) | u64::from(digit);
        Ok(State::Size)
    }

    fn extend(&mut self) -> Result<State, Refusal> {
        self.extension_bytes += 1;
        let bounded = self.extension_bytes <= EXTENSION_BYTES_MAX;
        if bounded { Ok(State::Extension) } else { Err(Refusal::ChunkHead) }
    }

    /// Scans trailer lines from `from` on, and returns where they end: at the end of the bytes or
    /// at the empty line.
    fn trailers(&mut self, bytes: &[u8], from: usize) -> Result<usize, Refusal> {
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            if self.state == State::TrailerStart && *byte == b'\r' {
                return Ok(at);
            }
            self.trailer_bytes += 1;
            if self.trailer_bytes as usize > HEAD_BYTES_MAX {
                return Err(Refusal::TrailersTooLarge);
            }
            self.state = self.trailer_byte(*byte)?;
        }
        Ok(bytes.len().max(from))
    }

    fn trailer_byte(&mut self, byte: u8) -> Result<State, Refusal> {
        match (self.state, byte) {
            (State::TrailerStart, _) => {
                self.trailer_lines += 1;
                self.name_len = 0;
                if usize::from(self.trailer_lines) > HEAD_LINES_MAX {
                    return Err(Refusal::TrailersTooLarge);
                }
                self.name_byte(byte)
            }
            (State::TrailerName, b':') if !self.is_forbidden() => Ok(State::TrailerValue),
            (State::TrailerName, _) => self.name_byte(byte),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLf),
            (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => Ok(State::TrailerValue),
            (State::TrailerLf, b'\n') => Ok(State::TrailerStart),
            _ => Err(Refusal::Trailer),
        }
    }

    fn name_byte(&mut self, byte: u8) -> Result<State, Refusal> {
        if !is_token_byte(byte) {
            return Err(Refusal::Trailer);
        }
        if let Some(kept) = self.name.get_mut(usize::from(self.name_len)) {
            *kept = byte.to_ascii_lowercase();
        }
        // A name cannot be longer than the trailer section, which is bounded below 64 KiB.
        self.name_len += 1;
        Ok(State::TrailerName)
    }

    fn is_forbidden(&self) -> bool {
        let len = usize::from(self.name_len);
        let name = self.name.get(..len.min(NAME_BYTES_KEPT)).unwrap_or_default();
        // A name that is longer than what is kept of it can only start like a forbidden one.
        is_forbidden_start(name) || (len <= NAME_BYTES_KEPT && is_forbidden_trailer(name))
    }
}

/// RFC 9110 section 6.5.1: no trailer may frame, route, or authenticate the message. Passing
/// one on would trust every later hop not to merge it into the headers. `name` is in lower case.
#[must_use]
pub fn is_forbidden_trailer(name: &[u8]) -> bool {
    is_forbidden_start(name)
        || Known::of(name).is_hop_by_hop()
        || matches!(
            Known::of(name),
            Known::ContentLength
                | Known::Host
                | Known::Te
                | Known::Trailer
                | Known::Expect
                | Known::Authorization
                | Known::ProxyAuthorization
                | Known::ProxyAuthenticate
                | Known::WwwAuthenticate
                | Known::Cookie
                | Known::SetCookie
                | Known::Forwarded
                | Known::XRealIp
                | Known::XRequestId
        )
}

fn is_forbidden_start(name: &[u8]) -> bool {
    name.starts_with(b"x-forwarded-") || name.starts_with(b"x-envoy-")
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests;
