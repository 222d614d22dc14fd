//! The HTTP/1 codec: bytes in, a head or a body's end out; and heads written into byte vectors.
//! Sans-IO: it knows no socket, no runtime, no clock and no configuration. `serve` feeds it what it
//! read from the client, `upstream` what it read from the backend, both write what it emitted.
//! Whatever two parsers could read differently is refused here, before anything is decided.

pub mod body;
pub mod emit;
#[doc(hidden)]
pub mod fuzz;

mod chunked;
mod known;
mod lines;
mod method;
mod refusal;
mod request;
mod response;
mod target;

pub use body::{Framing, Piece, Step, Taken};
pub use chunked::{Scanner, is_forbidden_trailer};
pub use emit::{ChunkHead, FramingLine};
pub use known::Known;
pub use lines::{HeadLine, LineShelf, Lines, Upgrade};
pub use method::Method;
pub use refusal::Refusal;
pub use request::RequestHead;
pub use response::ResponseHead;
pub use target::{TargetForm, is_authority, is_origin_form};

/// Envoy's default for heads and for trailers: 60 KiB, the first line included. Offsets into a head
/// are 16 bits wide, so this must stay below 64 KiB.
pub const HEAD_BYTES_MAX: usize = 60 * 1024;

/// Envoy's default: 100 header lines in a head, 100 in a trailer section; the first line does not
/// count.
pub const HEAD_LINES_MAX: usize = 100;

/// What a look at the bytes of a head came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// The head is whole and indexed.
    Complete {
        /// Bytes of the head, the empty line at its end included; the body starts there.
        head_len: usize,
    },
    /// Nothing is wrong so far. Read more behind the same bytes and ask again.
    NeedMore,
}

/// The protocol version of a message. Everything else is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Version {
    /// HTTP/1.0: no chunks, no persistent connection unless asked for.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

impl Version {
    /// As written in the first line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}
