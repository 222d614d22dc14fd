//! Where a body ends. One state machine for every way HTTP/1 has to say it (RFC 9112 section 6).
//! It counts and scans bytes and copies none; the caller forwards what it accepted.

use std::ops::Range;

use super::{Refusal, Scanner};

/// How a body is delimited, and how much of it has passed. Made by the heads' `framing`.
///
/// Use either [`Self::take`] to pass the bytes on as they came, or [`Self::piece`] to take them out
/// of their framing; both may be mixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks, up to and with the trailer section.
    Chunked(Scanner),
    /// Everything up to the connection's end (responses only).
    UntilClose,
}

/// What [`Framing::take`] accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Bytes, from the start, that belong to the body and may be forwarded as they are.
    pub consumed: usize,
    /// True when the body ends behind them.
    pub done: bool,
}

/// A part of a body without its framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Content, never empty. The range is within the bytes that were handed in.
    Data(Range<usize>),
    /// Some of the trailer lines as they came, line ends included, never empty. They may come in
    /// several pieces that break anywhere. They are no headers and must not become any.
    Trailers(Range<usize>),
    /// The body has ended.
    End,
}

/// One step of [`Framing::piece`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Bytes that are done with, framing included.
    pub consumed: usize,
    /// What they held; `None` when more bytes are needed.
    pub piece: Option<Piece>,
}

impl Framing {
    /// A chunked body from its start.
    #[must_use]
    pub fn chunked() -> Self {
        Self::Chunked(Scanner::new())
    }

    /// True when not a byte is to come. Never true for [`Self::UntilClose`].
    #[must_use]
    pub fn is_done(&self) -> bool {
        match self {
            Self::None => true,
            Self::Length(left) => *left == 0,
            Self::Chunked(scanner) => scanner.is_done(),
            Self::UntilClose => false,
        }
    }

    /// Takes as many of `bytes` as belong to the body. Chunks are accepted byte for byte: what was
    /// accepted may be forwarded untouched, since the scanner lets nothing through that another
    /// parser could read differently.
    ///
    /// # Errors
    /// A malformed chunked body. None of `bytes` may be forwarded then.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Taken, Refusal> {
        let mut consumed = 0;
        loop {
            let step = self.piece(bytes.get(consumed..).unwrap_or_default())?;
            consumed += step.consumed;
            match step.piece {
                Some(Piece::End) => return Ok(Taken { consumed, done: true }),
                Some(Piece::Data(_) | Piece::Trailers(_)) if !self.is_done() => {}
                Some(Piece::Data(_) | Piece::Trailers(_)) => {
                    return Ok(Taken { consumed, done: true });
                }
                None => return Ok(Taken { consumed, done: false }),
            }
        }
    }

    /// Takes the next part of the body out of its framing. Call again with the bytes behind
    /// `consumed` until the step has no piece or says [`Piece::End`].
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn piece(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        let (consumed, ends) = match self {
            Self::Chunked(scanner) => return scanner.piece(bytes),
            Self::None => (0, true),
            Self::UntilClose => (bytes.len(), false),
            Self::Length(left) => {
                let ends = *left == 0;
                let consumed = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= consumed as u64;
                (consumed, ends)
            }
        };
        let piece = match consumed {
            0 if ends => Some(Piece::End),
            0 => None,
            _ => Some(Piece::Data(0..consumed)),
        };
        Ok(Step { consumed, piece })
    }

    /// Says whether the peer may have closed its side now.
    ///
    /// # Errors
    /// [`Refusal::CutShort`]: the body is not whole and must not look whole to whoever gets it.
    pub fn at_close(&self) -> Result<(), Refusal> {
        match self {
            Self::UntilClose => Ok(()),
            _ if self.is_done() => Ok(()),
            _ => Err(Refusal::CutShort),
        }
    }
}

#[cfg(test)]
mod tests;
