//! How waiting content is kept.

use super::*;

fn arrived(sizes: impl IntoIterator<Item = usize>) -> Arrived {
    let mut arrived = Arrived::default();
    for (at, len) in sizes.into_iter().enumerate() {
        arrived.push(vec![at as u8; len].into());
    }
    arrived
}

#[test]
fn a_few_pieces_stay_as_they_came() {
    let mut arrived = arrived([5, 0, 7]);
    let mut parts = Vec::new();
    arrived.take(&mut parts);
    assert_eq!(parts, [&[0; 5][..], &[2; 7]]);
    assert_eq!((arrived.len, arrived.pop()), (0, None));
}

#[test]
fn many_small_pieces_are_joined_in_order() {
    let mut arrived = arrived((0..250).map(|_| 10));
    assert_eq!(arrived.len, 2500);
    assert_eq!(arrived.parts.len(), PARTS_APART_MAX);
    let mut parts = Vec::new();
    arrived.take(&mut parts);
    assert_eq!(parts.len(), PARTS_APART_MAX + 1);
    let expected: Vec<u8> = (0..250).flat_map(|at| [at; 10]).collect();
    assert_eq!(parts.concat(), expected);
}

#[test]
fn a_large_piece_comes_behind_what_was_joined_before_it() {
    let large = JOINED_BODY_BYTES_MAX;
    let mut arrived = arrived((0..10).map(|_| 10).chain([large, 3]));
    let pieces: Vec<usize> = std::iter::from_fn(|| arrived.pop()).map(|part| part.len()).collect();
    assert_eq!(pieces, [&[10; PARTS_APART_MAX][..], &[20, large, 3]].concat());
}

#[test]
fn no_more_is_passed_on_at_once_than_a_stream_buffers() {
    let mut arrived = arrived((0..100).map(|_| 16 * 1024));
    let mut parts = Vec::new();
    arrived.take(&mut parts);
    assert_eq!(parts.len(), 4);
    assert!(arrived.ending().is_none());
    assert_eq!(arrived.len, 96 * 16 * 1024);
}
