//! Buffers lent, split, filled and given back.

use super::*;

#[test]
fn a_tail_is_filled_while_the_head_stays() {
    let buffers = Buffers::default();
    let mut buffer = buffers.small();
    buffer.append(b"headbody");
    let (head, mut tail) = buffer.split(4);
    assert_eq!(head, b"head");
    assert_eq!(tail.filled(), b"body");
    let (body, mut rest) = tail.split(2);
    rest.free_mut()[0] = b'!';
    rest.fill(1);
    assert_eq!((body, rest.filled()), (&b"bo"[..], &b"dy!"[..]));
    let (used, filled) = rest.extent();
    tail.settle(2, used, filled);
    assert_eq!(tail.extent(), (2, 5));
    assert_eq!(head, b"head");
    let (used, filled) = tail.extent();
    buffer.settle(4, used, filled);
    assert_eq!(buffer.filled(), b"dy!");
}

#[test]
fn a_buffer_is_lent_again_empty() {
    let buffers = Buffers::default();
    let mut buffer = buffers.large();
    buffer.append(b"secret");
    buffers.give_back(buffer);
    assert!(buffers.large().is_empty());
}

#[test]
fn consumed_bytes_leave_room_after_compacting() {
    let buffers = Buffers::default();
    let mut buffer = buffers.small();
    buffer.append(&vec![b'x'; SMALL_BUFFER_BYTES]);
    buffer.consume(SMALL_BUFFER_BYTES - 3);
    assert!(buffer.free_mut().is_empty());
    buffer.compact();
    assert_eq!(buffer.filled(), b"xxx");
    assert_eq!(buffer.free_mut().len(), SMALL_BUFFER_BYTES - 3);
}

#[test]
fn room_is_made_without_losing_what_is_there() {
    let buffers = Buffers::default();
    let mut buffer = buffers.small();
    buffer.append(&vec![b'x'; SMALL_BUFFER_BYTES - 10]);
    buffer.make_room_for(10, &buffers);
    assert_eq!(buffer.capacity(), SMALL_BUFFER_BYTES);
    buffer.make_room_for(11, &buffers);
    assert_eq!(buffer.filled(), vec![b'x'; SMALL_BUFFER_BYTES - 10]);
    assert!(buffer.free_mut().len() >= 11);
    buffer.consume(SMALL_BUFFER_BYTES - 11);
    buffer.make_room_for(LARGE_BUFFER_BYTES - 1, &buffers);
    assert_eq!(buffer.filled(), b"x");
    assert_eq!(buffer.free_mut().len(), LARGE_BUFFER_BYTES - 1);
}
