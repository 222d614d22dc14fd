//! What a connection costs while it is idle and while it is busy.

use std::future::Future;

use super::*;
use crate::io::Stream;

fn size<A, F: Future>(_: impl Fn(A) -> F) -> usize {
    size_of::<F>()
}

#[test]
fn an_idle_connection_needs_less_than_600_bytes() {
    let size = size(serve::<Stream>);
    assert!(size < 600, "{size} bytes");
}

#[test]
fn a_busy_connection_needs_less_than_4_kib_beside_its_buffers() {
    let size = size(|client: &'static Client<Stream>| work(client));
    assert!(size < 4 * 1024, "{size} bytes");
}
