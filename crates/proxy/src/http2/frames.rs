//! Finds the heads of frames in one direction of a connection (RFC 9113 section 4.1), however the
//! bytes arrive. It looks into no payload and refuses nothing: that is the codec's part.

use super::PREFACE;

/// Bytes of a frame's head.
const HEAD_LEN: usize = 9;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHead {
    /// Bytes of payload.
    pub(super) len: usize,
    /// What it is; one of [`kind`], or something newer.
    pub(super) kind: u8,
    /// What the flags mean depends on the kind.
    pub(super) flags: u8,
}

/// The kinds of frames that are told apart.
pub(super) mod kind {
    pub(in super::super) const DATA: u8 = 0;
    pub(in super::super) const HEADERS: u8 = 1;
    pub(in super::super) const RST_STREAM: u8 = 3;
    pub(in super::super) const SETTINGS: u8 = 4;
    pub(in super::super) const PUSH_PROMISE: u8 = 5;
    pub(in super::super) const PING: u8 = 6;
    pub(in super::super) const GOAWAY: u8 = 7;
    pub(in super::super) const WINDOW_UPDATE: u8 = 8;
    pub(in super::super) const CONTINUATION: u8 = 9;
}

/// END_STREAM of DATA and HEADERS.
const END_STREAM: u8 = 0x1;
/// ACK of SETTINGS.
const ACK: u8 = 0x1;

impl FrameHead {
    fn read(head: [u8; HEAD_LEN]) -> Self {
        let len = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        Self { len, kind: head[3], flags: head[4] }
    }

    /// It is the last of its stream in its direction.
    pub(super) fn ends_stream(self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.flags & END_STREAM != 0
    }

    /// It only confirms SETTINGS.
    pub(super) fn is_settings_ack(self) -> bool {
        self.kind == kind::SETTINGS && self.flags & ACK != 0
    }
}

/// Where in a stream of frames the next byte is.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes until the next head.
    skip: usize,
    head: [u8; HEAD_LEN],
    have: usize,
}

impl Frames {
    /// A direction in which frames come at once: what servers send.
    pub(super) fn of_server() -> Self {
        Self { skip: 0, head: [0; HEAD_LEN], have: 0 }
    }

    /// A direction in which the preface comes first: what clients send.
    pub(super) fn of_client() -> Self {
        Self { skip: PREFACE.len(), ..Self::of_server() }
    }

    /// Shows every head that is whole with these bytes. Stops at the first that `visit` objects to;
    /// nothing may be asked afterwards.
    ///
    /// # Errors
    /// The objection.
    pub(super) fn walk<E>(
        &mut self,
        mut bytes: &[u8],
        mut visit: impl FnMut(FrameHead) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return Ok(());
            }
            let len = (HEAD_LEN - self.have).min(bytes.len());
            self.head[self.have..self.have + len].copy_from_slice(&bytes[..len]);
            self.have += len;
            bytes = &bytes[len..];
            if self.have == HEAD_LEN {
                let head = FrameHead::read(self.head);
                (self.have, self.skip) = (0, head.len);
                visit(head)?;
            }
        }
    }
}
