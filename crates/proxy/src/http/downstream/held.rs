//! What is kept of a request body for another try or a mirror, up to a limit; and how it is taken
//! out of its framing for an upstream that frames otherwise.

use super::Progress;
use crate::http1::{Framing, Piece, Refusal};
use crate::limits::HELD_BODY_BYTES_MAX;

/// What is kept of the part that is read after the first.
#[derive(Debug, Default)]
pub(super) enum Held {
    /// Nothing, and nothing was read yet.
    #[default]
    Untouched,
    /// All of it so far.
    All(Vec<u8>),
    /// Nothing, and some of it is gone.
    Gone,
}

impl Held {
    /// Keeps what is read from now on, behind `first` bytes that are at hand anyway and before
    /// `announced` more, if all of it may be kept.
    pub(super) fn begin(&mut self, first: usize, announced: u64) {
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if first.saturating_add(announced) <= HELD_BODY_BYTES_MAX {
            *self = Self::All(Vec::new());
        }
    }

    /// Keeps bytes that were read, if nothing before them is gone, there is room, and they may be
    /// needed again.
    pub(super) fn keep(&mut self, first: usize, bytes: &[u8], progress: &Progress) {
        if progress.settled.get() {
            *self = Self::Gone;
            return;
        }
        *self = match std::mem::replace(self, Self::Gone) {
            Self::All(mut held) if first + held.len() + bytes.len() <= HELD_BODY_BYTES_MAX => {
                held.extend_from_slice(bytes);
                Self::All(held)
            }
            Self::All(_) | Self::Untouched | Self::Gone => Self::Gone,
        };
    }

    /// True if some of what was read cannot be sent again.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }

    /// What is kept.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::All(held) => held,
            Self::Untouched | Self::Gone => b"",
        }
    }
}

/// The content of a body's parts, which were read without complaint before.
pub(super) fn content(mut framing: Framing, parts: [&[u8]; 2]) -> Vec<u8> {
    let mut content = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        let _ = take_out(&mut framing, part, &mut content);
    }
    content
}

/// Takes content out of its framing, up to the body's end. Returns how many bytes it was in.
///
/// # Errors
/// As the framing's.
pub(super) fn take_out(
    framing: &mut Framing,
    bytes: &[u8],
    content: &mut Vec<u8>,
) -> Result<usize, Refusal> {
    let mut consumed = 0;
    loop {
        let rest = &bytes[consumed..];
        let step = framing.piece(rest)?;
        consumed += step.consumed;
        match step.piece {
            Some(Piece::Data(range)) => content.extend_from_slice(&rest[range]),
            Some(Piece::Trailers(_)) => {}
            Some(Piece::End) | None => return Ok(consumed),
        }
        if framing.is_done() {
            return Ok(consumed);
        }
    }
}
