//! What is kept of a request body for another try or a mirror, up to a limit.

use crate::limits::HELD_BODY_BYTES_MAX;

/// What is kept of the part that is read after the first.
#[derive(Debug, Default)]
pub(in crate::http) enum Held {
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
    pub(in crate::http) fn begin(&mut self, first: usize, announced: u64) {
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if first.saturating_add(announced) <= HELD_BODY_BYTES_MAX {
            *self = Self::All(Vec::new());
        }
    }

    /// Keeps bytes that were read, if nothing before them is gone and there is room.
    pub(in crate::http) fn keep(&mut self, first: usize, bytes: &[u8]) {
        *self = match std::mem::replace(self, Self::Gone) {
            Self::All(mut held) if first + held.len() + bytes.len() <= HELD_BODY_BYTES_MAX => {
                held.extend_from_slice(bytes);
                Self::All(held)
            }
            Self::All(_) | Self::Untouched | Self::Gone => Self::Gone,
        };
    }

    /// True if some of what was read cannot be sent again.
    pub(in crate::http) fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }

    /// What is kept.
    pub(in crate::http) fn bytes(&self) -> &[u8] {
        match self {
            Self::All(held) => held,
            Self::Untouched | Self::Gone => b"",
        }
    }
}
