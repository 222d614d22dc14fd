//! Who is told of what is free, and in which order.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

fn is_told(turn: &mut std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
    turn.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
}

#[test]
fn what_serves_one_kind_is_not_told_to_the_other() {
    let queues = Queues::default();
    let (mut one, mut two) = (queues.of(Kind::Http1).wait(), queues.of(Kind::Http2).wait());
    let (mut one, mut two) = (pin!(one.turn()), pin!(two.turn()));
    assert!(!is_told(&mut one) && !is_told(&mut two));
    queues.of(Kind::Http2).freed();
    assert!(!is_told(&mut one) && is_told(&mut two));
}

#[test]
fn a_connection_that_goes_leaves_room_for_either_kind() {
    let queues = Queues::default();
    queues.of(Kind::Http1).opens();
    let (mut one, mut two) = (queues.of(Kind::Http1).wait(), queues.of(Kind::Http2).wait());
    let (mut one, mut two) = (pin!(one.turn()), pin!(two.turn()));
    assert!(!is_told(&mut one) && !is_told(&mut two));
    assert_eq!(queues.counts(), (1, 2));
    queues.closes(Kind::Http1);
    assert!(is_told(&mut one) && is_told(&mut two));
    assert_eq!(queues.counts().0, 0);
}

#[test]
fn whoever_has_no_use_for_it_passes_it_on_until_all_were_told() {
    let queue = Queue::default();
    let (mut first, mut second) = (queue.wait(), queue.wait());
    {
        let (mut first, mut second) = (pin!(first.turn()), pin!(second.turn()));
        assert!(!is_told(&mut first) && !is_told(&mut second));
        queue.freed();
        assert!(is_told(&mut first) && !is_told(&mut second), "one is told");
    }
    let mut second = pin!(second.turn());
    assert!(!is_told(&mut second));
    {
        let mut again = pin!(first.turn());
        assert!(!is_told(&mut again), "it waits behind the others");
        assert!(is_told(&mut second), "the next one is told");
        assert!(!is_told(&mut again), "not twice of the same");
    }
}
