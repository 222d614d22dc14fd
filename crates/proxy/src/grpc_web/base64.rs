//! Base64 (RFC 4648 section 4) in portions. Padding may stand wherever a group of four letters
//! ends: texts of gRPC-Web are pieces that were encoded one by one.

/// Text that is not base64, or that ends within a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadBase64;

/// Reads text.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The letters of a group so far, six bits each.
    bits: u32,
    /// Letters and padding of the group so far.
    count: u8,
    /// Padding among them.
    padding: u8,
}

impl Decoder {
    /// Appends what whole groups mean.
    ///
    /// # Errors
    /// Text that is not base64.
    pub(crate) fn read(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), BadBase64> {
        out.reserve(text.len() / 4 * 3 + 3);
        for letter in text {
            self.bits <<= 6;
            self.count += 1;
            match (value(*letter), letter) {
                (Some(six), _) if self.padding == 0 => self.bits |= six,
                (None, b'=') if self.count > 2 => self.padding += 1,
                _ => return Err(BadBase64),
            }
            if self.count == 4 {
                let [_, bytes @ ..] = self.bits.to_be_bytes();
                let (means, rest) = bytes.split_at(3 - usize::from(self.padding));
                // Bits behind the last byte are zero, or the text has another meaning elsewhere.
                if rest.iter().any(|byte| *byte != 0) {
                    return Err(BadBase64);
                }
                out.extend_from_slice(means);
                *self = Self::default();
            }
        }
        Ok(())
    }

    /// The text ends here.
    ///
    /// # Errors
    /// It ends within a group.
    pub(crate) fn end(&self) -> Result<(), BadBase64> {
        if self.count == 0 { Ok(()) } else { Err(BadBase64) }
    }
}

/// Writes text.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    /// Bytes that make no group yet.
    held: [u8; 2],
    len: usize,
}

impl Encoder {
    /// Appends the text of whole groups.
    pub(super) fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.reserve(bytes.len().div_ceil(3) * 4);
        let mut rest = bytes;
        while self.len > 0 && !rest.is_empty() {
            let [next, later @ ..] = rest else { return };
            rest = later;
            if self.len == 2 {
                group([self.held[0], self.held[1], *next], 3, out);
                self.len = 0;
            } else {
                self.held[self.len] = *next;
                self.len += 1;
            }
        }
        let groups = rest.chunks_exact(3);
        let left = groups.remainder();
        groups.for_each(|three| group([three[0], three[1], three[2]], 3, out));
        if !left.is_empty() {
            self.held[..left.len()].copy_from_slice(left);
            self.len = left.len();
        }
    }

    /// Ends a piece of text: pads the last group.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if self.len > 0 {
            let mut bytes = [0; 3];
            bytes[..self.len].copy_from_slice(&self.held[..self.len]);
            group(bytes, self.len, out);
            self.len = 0;
        }
    }
}

/// Writes a group of which `len` bytes mean something.
fn group(bytes: [u8; 3], len: usize, out: &mut Vec<u8>) {
    let bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
    for position in 0..4 {
        let letter = LETTERS[(bits >> (18 - 6 * position)) as usize & 63];
        out.push(if position > len { b'=' } else { letter });
    }
}

fn value(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
