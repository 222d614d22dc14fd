//! Base64 (RFC 4648 section 4) in portions. Padding may stand wherever a group of four letters
//! ends: texts of gRPC-Web are pieces that were encoded one by one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Letters of a group, and bytes that it means.
const LETTERS: usize = 4;
const BYTES: usize = 3;

/// Text that is not base64, or that ends within a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadBase64;

/// Reads text.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Letters that make no group yet.
    held: Vec<u8>,
}

impl Decoder {
    /// Appends what whole groups mean.
    ///
    /// # Errors
    /// Text that is not base64.
    pub(crate) fn read(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), BadBase64> {
        let mut rest = text;
        if !self.held.is_empty() {
            let (more, later) = rest.split_at(rest.len().min(LETTERS - self.held.len()));
            self.held.extend_from_slice(more);
            rest = later;
            if self.held.len() == LETTERS {
                STANDARD.decode_vec(&self.held, out).map_err(|_| BadBase64)?;
                self.held.clear();
            }
        }
        let (mut whole, left) = rest.split_at(rest.len() - rest.len() % LETTERS);
        while !whole.is_empty() {
            let groups = whole.chunks_exact(LETTERS);
            let unpadded = groups.take_while(|group| !group.ends_with(b"=")).count();
            let end = whole.len().min((unpadded + 1) * LETTERS);
            STANDARD.decode_vec(&whole[..end], out).map_err(|_| BadBase64)?;
            whole = &whole[end..];
        }
        self.held.extend_from_slice(left);
        Ok(())
    }

    /// The text ends here.
    ///
    /// # Errors
    /// It ends within a group.
    pub(crate) fn end(&self) -> Result<(), BadBase64> {
        if self.held.is_empty() { Ok(()) } else { Err(BadBase64) }
    }
}

/// Writes text.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    /// Bytes that make no group yet.
    held: Vec<u8>,
}

impl Encoder {
    /// Appends the text of whole groups.
    pub(super) fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        if !self.held.is_empty() {
            let (more, later) = rest.split_at(rest.len().min(BYTES - self.held.len()));
            self.held.extend_from_slice(more);
            rest = later;
            if self.held.len() == BYTES {
                self.end(out);
            }
        }
        let (whole, left) = rest.split_at(rest.len() - rest.len() % BYTES);
        out.extend_from_slice(STANDARD.encode(whole).as_bytes());
        self.held.extend_from_slice(left);
    }

    /// Ends a piece of text: pads the last group.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(STANDARD.encode(&self.held).as_bytes());
        self.held.clear();
    }
}
