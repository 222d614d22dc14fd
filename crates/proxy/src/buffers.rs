//! Buffers a worker lends to busy connections. Idle connections hold none.

use std::cell::RefCell;

use crate::limits::{
    LARGE_BUFFER_BYTES, LARGE_BUFFERS_KEPT_MAX, SMALL_BUFFER_BYTES, SMALL_BUFFERS_KEPT_MAX,
};

/// A read buffer: `bytes[start..end]` is filled, what lies behind is free.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    fn sized(size: usize) -> Self {
        Self { bytes: vec![0; size], start: 0, end: 0 }
    }

    /// The filled bytes.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The filled bytes.
    pub(crate) fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Free room behind the filled bytes.
    pub(crate) fn free_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// How many bytes are filled.
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    /// True if nothing is filled.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Bytes it can hold in all.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Counts `read` free bytes as filled.
    pub(crate) fn fill(&mut self, read: usize) {
        self.end = (self.end + read).min(self.bytes.len());
    }

    /// Forgets the first `used` filled bytes.
    pub(crate) fn consume(&mut self, used: usize) {
        self.start = self.start.saturating_add(used).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Moves the filled bytes to the front, so that all free room is behind them.
    pub(crate) fn compact(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    /// Makes sure that more can be read: by moving the filled bytes to the front, else by changing
    /// to a large buffer. The codec refuses a head before it outgrows one.
    pub(crate) fn make_room(&mut self, buffers: &Buffers) {
        self.make_room_for(1, buffers);
    }

    /// Makes sure that there are `wanted` free bytes, as [`Buffer::make_room`] does. The filled
    /// bytes may move; their order and number stay.
    pub(crate) fn make_room_for(&mut self, wanted: usize, buffers: &Buffers) {
        if self.free_mut().len() >= wanted {
            return;
        }
        self.compact();
        if self.free_mut().len() < wanted && self.capacity() < LARGE_BUFFER_BYTES {
            let mut large = buffers.large();
            large.append(self.filled());
            buffers.give_back(std::mem::replace(self, large));
        }
    }

    /// Splits off the first `len` filled bytes: they stay as they are while the tail behind them
    /// is filled and consumed.
    pub(crate) fn split(&mut self, len: usize) -> (&[u8], Tail<'_>) {
        let end = self.end - self.start;
        let (head, bytes) = self.bytes[self.start..].split_at_mut(len.min(end));
        let end = end - head.len();
        (head, Tail { bytes, start: 0, end })
    }

    /// After [`Buffer::split`]: forgets the head and the `used` bytes behind it, and counts what
    /// was read into the tail.
    pub(crate) fn settle(&mut self, head_len: usize, used: usize, filled: usize) {
        self.end = (self.start + head_len + filled).min(self.bytes.len());
        self.consume(head_len + used);
    }

    /// Copies bytes in, as many as there is room for.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        let room = self.free_mut();
        let len = bytes.len().min(room.len());
        room[..len].copy_from_slice(&bytes[..len]);
        self.end += len;
    }
}

/// What lies behind a head in the same buffer: the beginning of its body, or later requests.
#[derive(Debug)]
pub(crate) struct Tail<'b> {
    bytes: &'b mut [u8],
    start: usize,
    end: usize,
}

impl Tail<'_> {
    /// The filled bytes.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Free room behind them.
    pub(crate) fn free_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// Counts `read` free bytes as filled.
    pub(crate) fn fill(&mut self, read: usize) {
        self.end = (self.end + read).min(self.bytes.len());
    }

    /// Copies bytes in; false if there is no room for all of them.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> bool {
        match self.free_mut().get_mut(..bytes.len()) {
            Some(room) => room.copy_from_slice(bytes),
            None => return false,
        }
        self.end += bytes.len();
        true
    }

    /// Splits off the first `len` filled bytes, as [`Buffer::split`] does.
    pub(crate) fn split(&mut self, len: usize) -> (&[u8], Tail<'_>) {
        let filled = self.end - self.start;
        let (head, bytes) = self.bytes[self.start..].split_at_mut(len.min(filled));
        let end = filled - head.len();
        (head, Tail { bytes, start: 0, end })
    }

    /// After [`Tail::split`]: forgets the split-off bytes and the `used` ones behind them, and
    /// counts what was read into the rest.
    pub(crate) fn settle(&mut self, len: usize, used: usize, filled: usize) {
        self.end = self.start + len + filled;
        self.start += len + used;
    }

    /// Consumed and filled bytes, counted from the head's end.
    pub(crate) fn extent(&self) -> (usize, usize) {
        (self.start, self.end)
    }
}

/// A worker's store of buffers.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    small: RefCell<Vec<Buffer>>,
    large: RefCell<Vec<Buffer>>,
}

impl Buffers {
    /// Room for an ordinary head.
    pub(crate) fn small(&self) -> Buffer {
        self.small.borrow_mut().pop().unwrap_or_else(|| Buffer::sized(SMALL_BUFFER_BYTES))
    }

    /// Room for bodies and for the largest head.
    pub(crate) fn large(&self) -> Buffer {
        self.large.borrow_mut().pop().unwrap_or_else(|| Buffer::sized(LARGE_BUFFER_BYTES))
    }

    /// Takes a buffer back.
    pub(crate) fn give_back(&self, mut buffer: Buffer) {
        buffer.start = 0;
        buffer.end = 0;
        let (kept, most) = match buffer.capacity() {
            SMALL_BUFFER_BYTES => (&self.small, SMALL_BUFFERS_KEPT_MAX),
            LARGE_BUFFER_BYTES => (&self.large, LARGE_BUFFERS_KEPT_MAX),
            _ => return,
        };
        let mut kept = kept.borrow_mut();
        if kept.len() < most {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests;
