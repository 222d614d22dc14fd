//! Frames of gRPC-Web: a flag, a length in four bytes, a message. Trailers are a frame, too.

use http::HeaderMap;

use super::base64::Encoder;

/// The flag of a frame that holds trailers.
const TRAILERS: u8 = 0x80;
/// Flag and length.
const HEAD_BYTES: usize = 5;

/// The frame of a response's trailers, as Envoy writes it.
pub(crate) fn trailers_frame(trailers: &HeaderMap) -> Vec<u8> {
    let mut frame = vec![TRAILERS, 0, 0, 0, 0];
    for (name, value) in trailers {
        frame.extend_from_slice(name.as_str().as_bytes());
        frame.push(b':');
        frame.extend_from_slice(value.as_bytes());
        frame.extend_from_slice(b"\r\n");
    }
    let len = u32::try_from(frame.len() - HEAD_BYTES).unwrap_or(u32::MAX);
    frame[1..HEAD_BYTES].copy_from_slice(&len.to_be_bytes());
    frame
}

/// Writes frames in base64. Each is a text of its own, padded at its end: whoever reads it needs
/// not wait for the next. Holds two bytes at most.
#[derive(Debug, Default)]
pub(crate) struct TextFrames {
    encoder: Encoder,
    head: [u8; HEAD_BYTES],
    /// Bytes of the head so far.
    len: usize,
    /// What is left of the message behind a whole head.
    left: usize,
}

impl TextFrames {
    /// Writes bytes of frames.
    pub(crate) fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let wanted = if self.len < HEAD_BYTES { HEAD_BYTES - self.len } else { self.left };
            let (now, later) = rest.split_at(wanted.min(rest.len()));
            if self.len < HEAD_BYTES {
                self.head[self.len..self.len + now.len()].copy_from_slice(now);
                self.len += now.len();
                let [_, length @ ..] = self.head;
                self.left = u32::from_be_bytes(length) as usize;
            } else {
                self.left -= now.len();
            }
            self.encoder.write(now, out);
            if self.len == HEAD_BYTES && self.left == 0 {
                self.encoder.end(out);
                self.len = 0;
            }
            rest = later;
        }
    }

    /// No more frames come, whole or not.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        self.encoder.end(out);
        self.len = 0;
    }
}
